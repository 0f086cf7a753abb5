//! Rows as a JSON array of objects.

use std::io::{self, Write};

use serde_json::{Map, Number, Value as Json};

use crate::run::row::{Row, Value};

/// Writes the rows, indented. Numbers have the same digits as in CSV; what is missing is `null`.
///
/// # Errors
///
/// Those of `out`.
pub fn write(rows: &[Row], mut out: impl Write) -> io::Result<()> {
    let objects: Vec<Map<String, Json>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|(column, value)| (column.to_string(), json(value)))
                .collect()
        })
        .collect();
    serde_json::to_writer_pretty(&mut out, &objects)?;
    writeln!(out)
}

fn json(value: &Value) -> Json {
    match value {
        Value::Text(text) => Json::String(text.clone()),
        Value::Missing => Json::Null,
        Value::Flag(flag) => Json::Bool(*flag),
        Value::Count(_) | Value::Time(_) | Value::Fraction(_) => value
            .to_string()
            .parse::<Number>()
            .map_or(Json::Null, Json::Number),
    }
}
