//! The engine against the naive reference simulator: every metric, to the picosecond, over random small scenarios.

mod cases;
mod coverage;
mod traces;

use crate::pair::{Case, Pair, as_outcome, is_too_short};
use migsim::measure::Metrics;
use migsim::migration::{Samples, SwitchOver, migrate};
use migsim::run::compare::{compare, explain, observe};
use migsim::scenario::ScenarioSource;
use migsim::strategy::post_copy::active_push;
use migsim::strategy::{Registry, plan};
use proptest::prelude::*;

pub(crate) use cases::{case, large_case};

/// Runs post-copy both ways on a VM that resumes with the pages that `there` picks in place, as pre-copy leaves it.
fn run_with_pages_in_place(case: &Case, there: impl Fn(u32) -> bool) -> Pair {
    let trace = case.trace();
    let replay = case
        .scenario
        .replay(&trace)
        .expect("the case fits its trace");
    let mut switch_over =
        SwitchOver::prepare(&case.scenario, &replay, false).expect("the trace is whole");
    let mut input = case.input(
        crate::naive::LeadIn::Nothing,
        crate::naive::Strategy::PostCopy,
    );
    for page in 0..input.pages() {
        if there(page) {
            switch_over.missing.remove(page);
        }
        input.initially_installed.push(there(page));
    }
    let mut order = active_push(case.scenario.source.push);
    let outcome = migrate(&case.scenario, &switch_over, order.as_mut()).expect("a sound case");
    let metrics = Metrics::of(&case.scenario, &switch_over, &outcome, &[]);
    let expected = crate::naive::simulate(&input);
    Pair {
        strategy: "post-copy",
        engine: as_outcome(&metrics, expected.push_and_demand_order.clone()),
        reference: expected,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn engine_and_reference_agree(case in case()) {
        for pair in case.run() {
            prop_assert_eq!(pair.engine, pair.reference, "{}", pair.strategy);
        }
    }

    #[test]
    fn engine_and_reference_agree_on_a_vm_that_is_partly_there(
        case in case(),
        picks in prop::collection::vec(any::<bool>(), 1..40),
        all in prop::bool::weighted(0.1),
    ) {
        let pair = run_with_pages_in_place(&case, |page| all || picks[page as usize % picks.len()]);
        prop_assert_eq!(pair.engine, pair.reference);
    }

    /// Whoever watches page after page sees what is computed in runs.
    #[test]
    fn watching_changes_nothing(case in case()) {
        assert_watching_changes_nothing(&case)?;
    }

    #[test]
    fn settings_of_rows_read_as_the_same(case in case()) {
        // Rows hold whole nanoseconds, as scenarios' files do: once through them, nothing is lost any more.
        let again = |settings: &toml::Table| {
            let source = ScenarioSource::from_text("row", &settings.to_string());
            source.and_then(|source| source.scenario())
        };
        let written = case.scenario.settings();
        let scenario = again(&written).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(scenario.settings(), written);
    }

    /// What a stall is made of adds up to it, for every strategy.
    #[test]
    fn explanations_add_up(mut case in case()) {
        let trace = case.trace();
        let registry = Registry::standard();
        // A given plan needs a file.
        let entries = || registry.entries().iter().filter(|entry| entry.name != plan::ENTRY.name);
        case.scenario.migration.strategies = entries().map(|entry| entry.name.to_owned()).collect();
        let runs = match compare(&case.scenario, &trace, &registry) {
            Err(error) if is_too_short(&error) => return Ok(()),
            runs => runs.expect("a sound case"),
        };
        for (run, entry) in runs.iter().zip(entries()) {
            let explained = explain(&case.scenario, &trace, entry).expect("a sound case").total();
            let metrics = &run.metrics;
            prop_assert_eq!(
                (explained.parts.total(), explained.count, explained.network),
                (metrics.stall, metrics.page_faults, metrics.network_faults),
                "{}",
                run.strategy
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn engine_and_reference_agree_on_a_large_vm(case in large_case()) {
        for pair in case.run() {
            prop_assert_eq!(pair.engine, pair.reference, "{}", pair.strategy);
        }
    }

    #[test]
    fn watching_a_large_vm_changes_nothing(case in large_case()) {
        assert_watching_changes_nothing(&case)?;
    }
}

fn assert_watching_changes_nothing(case: &Case) -> Result<(), TestCaseError> {
    let trace = case.trace();
    let registry = Registry::standard();
    let mut scenario = case.scenario.clone();
    let entries = registry.entries().iter();
    let entries = entries.filter(|entry| entry.name != plan::ENTRY.name);
    let names = entries.map(|entry| entry.name.to_owned());
    scenario.migration.strategies = names.collect();
    let runs = match compare(&scenario, &trace, &registry) {
        Err(error) if is_too_short(&error) => {
            return Err(TestCaseError::reject("the trace is too short"));
        }
        runs => runs.expect("a sound case"),
    };
    for run in runs {
        let watched = observe(
            &scenario,
            &trace,
            &registry,
            run.strategy,
            &mut Samples::new(),
        )
        .expect("a sound case");
        prop_assert_eq!(run.metrics, watched.run.metrics, "{}", run.strategy);
    }
    Ok(())
}
