//! Predicted against measured, as a picture.

use super::{Calibrated, is_calibrated};
use crate::report::plot::{Kind, Panel, Plot, Series, Spread};
use crate::validation::{Pair, Quantity, Verdict};

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
        .filter(|value| *value > 0.0 && value.is_finite())
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
