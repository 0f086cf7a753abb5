//! Where a run's stall comes from, for people and programs.

use comfy_table::Cell;

use super::table::{View, grouped, new_table, right_aligned};
use crate::measure::explain::{Explanation, Faults, PageKind};
use crate::run::row::{Provenance, Row, Value};
use crate::units::SimTime;

/// A row a kind of page, also of those without faults.
pub fn rows(provenance: &Provenance, strategy: &str, explanation: &Explanation) -> Vec<Row> {
    use Value::{Count, Text, Time};
    let row = |(kind, faults): &(PageKind, Faults)| {
        let parts = &faults.parts;
        let columns = [
            ("page_class", Text(kind.name().to_owned())),
            ("page_faults", Count(faults.count)),
            ("network_faults", Count(faults.network)),
            ("in_flight_faults", Count(faults.count - faults.network)),
            ("stall_s", Time(parts.total())),
            ("request_path_s", Time(parts.request_path)),
            ("demand_wait_s", Time(parts.demand_wait)),
            ("link_s", Time(parts.link)),
            ("in_flight_s", Time(parts.in_flight)),
            ("install_wake_s", Time(parts.install)),
        ];
        let mut row = provenance.columns(strategy, Vec::new());
        row.extend(columns.map(|(column, value)| (column.into(), value)));
        row
    };
    explanation.kinds.iter().map(row).collect()
}

/// A table of the kinds of pages with faults, and their sum.
pub fn table(strategy: &str, explanation: &Explanation, view: View) -> String {
    let total = explanation.total();
    let stall = total.parts.total();
    let mut table = new_table(
        &[
            strategy,
            "page faults",
            "in flight",
            "stall",
            "share",
            "request path",
            "demand wait",
            "link",
            "on its way",
            "install, wake",
        ],
        view,
    );
    for (kind, faults) in &explanation.kinds {
        if faults.count > 0 {
            table.add_row(cells(kind.description(), faults, stall));
        }
    }
    table.add_row(cells("all", &total, stall));
    format!("{}\n", view.show(&table))
}

fn cells(name: &str, faults: &Faults, stall: SimTime) -> Vec<Cell> {
    let parts = &faults.parts;
    let share = |time: SimTime| match stall {
        SimTime::ZERO => "—".to_owned(),
        stall => format!("{:.0} %", time.as_secs_f64() / stall.as_secs_f64() * 100.0),
    };
    right_aligned([
        name.to_owned(),
        grouped(faults.count),
        grouped(faults.count - faults.network),
        parts.total().to_string(),
        share(parts.total()),
        share(parts.request_path),
        share(parts.demand_wait),
        share(parts.link),
        share(parts.in_flight),
        share(parts.install),
    ])
}
