//! The command line: raw arguments become a validated scenario and trace, and the library does the rest.

mod calibrate;
mod check;
mod compare;
mod completions;
mod explain;
mod figures;
mod idle_keys;
mod inputs;
mod man;
mod metrics;
mod notes;
mod output;
mod plan;
mod plot;
mod progress;
mod reference;
mod run;
mod scenario;
mod strategies;
mod sweep;
mod trace;
mod validate;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::message::say;
use crate::strategy::Registry;

/// Simulate VM live migration, page by page.
///
/// migsim replays recorded memory-access traces and compares post-copy, pre-record and pre-record + PDoPMP (a
/// reconstruction from the paper's abstract) on page faults, stalls, downtime and total migration time.
#[derive(Debug, Parser)]
#[command(name = "migsim", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Compare(compare::CompareArgs),
    Run(run::RunArgs),
    Explain(explain::ExplainArgs),
    Sweep(sweep::SweepArgs),
    Check(check::CheckArgs),
    Figures(figures::FiguresArgs),
    Plan(plan::PlanArgs),
    Plot(plot::PlotArgs),
    Scenario(scenario::ScenarioArgs),
    Reference(reference::ReferenceArgs),
    Validate(validate::ValidateArgs),
    Calibrate(calibrate::CalibrateArgs),
    Trace(trace::TraceArgs),
    Strategies(strategies::StrategiesArgs),
    Metrics(metrics::MetricsArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// What the help ends with.
const AFTER_HELP: &str = "\
Examples:
  migsim compare --set link.bandwidth=\"200 Mbit/s\"
  migsim compare --trace guest.mtrace --strategies post-copy,pre-record --out rows.csv
  migsim run --strategy pre-copy --timeline course.json
  migsim sweep scenarios/sweep-bandwidth.toml --out rows.csv
  migsim plot rows.csv --x link.bandwidth_bits_per_s --y stall_s,network_faults --out stall.svg
  migsim trace import --from csv accesses.csv guest.mtrace

Exit status:
  0  fine
  1  a regression, or a claim or goal that does not hold
  2  a wrong argument, scenario or file; the message names the place and what was expected";

/// Something is wrong with what the user gave: usage, configuration or files.
const EXIT_INVALID: u8 = 2;

/// Runs the command that the process's arguments name. Errors go to standard error.
pub fn main() -> ExitCode {
    main_with(Registry::standard())
}

/// The same with strategies of one's own: all commands know those of `registry`.
pub fn main_with(registry: Registry) -> ExitCode {
    crate::file::clean_up_on_signals();
    let cli = Cli::parse();
    let result = match cli.command {
        None => {
            let printed = Cli::command().print_help();
            printed.map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        Some(Command::Compare(arguments)) => compare::run(arguments, &registry),
        Some(Command::Run(arguments)) => run::run(arguments, &registry),
        Some(Command::Explain(arguments)) => explain::run(arguments, &registry),
        Some(Command::Sweep(arguments)) => sweep::run(arguments, &registry),
        Some(Command::Check(arguments)) => check::run(arguments, &registry),
        Some(Command::Figures(arguments)) => figures::run(arguments),
        Some(Command::Plot(arguments)) => plot::run(arguments),
        Some(Command::Plan(arguments)) => plan::run(arguments, &registry),
        Some(Command::Scenario(arguments)) => scenario::run(arguments, &registry),
        Some(Command::Reference(arguments)) => reference::run(&arguments, &registry),
        Some(Command::Validate(arguments)) => validate::run(arguments, &registry),
        Some(Command::Calibrate(arguments)) => calibrate::run(arguments, &registry),
        Some(Command::Trace(arguments)) => trace::run(arguments),
        Some(Command::Strategies(arguments)) => strategies::run(arguments, &registry),
        Some(Command::Metrics(arguments)) => metrics::run(arguments),
        Some(Command::Man(arguments)) => man::run(arguments, Cli::command()),
        Some(Command::Completions(arguments)) => {
            completions::run(arguments, &registry, Cli::command())
        }
    };
    result.unwrap_or_else(|error| {
        if output::is_closed_pipe(&error) {
            return ExitCode::SUCCESS;
        }
        say!("migsim: {error:#}");
        ExitCode::from(EXIT_INVALID)
    })
}
