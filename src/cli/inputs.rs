//! What `compare` and `run` are given: a scenario, single keys of it, and a trace.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::report::Provenance;
use crate::scenario::{Scenario, ScenarioSource};
use crate::time::SimTime;
use crate::trace::Trace;
use crate::trace::synthetic::Workload;

/// The recording inside the program: the default for a newcomer's first run.
static EMBEDDED_TRACE: &[u8] = include_bytes!("../../traces/qemu-sort.mtrace");
const EMBEDDED_NAME: &str = "qemu-sort";

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
}

impl InputArgs {
    /// Reads everything; `strategies` override the scenario's.
    pub(super) fn load(&self, strategies: Option<&[String]>) -> anyhow::Result<Inputs> {
        let mut source = match &self.scenario {
            Some(path) => ScenarioSource::open(path)?,
            None => ScenarioSource::embedded(),
        };
        for assignment in &self.settings {
            source.set(assignment)?;
        }
        let mut scenario = source.scenario()?;
        if let Some(strategies) = strategies {
            scenario.migration.strategies = strategies.to_vec();
        }
        if let Some(file) = &self.trace {
            scenario.trace.file = Some(file.clone());
            scenario.trace.workload = None;
        }
        let trace = load_trace(&scenario)?;
        let used = crate::comparison::start(&scenario.trace, &trace)?;
        if SimTime::from_ns(used) != scenario.trace.start {
            eprintln!(
                "migsim: trace.start is taken as {}: the trace is exact only every {}",
                SimTime::from_ns(used),
                SimTime::from_ns(trace.header().compaction_ns)
            );
        }
        let provenance = Provenance {
            scenario: source.name().to_owned(),
            trace: trace.name().to_owned(),
            trace_hash: trace.content_hash().to_owned(),
            seed: scenario.trace.workload.as_ref().map(Workload::seed),
        };
        Ok(Inputs {
            scenario,
            trace,
            provenance,
        })
    }
}

fn load_trace(scenario: &Scenario) -> anyhow::Result<Trace> {
    if let Some(file) = &scenario.trace.file {
        return Ok(Trace::open(file)?);
    }
    if let Some(workload) = &scenario.trace.workload {
        let memory = scenario.vm.memory.map_or(256 << 20, |size| size.0);
        let page_size = scenario.vm.page_size.map_or(4_096, |size| size.0);
        return workload
            .generate(memory, page_size)
            .context("trace.workload");
    }
    Ok(Trace::from_bytes(EMBEDDED_NAME, EMBEDDED_TRACE.into())?)
}
