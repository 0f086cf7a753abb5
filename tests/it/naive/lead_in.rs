//! What runs on the source before the VM is suspended, from the model's description: pages that are sent one by one
//! while the guest runs, who writes what meanwhile, and which pages the destination does not have in the end.

mod ends;
mod page_order;
mod recorder;
mod sender;

use super::source::{self, SourcePhase, nearest_boundary};
use super::trace::Stream;
use super::{Access, Input, LeadIn, Op, PageCounts, Ps, narrow, ps};
use ends::{Ends, is_enough};
use page_order::next_page;
use recorder::{Recorded, epoch_beginning};
use sender::Sender;

/// Pages that were sent before the resume.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// In order, each with what it was made of.
    pub(super) pages: Vec<(u32, PageCounts)>,
    pub(super) bytes: u128,
}

/// Rounds, or the one of a push while recording, with a recorder. Pages are small as long as the VM runs here.
pub(super) fn recorded<'a>(host: &'a Input<'a>) -> SourcePhase<'a> {
    let input = &host.in_small_pages();
    let streams: Vec<Stream> = (0..input.vcpus).map(|v| Stream::new(input, v)).collect();
    let pages = input.pages() as usize;
    let mut sender = Sender::new(input);
    let mut guest = Recorded {
        input,
        streams: &streams,
        next: vec![0; streams.len()],
        delay: vec![0; streams.len()],
        protected: vec![true; pages],
        made: Vec::new(),
        written: Vec::new(),
        readings: 0,
    };
    let start = vec![0; streams.len()];
    let zero_at_start = source::zero_pages(input, &streams, &start);
    let window = ps(input.settings.migration.record_window);
    let switch_time = input.settings.hybrid.time.map_or(Ps::MAX, ps);
    let (most, mut deadline, recorded_until) = match input.lead_in {
        LeadIn::Push => (
            1,
            window + ps(input.settings.migration.planning_time),
            window,
        ),
        LeadIn::Recorded { rounds, .. } => (rounds, switch_time, Ps::MAX),
        LeadIn::Nothing | LeadIn::Record | LeadIn::Rounds { .. } => {
            unreachable!("not recorded rounds")
        }
    };
    let mut missing = vec![true; pages];
    // Which of the writes so far `missing` knows.
    let mut seen = 0;
    let mut suspended = 0;
    let mut ends = Ends::default();
    while ends.another(most) {
        let mut unsent = missing.clone();
        let mut sent: Vec<(u32, Ps)> = Vec::new();
        let before = unsent.iter().filter(|is| **is).count();
        let mut cut = false;
        while unsent.contains(&true) {
            let Some(at) = sender.takes(deadline) else {
                cut = true;
                break;
            };
            guest.run(at);
            learn(&guest, &mut seen, &mut missing);
            let page = next_page(&guest, &sent, &unsent, at);
            sent.push((page, at));
            unsent[page as usize] = false;
            missing[page as usize] = guest.may_be_written(page, at);
            guest.protected[page as usize] = true;
            let mut zero = zero_at_start.clone();
            for small in &guest.written {
                zero[*small as usize] = false;
            }
            sender.send(page, input.page_counts(page, &zero));
        }
        suspended = sender.end_round(cut.then_some(deadline));
        guest.run(suspended);
        learn(&guest, &mut seen, &mut missing);
        let dirty = missing.iter().filter(|is| **is).count();
        let enough = is_enough(input, before, dirty);
        ends.round(input, (cut, enough), suspended, &mut deadline);
    }
    let recorded_until = recorded_until.min(suspended);
    let from = recorded_until - window.min(recorded_until);
    let log: Vec<Access> = guest
        .made
        .iter()
        .filter(|made| (from..recorded_until).contains(&made.0))
        .map(|&(wall, _, v, page, op)| Access {
            time_ps: narrow(wall - from),
            vcpu: v as u16,
            page: page >> host.host_shift,
            op,
        })
        .collect();
    let positions: Vec<Ps> = (0..streams.len())
        .map(|v| nearest_boundary(input, guest.position(v, suspended)))
        .collect();
    for (v, stream) in streams.iter().enumerate() {
        for n in guest.next[v]..stream.first_at(positions[v]) {
            let touch = stream.nth(n).expect("lies before the position");
            if touch.op == Op::Write {
                missing[touch.page as usize] = true;
            }
        }
    }
    let planning = log.len() as Ps * ps(input.settings.migration.planning_cost);
    let ready = sender.free().max(suspended) + ps(input.settings.vm.suspend) + planning;
    let zero = source::zero_pages(input, &streams, &positions);
    drop(guest);
    phase(
        host,
        sender,
        ready,
        suspended,
        (log, positions, zero, missing),
    )
}

/// The writes that have been made since make pages stale.
fn learn(guest: &Recorded, seen: &mut usize, missing: &mut [bool]) {
    for &(_, _, _, page, op) in &guest.made[*seen..] {
        if op == Op::Write {
            missing[page as usize] = true;
        }
    }
    *seen = guest.made.len();
}

/// Rounds over the dirty log: the guest is not slowed down, and knows nothing of a recorder, even if there is one.
pub(super) fn rounds<'a>(host: &'a Input<'a>, most: u32, recorded: bool) -> SourcePhase<'a> {
    let input = &host.in_small_pages();
    let streams: Vec<Stream> = (0..input.vcpus).map(|v| Stream::new(input, v)).collect();
    let pages = input.pages() as usize;
    let mut deadline = input.settings.hybrid.time.map_or(Ps::MAX, ps);
    let mut ends = Ends::default();
    let chunk = |page: u32| {
        u64::from(page) / (input.settings.source.dirty_log_chunk.0 / input.host_page_bytes()).max(1)
    };
    let mut sender = Sender::new(input);
    let mut dirty = vec![true; pages];
    let (mut position, mut suspended) = (0, 0);
    while ends.another(most) {
        let in_round = dirty.clone();
        let before = dirty.iter().filter(|is| **is).count();
        let mut taken: Vec<(u32, Ps)> = Vec::new();
        let mut cut = false;
        for page in (0..input.pages()).filter(|page| in_round[*page as usize]) {
            let Some(at) = sender.takes(deadline) else {
                cut = true;
                break;
            };
            let now = vec![at.max(position); streams.len()];
            let zero = source::zero_pages(input, &streams, &now);
            taken.push((page, at));
            dirty[page as usize] = false;
            sender.send(page, input.page_counts(page, &zero));
        }
        suspended = sender.end_round(cut.then_some(deadline));
        let reached = nearest_boundary(input, suspended);
        for stream in &streams {
            for n in stream.first_at(position)..stream.first_at(reached) {
                let touch = stream.nth(n).expect("lies before the end of the round");
                let first = taken
                    .iter()
                    .find(|(page, _)| chunk(*page) == chunk(touch.page));
                let sent_later = first.is_some_and(|(_, at)| touch.g < epoch_beginning(input, *at));
                if touch.op == Op::Write && !(in_round[touch.page as usize] && sent_later) {
                    dirty[touch.page as usize] = true;
                }
            }
        }
        position = reached;
        let left = dirty.iter().filter(|is| **is).count();
        let enough = is_enough(input, before, left);
        ends.round(input, (cut, enough), suspended, &mut deadline);
    }
    let ready = sender.free().max(suspended) + ps(input.settings.vm.suspend);
    let log = match recorded {
        true => last_accesses(host, &streams, position),
        false => Vec::new(),
    };
    let positions = vec![position; streams.len()];
    let zero = source::zero_pages(input, &streams, &positions);
    phase(
        host,
        sender,
        ready,
        suspended,
        (log, positions, zero, dirty),
    )
}

/// What the guest did in the record window before a position, by a recorder that costs nothing.
fn last_accesses(input: &Input, streams: &[Stream], position: Ps) -> Vec<Access> {
    let from = position.saturating_sub(ps(input.settings.migration.record_window));
    let mut made = Vec::new();
    for (v, stream) in streams.iter().enumerate() {
        for n in stream.first_at(from)..stream.first_at(position) {
            let touch = stream.nth(n).expect("lies before the position");
            made.push((touch.g, v, touch));
        }
    }
    made.sort_by_key(|&(g, v, _)| (g, v));
    let access = |(g, v, touch): (Ps, usize, super::trace::Touch)| Access {
        time_ps: narrow(g - from),
        vcpu: v as u16,
        page: touch.page >> input.host_shift,
        op: touch.op,
    };
    made.into_iter().map(access).collect()
}

type Reached = (Vec<Access>, Vec<Ps>, Vec<bool>, Vec<bool>);

/// The core state goes behind everything else. A host page is there if all of it is.
fn phase<'a>(
    input: &'a Input<'a>,
    mut sender: Sender<'_>,
    ready: Ps,
    suspended: Ps,
    (log, positions, zero, missing): Reached,
) -> SourcePhase<'a> {
    let core = sender.send_core(ready);
    let streams = (0..input.vcpus).map(|v| Stream::new(input, v)).collect();
    let mut phase = source::phase(input, streams, suspended, core, (log, positions, zero));
    let small = 0..missing.len();
    let is_missing =
        |page: u32| (small.clone()).any(|n| missing[n] && n as u32 >> input.host_shift == page);
    phase.there = (0..input.pages()).map(|page| !is_missing(page)).collect();
    phase.sent = sender.sent;
    phase
}
