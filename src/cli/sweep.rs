//! `migsim sweep`: a scenario's strategies on every point of a grid.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::notes::Notes;
use super::output::check_outputs;
use super::progress::Points;
use crate::file::stream;
use crate::message::say;
use crate::run::sweep::{self, Failed, PointResult, RowFile, Shard, Sweep, header_line, rows};
use crate::scenario::ScenarioSource;
use crate::strategy::Registry;

/// Run the strategies on every point of a scenario's [sweep]
///
/// Rows come in the order of the grid, the last axis fastest, whatever the number of threads. A point that fails has
/// its error in the column `error`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct SweepArgs {
    #[command(subcommand)]
    command: Option<Command>,

    // Clap asks for it unless there is a subcommand.
    #[command(flatten)]
    grid: Option<GridArgs>,

    /// Write to this file instead of standard output; until all is done to FILE.partial, a batch of rows at a time
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Go on where an earlier sweep to the same file was stopped
    #[arg(long, requires = "out")]
    resume: bool,

    /// Run only the I-th of N contiguous parts of the grid, counted from 1, for `migsim sweep merge`
    /// [default: in a Slurm job array of all ids from 1 to N, the task's]
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// Number of threads [default: one per processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,

    /// Only print the grid: each point with its parameters
    #[arg(long, conflicts_with_all = ["out", "resume"])]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct GridArgs {
    /// Scenario file (TOML) with a [sweep]
    scenario: PathBuf,

    /// Set one key of the scenario, such as link.bandwidth="200 Mbit/s", or the values of one of its axes, such as
    /// link.bandwidth='["200 Mbit/s", "1 Gbit/s"]'
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Put the files of all shards together, to the file that the whole sweep would have written
    Merge {
        /// File to write
        out: PathBuf,
        /// Files of the shards, in any order
        #[arg(required = true)]
        shards: Vec<PathBuf>,
    },
    /// List the shards that are missing or incomplete; exit status 1 if there are any
    Missing {
        #[command(flatten)]
        grid: GridArgs,
        /// Files of the shards, finished or partial
        #[arg(required = true)]
        shards: Vec<PathBuf>,
    },
}

pub(super) fn run(arguments: SweepArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    match (&arguments.command, &arguments.grid) {
        (Some(Command::Merge { out, shards }), _) => {
            check_outputs(shards.iter().map(PathBuf::as_path), [out.as_path()])?;
            check_is_csv(Some(out))?;
            say_failed(sweep::merge(out, shards)?);
            Ok(ExitCode::SUCCESS)
        }
        (Some(Command::Missing { grid, shards }), _) => missing(&grid.load(registry)?, shards),
        (None, Some(grid)) => {
            let sweep = grid.load(registry)?;
            let shard = match arguments.shard {
                Some(shard) => shard,
                None => shard_of_job()?,
            };
            check_outputs(sweep.files(), arguments.out.as_deref())?;
            check_is_csv(arguments.out.as_deref())?;
            if arguments.dry_run {
                dry_run(&sweep, shard)
            } else {
                execute(&arguments, &sweep, shard)
            }
        }
        (None, None) => bail!("expected a scenario"),
    }
}

impl GridArgs {
    fn load(&self, registry: &Registry) -> anyhow::Result<Sweep> {
        let mut source = ScenarioSource::open(&self.scenario)?;
        let scenario = self.scenario.display();
        if source.axes().is_empty() {
            bail!(
                "{scenario}: expected a section [sweep] with at least one axis, such as \"link.bandwidth\" = [\"200 Mbit/s\", \"1 Gbit/s\"]"
            );
        }
        for assignment in &self.settings {
            source.set_beside_axes(assignment)?;
        }
        Ok(Sweep::new(source, registry.clone())?)
    }
}

/// Endings of names for what a sweep does not write.
const OTHER_FORMATS: [&str; 17] = [
    "json", "jsonl", "ndjson", "parquet", "arrow", "feather", "tsv", "xlsx", "html", "svg", "png",
    "pdf", "gz", "zst", "xz", "lz4", "zip",
];

/// Refuses a name that promises another format: rows are appended as they come.
fn check_is_csv(out: Option<&Path>) -> anyhow::Result<()> {
    let is_other = |ending: &str| {
        OTHER_FORMATS
            .iter()
            .any(|other| ending.eq_ignore_ascii_case(other))
    };
    if out == Some(Path::new("-")) {
        bail!("-: expected a file's name; without one rows go to standard output");
    }
    let ending = out.and_then(Path::extension).and_then(OsStr::to_str);
    if let (Some(path), Some(_)) = (out, ending.filter(|ending| is_other(ending))) {
        bail!(
            "{}: expected a name for CSV, which a sweep writes",
            path.display()
        );
    }
    Ok(())
}

fn shard_of_job() -> anyhow::Result<Shard> {
    let shard = Shard::from_slurm(|name| std::env::var(name).ok())?;
    if let Some(shard) = shard {
        say!("migsim: shard {shard}, from SLURM_ARRAY_TASK_ID");
    }
    Ok(shard.unwrap_or(Shard::WHOLE))
}

fn dry_run(sweep: &Sweep, shard: Shard) -> anyhow::Result<ExitCode> {
    let points = shard.range(sweep.points());
    say!(
        "migsim: {} points × {} strategies",
        points.len(),
        sweep.strategies().len()
    );
    let mut writer = csv::Writer::from_writer(io::stdout().lock());
    let axes = sweep.axes().iter().map(sweep::Axis::column);
    writer
        .write_record(std::iter::once("point".to_owned()).chain(axes))
        .map_err(io::Error::from)?;
    for point in points {
        let cells = sweep.parameters(point);
        let cells = cells.iter().map(|value| value.cell.clone());
        writer
            .write_record(std::iter::once(point.to_string()).chain(cells))
            .map_err(io::Error::from)?;
    }
    writer.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn execute(arguments: &SweepArgs, sweep: &Sweep, shard: Shard) -> anyhow::Result<ExitCode> {
    let jobs = threads(arguments.jobs);
    let points = shard.range(sweep.points());
    let mut sink = match &arguments.out {
        Some(out) => {
            match stream(out).with_context(|| format!("cannot write {}", out.display()))? {
                // Nothing stays there, so that nothing can be resumed.
                Some(_) if arguments.resume => bail!(
                    "{}: expected a file to resume, found a device or a pipe",
                    out.display()
                ),
                Some(stream) => Sink::begin(sweep, shard, Box::new(stream))?,
                None => {
                    if arguments.resume
                        && let Some(failed) = sweep::failed_if_finished(out, sweep, shard)?
                    {
                        say_finished(out, failed);
                        return Ok(ExitCode::SUCCESS);
                    }
                    Sink::File(RowFile::open(out, sweep, shard, arguments.resume)?)
                }
            }
        }
        None => Sink::begin(sweep, shard, Box::new(io::stdout()))?,
    };
    let first = points.start + sink.done();
    let mut progress = Points::new(points.len(), sink.done());
    let (mut failed, mut idle) = (0, 0);
    let (mut any_run, mut first_problem) = (false, None);
    let mut notes = Notes::default();
    sweep
        .run(first..points.end, jobs, |results| {
            sink.append(sweep, &results)?;
            for run in results.iter().flat_map(|result| &result.runs) {
                any_run |= run.is_ok();
                first_problem = first_problem.take().or(run.as_ref().err().cloned());
            }
            failed += results
                .iter()
                .filter(|result| result.runs.iter().any(Result::is_err))
                .count();
            let meets_none = |result: &&PointResult| {
                let mut runs = result.runs.iter().flatten().peekable();
                runs.peek().is_some() && runs.all(|run| run.meets_no_access)
            };
            idle += results.iter().filter(meets_none).count();
            notes.take(&results);
            progress.advance(results.len());
            anyhow::Ok(())
        })
        .map_err(|error| match error {
            sweep::RunError::Delivery(error) => error,
            error => anyhow::anyhow!("{error:#}"),
        })?;
    progress.finish();
    if let Some(problem) = first_problem.filter(|_| !any_run && first == points.start) {
        sink.discard()?;
        bail!("every run failed, the first with: {problem}");
    }
    sink.finish()?;
    notes.say();
    let run = points.end - first;
    if idle > 0 {
        say!(
            "migsim: in {idle} of {run} points the guest accesses no page from its resume to the migration's end: \
             faults say nothing there"
        );
    }
    if failed > 0 {
        say!("migsim: {failed} of {run} points failed; the column `error` says why");
    }
    if failed > 0 && failed == run {
        bail!("a run failed at every point");
    }
    Ok(ExitCode::SUCCESS)
}

fn say_finished(out: &Path, failed: usize) {
    say!("migsim: {} is complete already", out.display());
    if failed > 0 {
        say!(
            "migsim: {failed} of its rows are of failed runs; without the file, or to another one, all points run again"
        );
    }
}

fn say_failed(Failed { failed, rows }: Failed) {
    if failed > 0 {
        say!("migsim: {failed} of {rows} rows are of failed runs; the column `error` says why");
    }
}

/// As many as were asked for, or one per processor.
pub(super) fn threads(jobs: Option<u16>) -> usize {
    jobs.map_or_else(
        || thread::available_parallelism().map_or(1, Into::into),
        usize::from,
    )
}

/// Where rows go.
enum Sink {
    File(RowFile),
    /// Standard output, a device or a pipe.
    Stream(Box<dyn Write>),
}

impl Sink {
    fn begin(sweep: &Sweep, shard: Shard, mut out: Box<dyn Write>) -> io::Result<Self> {
        // A shard says which it is wherever it goes.
        if shard.count() > 1 {
            out.write_all(sweep.manifest(shard).line().as_bytes())?;
        }
        out.write_all(&header_line(sweep))?;
        out.flush()?;
        Ok(Sink::Stream(out))
    }

    fn done(&self) -> usize {
        match self {
            Sink::File(file) => file.done(),
            Sink::Stream(_) => 0,
        }
    }

    fn append(&mut self, sweep: &Sweep, results: &[PointResult]) -> anyhow::Result<()> {
        match self {
            Sink::File(file) => Ok(file.append(sweep, results)?),
            Sink::Stream(out) => {
                out.write_all(&rows(sweep, results))?;
                Ok(out.flush()?)
            }
        }
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Sink::File(file) => Ok(file.finish()?),
            Sink::Stream(_) => Ok(()),
        }
    }

    /// A file that is there from before is worth more than the rows.
    fn discard(self) -> anyhow::Result<()> {
        match self {
            Sink::File(file) => Ok(file.discard()?),
            Sink::Stream(_) => Ok(()),
        }
    }
}

fn missing(sweep: &Sweep, files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let mut there = Vec::with_capacity(files.len());
    for file in files {
        let partial = sweep::partial(file);
        if file.exists() {
            there.push(file.clone());
        } else if partial.exists() {
            there.push(partial);
        } else {
            say!("migsim: {}: no such file", file.display());
        }
    }
    let (coverage, failed) = sweep::coverage(sweep, &there)?;
    say_failed(failed);
    let missing: Vec<_> = coverage
        .iter()
        .filter(|coverage| !coverage.is_complete())
        .collect();
    let mut out = io::stdout().lock();
    writeln!(out, "shard,state,first_point,end_point").context("standard output")?;
    for coverage in &missing {
        let state = if coverage.done.is_some() {
            "incomplete"
        } else {
            "missing"
        };
        writeln!(
            out,
            "{},{state},{},{}",
            coverage.shard,
            coverage.points.start + coverage.done.unwrap_or(0),
            coverage.points.end
        )?;
    }
    out.flush()?;
    let Some(first) = missing.first() else {
        return Ok(ExitCode::SUCCESS);
    };
    let indices = missing.iter().map(|coverage| coverage.shard.index());
    say!(
        "migsim: a Slurm job runs them with --array={} and --shard $SLURM_ARRAY_TASK_ID/{} --resume",
        sweep::array(indices),
        first.shard.count()
    );
    Ok(ExitCode::FAILURE)
}
