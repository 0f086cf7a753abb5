//! Single keys, as `--set` and the axes of a sweep name them.

use super::former::instead_of;
use super::layer::{SECTION_EXPECTED, list_for_section};
use super::sweep_section::WrittenAxis;
use super::{Scenario, ScenarioError, ScenarioSource};
use crate::nearest::with_nearest;

/// Where a value is from that the command line gave.
pub(super) const COMMAND_LINE: &str = "--set";

/// Parts of the longest key: section, key, and a key of a workload.
const MOST_PARTS: usize = 3;

impl ScenarioSource {
    /// Puts a value in the place of a key's, whatever it is; [`ScenarioSource::scenario`] checks it.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] when the key cannot be one.
    pub fn put(&mut self, key: &str, value: toml::Value) -> Result<(), ScenarioError> {
        insert(&mut self.table, key, value).map_err(|problem| self.key_error(key, problem))?;
        match list_for_section(&self.table) {
            Some(section) => Err(self.key_error(section, SECTION_EXPECTED.to_owned())),
            None => Ok(()),
        }
    }

    /// Sets one key, such as `link.bandwidth`, to a value as in TOML; a text needs no quotes. What holds between keys
    /// is checked by [`ScenarioSource::scenario`], when all are set.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] when the key does not exist or the value does not fit it.
    pub fn set(&mut self, assignment: &str) -> Result<(), ScenarioError> {
        let origin = format!("{COMMAND_LINE} {}", shortened(assignment));
        let Some((key, value)) = assignment.split_once('=') else {
            return Err(ScenarioError::new(
                &origin,
                "expected key=value, such as link.bandwidth=\"200 Mbit/s\"",
            ));
        };
        let (key, value) = (key.trim(), value.trim());
        let fail = |problem| ScenarioError::new(&origin, problem).in_key(shortened(key));
        let mut changed = self.table.clone();
        insert(&mut changed, key, value_of(value)).map_err(fail)?;
        if list_for_section(&changed).is_some() {
            return Err(fail(SECTION_EXPECTED.to_owned()));
        }
        self.incomplete = match changed.clone().try_into::<Scenario>() {
            Ok(scenario) => {
                scenario.check_keys().map_err(|wrong| {
                    ScenarioError::new(&origin, wrong.expected).in_key(wrong.key)
                })?;
                None
            }
            // The next one may set it.
            Err(error) if error.message().starts_with("missing field") => Some(origin),
            Err(error) => {
                let problem = instead_of(key).unwrap_or_else(|| with_nearest(error.message()));
                return Err(fail(problem));
            }
        };
        self.table = changed;
        self.origins
            .insert(key.to_owned(), (COMMAND_LINE.to_owned(), None));
        Ok(())
    }

    /// The same where there are axes: a list or a range takes the place of an axis' values.
    ///
    /// # Errors
    ///
    /// As [`set`](ScenarioSource::set), and when the key is an axis and the value is a single one, or the key has to do
    /// with an axis.
    pub fn set_beside_axes(&mut self, assignment: &str) -> Result<(), ScenarioError> {
        let (key, value) = assignment.split_once('=').unwrap_or((assignment, ""));
        let (key, values) = (key.trim(), value_of(value.trim()));
        if let Some(axis) = self.axes.iter_mut().find(|axis| axis.key == key)
            && (values.is_array() || values.is_table())
        {
            (axis.values, axis.line) = (values, None);
            return Ok(());
        }
        let has_to_do = |axis: &WrittenAxis| within(key, &axis.key) || within(&axis.key, key);
        if self.axes.iter().any(has_to_do) {
            return Err(ScenarioError::new(
                &format!("{COMMAND_LINE} {assignment}"),
                format!(
                    "{key} is on an axis of the sweep, expected a list or a range of values for the axis, or another key"
                ),
            ));
        }
        self.set(assignment)
    }
}

/// Whether a key is another one, or lies in it.
fn within(inner: &str, outer: &str) -> bool {
    inner
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What an error repeats of an argument.
fn shortened(text: &str) -> String {
    const MOST: usize = 120;
    if text.chars().count() <= MOST {
        text.to_owned()
    } else {
        text.chars().take(MOST).chain(['…']).collect()
    }
}

/// A value as TOML has it; anything else is a text.
pub(crate) fn value_of(value: &str) -> toml::Value {
    let one_line = !value.contains(['\n', '\r']);
    one_line
        .then(|| format!("value = {value}").parse::<toml::Table>().ok())
        .flatten()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()))
}

fn insert(table: &mut toml::Table, key: &str, value: toml::Value) -> Result<(), String> {
    let mut path: Vec<&str> = key.split('.').collect();
    if path.len() > MOST_PARTS {
        return Err(format!("expected a key of at most {MOST_PARTS} parts"));
    }
    let last = path.pop().filter(|last| !last.is_empty());
    let last = last.ok_or("expected a key such as link.bandwidth")?;
    let mut inner = table;
    for part in path {
        inner = inner
            .entry(part)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
            .as_table_mut()
            .ok_or_else(|| format!("`{part}` is not a section"))?;
    }
    inner.insert(last.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_takes_bare_text_and_toml() {
        let mut source = ScenarioSource::embedded();
        for assignment in [
            "link.bandwidth=200 Mbit/s",
            "link.latency = \"1 ms\"",
            "migration.strategies=[\"post-copy\"]",
            "hybrid.local_minimum=true",
            "pre-record.order=address",
        ] {
            source.set(assignment).expect(assignment);
        }
        let scenario = source.scenario().expect("all keys fit");
        assert_eq!(scenario.link.bandwidth.bits_per_second(), 200_000_000);
        assert_eq!(scenario.migration.strategies, ["post-copy"]);
        for (bad, part) in [
            ("link.speed=1", "unknown field `speed`"),
            ("link=1", "expected"),
            ("vm=[\"1 MiB\"]", "found a list"),
            ("link.bandwidth.x=1", "link.bandwidth"),
            ("nothing", "expected key=value"),
            ("=1", "expected a key"),
            ("source.send_buffer=0", "at least 1 byte"),
            ("a.b.c.d=1", "at most 3 parts"),
        ] {
            let error = source.set(bad).expect_err(bad).to_string();
            assert!(error.contains(part), "{error}");
        }
        let deep = "a.".repeat(30_000) + "a=1";
        let error = source.set(&deep).expect_err("too deep").to_string();
        assert!(
            error.len() < 1_000 && error.contains("at most 3 parts"),
            "{error}"
        );
    }
}
