//! `migsim figures`: the abstract's claims, as figures and verdicts.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::output::stdout_view;
use super::progress;
use super::sweep::threads;
use crate::figures::claims::{ALL, Judgement, Judgements, SENDERS, Tally};
use crate::figures::{FIGURES, html, render};
use crate::file::write_whole;
use crate::message::say;
use crate::plot;
use crate::report::table::{new_table, right_aligned};

/// Make every figure, the rows behind it and the report; or only judge the claims
///
/// Simulates seven guests over slow and fast links, and writes figures/*.csv, *.svg, and report.html; *.png too where the
/// program was built with the feature png. PDoPMP is a reconstruction from the abstract; no figure or number is the paper's.
#[derive(Debug, Args)]
pub(super) struct FiguresArgs {
    /// Directory to write to
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,

    /// Write nothing; judge the claims C1 to C5, and exit with 1 and the rows at odds unless each holds in the regime
    /// that is named for it
    #[arg(long, conflicts_with = "out")]
    check: bool,

    /// Number of threads [default: one per processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

pub(super) fn run(arguments: FiguresArgs) -> anyhow::Result<ExitCode> {
    let jobs = threads(arguments.jobs);
    let judgements = progress::while_working("judging the claims", || Judgements::run(jobs))?;
    if arguments.check {
        return check(&judgements);
    }
    let directory = arguments.out.join("figures");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    write(&directory.join("claims.csv"), &judgements.asserted.csv)?;
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
    let judgement = &judgements.asserted;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{} cases: guest × W × network × sender, means over positions",
        judgement.cases.len()
    )?;
    for (claim, (all, regime)) in ALL.iter().zip(&judgement.tallies) {
        writeln!(out, "\n{}: {}", claim.id, claim.statement)?;
        writeln!(out, "  over all cases  {}", in_words(all))?;
        for sender in SENDERS {
            let tally = judgement.with_sender(claim, sender);
            writeln!(out, "  {sender:<16}{}", in_words(&tally))?;
        }
        writeln!(out, "  in its regime   {}", in_words(regime))?;
        writeln!(out, "                  {}", claim.regime)?;
    }
    if let Some(recorded) = &judgements.recorded {
        on_recordings(&mut out, recorded)?;
    }
    for (claim, (_, regime)) in ALL.iter().zip(&judgement.tallies) {
        if regime.worse.is_empty() {
            continue;
        }
        writeln!(out, "\n{} is at odds with: {}", claim.id, claim.measure)?;
        let header = ["guest", "W", "network", "sender", "against", "value"];
        let mut table = new_table(&header, stdout_view());
        for &place in &regime.worse {
            let case = &judgement.cases[place];
            let finding = judgement.finding(claim, place);
            table.add_row(right_aligned([
                case.guest.clone(),
                case.window.clone(),
                case.network.clone(),
                case.sender.clone(),
                format!("{:.3}", finding.against),
                format!("{:.3}", finding.value),
            ]));
        }
        writeln!(out, "{table}")?;
    }
    writeln!(out, "\n{}", judgement.verdict_line())?;
    out.flush()?;
    Ok(if judgement.passes() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The exit status is not about these.
fn on_recordings(out: &mut impl Write, judgement: &Judgement) -> io::Result<()> {
    writeln!(
        out,
        "\nBeside it, {} cases of recorded guests, one position each:",
        judgement.cases.len()
    )?;
    for (claim, (all, _)) in ALL.iter().zip(&judgement.tallies) {
        writeln!(out, "  {}  {}", claim.id, in_words(all))?;
        for sender in SENDERS {
            let tally = judgement.with_sender(claim, sender);
            writeln!(out, "      {sender:<13}{}", in_words(&tally))?;
        }
    }
    Ok(())
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
