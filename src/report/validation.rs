//! Predicted against measured migrations, for people and programs.

use super::plot::{Kind, Panel, Plot, Series, Spread};
use super::table::{new_table, right_aligned};
use super::{Row, Value};
use crate::validation::{Gain, Pair, Quantity, Verdict, gains, summary};

/// Which workloads the scenario's parameters were calibrated on.
pub type Calibrated<'a> = &'a [String];

fn is_calibrated(verdict: &Verdict, calibrated: Calibrated<'_>) -> bool {
    calibrated.contains(&verdict.setting.workload)
}

/// A row a setting.
pub fn rows(verdicts: &[Verdict], calibrated: Calibrated<'_>) -> Vec<Row> {
    use Value::{Count, Fraction, Text, Time};
    let row = |verdict: &Verdict| {
        let setting = &verdict.setting;
        let mut row: Row = vec![
            ("workload".into(), Text(setting.workload.clone())),
            (
                "calibrated".into(),
                Count(is_calibrated(verdict, calibrated).into()),
            ),
            ("link_mbit".into(), Count(setting.link_mbit)),
            ("preempt".into(), Count(setting.preempt.into())),
            ("strategy".into(), Text(setting.strategy.clone())),
            ("record_window_s".into(), Time(setting.record_window)),
            (
                "fetch_outstanding".into(),
                Count(setting.fetch_outstanding.into()),
            ),
            ("repetitions".into(), Count(verdict.repetitions as u64)),
        ];
        for quantity in Quantity::ALL {
            let name = quantity.description().replace(' ', "_");
            let pair = verdict.pair(quantity);
            for (suffix, value) in [
                ("low", pair.measured.low),
                ("median", pair.measured.median),
                ("high", pair.measured.high),
                ("predicted", pair.predicted),
                ("error", pair.error()),
            ] {
                row.push((format!("{name}_{suffix}").into(), Fraction(value)));
            }
        }
        row
    };
    verdicts.iter().map(row).collect()
}

/// All settings, then the errors in sum, then the gains.
pub fn table(verdicts: &[Verdict], calibrated: Calibrated<'_>, styled: bool) -> String {
    let mut table = new_table(
        &[
            "workload",
            "Mbit/s",
            "preempt",
            "strategy",
            "total time",
            "",
            "blocktime",
            "",
            "requests",
            "",
        ],
        styled,
    );
    for verdict in verdicts {
        let setting = &verdict.setting;
        let [total, blocktime, requests] = Quantity::ALL.map(|quantity| {
            let pair = verdict.pair(quantity);
            let decimals = if quantity == Quantity::Requests { 0 } else { 3 };
            let shown = format!(
                "{:.decimals$} ({:.decimals$}–{:.decimals$}) → {:.decimals$}",
                pair.measured.median, pair.measured.low, pair.measured.high, pair.predicted
            );
            (shown, error(pair))
        });
        table.add_row(right_aligned([
            setting.workload.clone(),
            setting.link_mbit.to_string(),
            if setting.preempt { "on" } else { "off" }.to_owned(),
            setting.strategy.clone(),
            total.0,
            total.1,
            blocktime.0,
            blocktime.1,
            requests.0,
            requests.1,
        ]));
    }
    let sums = sums(verdicts, calibrated, styled);
    let gains = gain_table(&gains(verdicts), styled);
    format!(
        "measured: median (least–most) of the repetitions, in seconds; → predicted; ✓ inside their range\n\n{}\n\n{sums}{gains}",
        table.trim_fmt()
    )
}

fn error(pair: &Pair) -> String {
    let inside = if pair.is_inside() { " ✓" } else { "" };
    format!("{:+.1} %{inside}", pair.error() * 100.0)
}

fn sums(verdicts: &[Verdict], calibrated: Calibrated<'_>, styled: bool) -> String {
    let mut table = new_table(
        &[
            "error, 0 inside the range",
            "settings",
            "inside",
            "median",
            "worst",
            "worst factor",
        ],
        styled,
    );
    for (words, wanted) in [("calibrated on", true), ("held out", false)] {
        for quantity in Quantity::ALL {
            let some = verdicts
                .iter()
                .filter(|verdict| is_calibrated(verdict, calibrated) == wanted);
            let Some(summary) = summary(some, quantity) else {
                continue;
            };
            table.add_row(right_aligned([
                format!("{}, {words}", quantity.description()),
                summary.settings.to_string(),
                summary.inside.to_string(),
                format!("{:.1} %", summary.median * 100.0),
                format!("{:.1} %", summary.worst * 100.0),
                format!("{:.2}", summary.factor),
            ]));
        }
    }
    format!("{}\n", table.trim_fmt())
}

fn gain_table(gains: &[Gain<'_>], styled: bool) -> String {
    if gains.is_empty() {
        return String::new();
    }
    let mut table = new_table(
        &[
            "blocktime saved",
            "Mbit/s",
            "preempt",
            "strategy",
            "measured",
            "predicted",
            "points apart",
        ],
        styled,
    );
    for gain in gains {
        let setting = &gain.verdict.setting;
        table.add_row(right_aligned([
            setting.workload.clone(),
            setting.link_mbit.to_string(),
            if setting.preempt { "on" } else { "off" }.to_owned(),
            setting.strategy.clone(),
            format!("{:.0} %", gain.measured * 100.0),
            format!("{:.0} %", gain.predicted * 100.0),
            format!("{:+.0}", (gain.predicted - gain.measured) * 100.0),
        ]));
    }
    format!("\n{}\n", table.trim_fmt())
}

/// One quantity: predicted along, measured upwards with the repetitions' spread, on the same decades, and the diagonal.
/// A panel without and one with a channel for requested pages. `None` when nothing was measured.
pub fn scatter(
    verdicts: &[Verdict],
    calibrated: Calibrated<'_>,
    quantity: Quantity,
) -> Option<Plot> {
    let values = verdicts.iter().flat_map(|verdict| {
        let pair = verdict.pair(quantity);
        [pair.predicted, pair.measured.low, pair.measured.high]
    });
    let logs: Vec<f64> = values
        .filter(|value| *value > 0.0)
        .map(f64::log10)
        .collect();
    let low = logs.iter().copied().reduce(f64::min)?.floor() as i32;
    let high = (logs.iter().copied().reduce(f64::max)?.ceil() as i32).max(low + 1);
    let unit = if quantity == Quantity::Requests {
        ""
    } else {
        ", s"
    };
    let panel = |preempt: bool| {
        let series = [(true, 0), (false, 2)].map(|(wanted, style)| Series {
            style,
            points: verdicts
                .iter()
                .filter(|verdict| verdict.setting.preempt == preempt)
                .filter(|verdict| is_calibrated(verdict, calibrated) == wanted)
                .map(|verdict| {
                    let Pair {
                        measured,
                        predicted,
                    } = *verdict.pair(quantity);
                    let spread = Spread {
                        mean: measured.median,
                        low: measured.low,
                        high: measured.high,
                    };
                    (predicted.log10(), spread)
                })
                .filter(|(x, _)| x.is_finite())
                .collect(),
        });
        Panel {
            label: format!(
                "measured {}{unit}; postcopy-preempt {}",
                quantity.description(),
                if preempt { "on" } else { "off" }
            ),
            series: series.to_vec(),
        }
    };
    let ticks = (low..=high).map(|power| {
        let decimals = (-power).max(0) as usize;
        (
            f64::from(power),
            format!("{:.decimals$}", 10_f64.powi(power)),
        )
    });
    Some(Plot {
        title: format!("Predicted and measured {} of QEMU migrations", quantity.description()),
        caption: vec![
            "Median and range of the repetitions against one simulation each; one set of parameters for all.".to_owned(),
        ],
        x_label: format!("predicted {}{unit}", quantity.description()),
        ticks: ticks.collect(),
        legend: vec![(0, "calibrated on".to_owned()), (2, "held out".to_owned())],
        kind: Kind::Points,
        panels: vec![panel(false), panel(true)],
    })
}
