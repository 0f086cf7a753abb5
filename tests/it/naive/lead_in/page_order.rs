//! Which page of a round goes next.

use std::cmp::{Ordering, Reverse};

use super::super::{LeadIn, Op, Ps, ps};
use super::recorder::Recorded;

/// What goes next out of a round.
pub(super) fn next_page(guest: &Recorded, sent: &[(u32, Ps)], unsent: &[bool], at: Ps) -> u32 {
    let unsent = || (0..unsent.len() as u32).filter(|page| unsent[*page as usize]);
    let last = |page: u32, writes: bool| {
        let made = guest.made.iter();
        made.filter(|made| made.3 == page && (!writes || made.4 == Op::Write))
            .map(|made| made.0)
            .max()
    };
    match guest.input.lead_in {
        LeadIn::Push => {
            let read = unsent().filter(|page| last(*page, true).is_none());
            let read = read.filter_map(|page| Some((last(page, false)?, page)));
            let untouched = || {
                hottest(
                    guest,
                    sent,
                    unsent().filter(|page| last(*page, false).is_none()),
                )
            };
            let written = || unsent().min_by_key(|page| (last(*page, true), *page));
            read.max()
                .map(|(_, page)| page)
                .or_else(untouched)
                .or_else(written)
        }
        LeadIn::Recorded {
            cold_first: true, ..
        } => {
            // A write is known at once, or once the log has been read.
            let interval = ps(guest.input.settings.source.dirty_log_interval);
            let known = |page: u32| {
                let made = guest.made.iter();
                let writes = made.filter(|made| made.3 == page && made.4 == Op::Write);
                let read = writes.map(|made| match interval {
                    0 => made.0,
                    _ => (made.0 / interval + 1) * interval,
                });
                read.filter(|read| interval == 0 || *read <= at).max()
            };
            let cold = unsent().find(|page| known(*page).is_none());
            cold.or_else(|| unsent().min_by_key(|page| (known(*page), *page)))
        }
        _ => unsent().next(),
    }
    .expect("something is unsent")
}

/// Of untouched pages, the first of the block of 64 with the most heat. A page that was accessed before it was sent
/// heats its block by 8, the one above by 2 and the one below by 1.
fn hottest(
    guest: &Recorded,
    sent: &[(u32, Ps)],
    untouched: impl Iterator<Item = u32>,
) -> Option<u32> {
    let unsent_then = |made: &&(Ps, Ps, usize, u32, Op)| {
        let at = sent.iter().find(|(page, _)| *page == made.3);
        at.is_none_or(|(_, at)| made.0 < *at)
    };
    let mut heating: Vec<u32> = (guest.made.iter().filter(unsent_then))
        .map(|made| made.3)
        .collect();
    heating.sort_unstable();
    heating.dedup();
    let heat = |block: u32| -> u32 {
        let by = |page: &u32| match (page / 64).cmp(&block) {
            Ordering::Equal => 8,
            Ordering::Less if page / 64 + 1 == block => 2,
            Ordering::Greater if page / 64 == block + 1 => 1,
            _ => 0,
        };
        heating.iter().map(by).sum()
    };
    untouched.min_by_key(|page| (Reverse(heat(page / 64)), *page))
}
