//! Things with a name and something to say about them, for people.

use std::fmt::Write;

use crate::run::row::{Row, Value};

/// A paragraph a row: the first cell, and the others that are there with their columns' names below.
pub fn listing(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        for (index, (column, value)) in row.iter().enumerate() {
            let _ = match index {
                0 => writeln!(text, "{value}"),
                _ if *value == Value::Missing => Ok(()),
                _ => writeln!(text, "    {}: {value}", column.replace('_', "-")),
            };
        }
    }
    text
}
