//! `migsim validate`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::output::OutputArgs;
use super::progress;
use crate::report::file::write_whole;
use crate::report::plot::{png, svg};
use crate::report::validation::{rows, scatter, table};
use crate::scenario::{Scenario, ScenarioSource};
use crate::strategy::Registry;
use crate::validation::{Quantity, Verdict, read, validate};

/// Hold predictions against measured QEMU migrations
///
/// REFERENCE.csv has a row per real migration, as traces/migrate writes them. Every setting in it is simulated once, with one
/// scenario for all, and held against the median of its repetitions. An error inside the repetitions' range counts as 0 in
/// the sums. The switch position in the traces is the scenario's trace.start for all strategies: the simulation of one that
/// records begins its record window earlier, and the window is not in its total time, as it is not in QEMU's.
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// What was measured
    #[arg(value_name = "REFERENCE.csv")]
    reference: PathBuf,

    /// The scenario that mirrors QEMU; its trace.start is the switch position [default: scenarios/qemu.toml, built in]
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// Where WORKLOAD.mtrace are [default: beside the reference]
    #[arg(long, value_name = "DIR")]
    traces: Option<PathBuf>,

    /// Workloads that the scenario was calibrated on, for errors apart from the others'
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    calibrated: Vec<String>,

    /// Set one key of the scenario, such as destination.wake="50 us"
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// Also draw predicted against measured, as SVG and PNG, into this directory
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(arguments: ValidateArgs) -> Result<ExitCode> {
    let scenario = scenario(&arguments)?;
    let registry = Registry::standard();
    let groups = read(&arguments.reference, &registry)?;
    for name in &arguments.calibrated {
        let known = groups.iter().any(|group| group.setting.workload == *name);
        ensure!(
            known,
            "--calibrated {name}: no such workload in {}",
            arguments.reference.display()
        );
    }
    let beside = arguments.reference.parent().unwrap_or(Path::new(""));
    let traces = arguments.traces.as_deref().unwrap_or(beside);
    let verdicts = progress::while_working("simulating", || {
        validate(&groups, &scenario, traces, &registry)
    })?;
    if let Some(directory) = &arguments.plots {
        draw(&verdicts, &arguments.calibrated, directory)?;
    }
    arguments
        .output
        .write(&rows(&verdicts, &arguments.calibrated), |styled| {
            table(&verdicts, &arguments.calibrated, styled)
        })?;
    Ok(ExitCode::SUCCESS)
}

fn scenario(arguments: &ValidateArgs) -> Result<Scenario> {
    let mut source = match &arguments.scenario {
        Some(path) => ScenarioSource::open(path)?,
        None => ScenarioSource::from_text("qemu", include_str!("../../scenarios/qemu.toml"))?,
    };
    for assignment in &arguments.settings {
        source.set(assignment)?;
    }
    Ok(source.scenario()?)
}

fn draw(verdicts: &[Verdict], calibrated: &[String], directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    for quantity in Quantity::ALL {
        let Some(plot) = scatter(verdicts, calibrated, quantity) else {
            continue;
        };
        let svg = svg(&plot)?;
        let png = png(&svg)?;
        let name = quantity.description().replace(' ', "-");
        for (ending, bytes) in [("svg", svg.as_bytes()), ("png", &png)] {
            let path = directory.join(format!("{name}.{ending}"));
            write_whole(&path, |file| file.write_all(bytes))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}
