//! A trace as a picture: working set and dirty set over time, records over memory.

use std::ops::Range;

use anyhow::{Result, anyhow};
use plotters::chart::{ChartBuilder, SeriesLabelPosition};
use plotters::drawing::IntoDrawingArea;
use plotters::element::Rectangle;
use plotters::prelude::{BLACK, Color, RGBColor, SVGBackend, WHITE};
use plotters::series::LineSeries;

use crate::trace::Trace;
use crate::trace::statistics::{Statistics, Window};
use crate::units::SimTime;

/// Distinct for people who do not see all colours (Okabe and Ito).
const WORKING_SET: RGBColor = RGBColor(0, 114, 178);
const DIRTY_SET: RGBColor = RGBColor(213, 94, 0);

/// Room for the legend above the curves.
const LEGEND: f64 = 1.2;

/// What a curve shows of a window.
type Count = fn(&Window) -> u32;

/// The picture as SVG.
pub(super) fn svg(trace: &Trace, statistics: &Statistics) -> Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (900, 640)).into_drawing_area();
        let failed = |error| anyhow!("cannot draw: {error}");
        root.fill(&WHITE).map_err(failed)?;
        let (top, bottom) = root.split_vertically(330);
        let mib = trace.header().page_size as f64 / f64::from(1 << 20);
        let window = SimTime::from_ns(statistics.window_ns);
        let step_s = window.as_secs_f64();
        let largest = statistics.mean_and_largest(|window| window.touched_pages).1;
        let mut chart = ChartBuilder::on(&top)
            .margin(10)
            .x_label_area_size(35)
            .y_label_area_size(60)
            .build_cartesian_2d(
                0.0..step_s * statistics.windows.len() as f64,
                above_zero(f64::from(largest) * mib * LEGEND),
            )
            .map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .y_label_formatter(&|mib| format!("{mib}"))
            .x_desc("guest time in s")
            .y_desc(format!("MiB in windows of {window}"))
            .draw()
            .map_err(failed)?;
        let curves: [(_, _, Count); 2] = [
            ("working set", WORKING_SET, |window| window.touched_pages),
            ("dirty set", DIRTY_SET, |window| window.written_pages),
        ];
        for (name, colour, pages) in curves {
            let middle = |index: usize| (index as f64 + 0.5) * step_s;
            let points = statistics
                .windows
                .iter()
                .enumerate()
                .map(|(index, window)| (middle(index), f64::from(pages(window)) * mib));
            chart
                .draw_series(LineSeries::new(points, colour.stroke_width(2)))
                .map_err(failed)?
                .label(name)
                .legend(move |(x, y)| {
                    Rectangle::new([(x, y - 2), (x + 16, y + 2)], colour.filled())
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()
            .map_err(failed)?;
        let part_mib = f64::from(statistics.part_pages) * mib;
        let most = statistics.parts.iter().copied().max().unwrap_or(0);
        let mut chart = ChartBuilder::on(&bottom)
            .margin(10)
            .x_label_area_size(35)
            .y_label_area_size(60)
            .build_cartesian_2d(
                0.0..part_mib * statistics.parts.len() as f64,
                above_zero(most as f64),
            )
            .map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_label_formatter(&|mib| format!("{mib}"))
            .y_label_formatter(&|records| format!("{records}"))
            .x_desc("address in MiB")
            .y_desc("records")
            .draw()
            .map_err(failed)?;
        let bars = statistics.parts.iter().enumerate().map(|(index, &count)| {
            let from = index as f64 * part_mib;
            Rectangle::new(
                [(from, 0.0), (from + part_mib, count as f64)],
                WORKING_SET.filled(),
            )
        });
        chart.draw_series(bars).map_err(failed)?;
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

/// An axis that holds the value, and is never empty.
fn above_zero(largest: f64) -> Range<f64> {
    0.0..largest.max(f64::MIN_POSITIVE) * 1.05
}
