//! One axis of a grid: a key and the values that it takes.

mod range;

use std::collections::HashMap;

use self::range::Range;
use super::keys::{Key, keys};
use super::quantity::{self, Unit};

/// Most values of one axis, and most points of a grid.
pub const MOST_POINTS: usize = 1_000_000;

/// A key of the scenario and the values that it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The key, such as `link.bandwidth`.
    pub key: String,
    /// The unit of its cells, as its column's name ends with it; none for words, labels and bare numbers.
    unit: Option<&'static str>,
    /// Its values, in order.
    pub values: Vec<AxisValue>,
}

/// One value of an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct AxisValue {
    /// As the scenario takes it.
    pub value: toml::Value,
    /// As a column holds it: its label if it has one; else seconds, bytes, bits per second and plain numbers, anything
    /// else as it was written.
    pub cell: String,
}

impl Axis {
    /// Expands a list or a range.
    ///
    /// # Errors
    ///
    /// What was expected instead.
    pub fn new(key: &str, written: &toml::Value) -> Result<Self, String> {
        let values = match written {
            toml::Value::Array(list) => list.clone(),
            toml::Value::Table(range) => Range::parse(range)?.expand()?,
            _ => return Err("expected a list or a range".to_owned()),
        };
        if values.is_empty() || values.len() > MOST_POINTS {
            return Err(format!(
                "{} values, expected 1 to {MOST_POINTS}",
                values.len()
            ));
        }
        let known = keys().into_iter().find(|known| known.name == key);
        let known = known.as_ref().and_then(unit_of);
        let mut unit = known.or_else(|| quantity::unit_of(&values));
        let mut axis_values: Vec<AxisValue> = Vec::with_capacity(values.len());
        for value in values {
            let value = match labelled(&value)? {
                Some((label, value)) => {
                    unit = None;
                    AxisValue { cell: label, value }
                }
                None => AxisValue {
                    cell: quantity::cell(key, &value),
                    value,
                },
            };
            axis_values.push(value);
        }
        check_once(&axis_values)?;
        Ok(Axis {
            key: key.to_owned(),
            unit,
            values: axis_values,
        })
    }

    /// Name of the column: the key and the unit of its cells, `link.latency_s`; a section is set apart from the columns
    /// of the report by its brackets.
    pub fn column(&self) -> String {
        match self.unit {
            _ if !self.key.contains('.') => format!("[{}]", self.key),
            Some(unit) => format!("{}_{unit}", self.key),
            None => self.key.clone(),
        }
    }
}

/// Refuses values whose rows nothing would tell apart.
fn check_once(values: &[AxisValue]) -> Result<(), String> {
    let mut seen: HashMap<&str, (usize, &AxisValue)> = HashMap::new();
    for (entry, value) in (1..).zip(values) {
        if let Some((first, same)) = seen.insert(&value.cell, (entry, value)) {
            return Err(format!(
                "entries {first} and {entry}, {} and {}, are both {} in the rows, expected each value and label once",
                same.value, value.value, value.cell
            ));
        }
    }
    Ok(())
}

/// The column of an axis over this key, as long as its values have no labels.
pub fn column_of(key: &Key) -> String {
    let of = |unit| format!("{}_{unit}", key.name);
    unit_of(key).map_or_else(|| key.name.clone(), of)
}

/// How names of columns tell the unit of a scenario's key.
fn unit_of(key: &Key) -> Option<&'static str> {
    let unit = match key.unit.as_str() {
        "duration" => Unit::Time,
        "size" => Unit::Bytes,
        "bandwidth" => Unit::Bandwidth,
        _ => return None,
    };
    unit.column()
}

/// The parts of `{ label = "slow", value = "200 Mbit/s" }`.
fn labelled(value: &toml::Value) -> Result<Option<(String, toml::Value)>, String> {
    match value
        .as_table()
        .map(|table| (table.len(), table.get("label"), table.get("value")))
    {
        Some((2, Some(toml::Value::String(label)), Some(value))) if !label.is_empty() => {
            Ok(Some((label.clone(), value.clone())))
        }
        Some((_, Some(_), _)) => Err(format!(
            "{value}, expected {{ label = \"a text\", value = … }}"
        )),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(written: &str) -> Result<Vec<String>, String> {
        let table: toml::Table = format!("x = {written}").parse().expect(written);
        let axis = Axis::new("link.x", &table["x"])?;
        Ok(axis.values.into_iter().map(|value| value.cell).collect())
    }

    #[test]
    fn ranges_are_exact() {
        for (written, cells) in [
            (
                r#"{ from = "0", to = "1 ms", step = "250 us" }"#,
                &["0", "0.00025", "0.0005", "0.00075", "0.001"][..],
            ),
            (
                r"{ from = 0, to = 1.0, step = 0.3 }",
                &["0", "0.3", "0.6", "0.9"],
            ),
            (r"{ from = 1, to = 5, step = 2 }", &["1", "3", "5"]),
            (
                r#"{ from = "100 Mbit/s", to = "10 Gbit/s", count = 3, scale = "log" }"#,
                &["100000000", "1000000000", "10000000000"],
            ),
            (
                r#"{ from = "1 MiB", to = "16 MiB", step = 4, scale = "log" }"#,
                &["1048576", "4194304", "16777216"],
            ),
            (r"{ from = 10, to = 0, count = 3 }", &["10", "5", "0"]),
            (r"{ from = 0, to = 10, count = 4 }", &["0", "3", "7", "10"]),
            (r#"["1 s", "20 ms"]"#, &["1", "0.02"]),
        ] {
            assert_eq!(axis(written).expect(written), cells);
        }
    }

    #[test]
    fn columns_tell_the_unit_of_their_cells() {
        for (key, written, column, cells) in [
            (
                "link.latency",
                r#"[0, "1 ms"]"#,
                "link.latency_s",
                &["0", "0.001"][..],
            ),
            ("vm.memory", "[1048576]", "vm.memory_bytes", &["1048576"]),
            (
                "link.bandwidth",
                r#"["1 Mbit/s"]"#,
                "link.bandwidth_bits_per_s",
                &["1000000"],
            ),
            ("link.mtu", "[1500]", "link.mtu", &["1500"]),
            (
                "strategy.own.wait",
                r#"[0, "1 ms"]"#,
                "strategy.own.wait_s",
                &["0", "0.001"],
            ),
            (
                "link.latency",
                r#"[{ label = "near", value = "1 us" }, { label = "far", value = "20 ms" }]"#,
                "link.latency",
                &["near", "far"],
            ),
            (
                "trace",
                r#"[{ label = "recorded", value = {} }, { workload = { kind = "zipf" } }]"#,
                "[trace]",
                &["recorded", "{ workload = { kind = \"zipf\" } }"],
            ),
        ] {
            let table: toml::Table = format!("x = {written}").parse().expect(written);
            let axis = Axis::new(key, &table["x"]).expect(written);
            let found: Vec<_> = axis
                .values
                .iter()
                .map(|value| value.cell.as_str())
                .collect();
            assert_eq!((axis.column().as_str(), &found[..]), (column, cells));
        }
    }

    #[test]
    fn errors_say_what_was_expected() {
        for (written, part) in [
            ("[]", "0 values"),
            (
                "[{ label = 1, value = 2 }]",
                "expected { label = \"a text\"",
            ),
            ("[{ label = \"a\" }]", "expected { label = \"a text\""),
            (
                r#"["1 Gbit/s", "2 Gbit/s", "1000 Mbit/s"]"#,
                "entries 1 and 3, \"1 Gbit/s\" and \"1000 Mbit/s\", are both 1000000000",
            ),
            (
                r#"[{ label = "a", value = 1 }, { label = "a", value = 2 }]"#,
                "entries 1 and 2, 1 and 2, are both a in the rows",
            ),
            ("{ from = 1, to = 2 }", "either `step` or `count`"),
            (
                "{ from = 1, to = 2, step = 1, count = 2 }",
                "either `step` or `count`",
            ),
            ("{ from = 1, step = 1 }", "expected `to`"),
            ("{ from = 1, to = 2, steps = 1 }", "unknown field `steps`"),
            (
                r#"{ from = "1 ms", to = 2, step = "1 ms" }"#,
                "`to` is of another unit",
            ),
            (
                r#"{ from = "soon", to = 2, step = 1 }"#,
                "`from` = \"soon\"",
            ),
            ("{ from = 1, to = 2, step = 0 }", "more than zero"),
            ("{ from = 2, to = 1, step = 1 }", "`from` not above `to`"),
            ("{ from = 0, to = 1, count = 3 }", "different values"),
            (
                "{ from = 0, to = 8, count = 3, scale = \"log\" }",
                "above zero",
            ),
            (
                "{ from = 1, to = 8, step = 1.5, scale = \"log\" }",
                "whole factor",
            ),
            ("{ from = 0, to = 9000000, step = 1 }", "1 to 1000000"),
            (
                "{ from = 0, to = 8, count = 3, scale = \"cubic\" }",
                "`scale`",
            ),
        ] {
            let error = axis(written).expect_err(written);
            assert!(error.contains(part), "{written}: {error}");
        }
    }
}
