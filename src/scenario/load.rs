//! Reads scenarios, and says where one is wrong: file, line, key and what was expected.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::sweep_section::{self, SECTION, WrittenAxis};
use super::{Scenario, Unfit};

/// A scenario that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioError {
    /// The file, or the `--set` argument.
    origin: String,
    line: Option<usize>,
    key: Option<String>,
    problem: String,
}

impl std::error::Error for ScenarioError {}

impl ScenarioError {
    /// What is wrong, without the place.
    pub(crate) fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(key) = &self.key {
            write!(f, ": {key}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// Larger files are no scenarios.
const LARGEST_FILE: u64 = 1 << 20;

/// A scenario as it was written, so that single keys can still be set.
#[derive(Debug, Clone)]
pub struct ScenarioSource {
    name: String,
    /// What errors call it.
    origin: String,
    directory: PathBuf,
    table: toml::Table,
    axes: Vec<WrittenAxis>,
}

impl ScenarioSource {
    /// The default scenario.
    pub fn embedded() -> Self {
        ScenarioSource {
            name: "default".to_owned(),
            origin: "default".to_owned(),
            directory: PathBuf::new(),
            table: toml::Table::new(),
            axes: Vec::new(),
        }
    }

    /// Reads a scenario's file.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] when it cannot be read or is not a scenario.
    pub fn open(path: &Path) -> Result<Self, ScenarioError> {
        let fail = |problem: String| ScenarioError {
            origin: path.display().to_string(),
            line: None,
            key: None,
            problem,
        };
        let size = std::fs::metadata(path)
            .map_err(|error| fail(error.to_string()))?
            .len();
        if size > LARGEST_FILE {
            return Err(fail(format!(
                "{size} bytes, expected a scenario of at most {LARGEST_FILE}"
            )));
        }
        let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
        let name = path
            .file_stem()
            .map_or_else(|| "scenario".into(), |stem| stem.to_string_lossy())
            .into_owned();
        let (table, axes) = parse(&text).map_err(|error| error.in_file(path))?;
        Ok(ScenarioSource {
            name,
            origin: path.display().to_string(),
            directory: path.parent().map(Path::to_owned).unwrap_or_default(),
            table,
            axes,
        })
    }

    /// Takes a scenario from a text inside the program; its relative paths start at the current directory.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] when it is not a scenario.
    pub fn from_text(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let (table, axes) = parse(text).map_err(|error| error.in_file(Path::new(name)))?;
        Ok(ScenarioSource {
            name: name.to_owned(),
            origin: name.to_owned(),
            directory: PathBuf::new(),
            table,
            axes,
        })
    }

    /// The file's name without its ending, or `default`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The axes of its `[sweep]`, in the order of the file; the scenario itself goes without them.
    pub fn axes(&self) -> &[WrittenAxis] {
        &self.axes
    }

    /// What is set, without the axes: equal texts are equal scenarios.
    pub fn settings(&self) -> String {
        self.table.to_string()
    }

    /// Puts a value in the place of a key's, whatever it is; [`ScenarioSource::scenario`] checks it.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] when the key cannot be one.
    pub fn put(&mut self, key: &str, value: toml::Value) -> Result<(), ScenarioError> {
        insert(&mut self.table, key, value).map_err(|problem| self.key_error(key, problem))
    }

    /// An error in a key that an axis does not name.
    pub(crate) fn key_error(&self, key: &str, problem: String) -> ScenarioError {
        ScenarioError {
            origin: self.origin.clone(),
            line: None,
            key: Some(key.to_owned()),
            problem,
        }
    }

    /// An error in an axis.
    pub(crate) fn axis_error(&self, axis: &WrittenAxis, problem: String) -> ScenarioError {
        ScenarioError {
            origin: axis
                .line
                .map_or("--set".to_owned(), |_| self.origin.clone()),
            line: axis.line,
            key: Some(format!("{SECTION}.{}", axis.key)),
            problem,
        }
    }

    /// Sets one key, such as `link.bandwidth`, to a value as in TOML; a text needs no quotes.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] when the key does not exist or the value does not fit it.
    pub fn set(&mut self, assignment: &str) -> Result<(), ScenarioError> {
        let fail = |key: Option<&str>, problem: String| ScenarioError {
            origin: format!("--set {assignment}"),
            line: None,
            key: key.map(str::to_owned),
            problem,
        };
        let Some((key, value)) = assignment.split_once('=') else {
            return Err(fail(
                None,
                "expected key=value, such as link.bandwidth=\"200 Mbit/s\"".to_owned(),
            ));
        };
        let (key, value) = (key.trim(), value.trim());
        let mut changed = self.table.clone();
        insert(&mut changed, key, value_of(value)).map_err(|problem| fail(Some(key), problem))?;
        let scenario: Scenario = changed
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| fail(Some(key), error.message().to_owned()))?;
        scenario
            .check()
            .map_err(|unfit| fail(Some(unfit.key), unfit.expected))?;
        self.table = changed;
        Ok(())
    }

    /// The same where there are axes: a list or a range takes the place of an axis' values.
    ///
    /// # Errors
    ///
    /// As [`set`](ScenarioSource::set), and when the key is an axis and the value is a single one, or the key has to do with an
    /// axis.
    pub fn set_beside_axes(&mut self, assignment: &str) -> Result<(), ScenarioError> {
        let (key, value) = assignment.split_once('=').unwrap_or((assignment, ""));
        let (key, values) = (key.trim(), value_of(value.trim()));
        if let Some(axis) = self.axes.iter_mut().find(|axis| axis.key == key)
            && (values.is_array() || values.is_table())
        {
            (axis.values, axis.line) = (values, None);
            return Ok(());
        }
        let within = |inner: &str, outer: &str| {
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if self
            .axes
            .iter()
            .any(|axis| within(key, &axis.key) || within(&axis.key, key))
        {
            return Err(ScenarioError {
                origin: format!("--set {assignment}"),
                line: None,
                key: None,
                problem: format!(
                    "{key} is on an axis of the sweep, expected a list or a range of values for the axis, or another key"
                ),
            });
        }
        self.set(assignment)
    }

    /// The scenario.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] when what was set does not fit together.
    pub fn scenario(&self) -> Result<Scenario, ScenarioError> {
        let fail = |key: Option<&str>, problem: String| ScenarioError {
            origin: self.origin.clone(),
            line: None,
            key: key.map(str::to_owned),
            problem,
        };
        let mut scenario: Scenario = self
            .table
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| fail(None, error.message().to_owned()))?;
        scenario
            .check()
            .map_err(|unfit| fail(Some(unfit.key), unfit.expected))?;
        if let Some(file) = &mut scenario.trace.file {
            *file = self.directory.join(&*file);
        }
        Ok(scenario)
    }
}

/// An error before its file is known.
pub(super) struct Misfit {
    pub(super) line: Option<usize>,
    pub(super) key: Option<String>,
    pub(super) problem: String,
}

impl Misfit {
    fn in_file(self, path: &Path) -> ScenarioError {
        ScenarioError {
            origin: path.display().to_string(),
            line: self.line,
            key: self.key,
            problem: self.problem,
        }
    }
}

/// Parses and checks, while the text's places are still known.
fn parse(text: &str) -> Result<(toml::Table, Vec<WrittenAxis>), Misfit> {
    let located = |error: &toml::de::Error| Misfit {
        line: error.span().map(|span| line_of(text, span.start)),
        key: error.span().and_then(|span| key_at(text, span.start)),
        problem: error.message().to_owned(),
    };
    let mut table: toml::Table = text.parse().map_err(|error| located(&error))?;
    let mut document = DeTable::parse(text).map_err(|error| located(&error))?;
    let axes = sweep_section::take(text, document.get_mut(), &mut table)?;
    let scenario = Scenario::deserialize(toml::Deserializer::from(document))
        .map_err(|error| located(&error))?;
    scenario.check().map_err(|Unfit { key, expected }| Misfit {
        line: place_of(text, key).map(|place| line_of(text, place)),
        key: Some(key.to_owned()),
        problem: expected,
    })?;
    Ok((table, axes))
}

pub(super) fn line_of(text: &str, place: usize) -> usize {
    1 + text
        .bytes()
        .take(place)
        .filter(|byte| *byte == b'\n')
        .count()
}

/// All keys of a text with the places of their names and values.
fn keys(text: &str) -> Vec<(String, std::ops::Range<usize>, std::ops::Range<usize>)> {
    fn walk(
        table: &DeTable<'_>,
        prefix: &str,
        found: &mut Vec<(String, std::ops::Range<usize>, std::ops::Range<usize>)>,
    ) {
        for (key, value) in table {
            let path = format!("{prefix}{}", key.get_ref());
            found.push((path.clone(), key.span(), value.span()));
            if let DeValue::Table(inner) = value.get_ref() {
                walk(inner, &format!("{path}."), found);
            }
        }
    }
    let mut found = Vec::new();
    if let Ok(table) = DeTable::parse(text) {
        walk(table.get_ref(), "", &mut found);
    }
    found
}

/// The innermost key at a place.
fn key_at(text: &str, place: usize) -> Option<String> {
    keys(text)
        .into_iter()
        .filter(|(_, key, value)| key.contains(&place) || value.contains(&place))
        .map(|(path, ..)| path)
        .max_by_key(String::len)
}

fn place_of(text: &str, path: &str) -> Option<usize> {
    keys(text)
        .into_iter()
        .find(|(key, ..)| key == path)
        .map(|(_, place, _)| place.start)
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

    fn error(text: &str) -> String {
        let Err(misfit) = parse(text) else {
            panic!("{text} was accepted")
        };
        misfit.in_file(Path::new("s.toml")).to_string()
    }

    #[test]
    fn errors_name_line_key_and_expectation() {
        let unknown = error("[link]\nlatency = \"1 ms\"\nbandwith = \"1 Gbit/s\"\n");
        assert!(
            unknown.starts_with("s.toml:3: link.bandwith: unknown field"),
            "{unknown}"
        );
        assert!(unknown.contains("`bandwidth`"), "{unknown}");
        let zero = error("[link]\nbandwidth = \"0 Gbit/s\"");
        assert!(
            zero.starts_with("s.toml:2: link.bandwidth: `0 Gbit/s` is not a bandwidth"),
            "{zero}"
        );
        let unfit = error("[vm]\n\n[link]\nmtu = 12");
        assert_eq!(unfit, "s.toml:4: link.mtu: expected 68 to 65535 bytes");
        let negative = error("[source]\nsend_buffer = -1");
        assert!(
            negative.contains("source.send_buffer") && negative.contains("KiB"),
            "{negative}"
        );
        let syntax = error("[link\n");
        assert!(syntax.starts_with("s.toml:1"), "{syntax}");
    }

    #[test]
    fn the_written_default_is_the_default() {
        let table = parse(include_str!("../../scenarios/default.toml"));
        let Ok((table, _)) = table else {
            panic!("it does not parse")
        };
        assert_eq!(table.try_into(), Ok(Scenario::default()));
    }

    #[test]
    fn the_sweep_is_taken_out_in_the_order_of_the_file() {
        let text = "[sweep]\nvm.memory = [1]\n\"link.latency\" = { from = 1, to = 2 }\n[sweep.vm.more]\nx = []";
        let Ok((table, axes)) = parse(text) else {
            panic!("it does not parse")
        };
        assert!(table.is_empty());
        let places: Vec<_> = axes
            .iter()
            .map(|axis| (axis.key.as_str(), axis.line))
            .collect();
        assert_eq!(
            places,
            [
                ("vm.memory", Some(2)),
                ("link.latency", Some(3)),
                ("vm.more.x", Some(5))
            ]
        );
        assert_eq!(
            error("\n[sweep.link]\nbandwidth = \"1 Gbit/s\""),
            "s.toml:3: sweep.link.bandwidth: expected a list of values, or a range { from, to, step | count, scale }"
        );
        assert_eq!(
            error("sweep = 1"),
            "s.toml:1: sweep: expected a section of keys with the values that they take"
        );
    }

    #[test]
    fn set_takes_bare_text_and_toml() {
        let mut source = ScenarioSource::embedded();
        for assignment in [
            "link.bandwidth=200 Mbit/s",
            "link.latency = \"1 ms\"",
            "migration.strategies=[\"post-copy\"]",
            "migration.overlap_core=true",
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
            ("link.bandwidth.x=1", "link.bandwidth"),
            ("nothing", "expected key=value"),
            ("=1", "expected a key"),
            ("source.send_buffer=0", "at least 1 byte"),
        ] {
            let error = source.set(bad).expect_err(bad).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
