//! The bound: a stall that no order of pushes undercuts, for the pages that a run misses when its push begins.
//! docs/model.md has the proof.

use std::ops::Add;

use crate::guest::touch_order::Touch;
use crate::host::PageWork;
use crate::host::destination::FaultBlocks;
use crate::memory::{Content, Contents, PageSet};
use crate::migration::SwitchOver;
use crate::network::{Discipline, MessageBytes};
use crate::scenario::Scenario;
use crate::units::{Bandwidth, SimTime};

/// Least stall, summed over vCPUs, that any order of pushes and requests leaves to a run after this switch-over.
pub fn stall_bound(scenario: &Scenario, switch_over: &SwitchOver) -> SimTime {
    let missing = &switch_over.missing;
    let line = Line::of(scenario, switch_over);
    let order = &switch_over.touch_order;
    let vcpus = order.vcpus();
    let joint = || line.lateness(order.deadlines(), missing);
    match scenario.destination.fault_blocks {
        // One page at a time holds all of them up.
        FaultBlocks::Vm => joint().times(vcpus.len() as u64),
        // One vCPU's stall may delay another that waits to be woken.
        FaultBlocks::Vcpu if order.has_idleness() => joint(),
        FaultBlocks::Vcpu => {
            let own = vcpus
                .iter()
                .map(|vcpu| line.lateness(&vcpu.touches, missing));
            let apart = own.sum();
            if vcpus.len() > 1 {
                joint().max(apart)
            } else {
                apart
            }
        }
    }
}

/// What a page costs at the stations that it passes: a thread of the source, the link, a receiving thread.
#[derive(Debug, Clone, Copy, Default)]
struct Work([SimTime; 3]);

impl Work {
    fn each(self, other: Work, both: fn(SimTime, SimTime) -> SimTime) -> Work {
        Work(std::array::from_fn(|station| {
            both(self.0[station], other.0[station])
        }))
    }
}

/// Three stations in a row, as quick as they can be.
struct Line<'a> {
    scenario: &'a Scenario,
    contents: &'a Contents,
    /// Bytes of a page of the trace.
    page_size: u64,
    pushing: PageWork,
    installing: PageWork,
    sizes: MessageBytes,
    /// From the beginning of the push to the resume.
    head_start: SimTime,
    /// The greatest bandwidth from the beginning of the push on.
    bandwidth: Bandwidth,
    /// Threads of the source, the link, receiving threads: how many pages each station serves at once.
    servers: [u64; 3],
    /// What the costliest page costs at each.
    costliest: Work,
}

impl<'a> Line<'a> {
    fn of(scenario: &'a Scenario, switch_over: &'a SwitchOver) -> Self {
        let own_channel = scenario.link.discipline != Discipline::Fifo;
        let two = |threads| 1 + u64::from(own_channel && threads);
        let whole = switch_over.memory.whole_page();
        let page_size = switch_over.memory.page_size();
        let resumed_at = switch_over.suspended_at + switch_over.downtime;
        let push_begins = switch_over.core_state.push_begins(scenario);
        let line = Line {
            scenario,
            head_start: resumed_at - push_begins,
            contents: &switch_over.contents,
            page_size,
            pushing: scenario.source.pushing(page_size),
            installing: scenario.destination.installing(page_size),
            sizes: scenario.link.message_bytes(page_size),
            bandwidth: scenario.link.range_from(push_begins).1,
            servers: [
                two(scenario.link.demand_channel.request_thread),
                1,
                two(scenario.link.demand_channel.receiver_thread),
            ],
            costliest: Work::default(),
        };
        let costliest = line
            .work(whole)
            .each(line.work(whole.emptied()), SimTime::max);
        Line { costliest, ..line }
    }

    fn work(&self, content: Content) -> Work {
        let (source, link) = (&self.scenario.source, &self.scenario.link);
        Work([
            (self.pushing.of(content)).min(source.serving(self.page_size, content)),
            // Pieces of several messages are rounded up once.
            link.transmission(self.sizes.of(content), self.bandwidth) - SimTime::from_ps(1),
            self.installing.of(content),
        ])
    }

    /// Before this time after the resume, pages cannot all be installed whose work comes to `all`, each at least
    /// `least`.
    fn earliest(&self, all: Work, least: Work) -> SimTime {
        let through = |station: usize| {
            let here = all.0[station].as_ps().div_ceil(self.servers[station]);
            let others = (0..3).filter(|other| *other != station);
            SimTime::from_ps(here) + others.map(|other| least.0[other]).sum()
        };
        let slowest = (0..3).map(through).max();
        slowest.unwrap_or_default() + self.scenario.link.latency - self.head_start
    }

    /// How much later than its touch the latest of the missing pages comes, if they come in the order of the touches.
    fn lateness(&self, touches: &[Touch], missing: &PageSet) -> SimTime {
        let pages = u64::from(missing.count());
        let sum = Work(self.costliest.0.map(|work| work.times(pages)));
        let end = self.earliest(sum, self.costliest);
        let (mut all, mut least) = (Work::default(), self.costliest);
        let mut latest = SimTime::ZERO;
        // Most pages are alike.
        let mut last = (self.contents.of(0), self.work(self.contents.of(0)));
        for touch in touches {
            if touch.offset + latest >= end {
                break; // no page comes later than that
            }
            if missing.contains(touch.page) {
                let content = self.contents.of(touch.page);
                if content != last.0 {
                    last = (content, self.work(content));
                }
                all = all.each(last.1, SimTime::add);
                least = least.each(last.1, SimTime::min);
                latest = latest.max(self.earliest(all, least) - touch.offset);
            }
        }
        latest
    }
}
