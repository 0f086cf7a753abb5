//! A migration as a Chrome trace, which <https://ui.perfetto.dev> and `chrome://tracing` show.
//!
//! Phases are slices of one track, the push, which begins before the resume, is one of another, stalls are slices of a
//! track per vCPU, and the installed pages, the link's queue and its throughput are counters.

use std::io::{self, Write};

use serde_json::{Number, Value as Json, json};

use crate::host::destination::Stall;
use crate::migration::Sample;
use crate::run::compare::Observed;
use crate::scenario::Scenario;
use crate::units::SimTime;

/// Most stalls that are written: the longest ones. More would make a file that no viewer opens.
pub const MOST_STALLS: usize = 100_000;

/// Values of the link's throughput.
const RATES: u64 = 200;

const MIGRATION: u32 = 1;
const VCPUS: u32 = 2;
const PHASES: u32 = 1;
const PUSH: u32 = 2;

/// Writes the trace of one migration, in time order, with how far it was at some moments.
///
/// # Errors
///
/// Those of `out`.
pub fn write(
    scenario: &Scenario,
    observed: &Observed,
    samples: &[Sample],
    mut out: impl Write,
) -> io::Result<()> {
    let stalls = longest(&observed.outcome.stalls);
    let left_out = observed.outcome.stalls.len() - stalls.len();
    let mut events = phases(scenario, observed, samples);
    events.extend(stalls.iter().map(stall));
    events.extend(counters(samples));
    // Of two slices that begin together the outer comes first: phases are written so, and the order is kept.
    events.sort_by_key(|(time, _)| *time);
    let events: Vec<Json> = names(observed)
        .into_iter()
        .chain(events.into_iter().map(|(_, event)| event))
        .collect();
    let trace = json!({
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {
            "strategy": observed.run.strategy,
            "version": env!("CARGO_PKG_VERSION"),
            "stalls_left_out": left_out,
        },
    });
    serde_json::to_writer(&mut out, &trace)?;
    writeln!(out)
}

type Event = (SimTime, Json);

/// The format counts in microseconds; decimals keep the picoseconds.
fn microseconds(time: SimTime) -> Json {
    let ps = time.as_ps();
    format!("{}.{:06}", ps / 1_000_000, ps % 1_000_000)
        .parse::<Number>()
        .map_or(Json::Null, Json::Number)
}

fn slice(process: u32, track: u32, name: &str, from: SimTime, until: SimTime, args: Json) -> Event {
    let event = json!({
        "ph": "X",
        "pid": process,
        "tid": track,
        "name": name,
        "ts": microseconds(from),
        "dur": microseconds(until - from),
        "args": args,
    });
    (from, event)
}

fn phases(scenario: &Scenario, observed: &Observed, samples: &[Sample]) -> Vec<Event> {
    let resumed = observed.outcome.resumed_at;
    let (prepared, suspended) = (observed.preparation.length(), observed.suspended_at);
    let end = observed
        .outcome
        .completed_at
        .or(samples.last().map(|(time, _)| *time))
        .unwrap_or(resumed)
        .max(resumed);
    let vm = &scenario.vm;
    let core_state = (resumed - suspended) - vm.suspend - scenario.link.latency - vm.resume;
    let sent = match observed.run.metrics.rounds {
        Some(_) => "pages and core state",
        None => "core state",
    };
    let mut steps = vec![
        ("record window", SimTime::ZERO, observed.preparation.window),
        ("planning", observed.preparation.window, prepared),
        ("rounds", prepared, suspended),
        ("switch-over", suspended, resumed),
    ];
    let mut from = suspended;
    for (name, length) in [
        ("suspend", vm.suspend),
        (sent, core_state),
        ("latency", scenario.link.latency),
        ("resume", vm.resume),
    ] {
        steps.push((name, from, from + length));
        from += length;
    }
    let steps = steps.into_iter().map(|step| (PHASES, step));
    let push = (PUSH, ("push", observed.push_began, end));
    steps
        .chain([push])
        .filter(|(_, (_, from, until))| from < until)
        .map(|(track, (name, from, until))| slice(MIGRATION, track, name, from, until, json!({})))
        .collect()
}

fn longest(stalls: &[Stall]) -> Vec<Stall> {
    let mut stalls = stalls.to_vec();
    if stalls.len() > MOST_STALLS {
        stalls.sort_by_key(|stall| std::cmp::Reverse(stall.until - stall.from));
        stalls.truncate(MOST_STALLS);
    }
    stalls
}

fn stall(stall: &Stall) -> Event {
    let kind = if stall.requested {
        "network"
    } else {
        "in flight"
    };
    slice(
        VCPUS,
        u32::from(stall.vcpu),
        &format!("page {}", stall.page),
        stall.from,
        stall.until,
        json!({ "page": stall.page, "fault": kind }),
    )
}

fn counters(samples: &[Sample]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut counter = |time: SimTime, name: &str, unit: &str, value: Json| {
        let event = json!({
            "ph": "C",
            "pid": MIGRATION,
            "name": name,
            "ts": microseconds(time),
            "args": { unit: value },
        });
        events.push((time, event));
    };
    for (time, progress) in samples {
        counter(*time, "installed", "pages", json!(progress.installed));
        counter(*time, "link queue", "bytes", json!(progress.queued_bytes));
    }
    // A message counts when it has left, so that over short spans a rate would jump.
    let (Some((first, _)), Some((last, _))) = (samples.first(), samples.last()) else {
        return events;
    };
    let span = SimTime::from_ps((*last - *first).as_ps() / RATES);
    let mut rest = samples;
    while let [(from, before), after @ ..] = rest {
        let until = after.partition_point(|(time, _)| *time < *from + span);
        let rate = after.get(until).or(after.last()).map_or(0, |(to, after)| {
            let bits = 8 * u128::from(after.transmitted_bytes - before.transmitted_bytes);
            let ps = u128::from((*to - *from).as_ps());
            (bits * 1_000_000_000_000).checked_div(ps).unwrap_or(0)
        });
        // A counter holds from its time on.
        counter(*from, "link throughput", "bit/s", json!(rate as u64));
        rest = after.get(until..).unwrap_or_default();
    }
    events
}

/// What processes and tracks are called.
fn names(observed: &Observed) -> Vec<Json> {
    let name = |kind: &str, process: u32, track: u32, name: String| json!({ "ph": "M", "pid": process, "tid": track, "name": kind, "args": { "name": name } });
    let mut names = vec![
        name(
            "process_name",
            MIGRATION,
            0,
            format!("migration: {}", observed.run.strategy),
        ),
        name("thread_name", MIGRATION, PHASES, "phases".to_owned()),
        name("thread_name", MIGRATION, PUSH, "push".to_owned()),
        name("process_name", VCPUS, 0, "destination: stalls".to_owned()),
    ];
    names.extend((0..observed.vcpus).map(|vcpu| {
        name(
            "thread_name",
            VCPUS,
            u32::from(vcpu),
            format!("vCPU {vcpu}"),
        )
    }));
    names
}
