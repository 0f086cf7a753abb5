//! What a regression check found, as a table and as rows.

use std::fmt::Write;

use super::table::{View, new_table, right_aligned};
use crate::run::check::Difference;
use crate::run::row::{Row, Value};

/// The columns of the rows.
pub const COLUMNS: [&str; 5] = ["run", "metric", "was", "is", "change_percent"];

/// The differences as rows: all of them.
pub fn rows(differences: &[Difference]) -> Vec<Row> {
    let row = |difference: &Difference| -> Row {
        let text = |text: &str| Value::Text(text.to_owned());
        let values = [
            text(&difference.point),
            text(&difference.metric),
            text(&difference.was),
            text(&difference.is),
            difference.percent().map_or(Value::Missing, Value::Fraction),
        ];
        let columns = COLUMNS.into_iter().map(Into::into);
        columns.zip(values).collect()
    };
    differences.iter().map(row).collect()
}

/// The differences as a table, the first `most` of them.
pub fn table(differences: &[Difference], most: usize, view: View) -> String {
    let mut table = new_table(&["run", "metric", "was", "is", "change"], view);
    let nothing = |value: &str| {
        if value.is_empty() {
            "—".to_owned()
        } else {
            value.to_owned()
        }
    };
    let mut last = "";
    for difference in differences.iter().take(most) {
        // A run is named once.
        let point = Some(difference.point.as_str()).filter(|point| *point != last);
        last = &difference.point;
        let change = difference
            .percent()
            .map_or("—".to_owned(), |percent| format!("{percent:+.2} %"));
        table.add_row(right_aligned([
            point.unwrap_or_default().to_owned(),
            difference.metric.clone(),
            nothing(&difference.was),
            nothing(&difference.is),
            change,
        ]));
    }
    let mut text = format!("{}\n", view.show(&table));
    if differences.len() > most {
        let _ = writeln!(text, "… and {} more", differences.len() - most);
    }
    text
}
