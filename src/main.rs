//! The `migsim` command.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use migsim::cli::trace::{TraceArgs, run};

#[derive(Parser)]
#[command(version, about)]
enum Cli {
    /// Work with memory-access traces
    Trace(TraceArgs),
}

fn main() -> ExitCode {
    let Cli::Trace(args) = Cli::parse();
    run(args).unwrap_or_else(|error| {
        let closed = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
        if error
            .chain()
            .any(|cause| cause.downcast_ref().is_some_and(closed))
        {
            return ExitCode::SUCCESS;
        }
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}
