//! Groups of runs as a plot and as a table.

use super::catalogue::{Figure, View};
use super::data::{Data, Group};
use super::finding::{Left, least_stall};
use super::words::{FIGURE_METRICS, RECONSTRUCTION, STALL};
use crate::plot::{Kind, Panel, Plot, Series, Spread, style_of};
use crate::report::table::wrapped;

/// Characters in a caption's line.
pub(super) const CAPTION: usize = 145;

/// One panel per metric, one series per strategy.
pub(super) fn plot(figure: &Figure, data: &Data) -> Plot {
    let groups = &data.groups;
    let ticks = groups.iter().enumerate();
    let panels = FIGURE_METRICS
        .iter()
        .enumerate()
        .map(|(metric, shown)| Panel {
            label: shown.label.to_owned(),
            series: (0..data.strategies.len())
                .map(|strategy| Series {
                    style: style(&data.strategies, strategy),
                    points: groups
                        .iter()
                        .enumerate()
                        .map(|(place, group)| (place as f64, group.spread(strategy, metric)))
                        .collect(),
                })
                .collect(),
        });
    Plot {
        title: figure.title.to_owned(),
        caption: caption(figure, &data.strategies, groups),
        x_label: figure.x_label.to_owned(),
        ticks: ticks
            .map(|(place, group)| {
                // Many groups leave no room for words beside each other.
                let lower = groups.len() > 8 && place % 2 == 1;
                let above = if lower { "\n" } else { "" };
                (place as f64, format!("{above}{}", group.label.join("\n")))
            })
            .collect(),
        legend: legend(&data.strategies),
        kind: if figure.view == View::Dots {
            Kind::Dots
        } else {
            Kind::Lines
        },
        panels: panels.collect(),
    }
}

/// The style of one of a figure's strategies.
pub(super) fn style(strategies: &[String], place: usize) -> usize {
    style_of(&strategies[place], place)
}

/// All strategies with their styles.
pub(super) fn legend(strategies: &[String]) -> Vec<(usize, String)> {
    let of = |place| (style(strategies, place), strategies[place].clone());
    (0..strategies.len()).map(of).collect()
}

fn caption(figure: &Figure, strategies: &[String], groups: &[Group]) -> Vec<String> {
    let points = groups.first().map_or(0, Group::points);
    let spread = match points {
        0 | 1 => String::new(),
        _ => format!(
            " Mean of {points} {}; bars from the least to the most.",
            figure.over
        ),
    };
    let finding = finding(strategies, groups).unwrap_or_default();
    let text = format!("{finding} {}{spread} {RECONSTRUCTION}", figure.note);
    wrapped(&text, CAPTION)
}

/// What the figure shows of the stall, against its first strategy.
fn finding(strategies: &[String], groups: &[Group]) -> Option<String> {
    let stall = |group: &Group, strategy| group.spread(strategy, STALL).mean;
    let shares = |strategy| {
        let stalled = groups.iter().filter(|group| stall(group, 0) > 0.0);
        stalled
            .map(|group| stall(group, strategy) / stall(group, 0))
            .collect()
    };
    let others = strategies.iter().enumerate().skip(1);
    let left: Vec<Left<'_>> = others
        .map(|(place, strategy)| Left {
            strategy,
            shares: shares(place),
        })
        .collect();
    least_stall(strategies.first()?, &left)
}

/// A header, then a row per group and strategy.
pub(super) fn table(figure: &Figure, strategies: &[String], groups: &[Group]) -> Vec<Vec<String>> {
    let mut header = vec![figure.x_label.to_owned(), "Strategy".to_owned()];
    header.extend(FIGURE_METRICS.iter().map(|shown| shown.label.to_owned()));
    let mut table = vec![header];
    for group in groups {
        for (place, strategy) in strategies.iter().enumerate() {
            let mut row = vec![group.label.join(", "), strategy.clone()];
            row.extend(
                FIGURE_METRICS
                    .iter()
                    .enumerate()
                    .map(|(metric, shown)| in_words(&group.spread(place, metric), shown.decimals)),
            );
            table.push(row);
        }
    }
    table
}

/// The mean, and the extremes where they differ.
fn in_words(spread: &Spread, decimals: usize) -> String {
    let Spread { mean, low, high } = spread;
    let [mean, low, high] = [mean, low, high].map(|value| format!("{value:.decimals$}"));
    if low == high {
        mean
    } else {
        format!("{mean} ({low}–{high})")
    }
}
