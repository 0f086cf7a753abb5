//! Predicted against measured, as a picture.

use super::{Kind, Panel, Plot, Series, Spread};
use crate::validation::{Quantity, Verdict};

/// A panel a quantity: predicted along, measured upwards with the range of the repetitions, and the diagonal. What is 0
/// stands at the foot of its axis, what never ends is left out.
pub fn scatter(verdicts: &[Verdict], calibrated: &[String]) -> Plot {
    let panel = |quantity: Quantity| {
        let series = [(true, 0), (false, 2)].map(|(wanted, style)| Series {
            style,
            points: verdicts
                .iter()
                .filter(|verdict| verdict.setting.is_one_of(calibrated) == wanted)
                .map(|verdict| verdict.pair(quantity))
                .filter(|pair| pair.predicted.is_finite())
                .map(|pair| {
                    let spread = Spread {
                        mean: pair.measured.median,
                        low: pair.measured.low,
                        high: pair.measured.high,
                    };
                    (pair.predicted, spread)
                })
                .collect(),
        });
        let unit = match quantity {
            Quantity::TotalTime | Quantity::Blocktime => ", s",
            Quantity::Requests => "",
        };
        Panel {
            label: format!("measured {}{unit}", quantity.description()),
            series: series.to_vec(),
        }
    };
    let against = if verdicts.iter().any(|verdict| verdict.simulations > 1) {
        "the median of its simulations"
    } else {
        "one simulation"
    };
    Plot {
        title: "Predicted and measured QEMU migrations".to_owned(),
        caption: vec![format!(
            "A point a setting: median and range of its repetitions against {against}; one set of parameters for all."
        )],
        x_label: "predicted".to_owned(),
        ticks: Vec::new(),
        legend: vec![
            (0, "workloads calibrated on".to_owned()),
            (2, "held-out workloads".to_owned()),
        ],
        kind: Kind::Points,
        panels: Quantity::ALL.map(panel).to_vec(),
    }
}
