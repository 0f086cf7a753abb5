//! Keys of the command line that say nothing to the strategies at hand.

use crate::message::say;
use crate::scenario::{Scenario, ScenarioSource};
use crate::strategy::lead_in::{Remainder, Rounds};
use crate::strategy::{LeadIn, Registry, UnknownStrategy, hybrid, pdopmp, plan, pre_record};

/// Says so of each that is set and without effect, as far as that is told by what the strategies do.
pub(super) fn say_idle_keys(
    source: &ScenarioSource,
    scenario: &Scenario,
    registry: &Registry,
) -> Result<(), UnknownStrategy> {
    let settings = scenario.strategy_settings();
    let names = &scenario.migration.strategies;
    let entries = names.iter().map(|name| registry.get(name));
    let lead_ins: Vec<LeadIn> = entries
        .map(|entry| Ok((entry?.lead_in)(&settings)))
        .collect::<Result<_, _>>()?;
    for key in source.command_line_keys() {
        if let Some(lacking) = lacking(key, &lead_ins, names) {
            say!("migsim: --set {key} has no effect: none of the strategies {lacking}");
        }
    }
    Ok(())
}

/// What none of the strategies does that the key is about.
fn lacking(key: &str, lead_ins: &[LeadIn], names: &[String]) -> Option<&'static str> {
    let rounds = |is_meant: fn(&Rounds) -> bool| {
        let is_meant =
            |lead_in: &LeadIn| matches!(lead_in, LeadIn::Rounds(rounds) if is_meant(rounds));
        lead_ins.iter().any(is_meant)
    };
    let named = |name: &str| names.iter().any(|own| own == name);
    let (section, name) = key.split_once('.').unwrap_or((key, ""));
    let (happens, what) = match (section, name) {
        (section, _) if section == hybrid::ENTRY.name => (
            rounds(|rounds| rounds.remainder == Remainder::AfterResume),
            "sends rounds before a resume",
        ),
        ("migration", "downtime_limit" | "max_rounds") => (
            rounds(|rounds| rounds.remainder == Remainder::WhileSuspended),
            "is pre-copy",
        ),
        ("source", "dirty_log_chunk" | "dirty_log_interval") => (rounds(|_| true), "sends rounds"),
        (
            "migration",
            "record_window" | "planning_time" | "planning_cost" | "push_while_recording",
        )
        | ("source", "record_trap") => (lead_ins.iter().any(LeadIn::records), "records"),
        ("pdopmp", _) => (named(pdopmp::ENTRY.name), "is PDoPMP"),
        (section, _) if section == pre_record::ENTRY.name => {
            (lead_ins.iter().any(LeadIn::records), "records")
        }
        (section, _) if section == plan::ENTRY.name => (named(section), "takes a plan"),
        _ => (true, ""),
    };
    (!happens).then_some(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(strategies: &[&str], key: &str) -> Option<&'static str> {
        let registry = Registry::standard();
        let settings = Scenario::default();
        let settings = settings.strategy_settings();
        let lead_ins: Vec<LeadIn> = strategies
            .iter()
            .filter_map(|name| registry.get(name).ok())
            .map(|entry| (entry.lead_in)(&settings))
            .collect();
        let names: Vec<String> = strategies.iter().map(|name| (*name).to_owned()).collect();
        lacking(key, &lead_ins, &names)
    }

    #[test]
    fn a_key_matters_to_those_who_do_what_it_is_about() {
        for (key, users) in [
            ("hybrid.rounds", &["hybrid", "hybrid+pre-record"][..]),
            ("migration.max_rounds", &["pre-copy"]),
            (
                "source.dirty_log_chunk",
                &["pre-copy", "hybrid", "hybrid+pre-record"],
            ),
            (
                "source.record_trap",
                &["pre-record", "pre-record+pdopmp", "hybrid+pre-record"],
            ),
            ("pdopmp.run_pages", &["pre-record+pdopmp"]),
            ("plan.file", &["plan"]),
            ("link.mtu", &["post-copy", "stop-and-copy"]),
        ] {
            for user in users {
                assert_eq!(idle(&["leap", user], key), None, "{key}, {user}");
            }
        }
        assert_eq!(idle(&["leap"], "migration.record_window"), Some("records"));
        assert_eq!(
            idle(&["post-copy", "pre-copy"], "pdopmp.reach_percent"),
            Some("is PDoPMP")
        );
        assert_eq!(
            idle(&["post-copy"], "hybrid.time"),
            Some("sends rounds before a resume")
        );
    }
}
