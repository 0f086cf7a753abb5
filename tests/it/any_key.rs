//! Random values for keys that `differential`'s cases do not draw themselves, by the keys' units: a new key is in the
//! random cases as soon as it exists, and has to matter there.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use migsim::scenario::keys::{Key, keys};
use migsim::scenario::{Scenario, ScenarioSource};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::pair::Case;

const SECTIONS: [&str; 5] = ["vm.", "link.", "source.", "destination.", "migration."];

/// Keys that decide nothing in `differential`: lead-ins that send memory are `lead_ins`' and `pre_copy`'s.
const ELSEWHERE: [&str; 7] = [
    "vm.page_size",
    "link.connections",
    "source.max_bandwidth",
    "source.dirty_log_chunk",
    "source.dirty_log_interval",
    "migration.downtime_limit",
    "migration.max_rounds",
];

/// The keys that are drawn here: those that no case of `cases` ever sets.
pub(crate) fn undrawn(cases: &BoxedStrategy<Case>) -> Vec<Key> {
    let mut runner = TestRunner::deterministic();
    let mut set = BTreeSet::new();
    for _ in 0..200 {
        let case = cases.new_tree(&mut runner).expect("a case").current();
        names(&case.scenario.settings(), "", &mut set);
    }
    let is_undrawn = |key: &Key| {
        SECTIONS.iter().any(|section| key.name.starts_with(section))
            && !ELSEWHERE.contains(&key.name.as_str())
            && !set.contains(&key.name)
    };
    keys().into_iter().filter(is_undrawn).collect()
}

fn names(table: &toml::Table, section: &str, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        let name = format!("{section}{key}");
        if let Some(inner) = value.as_table() {
            names(inner, &format!("{name}."), found);
        }
        found.insert(name);
    }
}

/// Draws for some of these keys; a key that does not fit its case stays as it is.
pub(crate) fn draws(keys: &'static LazyLock<Vec<Key>>) -> BoxedStrategy<Vec<Option<toml::Value>>> {
    let one = proptest::option::of(any::<u64>());
    let all = prop::collection::vec(one, keys.len());
    all.prop_map(|picks| {
        let picks = picks.into_iter().zip(keys.iter());
        picks.map(|(pick, key)| value(key, pick?)).collect()
    })
    .boxed()
}

/// The scenario with these values.
pub(crate) fn with_values(
    scenario: &Scenario,
    keys: &[Key],
    values: &[Option<toml::Value>],
) -> Scenario {
    let mut changed = scenario.clone();
    for (key, value) in keys.iter().zip(values) {
        if let Some(value) = value
            && let Some(with) = with_value(&changed, &key.name, value.clone())
        {
            changed = with;
        }
    }
    changed
}

/// The scenario with a key at its default.
pub(crate) fn without(scenario: &Scenario, key: &str) -> Scenario {
    let mut settings = scenario.settings();
    let (section, key) = key.split_once('.').expect("a section and a key");
    if let Some(toml::Value::Table(keys)) = settings.get_mut(section) {
        keys.remove(key);
    }
    let source = ScenarioSource::from_text("case", &settings.to_string());
    let scenario = source.and_then(|source| source.scenario());
    scenario.expect("keys at their defaults fit")
}

fn with_value(scenario: &Scenario, key: &str, value: toml::Value) -> Option<Scenario> {
    let mut source = ScenarioSource::from_text("case", &scenario.settings().to_string()).ok()?;
    source.put(key, value).ok()?;
    source.scenario().ok()
}

fn value(key: &Key, pick: u64) -> Option<toml::Value> {
    let number = |most: u64| i64::try_from(pick % (most + 1)).expect("small");
    Some(match key.unit.as_str() {
        "duration" => toml::Value::String(format!("{} ns", number(30_000))),
        "size" => toml::Value::Integer(number(30_000)),
        "bandwidth" => toml::Value::String(format!("{} Mbit/s", 1 + number(2_000))),
        "number" => toml::Value::Integer(number(40)),
        "true | false" => toml::Value::Boolean(pick.is_multiple_of(2)),
        _ => {
            let place = usize::try_from(pick).ok()? % key.words.len().max(1);
            toml::Value::String(key.words.get(place)?.0.clone())
        }
    })
}
