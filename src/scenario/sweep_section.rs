//! `[sweep]`, as it is written: which keys have which lists or ranges. [`crate::run::sweep`] gives it its meaning.

use toml::de::{DeTable, DeValue};

use super::ScenarioError;
use super::locate::line_of;

/// Name of the section.
pub(super) const SECTION: &str = "sweep";

/// Keys of a range, by which a table is told from a section.
const RANGE_KEYS: [&str; 5] = ["from", "to", "step", "count", "scale"];

/// A line of the section: a key and the values that it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenAxis {
    /// The scenario's key, such as `link.bandwidth`.
    pub key: String,
    /// The text that has it.
    pub origin: String,
    /// Its line there; none where the values are from the command line.
    pub line: Option<usize>,
    /// A list, or the table of a range.
    pub values: toml::Value,
}

/// Takes the section out of a document, if there is one. Its axes come in the order of the file.
pub(super) fn take(
    origin: &str,
    text: &str,
    document: &mut DeTable<'_>,
    table: &mut toml::Table,
) -> Result<Option<Vec<WrittenAxis>>, ScenarioError> {
    let (Some(values), Some((key, places))) =
        (table.remove(SECTION), document.remove_entry(SECTION))
    else {
        return Ok(None);
    };
    let (DeValue::Table(places), toml::Value::Table(values)) = (places.get_ref(), &values) else {
        return Err(ScenarioError::new(
            origin,
            "expected a section of keys with the values that they take",
        )
        .at_line(line_of(text, key.span().start))
        .in_key(SECTION));
    };
    let mut axes = Vec::new();
    walk((origin, text), "", places, values, &mut axes)?;
    // A table has lost the order of its keys, but not their places.
    axes.sort_by_key(|(place, _)| *place);
    let axes: Vec<WrittenAxis> = axes.into_iter().map(|(_, axis)| axis).collect();
    for (index, axis) in axes.iter().enumerate() {
        // TOML tells `"link.mtu"` from `link.mtu`.
        if let Some(first) = axes[..index].iter().find(|first| first.key == axis.key) {
            let problem = format!(
                "the axis is given twice, expected it on line {} only",
                first.line.unwrap_or_default()
            );
            return Err(ScenarioError::new(origin, problem)
                .at_line(axis.line)
                .in_key(format!("{SECTION}.{}", axis.key)));
        }
    }
    Ok(Some(axes))
}

fn walk(
    (origin, text): (&str, &str),
    prefix: &str,
    places: &DeTable<'_>,
    values: &toml::Table,
    axes: &mut Vec<(usize, WrittenAxis)>,
) -> Result<(), ScenarioError> {
    for (key, place) in places {
        let Some(value) = values.get(key.get_ref().as_ref()) else {
            continue;
        };
        let path = format!("{prefix}{}", key.get_ref());
        let start = key.span().start;
        let line = line_of(text, start);
        let is_axis = match value {
            toml::Value::Array(_) => true,
            toml::Value::Table(table) => RANGE_KEYS.iter().any(|key| table.contains_key(*key)),
            _ => {
                return Err(ScenarioError::new(
                    origin,
                    "expected a list of values, or a range { from, to, step | count, scale }",
                )
                .at_line(line)
                .in_key(format!("{SECTION}.{path}")));
            }
        };
        match (place.get_ref(), value) {
            (DeValue::Table(inner), toml::Value::Table(values)) if !is_axis => {
                walk((origin, text), &format!("{path}."), inner, values, axes)?;
            }
            _ => axes.push((
                start,
                WrittenAxis {
                    key: path,
                    origin: origin.to_owned(),
                    line: Some(line),
                    values: value.clone(),
                },
            )),
        }
    }
    Ok(())
}
