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
pub fn verdict(scenario: &Scenario, runs: &[Run]) -> String {
    let find = |name: &str| runs.iter().find(|run| run.strategy == name);
    let least = |names: &[&str]| {
        let found = names.iter().filter_map(|name| find(name));
        found.min_by_key(|run| run.metrics.interruption)
    };
    let pre_copy = find(pre_copy::ENTRY.name);
    let post_copy = least(&[post_copy::ENTRY.name, hybrid::ENTRY.name]);
    let recorded = [
        (
            post_copy::ENTRY.name,
            least(&[pre_record::ENTRY.name, pdopmp::ENTRY.name]),
        ),
        (hybrid::ENTRY.name, find(hybrid_pre_record::ENTRY.name)),
    ];
    let sentences = [
        pre_copy.and_then(|run| convergence(scenario, run)),
        pre_copy
            .zip(post_copy)
            .map(|(own, other)| post_copying(own, other)),
    ];
    let recording = recorded
        .into_iter()
        .filter_map(|(plain, recorded)| Some(recording(find(plain)?, recorded?)));
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

/// Whether rounds that a downtime limit ends have come below it.
pub fn convergence(scenario: &Scenario, run: &Run) -> Option<String> {
    let rounds = run.metrics.rounds?;
    let so = format!(
        "after {} round{} at a dirty rate of {}/s, what is dirty takes {}",
        rounds.rounds,
        if rounds.rounds == 1 { "" } else { "s" },
        Bytes(rounds.dirty_rate),
        rounds.expected_downtime,
    );
    let (name, limit) = (run.strategy, scenario.migration.downtime_limit);
    Some(if rounds.converged? {
        format!(
            "{name} converges: {so}, and the downtime limit is {limit}. Post-copy is not needed for that."
        )
    } else {
        format!("{name} does not converge: {so}, and the downtime limit is {limit}.")
    })
}

fn post_copying(pre_copy: &Run, post_copy: &Run) -> String {
    let [own, other] = [pre_copy, post_copy].map(|run| run.metrics.interruption);
    let answer = match compare(other, own) {
        Change::Less => "Post-copy pays",
        Change::None => "Post-copy makes no difference",
        Change::More => "Post-copy does not pay",
    };
    format!(
        "{answer}: {} interrupts the guest for {other}, {} for {own}.",
        post_copy.strategy, pre_copy.strategy
    )
}

fn recording(plain: &Run, recorded: &Run) -> String {
    let [before, after] = [plain, recorded].map(|run| run.metrics.stall);
    let answer = match compare(after, before) {
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
