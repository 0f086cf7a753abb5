//! The bound on stall, from the model's description.

use super::source::SourcePhase;
use super::vcpus;
use super::{Input, Ps, ps};
use migsim::network::Discipline;

/// A touch of a page that is missing when the push begins, at a time after the resume.
type Touch = (Ps, u32);

pub(super) fn stall_bound(input: &Input, source: &SourcePhase) -> Ps {
    let least = *source.positions.iter().min().expect("a vCPU");
    let idle: Vec<Vec<(Ps, Ps)>> = (0..input.vcpus)
        .map(|v| vcpus::idle(input, v, least))
        .collect();
    let any_idle = idle.iter().any(|spans| !spans.is_empty());
    let mut joint: Vec<Touch> = Vec::new();
    let mut apart = 0;
    for (v, spans) in idle.iter().enumerate() {
        let (stream, position) = (&source.streams[v], source.positions[v]);
        let first = stream.first_at(position);
        // One whole pass names every page that the vCPU will ever touch.
        let touches: Vec<_> = (first..first + stream.pass_len())
            .map_while(|n| stream.nth(n))
            .filter(|touch| is_missing(input, source, touch.page))
            .collect();
        // At one time in the order of the program.
        let own = touches.iter().map(|touch| (touch.g - position, touch.page));
        apart += lateness(input, source, own.collect());
        let origin = if any_idle { least } else { position };
        joint.extend(touches.iter().map(|touch| {
            let over = spans
                .iter()
                .find(|(from, until)| *from < touch.g && touch.g <= *until);
            (
                over.map_or(touch.g, |(_, until)| *until) - origin,
                touch.page,
            )
        }));
    }
    joint.sort_unstable();
    let joint = lateness(input, source, joint);
    match (input.blocks_vm(), any_idle) {
        (true, _) => joint * Ps::from(input.vcpus),
        (false, true) => joint,
        // Those of one vCPU at one time go in the order of the program.
        (false, false) if input.vcpus == 1 => apart,
        (false, false) => joint.max(apart),
    }
}

fn is_missing(input: &Input, source: &SourcePhase, page: u32) -> bool {
    let installed = input.initially_installed.get(page as usize);
    !source.there[page as usize] && !installed.is_some_and(|there| *there)
}

/// How late the latest page is of those that are touched, each by its first touch.
fn lateness(input: &Input, source: &SourcePhase, touches: Vec<Touch>) -> Ps {
    let mut pages: Vec<Touch> = Vec::new();
    for touch in touches {
        if pages.iter().all(|(_, page)| *page != touch.1) {
            pages.push(touch);
        }
    }
    let late = |j: usize| earliest(input, source, &pages[..=j]).saturating_sub(pages[j].0);
    (0..pages.len()).map(late).max().unwrap_or(0)
}

/// How long after the resume these pages can all be installed at the earliest.
fn earliest(input: &Input, source: &SourcePhase, pages: &[Touch]) -> Ps {
    let greatest = input.greatest_bandwidth(source.pushes);
    let work: Vec<[Ps; 3]> = pages
        .iter()
        .map(|(_, page)| {
            let counts = input.page_counts(*page, &source.zero);
            [
                input.pushing(counts).min(input.serving(counts)),
                (input.tx(input.message(counts), greatest)).saturating_sub(1),
                input.installing(counts, false),
            ]
        })
        .collect();
    let own_queue = input.settings.link.discipline != Discipline::Fifo;
    let threads = |two: bool| if two && own_queue { 2 } else { 1 };
    let servers = [
        threads(input.settings.link.demand_channel.request_thread),
        1,
        threads(input.settings.link.demand_channel.receiver_thread),
    ];
    let through = |station: usize| -> Ps {
        let here: Ps = work.iter().map(|work| work[station]).sum();
        let others = (0..3).filter(|other| *other != station);
        let least = others.map(|other| work.iter().map(|work| work[other]).min().expect("a page"));
        here.div_ceil(servers[station]) + least.sum::<Ps>()
    };
    let installed = (0..3).map(through).max().expect("three") + ps(input.settings.link.latency);
    (source.pushes + installed).saturating_sub(source.resumed)
}
