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
use migsim::strategy::{Entry, LeadIn, Registry, plan};
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
        let observed = match observe(&case.scenario, &trace, &registry, entry.name) {
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
    let capacity = scenario.link.transmission(outcome.page_bytes);
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
    let way = &stall.passage;
    let trapped = stall.from + scenario.destination.fault_trap;
    // Who touches a page later waits for the request that was made before, as for a fetching thread's.
    let same_page = |other: &&Stall| other.page == stall.page;
    let touches = observed.outcome.stalls.iter().filter(same_page);
    let is_first = touches.map(|other| other.from).min() == Some(stall.from)
        && !scenario.migration.delivery.is_fetch();
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
