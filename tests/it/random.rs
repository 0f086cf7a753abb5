//! Random guests, links and hosts, every strategy: held against the second simulator and against laws of conservation.
//!
//! The suite takes a few seeds; `MIGSIM_SEEDS=FIRST..END` takes others. A failure names its seed:
//! `MIGSIM_SEEDS=7..8 cargo test --test it random::` runs it again. Overflow checks are on in tests.

use std::time::{Duration, Instant};

use migsim::guest::touch_order::TouchOrder;
use migsim::host::destination::{FaultBlocks, Stall};
use migsim::migration::SwitchOver;
use migsim::run::compare::{Observed, observe};
use migsim::scenario::Scenario;
use migsim::strategy::{Entry, LeadIn, Registry, plan, post_copy};
use migsim::trace::Trace;
use migsim::units::SimTime;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::differential::{case, large_case};
use crate::pair::{Case, is_too_short};

/// The suite takes no longer, whatever the machine.
const LONGEST: Duration = Duration::from_secs(8);
const SEEDS: std::ops::Range<u64> = 0..400;

#[test]
fn every_strategy_keeps_the_laws_and_agrees_with_the_second_simulator() {
    let given = std::env::var("MIGSIM_SEEDS").ok();
    let seeds = given.as_deref().map_or(SEEDS, seeds);
    let begun = Instant::now();
    let mut done = 0;
    for seed in seeds {
        if given.is_none() && begun.elapsed() > LONGEST {
            break;
        }
        let case = of_seed(seed);
        if let Err(broken) = check(&case) {
            panic!("MIGSIM_SEEDS={seed}..{}: {broken}\n{case:#?}", seed + 1);
        }
        done += 1;
    }
    assert!(done >= 1, "no seed was tried");
}

fn seeds(text: &str) -> std::ops::Range<u64> {
    let ends = text.split_once("..");
    let range = ends.and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
    range.unwrap_or_else(|| panic!("MIGSIM_SEEDS={text}: expected FIRST..END"))
}

/// The case of a seed: every eighth is a large VM.
fn of_seed(seed: u64) -> Case {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = if seed % 8 == 7 {
        large_case().boxed()
    } else {
        case().boxed()
    };
    strategy.new_tree(&mut runner).expect("a case").current()
}

fn check(case: &Case) -> Result<(), String> {
    for pair in case.run() {
        if pair.engine != pair.reference {
            return Err(format!(
                "{}: the engine has {:#?}\nthe second simulator {:#?}",
                pair.strategy, pair.engine, pair.reference
            ));
        }
    }
    let trace = case.trace();
    let registry = Registry::standard();
    // A given plan needs a file.
    let entries = registry.entries().iter();
    for entry in entries.filter(|entry| entry.name != plan::ENTRY.name) {
        let observed = match observe(&case.scenario, &trace, &registry, entry.name, &mut ()) {
            Err(error) if is_too_short(&error) => continue,
            observed => observed.map_err(|error| format!("{}: {error}", entry.name))?,
        };
        for (law, kept) in laws(case, &trace, entry, &observed) {
            if !kept {
                return Err(format!("{}: {law}\n{observed:#?}", entry.name));
            }
        }
    }
    Ok(())
}

/// What a bug would do to a run, if it does anything to this one, and the law that catches it.
struct Bug {
    name: &'static str,
    law: &'static str,
    plant: fn(&mut Observed) -> bool,
}

const BUGS: [Bug; 10] = [
    Bug {
        name: "a page is installed twice",
        law: "each page is installed once",
        plant: |observed| {
            observed.run.metrics.pages_sent += 1;
            observed.outcome.completed_at.is_some()
        },
    },
    Bug {
        name: "a page is lost",
        law: "each page is installed once",
        plant: |observed| {
            let sent = &mut observed.run.metrics.pages_sent;
            *sent = sent.saturating_sub(1);
            observed.outcome.completed_at.is_some() && observed.outcome.pages_sent > 0
        },
    },
    Bug {
        name: "a byte is lost",
        law: "bytes balance",
        plant: |observed| {
            let bytes = observed.outcome.page_bytes;
            observed.outcome.page_bytes = bytes.saturating_sub(1);
            bytes > 0
        },
    },
    Bug {
        name: "pages pass at no cost",
        law: "no link carries more than its bandwidth",
        plant: |observed| {
            let end = observed.outcome.completed_at.as_mut();
            end.map(|end| *end = SimTime::ZERO).is_some() && observed.outcome.page_bytes > 0
        },
    },
    Bug {
        name: "a fault counts twice",
        law: "faults are of two kinds",
        plant: |observed| {
            observed.run.metrics.page_faults += 1;
            true
        },
    },
    Bug {
        name: "a stall is not counted",
        law: "stalls add up",
        plant: |observed| {
            observed
                .outcome
                .stalls
                .pop()
                .is_some_and(|last| length(&last) > SimTime::ZERO)
        },
    },
    Bug {
        name: "a page arrives before it is sent",
        law: "a cause precedes its effect",
        plant: |observed| {
            let stall = observed
                .outcome
                .stalls
                .iter_mut()
                .find(|stall| stall.requested);
            let way = stall.map(|stall| &mut stall.times);
            way.map(|way| way.arrived_at = way.requested_at).is_some()
        },
    },
    Bug {
        name: "a vCPU goes on without its page",
        law: "a cause precedes its effect",
        plant: |observed| {
            let stall = observed.outcome.stalls.first_mut();
            stall.map(|stall| stall.until = stall.from).is_some()
        },
    },
    Bug {
        name: "a vCPU waits for two pages at once",
        law: "a vCPU waits for one page at a time",
        plant: |observed| {
            let stall = observed.outcome.stalls.first().copied();
            observed.outcome.stalls.extend(stall);
            stall.is_some_and(|stall| length(&stall) > SimTime::ZERO)
        },
    },
    Bug {
        name: "a stall is a picosecond too short",
        law: "guest time and stalls make the wall time",
        plant: |observed| {
            let last = observed.outcome.stalls.len() as u64;
            let first = observed.outcome.stalls.first_mut();
            first
                .map(|first| first.until = first.until - SimTime::from_ps(1))
                .is_some()
                && last > 1
        },
    },
];

#[test]
fn the_laws_catch_planted_bugs() {
    let registry = Registry::standard();
    let entry = post_copy::ENTRY;
    let runs: Vec<_> = (0..100)
        .map(of_seed)
        .filter_map(|case| {
            let trace = case.trace();
            let observed = observe(&case.scenario, &trace, &registry, entry.name, &mut ()).ok()?;
            Some((case, trace, observed))
        })
        .collect();
    for bug in BUGS {
        let catches = |(case, trace, observed): &(Case, Trace, Observed)| {
            let mut observed = observed.clone();
            (bug.plant)(&mut observed)
                && laws(case, trace, &entry, &observed).contains(&(bug.law, false))
        };
        assert!(
            runs.iter().any(catches),
            "nothing notices that {}",
            bug.name
        );
    }
}

fn laws(
    case: &Case,
    trace: &Trace,
    entry: &Entry,
    observed: &Observed,
) -> Vec<(&'static str, bool)> {
    let scenario = &case.scenario;
    let (metrics, outcome) = (&observed.run.metrics, &observed.outcome);
    let replay = scenario.replay(trace).expect("the case fits its trace");
    let memory = replay.memory();
    let sent = metrics.pages_sent + metrics.zero_pages_sent;
    let first = sent - metrics.duplicate_pages_sent;
    let sizes = scenario.link.message_bytes(memory.page_size());
    let content = outcome.pages_sent * sizes.page;
    let zero = outcome.zero_pages_sent * sizes.zero_page;
    let (_, greatest) = scenario.link.range_from(SimTime::ZERO);
    let capacity = scenario.link.transmission(outcome.page_bytes, greatest);
    let lasted = |end: SimTime| end.as_ps() + 1 >= capacity.as_ps();
    let stalls: SimTime = outcome.stalls.iter().map(length).sum();
    let held_up = match scenario.destination.fault_blocks {
        FaultBlocks::Vcpu => 1,
        FaultBlocks::Vm => case.vcpus.into(),
    };
    let mut laws = vec![
        (
            "each page is installed once",
            first <= memory.trace_pages
                && (outcome.completed_at.is_none() || first == memory.trace_pages),
        ),
        ("bytes balance", outcome.page_bytes == content + zero),
        (
            "no link carries more than its bandwidth",
            outcome.completed_at.is_none_or(lasted),
        ),
        (
            "faults are of two kinds",
            metrics.page_faults == metrics.network_faults + metrics.in_flight_faults,
        ),
        (
            "no stall is below the bound",
            metrics.stall >= metrics.stall_bound,
        ),
        ("stalls add up", metrics.stall == stalls.times(held_up)),
        (
            "a cause precedes its effect",
            outcome
                .stalls
                .iter()
                .all(|stall| is_causal(scenario, observed, stall)),
        ),
        (
            "a vCPU waits for one page at a time",
            each_vcpu(case, observed)
                .all(|stalls| stalls.windows(2).all(|pair| pair[0].until <= pair[1].from)),
        ),
    ];
    if let Some(order) = touch_order(case, trace, entry) {
        laws.push((
            "guest time and stalls make the wall time",
            (0..)
                .zip(each_vcpu(case, observed))
                .all(|(vcpu, stalls)| keeps_time(&order, vcpu, outcome.resumed_at, &stalls)),
        ));
    }
    laws
}

fn length(stall: &Stall) -> SimTime {
    stall.until - stall.from
}

fn is_causal(scenario: &Scenario, observed: &Observed, stall: &Stall) -> bool {
    let way = &stall.times;
    let trapped = stall.from + scenario.destination.fault_trap;
    // Who touches a page later waits for the request that was made before, as for a fetching thread's.
    let same_page = |other: &&Stall| other.page == stall.page;
    let touches = observed.outcome.stalls.iter().filter(same_page);
    let is_first = touches.map(|other| other.from).min() == Some(stall.from)
        && !scenario.migration.delivery.kind().is_fetch();
    let asked = !stall.requested
        || (!is_first || trapped + scenario.link.latency <= way.requested_at)
            && way.requested_at <= way.handed_at;
    asked
        && observed.outcome.resumed_at <= stall.from
        && stall.from <= stall.until
        && way.handed_at + scenario.link.latency <= way.arrived_at
        && way.arrived_at + scenario.destination.wake <= stall.until
        && observed
            .outcome
            .completed_at
            .is_none_or(|end| way.arrived_at <= end)
}

fn each_vcpu(case: &Case, observed: &Observed) -> impl Iterator<Item = Vec<Stall>> {
    (0..case.vcpus).map(|vcpu| {
        let stalls = observed.outcome.stalls.iter().copied();
        let mut stalls: Vec<_> = stalls.filter(|stall| stall.vcpu == vcpu).collect();
        stalls.sort_by_key(|stall| stall.from);
        stalls
    })
}

/// What the vCPUs touch after the resume, where nothing but stalls holds them up.
fn touch_order(case: &Case, trace: &Trace, entry: &Entry) -> Option<TouchOrder> {
    let scenario = &case.scenario;
    let alone = case.idle.is_empty() && scenario.destination.fault_blocks == FaultBlocks::Vcpu;
    let records = match (entry.lead_in)(&scenario.strategy_settings()) {
        LeadIn::Nothing => false,
        LeadIn::Record => true,
        LeadIn::PushWhileRecording | LeadIn::Rounds(_) => return None,
    };
    let replay = scenario.replay(trace).ok().filter(|_| alone)?;
    let switch_over = SwitchOver::prepare(scenario, &replay, records).ok()?;
    Some(switch_over.touch_order)
}

/// Whether a vCPU's stalls begin when its guest time and its stalls before have passed since the resume.
fn keeps_time(order: &TouchOrder, vcpu: usize, resumed_at: SimTime, stalls: &[Stall]) -> bool {
    let mut blocked = SimTime::ZERO;
    stalls.iter().all(|stall| {
        let touches = &order.vcpus()[vcpu].touches;
        let touch = touches.iter().find(|touch| touch.page == stall.page);
        let kept = touch.is_some_and(|touch| resumed_at + touch.offset + blocked == stall.from);
        blocked += length(stall);
        kept
    })
}
