//! What a comparison says, in words: made of its rows alone.

use super::table::wrapped;
use crate::run::compare::Run;
use crate::scenario::Scenario;
use crate::strategy::{hybrid, hybrid_pre_record, pdopmp, post_copy, pre_copy, pre_record};
use crate::units::{Bytes, SimTime};

/// Columns of a line.
const WIDTH: usize = 96;

/// Whether pre-copy does, whether post-copy pays, and whether recording pays, and at what price; as far as the runs
/// tell.
pub fn verdict(scenario: &Scenario, vcpus: u16, runs: &[Run]) -> String {
    let find = |name: &&str| runs.iter().find(|run| run.strategy == *name);
    let pre_copy = find(&pre_copy::ENTRY.name);
    let plain = [post_copy::ENTRY.name, hybrid::ENTRY.name];
    let recorded = [
        pre_record::ENTRY.name,
        pdopmp::ENTRY.name,
        hybrid_pre_record::ENTRY.name,
    ];
    let soonest = |names: &[&str]| {
        let found = names.iter().filter_map(find);
        found.min_by_key(|run| wait(run, vcpus))
    };
    let least_stall = |names: &[&str]| {
        let found = names.iter().filter_map(find);
        found.min_by_key(|run| (run.metrics.stall, run.metrics.interruption))
    };
    let sentences = [
        pre_copy.and_then(|run| convergence(scenario, run)),
        pre_copy
            .zip(soonest(&plain))
            .map(|(own, other)| post_copying(scenario, vcpus, [own, other], soonest(&recorded))),
    ];
    let recording = [
        (find(&plain[0]), least_stall(&recorded[..2])),
        (find(&plain[1]), least_stall(&recorded[2..])),
    ]
    .into_iter()
    .filter_map(|(plain, recorded)| Some((plain?, recorded?)))
    // Nothing is recorded in no window.
    .filter(|_| scenario.migration.record_window > SimTime::ZERO)
    .map(|(plain, recorded)| recording(vcpus, plain, recorded));
    let sentences = sentences.into_iter().flatten().chain(recording);
    let paragraphs =
        sentences.map(|sentence| format!("- {}\n", wrapped(&sentence, WIDTH).join("\n  ")));
    let text = paragraphs.collect::<String>();
    if text.is_empty() {
        text
    } else {
        format!("\n{text}")
    }
}

/// How long a vCPU cannot run, on average.
fn wait(run: &Run, vcpus: u16) -> SimTime {
    let stall = run.metrics.stall.as_ps() / u64::from(vcpus.max(1));
    run.metrics.downtime + SimTime::from_ps(stall)
}

/// Whether rounds that a downtime limit ends have come below it.
pub fn convergence(scenario: &Scenario, run: &Run) -> Option<String> {
    let rounds = run.metrics.rounds?;
    let answer = if rounds.converged? {
        "converges"
    } else {
        "does not converge"
    };
    let limit = scenario.migration.downtime_limit;
    // The estimate goes by the bandwidth of late, as a hypervisor's by what it has measured.
    let downtime = run.metrics.downtime;
    let all_the_same = match (rounds.converged?, downtime > limit) {
        (true, true) => format!(" Its downtime is {downtime} all the same."),
        (false, false) if scenario.source.max_bandwidth.is_some() => format!(
            " Its downtime is {downtime} all the same: source.max_bandwidth does not hold while the VM is suspended."
        ),
        (false, false) => format!(" Its downtime is {downtime} all the same."),
        _ => String::new(),
    };
    Some(format!(
        "{} {answer}: after {} round{} at a dirty rate of {}/s, what is dirty takes {}, and the downtime limit is {limit}.{all_the_same}",
        run.strategy,
        rounds.rounds,
        if rounds.rounds == 1 { "" } else { "s" },
        Bytes(rounds.dirty_rate),
        rounds.expected_downtime,
    ))
}

/// Of pre-copy and of the best strategy that resumes before all memory is there, and of the best that records for that.
fn post_copying(
    scenario: &Scenario,
    vcpus: u16,
    [pre_copy, post_copy]: [&Run; 2],
    recorded: Option<&Run>,
) -> String {
    let waits = |run: &Run| wait(run, vcpus);
    let change = |run: &Run| compare(waits(run), waits(pre_copy));
    let keeps_limit = pre_copy.metrics.downtime <= scenario.migration.downtime_limit;
    let converges = pre_copy.metrics.rounds.and_then(|rounds| rounds.converged);
    let answer = match change(post_copy) {
        _ if converges == Some(true) && keeps_limit => "Pre-copy keeps that limit",
        Change::Less => "Post-copy pays",
        Change::None => "Post-copy makes no difference",
        Change::More => "Post-copy does not pay",
    };
    let [own, other] = [pre_copy, post_copy].map(|run| format!("{}", waits(run)));
    let (of, them) = (pre_copy.strategy, post_copy.strategy);
    let mut text = if vcpus == 1 {
        format!("{answer}: {of} interrupts the guest for {own}, {them} for {other}")
    } else {
        format!("{answer}: with {of} a vCPU waits for {own} on average, with {them} for {other}")
    };
    if let Some(run) = recorded.filter(|run| compare(waits(run), waits(post_copy)) == Change::Less)
    {
        let differs = change(run) == Change::Less && change(post_copy) != Change::Less;
        let but = if differs { "but" } else { "and" };
        text.push_str(&format!(", {but} with {} for {}", run.strategy, waits(run)));
    }
    text.push('.');
    let [longest, shorter] = [pre_copy, post_copy].map(|run| run.metrics.longest_interruption);
    if change(post_copy) != Change::Less && compare(shorter, longest) == Change::Less {
        text.push_str(&format!(
            " The longest single stop of {them} is {shorter}, of {of} {longest}."
        ));
    }
    text
}

fn recording(vcpus: u16, plain: &Run, recorded: &Run) -> String {
    let [before, after] = [plain, recorded].map(|run| run.metrics.stall);
    let answer = match compare(wait(recorded, vcpus), wait(plain, vcpus)) {
        Change::Less => "Recording pays",
        Change::None => "Recording makes no difference",
        Change::More => "Recording does not pay",
    };
    let total = [plain, recorded].map(|run| run.metrics.total_migration_time);
    let price = match total {
        [Some(before), Some(after)] => format!(
            " Its price: total time {}, downtime {}.",
            difference(before, after),
            difference(plain.metrics.downtime, recorded.metrics.downtime)
        ),
        _ => String::new(),
    };
    format!(
        "{answer} over {}: {} stalls the guest for {after}, not {before}.{price}",
        plain.strategy, recorded.strategy
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Less,
    None,
    More,
}

/// A change counts from 1 % and 0.2 ms on.
fn compare(own: SimTime, other: SimTime) -> Change {
    let counts = |more: SimTime, less: SimTime| {
        more > less + SimTime::from_us(200) && more.times(100) > less.times(101)
    };
    if counts(other, own) {
        Change::Less
    } else if counts(own, other) {
        Change::More
    } else {
        Change::None
    }
}

fn difference(before: SimTime, after: SimTime) -> String {
    if after >= before {
        format!("+{}", after - before)
    } else {
        format!("-{}", before - after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_if_it_is_large_in_both_ways() {
        let us = SimTime::from_us;
        assert_eq!(compare(us(100), us(300)), Change::None);
        assert_eq!(compare(us(99), us(300)), Change::Less);
        assert_eq!(compare(us(100_900), us(100_000)), Change::None);
        assert_eq!(compare(us(101_001), us(100_000)), Change::More);
        assert_eq!(difference(us(5), us(3)), "-2.00 us");
    }
}
