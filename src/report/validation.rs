//! Predicted against measured migrations, for people and programs.

use super::table::{View, new_table, right_aligned};
use crate::message::visible;
use crate::run::row::{Row, Value};
use crate::validation::{
    ErrorBound, GAINS_APART, Gain, Goal, Order, Pair, Quantity, Range, Ranking, Verdict,
    errors_by_group, gains, median_difference, rankings,
};

/// Which workloads the scenario's parameters were calibrated on.
pub type Calibrated<'a> = &'a [String];

/// A row a setting; an error without bound is missing.
pub fn rows(verdicts: &[Verdict], calibrated: Calibrated<'_>) -> Vec<Row> {
    use Value::{Count, Fraction, Missing, Text, Time};
    let number = |value: f64| {
        if value.is_finite() {
            Fraction(value)
        } else {
            Missing
        }
    };
    let row = |verdict: &Verdict| {
        let setting = &verdict.setting;
        let mut row: Row = vec![
            ("workload".into(), Text(setting.workload.clone())),
            (
                "calibrated".into(),
                Count(setting.is_one_of(calibrated).into()),
            ),
            ("link_mbit".into(), Count(setting.link_mbit)),
            ("preempt".into(), Count(setting.preempt.into())),
            ("strategy".into(), Text(setting.strategy.clone())),
            ("record_window_s".into(), Time(setting.record_window)),
            (
                "fetch_outstanding".into(),
                Count(setting.fetch_outstanding.into()),
            ),
            ("delivery".into(), Text(setting.delivery.name().to_owned())),
            ("repetitions".into(), Count(verdict.repetitions as u64)),
        ];
        for quantity in Quantity::ALL {
            let name = quantity.description().to_lowercase().replace(' ', "_");
            let pair = verdict.pair(quantity);
            for (suffix, value) in [
                ("low", pair.measured.low),
                ("median", pair.measured.median),
                ("high", pair.measured.high),
                ("predicted", pair.predicted),
                ("error", pair.error()),
            ] {
                row.push((format!("{name}_{suffix}").into(), number(value)));
            }
            let inside = Count(pair.is_inside().into());
            row.push((format!("{name}_inside").into(), inside));
        }
        let downtime = |of: fn(&Range) -> f64| {
            let measured = verdict.measured_downtime.as_ref();
            measured.map_or(Missing, |range| Fraction(of(range)))
        };
        row.extend([
            ("downtime_low".into(), downtime(|range| range.low)),
            ("downtime_median".into(), downtime(|range| range.median)),
            ("downtime_high".into(), downtime(|range| range.high)),
            (
                "downtime_predicted".into(),
                Fraction(verdict.predicted_downtime.as_secs_f64()),
            ),
        ]);
        row
    };
    verdicts.iter().map(row).collect()
}

/// All settings, then the errors in sum, then the gains.
pub fn table(verdicts: &[Verdict], calibrated: Calibrated<'_>, view: View) -> String {
    let mut table = new_table(
        &[
            "workload",
            "Mbit/s",
            "preempt",
            "strategy",
            "total time",
            "",
            "vCPU blocktime",
            "",
            "requests",
            "",
            "downtime",
        ],
        view,
    );
    for verdict in verdicts {
        let setting = &verdict.setting;
        let [total, blocktime, requests] = Quantity::ALL.map(|quantity| {
            let pair = verdict.pair(quantity);
            let decimals = if quantity == Quantity::Requests { 0 } else { 3 };
            let shown = compared(Some(pair.measured), pair.predicted, decimals);
            (shown, error(pair))
        });
        let predicted = verdict.predicted_downtime.as_secs_f64();
        table.add_row(right_aligned([
            visible(&setting.workload),
            setting.link_mbit.to_string(),
            on_or_off(setting.preempt),
            setting.strategy.clone(),
            total.0,
            total.1,
            blocktime.0,
            blocktime.1,
            requests.0,
            requests.1,
            compared(verdict.measured_downtime, predicted, 4),
        ]));
    }
    let sums = error_table(verdicts, calibrated, view);
    let gains = gain_table(&gains(verdicts), view);
    let rankings = ranking_table(&rankings(verdicts), view);
    format!(
        "measured: median (least–most) of the repetitions, in seconds; → predicted; ✓ inside their range\n\n{}\n\n{sums}{gains}{rankings}",
        view.show(&table)
    )
}

fn compared(measured: Option<Range>, predicted: f64, decimals: usize) -> String {
    let measured = measured.map_or("—".to_owned(), |Range { low, median, high }| {
        format!("{median:.decimals$} ({low:.decimals$}–{high:.decimals$})")
    });
    if predicted.is_finite() {
        format!("{measured} → {predicted:.decimals$}")
    } else {
        format!("{measured} → never")
    }
}

fn error(pair: &Pair) -> String {
    let inside = if pair.is_inside() { " ✓" } else { "" };
    if pair.error().is_finite() {
        format!("{:+.1} %{inside}", pair.error() * 100.0)
    } else {
        "∞".to_owned()
    }
}

fn size(error: f64) -> String {
    if error.is_finite() {
        format!("{:.1} %", error * 100.0)
    } else {
        "∞".to_owned()
    }
}

fn on_or_off(preempt: bool) -> String {
    if preempt { "on" } else { "off" }.to_owned()
}

/// The errors in sum, held against the goals.
pub fn error_table(verdicts: &[Verdict], calibrated: Calibrated<'_>, view: View) -> String {
    let mut table = new_table(
        &[
            "error, 0 inside the range",
            "settings",
            "inside",
            "median",
            "worst",
            "worst factor",
            "goal",
            "",
        ],
        view,
    );
    for group in errors_by_group(verdicts, calibrated) {
        let summary = &group.summary;
        let goal = Goal::of(group.quantity);
        let worst = match goal.worst {
            ErrorBound::Fraction(most) => format!("{:.0} %", most * 100.0),
            ErrorBound::Factor(most) => format!("factor {most}"),
        };
        table.add_row(right_aligned([
            format!(
                "{}, {}, {}",
                group.quantity.description(),
                if group.planned {
                    "with a plan"
                } else {
                    "without a plan"
                },
                if group.calibrated {
                    "calibrated on"
                } else {
                    "held out"
                },
            ),
            summary.settings.to_string(),
            summary.inside.to_string(),
            size(summary.median),
            size(summary.worst),
            if summary.factor.is_finite() {
                format!("{:.2}", summary.factor)
            } else {
                "∞".to_owned()
            },
            format!("{:.0} %, {worst}", goal.median * 100.0),
            met(group.is_met()).to_owned(),
        ]));
    }
    format!("{}\n", view.show(&table))
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

fn gain_table(gains: &[Gain<'_>], view: View) -> String {
    if gains.is_empty() {
        return String::new();
    }
    let mut table = new_table(
        &[
            "vCPU blocktime saved",
            "Mbit/s",
            "preempt",
            "strategy",
            "measured",
            "predicted",
            "points apart",
        ],
        view,
    );
    for gain in gains {
        let setting = &gain.verdict.setting;
        table.add_row(right_aligned([
            visible(&setting.workload),
            setting.link_mbit.to_string(),
            on_or_off(setting.preempt),
            setting.strategy.clone(),
            format!("{:.0} %", gain.measured * 100.0),
            format!("{:.0} %", gain.predicted * 100.0),
            format!("{:+.0}", gain.difference() * 100.0),
        ]));
    }
    let median = median_difference(gains).unwrap_or_default();
    format!(
        "\n{}\n\nmeasured and predicted gains are {:.1} percentage points apart (median); goal {:.0}: {}\n",
        view.show(&table),
        median * 100.0,
        GAINS_APART * 100.0,
        met(median <= GAINS_APART)
    )
}

fn ranking_table(rankings: &[Ranking<'_>], view: View) -> String {
    if rankings.is_empty() {
        return String::new();
    }
    let mut table = new_table(
        &[
            "vCPU blocktime of post-copy > pre-record > pre-record+pdopmp",
            "Mbit/s",
            "preempt",
            "W",
            "at once",
            "delivery",
            "measured",
            "",
            "predicted",
            "",
        ],
        view,
    );
    let shown = |[a, b, c]: [f64; 3]| format!("{a:.3}, {b:.3}, {c:.3}");
    for ranking in rankings {
        let setting = ranking.setting;
        let order = match ranking.measured_order() {
            Order::Apart => "apart",
            Order::ByMedians => "by medians",
            Order::Open => "open",
            Order::Reversed => "reversed",
        };
        table.add_row(right_aligned([
            visible(&setting.workload),
            setting.link_mbit.to_string(),
            on_or_off(setting.preempt),
            setting.record_window.to_string(),
            setting.fetch_outstanding.to_string(),
            setting.delivery.name().to_owned(),
            shown(ranking.measured.map(|range| range.median)),
            order.to_owned(),
            shown(ranking.predicted),
            if ranking.holds_as_predicted() {
                "holds"
            } else {
                "no"
            }
            .to_owned(),
        ]));
    }
    let count = |order| {
        let such = |own: &&Ranking<'_>| own.measured_order() == order;
        rankings.iter().filter(such).count()
    };
    let apart = count(Order::Apart);
    format!(
        "\n{}\n\nas measured, the ranking holds by the medians in {} of {} settings, in {apart} of them with all repetitions apart; it is open in {}, as repetitions overlap, and reversed in {}\nas predicted, it holds in {}\n",
        view.show(&table),
        apart + count(Order::ByMedians),
        rankings.len(),
        count(Order::Open),
        count(Order::Reversed),
        rankings
            .iter()
            .filter(|own| own.holds_as_predicted())
            .count(),
    )
}
