//! `migsim figures`: the abstract's claims, as figures and verdicts.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::progress;
use super::sweep::threads;
use crate::figures::claims::{Judgement, Judgements, SENDERS, Tally, kept};
use crate::figures::{FIGURES, html, render};
use crate::file::{check_place, write_whole};
use crate::message::say;
use crate::plot;

/// Where the committed verdicts are.
const VERDICTS: &str = "results/verdicts.csv";

/// Make every figure, the rows behind it and the report; or only judge the claims
///
/// Simulates seven guests over slow and fast links, and writes figures/*.csv, *.svg, verdicts.csv and report.html;
/// *.png too where the program was built with the feature png. PDoPMP is a reconstruction from the abstract; no figure
/// or number is the paper's.
#[derive(Debug, Args)]
pub(super) struct FiguresArgs {
    /// Directory to write to
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,

    /// Write nothing; judge the claims C1 to C5, and exit with 1 if a verdict is another than the committed one
    #[arg(long, conflicts_with = "out")]
    check: bool,

    /// With --check: write the verdicts to results/verdicts.csv instead of comparing them
    #[arg(long, requires = "check", conflicts_with = "out")]
    bless: bool,

    /// Number of threads [default: one per processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

pub(super) fn run(arguments: FiguresArgs) -> anyhow::Result<ExitCode> {
    let jobs = threads(arguments.jobs);
    // Whatever cannot be written need not wait for the simulation.
    if arguments.bless {
        check_place(VERDICTS.as_ref()).with_context(|| format!("cannot write {VERDICTS}"))?;
    }
    let directory = arguments.out.join("figures");
    if !arguments.check {
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        for path in [
            directory.join("claims.csv"),
            arguments.out.join("report.html"),
        ] {
            check_place(&path).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    let judgements = progress::while_working("judging the claims", || Judgements::run(jobs))?;
    if arguments.bless {
        write(VERDICTS.as_ref(), kept::to_csv(&judgements).as_bytes())?;
        say!("migsim: {VERDICTS} has these verdicts now");
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.check {
        return check(&judgements);
    }
    write(&directory.join("claims.csv"), &judgements.guests.csv)?;
    if let Some(recorded) = &judgements.recorded {
        write(&directory.join("claims-recorded.csv"), &recorded.csv)?;
    }
    let mut figures = Vec::with_capacity(FIGURES.len());
    for figure in &FIGURES {
        if !figure.is_available() {
            say!(
                "migsim: {} left out: it needs the recordings in traces, and a checkout as the current directory",
                figure.name
            );
            continue;
        }
        let rendered = progress::while_working(figure.name, || render(figure, jobs))
            .with_context(|| figure.name)?;
        write(
            &directory.join(figure.name).with_extension("csv"),
            &rendered.csv,
        )?;
        let svg = directory.join(figure.name).with_extension("svg");
        for (path, bytes) in plot::files(&svg, &rendered.svg)? {
            write(&path, &bytes)?;
        }
        figures.push(rendered);
    }
    let verdicts = kept::to_csv(&judgements);
    write(&arguments.out.join("verdicts.csv"), verdicts.as_bytes())?;
    let page = html(&judgements, &figures);
    let report = arguments.out.join("report.html");
    write(&report, page.as_bytes())?;
    say!(
        "migsim: {} figures in {}, and {}",
        figures.len(),
        directory.display(),
        report.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_whole(path, |file| file.write_all(bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn check(judgements: &Judgements) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    say_verdicts(&mut out, "guests, means over positions", &judgements.guests)?;
    if let Some(recorded) = &judgements.recorded {
        say_verdicts(&mut out, "recordings, one position each", recorded)?;
    }
    let changes = kept::changes(kept::COMMITTED, judgements)
        .map_err(|problem| anyhow::anyhow!("{VERDICTS}: {problem}"))?;
    for change in &changes {
        writeln!(out, "{change}")?;
    }
    if changes.is_empty() {
        writeln!(out, "All verdicts are as committed.")?;
    }
    out.flush()?;
    if changes.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    say!(
        "migsim: {} verdicts changed; if that is intended, --check --bless makes them the committed ones",
        changes.len()
    );
    Ok(ExitCode::FAILURE)
}

fn say_verdicts(out: &mut impl Write, of: &str, judgement: &Judgement) -> io::Result<()> {
    writeln!(
        out,
        "{} cases of {of}: guest × W × network × sender × reading",
        judgement.cases.len()
    )?;
    for judged in &judgement.judged {
        let claim = judged.claim;
        writeln!(
            out,
            "\n{}, {}: {}",
            claim.id,
            judged.reading.name(),
            claim.statement
        )?;
        writeln!(out, "  all cases       {}", in_words(&judged.all))?;
        for sender in SENDERS {
            let tally = judgement.with_sender(judged, sender);
            writeln!(out, "  {sender:<16}{}", in_words(&tally))?;
        }
        writeln!(out, "  regime          {}", in_words(&judged.regime))?;
        writeln!(out, "                  {}", claim.regime)?;
    }
    writeln!(out)
}

fn in_words(tally: &Tally) -> String {
    let change = tally
        .change()
        .map_or_else(String::new, |change| format!(", sum {change:+.1} %"));
    format!(
        "{}: better in {} cases, same in {}, worse in {}{change}",
        tally.verdict,
        tally.better,
        tally.same,
        tally.worse.len()
    )
}
