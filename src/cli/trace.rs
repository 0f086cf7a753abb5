//! `migsim trace`: import, export, generate, cut, look at and check traces.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};

use super::output::check_outputs;
use crate::file::write_whole;
use crate::scenario::value_of;
use crate::trace::export::rows;
use crate::trace::slice::Slice;
use crate::trace::synthetic::Workload;
use crate::trace::{Trace, check};
use crate::units::Bytes;
use crate::units::SimTime;

mod addresses;
mod export;
mod import;
mod info;
mod line;
mod plot;
mod progress;

mod workload;

/// Import, look at, check, cut, generate and export traces
#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Turn a recording of another format into a trace
    Import(import::ImportArgs),
    /// Show what a trace holds
    Info(info::InfoArgs),
    /// Show the first records as CSV
    Head {
        /// The trace
        trace: PathBuf,
        /// Number of records
        #[arg(short, long, value_name = "N", default_value_t = 10)]
        number: usize,
    },
    /// Decode a whole trace and name the invariants that hold
    Check {
        /// The trace
        trace: PathBuf,
    },
    /// Cut a part out of a trace
    Slice(SliceArgs),
    /// Turn a trace into another format
    Export(export::ExportArgs),
    /// Generate the trace of a synthetic workload
    Generate(GenerateArgs),
    /// Make a scenario's workload from a measured dirty rate
    Workload(workload::WorkloadArgs),
}

#[derive(Debug, Args)]
struct SliceArgs {
    /// Where the part begins
    #[arg(long, value_name = "TIME", default_value = "0")]
    from: SimTime,
    /// Where it ends [default: where the trace does]
    #[arg(long, value_name = "TIME")]
    to: Option<SimTime>,
    /// vCPUs that stay, separated by commas; they are numbered anew [default: all]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    vcpus: Option<Vec<u16>>,
    /// The trace
    trace: PathBuf,
    /// The trace to write
    #[arg(value_name = "OUT")]
    output: PathBuf,
}

#[derive(Debug, Args)]
struct GenerateArgs {
    /// How pages are chosen: sequential, strided, uniform, zipf, phased or mixture
    #[arg(long)]
    kind: String,
    /// Another parameter of the workload, such as `seed=7` or `working_set="64 MiB"`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Memory of the VM
    #[arg(long, value_name = "SIZE", default_value = "256 MiB")]
    memory: Bytes,
    /// Size of a page
    #[arg(long, value_name = "SIZE", default_value = "4 KiB")]
    page_size: Bytes,
    /// The trace to write
    #[arg(value_name = "OUT")]
    output: PathBuf,
}

/// Runs `migsim trace`.
///
/// # Errors
/// An unreadable, invalid or unwritable file. A closed standard output is an [`io::Error`] in the error's chain.
pub(super) fn run(args: TraceArgs) -> Result<ExitCode> {
    match args.command {
        Command::Import(args) => import::run(&args)?,
        Command::Info(args) => writeln!(io::stdout(), "{}", info::run(&args)?)?,
        Command::Head { trace, number } => {
            rows(
                &Trace::open(&trace)?,
                number,
                BufWriter::new(io::stdout().lock()),
            )?;
        }
        Command::Check { trace } => {
            for invariant in check::check(&Trace::open(&trace)?)? {
                let mark = if invariant.holds { "ok" } else { "note" };
                writeln!(io::stdout(), "{mark}: {}", invariant.text)?;
            }
        }
        Command::Slice(args) => slice(&args)?,
        Command::Export(args) => export::run(&args)?,
        Command::Generate(args) => generate(&args)?,
        Command::Workload(args) => workload::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn slice(args: &SliceArgs) -> Result<()> {
    check_named(&args.output)?;
    check_outputs([args.trace.as_path()], [args.output.as_path()])?;
    let trace = Trace::open(&args.trace)?;
    let slice = Slice {
        from_ns: whole_ns("--from", args.from)?,
        to_ns: match args.to {
            Some(to) => whole_ns("--to", to)?,
            None => trace.duration_ns(),
        },
        vcpus: args.vcpus.clone(),
    };
    write_file(&args.output, |out| Ok(slice.write(&trace, out)?))?;
    line::say_line(&args.output)
}

fn whole_ns(argument: &str, time: SimTime) -> Result<u64> {
    let ps = time.as_ps();
    ensure!(
        ps.is_multiple_of(1_000),
        "{argument}: expected whole nanoseconds"
    );
    Ok(ps / 1_000)
}

fn generate(args: &GenerateArgs) -> Result<()> {
    check_named(&args.output)?;
    // As for a file that is kept, but the speed counts more than the last few per cent.
    const LEVEL: i32 = 9;
    let mut parameters = toml::Table::new();
    parameters.insert("kind".to_owned(), args.kind.clone().into());
    for setting in &args.set {
        let (key, value) = setting
            .split_once('=')
            .with_context(|| format!("--set {setting}: expected KEY=VALUE"))?;
        ensure!(
            key.trim() != "kind",
            "--set {setting}: expected another key, as --kind says this"
        );
        let digits = value.trim().bytes().all(|byte| byte.is_ascii_digit());
        let value = value_of(value.trim());
        ensure!(
            !digits || !value.is_str() || value.as_str() == Some(""),
            "--set {setting}: expected an integer of at most {}, as TOML has them",
            i64::MAX
        );
        parameters.insert(key.trim().to_owned(), value);
    }
    let workload: Workload = parameters.try_into().context("workload")?;
    write_file(&args.output, |out| {
        workload.write(args.memory.0, args.page_size.0, out, LEVEL)?;
        Ok(())
    })?;
    line::say_line(&args.output)
}

/// Refuses `-`: a trace that is written is read again, to say what it holds.
fn check_named(path: &Path) -> Result<()> {
    ensure!(
        path != Path::new("-"),
        "-: expected a file's name: this is not written to standard output"
    );
    Ok(())
}

/// Writes a file that appears whole or not at all.
fn write_file(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
) -> Result<()> {
    write_whole::<anyhow::Error>(path, |file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        Ok(out.flush()?)
    })
    .with_context(|| format!("{} not written", path.display()))
}
