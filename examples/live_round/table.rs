//! The tables.

use std::fmt::Write;

use migsim::measure::Metrics;

use super::variants::{
    HYBRID, HYBRID_PRE_RECORD, LOCALITY, LOCALITY_PUSH, PDOPMP, PDOPMP_PUSH, POST_COPY, PRE_COPY,
    PRE_RECORD, PRE_RECORD_PUSH, TWO_ROUNDS, VARIANTS,
};
use super::{HELD_OUT, LINKS_MBIT, Setting, TUNED};

/// What a variant came to in a setting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    setting: Setting,
    variant: &'static str,
    network_faults: f64,
    in_flight_faults: f64,
    stall_ms: f64,
    total_s: f64,
    downtime_ms: f64,
    interruption_ms: f64,
    /// Of pre-copy.
    converged: Option<bool>,
}

impl Cell {
    pub(crate) fn of(setting: Setting, variant: &'static str, metrics: &Metrics) -> Self {
        Cell {
            setting,
            variant,
            network_faults: metrics.network_faults as f64,
            in_flight_faults: metrics.in_flight_faults as f64,
            stall_ms: 1e3 * metrics.stall.as_secs_f64(),
            total_s: (metrics.total_migration_time).map_or(f64::NAN, |time| time.as_secs_f64()),
            downtime_ms: 1e3 * metrics.downtime.as_secs_f64(),
            interruption_ms: 1e3 * metrics.interruption.as_secs_f64(),
            converged: metrics.rounds.and_then(|rounds| rounds.converged),
        }
    }

    /// More is: by more than 1 % and 0.2 ms.
    fn stalls_more(&self, other: &Cell) -> bool {
        self.stall_ms > 1.01 * other.stall_ms && self.stall_ms > 0.2 + other.stall_ms
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// A stall of less, in milliseconds, counts as this in a geometric mean.
const LEAST_STALL: f64 = 0.1;

fn ratio(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    mean(pairs.map(|(own, other)| (own.max(LEAST_STALL) / other.max(LEAST_STALL)).ln())).exp()
}

/// The cells of one variant, each with that of another in the same setting.
fn pairs<'a>(
    cells: &'a [Cell],
    variant: &'a str,
    other: &'a str,
    keep: impl Fn(&Setting) -> bool + 'a,
) -> impl Iterator<Item = (&'a Cell, &'a Cell)> {
    cells.chunks(VARIANTS.len()).filter_map(move |setting| {
        let find = |name: &str| setting.iter().find(|cell| cell.variant == name);
        keep(&setting[0].setting).then(|| find(variant).zip(find(other)))?
    })
}

fn faults_and_stall<'a>(cells: impl Iterator<Item = &'a Cell> + Clone) -> String {
    let of = |value: fn(&Cell) -> f64| mean(cells.clone().map(value));
    format!(
        " {:.1} / {:.0} / {:.1} |",
        of(|cell| cell.network_faults),
        of(|cell| cell.in_flight_faults),
        of(|cell| cell.stall_ms)
    )
}

/// All tables.
pub(crate) fn report(cells: &[Cell]) -> String {
    let mut out = String::from(concat!(
        "# The live round\n\nMade by `cargo run --release --example live_round > results/live-round.md`, with the settings of\n",
        "`scenarios/live-round.toml`. Each cell: network faults / in-flight faults / stall in ms, means over recordings and\n",
        "positions. Ratios are geometric means over the settings; a stall below 0.1 ms counts as 0.1 ms.\n\n"
    ));
    let groups = [
        ("Held-out recordings", &HELD_OUT[..]),
        ("Tuned recordings", &TUNED[..]),
    ];
    for (title, recordings) in groups {
        by_variant(&mut out, cells, title, recordings);
    }
    worse(&mut out, cells);
    without_convergence(&mut out, cells);
    by_recording(&mut out, cells);
    out
}

fn by_variant(out: &mut String, cells: &[Cell], title: &str, recordings: &[&str]) {
    let _ = writeln!(out, "## {title}\n");
    out.push_str("| | 200 Mbit/s | 1 Gbit/s | 10 Gbit/s | stall ÷ hybrid | total ÷ hybrid |\n");
    out.push_str("|---|---|---|---|---|---|\n");
    for variant in VARIANTS {
        let _ = write!(out, "| {} |", variant.name);
        let kept = |setting: &Setting| recordings.contains(&setting.recording);
        for link in LINKS_MBIT {
            let of_link = cells.iter().filter(|cell| {
                let setting = &cell.setting;
                cell.variant == variant.name && kept(setting) && setting.link_mbit == link
            });
            out.push_str(&faults_and_stall(of_link));
        }
        let of = |value: fn(&Cell) -> f64| {
            let pairs = pairs(cells, variant.name, HYBRID, kept);
            pairs.map(move |(own, hybrid)| (value(own), value(hybrid)))
        };
        let total = mean(of(|cell| cell.total_s).map(|(own, hybrid)| (own / hybrid).ln())).exp();
        let stall = ratio(of(|cell| cell.stall_ms));
        let _ = writeln!(out, " {stall:.3} | {total:.3} |");
    }
    out.push('\n');
}

/// Settings in which one variant is worse than another, and what it costs at 1 Gbit/s, held out.
fn worse(out: &mut String, cells: &[Cell]) {
    out.push_str("## Settings with more, of all; and times of the held-out ones at 1 Gbit/s\n\n");
    out.push_str("| | against | network faults | stall | total time | downtime, ms | stall ÷, of each | of the sums |\n");
    out.push_str("|---|---|---|---|---|---|---|---|\n");
    let against_hybrid = VARIANTS.iter().filter(|variant| variant.name != HYBRID);
    let against_hybrid = against_hybrid.map(|variant| (variant.name, HYBRID));
    let others = [
        (PRE_RECORD_PUSH, PRE_RECORD),
        (PRE_RECORD_PUSH, POST_COPY),
        (PDOPMP, PRE_RECORD),
        (PDOPMP_PUSH, PRE_RECORD_PUSH),
        (LOCALITY, PRE_RECORD),
        (LOCALITY_PUSH, PRE_RECORD_PUSH),
    ];
    for (variant, other) in against_hybrid.chain(others) {
        let all = || pairs(cells, variant, other, |_| true);
        let faults = all().filter(|(own, other)| own.network_faults > other.network_faults);
        let stall = all().filter(|(own, other)| own.stalls_more(other));
        let at_1g = |value: fn(&Cell) -> f64| {
            let kept = |setting: &Setting| {
                setting.link_mbit == 1_000 && HELD_OUT.contains(&setting.recording)
            };
            let pairs = pairs(cells, variant, other, kept);
            pairs.map(move |(own, other)| (value(own), value(other)))
        };
        let sums = at_1g(|cell| cell.stall_ms)
            .fold((0.0, 0.0), |sums, pair| (sums.0 + pair.0, sums.1 + pair.1));
        let _ = writeln!(
            out,
            "| {variant} | {other} | {} | {} | × {:.3} | {:+.3} | × {:.3} | × {:.3} |",
            faults.count(),
            stall.count(),
            mean(at_1g(|cell| cell.total_s).map(|(own, other)| (own / other).ln())).exp(),
            mean(at_1g(|cell| cell.downtime_ms).map(|(own, other)| own - other)),
            ratio(at_1g(|cell| cell.stall_ms)),
            sums.0 / sums.1
        );
    }
    out.push('\n');
}

/// The settings in which pre-copy does not converge, where something else is needed.
fn without_convergence(out: &mut String, cells: &[Cell]) {
    let unconverged = |cell: &&Cell| cell.converged == Some(false);
    let settings: Vec<Setting> = (cells.iter().filter(unconverged))
        .map(|cell| cell.setting)
        .collect();
    let named = settings.iter().map(|setting| {
        format!(
            "{} from {} s at {} Mbit/s",
            setting.recording,
            setting.start_ms / 1_000,
            setting.link_mbit
        )
    });
    let _ = writeln!(
        out,
        "## Where pre-copy does not converge\n\nMeans over {} settings:\n\n- {}\n",
        settings.len(),
        named.collect::<Vec<_>>().join("\n- ")
    );
    out.push_str("| | network faults / in flight / stall, ms | interruption, ms | downtime, ms | total time, s |\n");
    out.push_str("|---|---|---|---|---|\n");
    for variant in [
        POST_COPY,
        PRE_RECORD_PUSH,
        PDOPMP_PUSH,
        PRE_COPY,
        HYBRID,
        HYBRID_PRE_RECORD,
        TWO_ROUNDS,
    ] {
        let own = cells
            .iter()
            .filter(|cell| cell.variant == variant && settings.contains(&cell.setting));
        let of = |value: fn(&Cell) -> f64| mean(own.clone().map(value));
        let _ = writeln!(
            out,
            "| {variant} |{} {:.1} | {:.1} | {:.2} |",
            faults_and_stall(own.clone()),
            of(|cell| cell.interruption_ms),
            of(|cell| cell.downtime_ms),
            of(|cell| cell.total_s)
        );
    }
    out.push('\n');
}

fn by_recording(out: &mut String, cells: &[Cell]) {
    const SHOWN: [&str; 8] = [
        POST_COPY,
        PRE_RECORD,
        PDOPMP,
        PRE_RECORD_PUSH,
        PDOPMP_PUSH,
        HYBRID,
        HYBRID_PRE_RECORD,
        TWO_ROUNDS,
    ];
    let _ = writeln!(
        out,
        "## By recording and link\n\n| recording | Mbit/s | {} |",
        SHOWN.join(" | ")
    );
    let _ = writeln!(out, "|---|---|{}", "---|".repeat(SHOWN.len()));
    for recording in HELD_OUT.into_iter().chain(TUNED) {
        for link in LINKS_MBIT {
            let _ = write!(out, "| {recording} | {link} |");
            for variant in SHOWN {
                let of_row = cells.iter().filter(|cell| {
                    let setting = &cell.setting;
                    cell.variant == variant
                        && setting.recording == recording
                        && setting.link_mbit == link
                });
                out.push_str(&faults_and_stall(of_row));
            }
            out.push('\n');
        }
    }
}
