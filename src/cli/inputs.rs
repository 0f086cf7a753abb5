//! What `compare` and `run` are given: a scenario, single keys of it, and a trace.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, ensure};
use clap::Args;

use super::idle_keys;
use super::output::check_outputs;
use crate::guest::replay::Replay;
use crate::message::say;
use crate::run::compare::Run;
use crate::run::notes::{end_note, start_note};
use crate::run::row::Provenance;
use crate::scenario::{FitError, Scenario, ScenarioSource};
use crate::strategy::Registry;
use crate::trace::Trace;

#[derive(Debug, Args)]
pub(super) struct InputArgs {
    /// Scenario file (TOML); without one the built-in scenario
    scenario: Option<PathBuf>,

    /// Trace to replay, instead of the scenario's
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Set one key of the scenario, such as link.bandwidth="200 Mbit/s"
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// What a run needs.
pub(super) struct Inputs {
    pub(super) scenario: Scenario,
    pub(super) trace: Trace,
    pub(super) provenance: Provenance,
    /// Files that were read.
    pub(super) files: Vec<PathBuf>,
}

impl Inputs {
    /// Refuses outputs that would take the place of an input or of each other.
    pub(super) fn check_outputs<'a>(
        &'a self,
        outputs: impl IntoIterator<Item = &'a Path>,
    ) -> anyhow::Result<()> {
        let outputs: Vec<&Path> = outputs.into_iter().collect();
        ensure!(
            !outputs.contains(&Path::new("-")),
            "-: expected a file's name; to standard output goes the result alone, without --out"
        );
        check_outputs(self.files.iter().map(PathBuf::as_path), outputs)
    }
}

/// Says so where no strategy's migration meets an access.
pub(super) fn say_if_idle(runs: &[Run]) {
    if !runs.is_empty() && runs.iter().all(|run| run.meets_no_access) {
        say!(
            "migsim: the guest accesses no page from its resume to the migration's end: faults say nothing here. \
             trace.start may lie where the trace has no accesses (`migsim trace info`)"
        );
    }
}

/// Says so where the VM is still on the source when its trace has ended.
pub(super) fn say_if_ended(replay: &Replay<'_>, runs: &[Run]) {
    if let Some(note) = end_note(replay, runs) {
        say!("migsim: {note}");
    }
}

impl InputArgs {
    /// Reads everything; `strategies` override the scenario's.
    pub(super) fn load(
        &self,
        strategies: Option<&[String]>,
        registry: &Registry,
    ) -> anyhow::Result<Inputs> {
        let mut source = match &self.scenario {
            Some(path) => ScenarioSource::open(path)?,
            None => ScenarioSource::embedded(),
        };
        if !source.axes().is_empty() {
            say!("migsim: the scenario's [sweep] is left out here; `migsim sweep` runs it");
        }
        for assignment in &self.settings {
            source.set(assignment)?;
        }
        let mut scenario = source.scenario_for(registry)?;
        if let Some(strategies) = strategies {
            for name in strategies {
                registry.get(name)?;
            }
            scenario.migration.strategies = strategies.to_vec();
            let sound = scenario.migration.check();
            sound.map_err(|wrong| anyhow!("--strategies: {}", wrong.expected))?;
        }
        idle_keys::say_idle_keys(&source, &scenario, registry)?;
        if let Some(file) = &self.trace {
            scenario.trace.file = Some(file.clone());
            scenario.trace.workload = None;
        }
        let trace = scenario.open_trace()?;
        let unfit = |error: FitError| source.key_error(error.key, error.problem);
        scenario.replay(&trace).map_err(unfit)?;
        if let Some(note) = start_note(&scenario, &trace).map_err(unfit)? {
            say!("migsim: {note}");
        }
        let provenance = Provenance::of(source.name(), &scenario).with_trace(&scenario, &trace);
        let files = source.files().iter().map(PathBuf::as_path);
        Ok(Inputs {
            files: files.chain(scenario.files()).map(Path::to_owned).collect(),
            scenario,
            trace,
            provenance,
        })
    }
}
