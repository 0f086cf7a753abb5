//! How much of the gap between post-copy's stall and the bound each strategy closes, what partial knowledge of the
//! future would close, and what each part of PDoPMP contributes: every recording, both record windows and both links of
//! `scenarios/gap.toml`, as Markdown.
//!
//! Run it by `cargo run --release --example gap > results/gap.md` at the top of the repository.

mod partial_knowledge;

use std::error::Error;

use migsim::run::compare::compare;
use migsim::scenario::Scenario;
use migsim::strategy::pdopmp::PdopmpSettings;
use migsim::trace::Trace;
use migsim::units::Bandwidth;
use migsim::units::SimTime;

/// The parameters of PDoPMP were chosen on these, and on these alone.
const CHOSEN_ON: [&str; 5] = ["sort", "sqlite", "python", "seq", "rand"];
const HELD_OUT: [&str; 6] = ["idle", "redis", "compile", "tar", "matmul", "zipf"];
const STARTS_MS: [u64; 3] = [1_000, 2_000, 4_000];
const WINDOWS_MS: [u64; 2] = [50, 500];
const LINKS_MBIT: [u64; 2] = [200, 1_000];

const PDOPMP: &str = "pre-record+pdopmp";
const STRATEGIES: [&str; 3] = ["leap", "pre-record", PDOPMP];
const PARTIAL_KNOWLEDGE: [&str; 6] = [
    partial_knowledge::RECORDED,
    partial_knowledge::NEAR,
    partial_knowledge::SET,
    partial_knowledge::DENSEST_64,
    partial_knowledge::DENSEST_16,
    partial_knowledge::DENSEST_4,
];

/// PDoPMP without one of its parts: what it is called here, and how the part is switched off.
type Ablation = (&'static str, fn(&mut PdopmpSettings));
const ABLATIONS: [Ablation; 9] = [
    ("no trends", |pdopmp| pdopmp.min_points = u32::MAX),
    ("no heat of the recording", |pdopmp| {
        pdopmp.recorded_weight = 0
    }),
    ("no heat of requests", |pdopmp| pdopmp.request_weight = 0),
    ("no heat", |pdopmp| {
        pdopmp.recorded_weight = 0;
        pdopmp.request_weight = 0;
    }),
    ("locality for heat", |pdopmp| {
        pdopmp.recorded_weight = 0;
        pdopmp.request_weight = 0;
        pdopmp.most_per_recorded = 4;
    }),
    ("no spread", |pdopmp| pdopmp.spread_percent = 0),
    ("no following", |pdopmp| pdopmp.in_flight_weight = 0),
    ("no runs", |pdopmp| pdopmp.run_pages = 1),
    ("nothing drawn", |pdopmp| pdopmp.run_pages = 0),
];

/// Gap closed, and page faults in proportion to post-copy's.
#[derive(Clone, Copy)]
struct Figures {
    gap: f64,
    faults: f64,
}

/// What one strategy, with all its parts or one switched off, came to at one point.
struct Point {
    trace: &'static str,
    window_ms: u64,
    link_mbit: u64,
    column: &'static str,
    figures: Figures,
}

fn points(
    trace: &'static str,
    window_ms: u64,
    link_mbit: u64,
    start_ms: u64,
) -> Result<Vec<Point>, Box<dyn Error>> {
    let opened = Trace::open(format!("traces/{trace}.mtrace").as_ref())?;
    let mut scenario = Scenario::default();
    scenario.migration.push_while_recording = false;
    scenario.trace.start = SimTime::from_ms(start_ms);
    scenario.migration.record_window = SimTime::from_ms(window_ms);
    scenario.link.bandwidth =
        Bandwidth::from_bits_per_second(link_mbit * 1_000_000).ok_or("no bandwidth")?;
    let registry = partial_knowledge::registry();
    let mut points = Vec::new();
    let mut add = |scenario: &mut Scenario, strategies: &[&'static str], column: Option<_>| {
        let with_base = ["post-copy"].iter().chain(strategies);
        scenario.migration.strategies = with_base.map(|&name| name.to_owned()).collect();
        let runs = compare(scenario, &opened, &registry)?;
        let faults = |run: usize| runs[run].metrics.page_faults as f64;
        for (index, run) in runs.iter().enumerate().skip(1) {
            points.push(Point {
                trace,
                window_ms,
                link_mbit,
                column: column.unwrap_or(run.strategy),
                figures: Figures {
                    gap: run.gap_closed.unwrap_or_default(),
                    faults: faults(index) / faults(0).max(1.0),
                },
            });
        }
        Ok::<(), Box<dyn Error>>(())
    };
    add(&mut scenario, &STRATEGIES, None)?;
    add(&mut scenario, &PARTIAL_KNOWLEDGE, None)?;
    for (column, switch_off) in ABLATIONS {
        scenario.pdopmp = PdopmpSettings::default();
        switch_off(&mut scenario.pdopmp);
        add(&mut scenario, &[PDOPMP], Some(column))?;
    }
    Ok(points)
}

fn mean<'a>(points: impl Iterator<Item = &'a Point>) -> String {
    let (mut gap, mut faults, mut count) = (0.0, 0.0, 0.0);
    for point in points {
        gap += point.figures.gap;
        faults += point.figures.faults;
        count += 1.0;
    }
    format!(" {:.3}, {:.3} |", gap / count, faults / count)
}

fn print_table(points: &[Point], columns: &[&str], links: bool) {
    let link = if links { " Mbit/s |" } else { "" };
    println!("| recording | W, ms |{link} {} |", columns.join(" | "));
    println!(
        "|---|---|{}{}",
        if links { "---|" } else { "" },
        "---|".repeat(columns.len())
    );
    for (half, traces) in [("held out", &HELD_OUT[..]), ("chosen on", &CHOSEN_ON[..])] {
        let row = |name: &str, traces: &[&str], window: u64, link: Option<u64>| {
            print!("| {name} | {window} |");
            if let Some(link) = link {
                print!(" {link} |");
            } else if links {
                print!(" both |");
            }
            for column in columns {
                let in_row = |point: &&Point| {
                    traces.contains(&point.trace)
                        && point.window_ms == window
                        && link.is_none_or(|link| point.link_mbit == link)
                        && point.column == *column
                };
                print!("{}", mean(points.iter().filter(in_row)));
            }
            println!();
        };
        for window in WINDOWS_MS {
            row(&format!("**{half}: mean**"), traces, window, None);
        }
        for trace in traces {
            for window in WINDOWS_MS {
                if links {
                    for link in LINKS_MBIT {
                        row(trace, &[trace], window, Some(link));
                    }
                } else {
                    row(trace, &[trace], window, None);
                }
            }
        }
    }
    println!();
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut all = Vec::new();
    for trace in HELD_OUT.into_iter().chain(CHOSEN_ON) {
        for window in WINDOWS_MS {
            for link in LINKS_MBIT {
                for start in STARTS_MS {
                    all.extend(points(trace, window, link, start)?);
                }
            }
        }
    }
    println!("# The gap to the bound, and what each part of PDoPMP closes of it\n");
    println!(
        "Made by `cargo run --release --example gap > results/gap.md`. In each cell: the mean share of the stall"
    );
    println!(
        "between post-copy (0) and the run's own bound (1) that is saved, and page faults in proportion to post-copy's;"
    );
    println!(
        "over three positions per recording; the link is idle in W. PDoPMP is a reconstruction from the paper's abstract;\nits parameters were chosen on the second half.\n"
    );
    println!("## Strategies\n");
    print_table(&all, &STRATEGIES, true);
    println!("## Partial knowledge of the touch order, pushed first, and then as post-copy\n");
    print_table(&all, &PARTIAL_KNOWLEDGE, false);
    println!("## `{PDOPMP}` with one part switched off at a time\n");
    let parts = ABLATIONS.iter().map(|(column, _)| *column);
    let columns: Vec<&str> = std::iter::once(PDOPMP).chain(parts).collect();
    print_table(&all, &columns, false);
    Ok(())
}
