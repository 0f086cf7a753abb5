//! `migsim trace`: import, export, generate, look at and check traces.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand, ValueEnum};

use crate::time::SimTime;
use crate::trace::import::{self, ImportOptions, Input};
use crate::trace::synthetic::Workload;
use crate::trace::{Trace, export};
use crate::units::Bytes;

mod info;
mod progress;

/// Arguments of `migsim trace`.
#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Turn a recording of another format into a trace
    Import(ImportArgs),
    /// Show what a trace holds
    Info {
        /// The trace
        trace: PathBuf,
        /// How to show it
        #[arg(long, value_enum, default_value_t = InfoFormat::Table)]
        format: InfoFormat,
    },
    /// Show the first records as CSV
    Head {
        /// The trace
        trace: PathBuf,
        /// Number of records
        #[arg(short, long, value_name = "N", default_value_t = 10)]
        number: usize,
    },
    /// Decode a whole trace and compare it with its checksums and content hash
    Check {
        /// The trace
        trace: PathBuf,
    },
    /// Turn a trace into another format
    Export(ExportArgs),
    /// Generate the trace of a synthetic workload
    Generate(GenerateArgs),
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// Format of the recording
    #[arg(long, value_enum)]
    from: Format,
    /// Pages of the VM [default: up to the highest that the recording names]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pages: Option<u32>,
    /// Size of a page
    #[arg(long, value_name = "SIZE", default_value = "4 KiB")]
    page_size: Bytes,
    /// Pages that were all zero at the start, as `first_page,page_count` rows
    #[arg(long, value_name = "FILE")]
    zero_pages: Option<PathBuf>,
    /// Epoch in which the recorder kept only the first access and the first write of a page; 0 if it kept all
    #[arg(long, value_name = "TIME", default_value = "0")]
    compaction: SimTime,
    /// Where the recording comes from, in words
    #[arg(long, value_name = "TEXT", default_value = "")]
    provenance: String,
    /// The recording: plain, zstd or gzip; `-` for standard input
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The trace to write
    #[arg(value_name = "OUT")]
    output: PathBuf,
}

#[derive(Debug, Args)]
struct ExportArgs {
    /// Format to write
    #[arg(long, value_enum)]
    to: Format,
    /// File for the zero pages, as `first_page,page_count` rows
    #[arg(long, value_name = "FILE")]
    zero_pages: Option<PathBuf>,
    /// The trace
    trace: PathBuf,
    /// The file to write; `-` for standard output
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

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// `time_ns,vcpu,page,op` rows
    Csv,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum InfoFormat {
    Table,
    Json,
}

/// Runs `migsim trace`.
///
/// # Errors
/// An unreadable, invalid or unwritable file. A closed standard output is an [`io::Error`] in the error's chain.
pub(super) fn run(args: TraceArgs) -> Result<ExitCode> {
    match args.command {
        Command::Import(args) => import(&args)?,
        Command::Info { trace, format } => {
            let trace = Trace::open(&trace)?;
            let text = match format {
                InfoFormat::Table => info::table(&trace)?,
                InfoFormat::Json => info::json(&trace)?,
            };
            writeln!(io::stdout(), "{text}")?;
        }
        Command::Head { trace, number } => {
            export::rows(
                &Trace::open(&trace)?,
                number,
                BufWriter::new(io::stdout().lock()),
            )?;
        }
        Command::Check { trace } => {
            Trace::open(&trace)?.verify()?;
            writeln!(io::stdout(), "ok")?;
        }
        Command::Export(args) => export(&args)?,
        Command::Generate(args) => generate(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn import(args: &ImportArgs) -> Result<()> {
    let compaction_ps = args.compaction.as_ps();
    ensure!(
        compaction_ps.is_multiple_of(1_000),
        "--compaction: expected whole nanoseconds"
    );
    let zero_runs = match &args.zero_pages {
        Some(path) => {
            let file =
                File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
            import::zero_pages(Input::new(path.display().to_string(), file)?)?
        }
        None => Vec::new(),
    };
    let options = ImportOptions {
        page_size: args.page_size.0,
        pages: args.pages,
        compaction_ns: compaction_ps / 1_000,
        zero_runs,
        provenance: args.provenance.clone(),
    };
    let input = open_recording(&args.input)?;
    write_renamed(&args.output, |out| match args.from {
        Format::Csv => Ok(import::csv(input, &options, out).map(|_| ())?),
    })?;
    eprintln!("{}", info::line(&Trace::open(&args.output)?));
    Ok(())
}

fn open_recording(path: &Path) -> Result<Input<'static>> {
    let (name, raw, length): (_, Box<dyn Read>, _) = if path == Path::new("-") {
        (
            "standard input".to_owned(),
            Box::new(io::stdin().lock()),
            None,
        )
    } else {
        let context = || format!("cannot open {}", path.display());
        let file = File::open(path).with_context(context)?;
        let metadata = file.metadata().with_context(context)?;
        let length = metadata.is_file().then_some(metadata.len());
        (path.display().to_string(), Box::new(file), length)
    };
    Ok(Input::new(name, progress::Progress::new(raw, length))?)
}

fn export(args: &ExportArgs) -> Result<()> {
    let trace = Trace::open(&args.trace)?;
    match args.to {
        Format::Csv if args.output == Path::new("-") => {
            export::csv(&trace, BufWriter::new(io::stdout().lock()))?;
        }
        Format::Csv => write_renamed(&args.output, |out| Ok(export::csv(&trace, out)?))?,
    }
    if let Some(path) = &args.zero_pages {
        write_renamed(path, |out| Ok(export::zero_pages(trace.zero_runs(), out)?))?;
    }
    Ok(())
}

fn generate(args: &GenerateArgs) -> Result<()> {
    // As for a file that is kept, but the speed counts more than the last few per cent.
    const LEVEL: i32 = 9;
    let mut parameters = toml::Table::new();
    parameters.insert("kind".to_owned(), args.kind.clone().into());
    for setting in &args.set {
        let (key, value) = setting
            .split_once('=')
            .with_context(|| format!("--set {setting}: expected KEY=VALUE"))?;
        // A text may come without its quotes, as a shell eats them.
        let value = toml::from_str(&format!("value = {value}"))
            .ok()
            .and_then(|mut table: toml::Table| table.remove("value"))
            .unwrap_or_else(|| value.trim().into());
        parameters.insert(key.trim().to_owned(), value);
    }
    let workload: Workload = parameters.try_into().context("workload")?;
    write_renamed(&args.output, |out| {
        workload.write(args.memory.0, args.page_size.0, out, LEVEL)?;
        Ok(())
    })?;
    eprintln!("{}", info::line(&Trace::open(&args.output)?));
    Ok(())
}

/// Writes a file under a temporary name beside it and renames it when it is whole.
fn write_renamed(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let context = || format!("{} not written", path.display());
    // A device or pipe is written to: a rename would replace it.
    if path.metadata().is_ok_and(|existing| !existing.is_file()) {
        let mut out = BufWriter::new(
            File::options()
                .write(true)
                .open(path)
                .with_context(context)?,
        );
        write(&mut out).with_context(context)?;
        return out.flush().with_context(context);
    }
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any other new file; the umask still applies.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut out = BufWriter::new(builder.tempfile_in(directory).with_context(context)?);
    write(&mut out).with_context(context)?;
    let file = out
        .into_inner()
        .map_err(io::IntoInnerError::into_error)
        .with_context(context)?;
    file.persist(path)
        .map_err(|error| error.error)
        .with_context(context)?;
    Ok(())
}
