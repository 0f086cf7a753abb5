//! One text of a scenario, and how it lies over the one that it extends.
//!
//! `extends = "qemu-7.2"` names a profile, or a file relative to the one that names it. Keys of the extending text
//! replace those of the extended one, key by key, with three exceptions. A `[sweep]` replaces the other `[sweep]`
//! whole. A key that is set takes an inherited axis of the same key away. A trace's file and workload replace each
//! other.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::de::DeTable;

use super::former::instead_of;
use super::locate::{key_at, line_of, lines};
use super::sweep_section::{self, SECTION, WrittenAxis};
use super::{PATHS, Scenario, ScenarioError};
use crate::nearest::with_nearest;

/// The key that names what a scenario extends.
pub(super) const EXTENDS: &str = "extends";

/// A parsed text.
pub(super) struct Layer {
    /// What errors call it.
    pub(super) origin: String,
    /// What it extends, and the line that says so.
    pub(super) extends: Option<(String, usize)>,
    pub(super) table: toml::Table,
    /// Its `[sweep]`, if it has one.
    pub(super) axes: Option<Vec<WrittenAxis>>,
    /// The lines of its keys.
    pub(super) lines: BTreeMap<String, usize>,
}

impl Layer {
    /// Parses a text, and checks its keys and their types while their places are still known.
    pub(super) fn parse(origin: &str, text: &str) -> Result<Self, ScenarioError> {
        let located = |error: &toml::de::Error| {
            let place = error.span().map(|span| span.start);
            let key = place.and_then(|place| key_at(text, place));
            let former = key.as_deref().and_then(instead_of);
            let found = ScenarioError::new(
                origin,
                former.unwrap_or_else(|| problem(error, key.as_deref())),
            )
            .at_line(place.map(|place| line_of(text, place)));
            match key {
                Some(key) => found.in_key(key),
                None => found,
            }
        };
        let mut table: toml::Table = text.parse().map_err(|error| located(&error))?;
        let mut document = DeTable::parse(text).map_err(|error| located(&error))?;
        let lines: BTreeMap<String, usize> = lines(text).into_iter().collect();
        if let Some(section) = list_for_section(&table) {
            return Err(ScenarioError::new(origin, SECTION_EXPECTED)
                .at_line(lines.get(section).copied())
                .in_key(section));
        }
        let axes = sweep_section::take(origin, text, document.get_mut(), &mut table)?;
        let extends = extends(origin, &lines, document.get_mut(), &mut table)?;
        Scenario::deserialize(toml::Deserializer::from(document))
            .map_err(|error| located(&error))?;
        Ok(Layer {
            origin: origin.to_owned(),
            extends,
            table,
            axes,
            lines,
        })
    }

    /// Makes relative paths, which start at this text's directory, start where `way` to it starts.
    pub(super) fn start_paths_at(&mut self, way: &Path) {
        for [section, key] in PATHS {
            let section = self.table.get_mut(section);
            let section = section.and_then(toml::Value::as_table_mut);
            if let Some(toml::Value::String(file)) = section.and_then(|keys| keys.get_mut(key)) {
                *file = way.join(&*file).to_string_lossy().into_owned();
            }
        }
    }

    /// Puts this layer over what it extends.
    pub(super) fn over(
        self,
        base: (toml::Table, Vec<WrittenAxis>),
    ) -> (toml::Table, Vec<WrittenAxis>) {
        let (mut table, mut axes) = base;
        axes.retain(|axis| !is_set(&self.table, &axis.key));
        merge(&mut table, self.table);
        (table, self.axes.unwrap_or(axes))
    }
}

/// What is expected instead of a list of values without keys.
pub(super) const SECTION_EXPECTED: &str = "expected a section of keys and values, found a list";

/// A section that is given as a list: its values would be taken by their position.
pub(super) fn list_for_section(table: &toml::Table) -> Option<&str> {
    let workload = table.get("trace").and_then(|trace| trace.get("workload"));
    let parts = workload.and_then(|workload| workload.get("parts")?.as_array());
    if let Some((section, _)) = table.iter().find(|(_, value)| value.is_array()) {
        Some(section)
    } else if workload.is_some_and(toml::Value::is_array) {
        Some("trace.workload")
    } else if parts.is_some_and(|parts| parts.iter().any(toml::Value::is_array)) {
        Some("trace.workload.parts")
    } else {
        None
    }
}

/// What an error of the parser says, in our words where its own are not the user's.
fn problem(error: &toml::de::Error, key: Option<&str>) -> String {
    let message = error.message();
    // What a text has beside a scenario's sections is taken out before.
    if key.is_some_and(|key| message.starts_with(&format!("unknown field `{key}`"))) {
        return with_nearest(&format!("{message}, `{SECTION}`, `{EXTENDS}`"));
    }
    // An integer beyond 64 bits is refused before the key's own type is asked.
    match message.split_once("` as i128") {
        Some((integer, _)) if message.starts_with("invalid type: integer `") => {
            let integer = integer.trim_start_matches("invalid type: integer `");
            format!(
                "{integer} is too large a number, expected at most {}",
                i64::MAX
            )
        }
        _ => with_nearest(message),
    }
}

fn extends(
    origin: &str,
    lines: &BTreeMap<String, usize>,
    document: &mut DeTable<'_>,
    table: &mut toml::Table,
) -> Result<Option<(String, usize)>, ScenarioError> {
    document.remove(EXTENDS);
    let line = lines.get(EXTENDS).copied().unwrap_or(1);
    match table.remove(EXTENDS) {
        None => Ok(None),
        Some(toml::Value::String(named)) => Ok(Some((named, line))),
        Some(_) => Err(ScenarioError::new(
            origin,
            "expected a profile's name such as \"qemu-7.2\", or a scenario's file",
        )
        .at_line(line)
        .in_key(EXTENDS)),
    }
}

fn is_set(table: &toml::Table, key: &str) -> bool {
    match key.split_once('.') {
        None => table.contains_key(key),
        Some((section, rest)) => table
            .get(section)
            .and_then(toml::Value::as_table)
            .is_some_and(|inner| is_set(inner, rest)),
    }
}

/// Two keys of `[trace]` of which a scenario has one at most.
const EXCLUSIVE: [&str; 2] = ["file", "workload"];

/// Lays `over` on `table`, key by key.
fn merge(table: &mut toml::Table, over: toml::Table) {
    for (section, value) in over {
        match (table.get_mut(&section), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(value)) => {
                if section == "trace" && EXCLUSIVE.iter().any(|key| value.contains_key(*key)) {
                    EXCLUSIVE.iter().for_each(|key| {
                        inner.remove(*key);
                    });
                }
                merge(inner, value);
            }
            (_, value) => {
                table.insert(section, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        match Layer::parse("s.toml", text) {
            Ok(_) => panic!("{text} was accepted"),
            Err(error) => error.to_string(),
        }
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
        let negative = error("[source]\nsend_buffer = -1");
        assert!(
            negative.contains("source.send_buffer") && negative.contains("KiB"),
            "{negative}"
        );
        let syntax = error("[link\n");
        assert!(syntax.starts_with("s.toml:1"), "{syntax}");
        assert_eq!(
            error("[link]\nmtu = 99999999999999999999999"),
            "s.toml:2: link.mtu: 99999999999999999999999 is too large a number, expected at most 9223372036854775807"
        );
        for (text, place) in [
            ("\nvm = [\"1 MiB\"]", "s.toml:2: vm"),
            ("[trace]\nworkload = [\"zipf\"]", "s.toml:2: trace.workload"),
            (
                "[trace.workload]\nkind = \"mixture\"\nparts = [[\"zipf\"]]",
                "s.toml:3: trace.workload.parts",
            ),
        ] {
            let expected = format!("{place}: expected a section of keys and values, found a list");
            assert_eq!(error(text), expected);
        }
        assert_eq!(
            error("\nextends = 1"),
            "s.toml:2: extends: expected a profile's name such as \"qemu-7.2\", or a scenario's file"
        );
    }

    #[test]
    fn the_sweep_is_taken_out_in_the_order_of_the_file() {
        let text = "[sweep]\nvm.memory = [1]\n\"link.latency\" = { from = 1, to = 2 }\n[sweep.vm.more]\nx = []";
        let layer = Layer::parse("s.toml", text).unwrap_or_else(|error| panic!("{error}"));
        assert!(layer.table.is_empty());
        let axes = layer.axes.unwrap_or_default();
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
            error("[sweep]\nlink.mtu = [1500]\n\"link.mtu\" = [9000]"),
            "s.toml:3: sweep.link.mtu: the axis is given twice, expected it on line 2 only"
        );
        assert_eq!(
            error("sweep = 1"),
            "s.toml:1: sweep: expected a section of keys with the values that they take"
        );
    }

    #[test]
    fn a_layer_replaces_keys_axes_and_the_other_kind_of_trace() {
        let parse = |text| Layer::parse("s.toml", text).unwrap_or_else(|error| panic!("{error}"));
        let nothing = || (toml::Table::new(), Vec::new());
        let base = "trace = { file = \"a.mtrace\", at_end = \"idle\" }\nlink = { mtu = 9000, latency = \"1 ms\" }\n\
                    [sweep]\nlink.bandwidth = [\"1 Gbit/s\"]\ntrace.start = [\"1 s\"]";
        let over =
            "trace = { workload = { kind = \"zipf\" }, start = \"2 s\" }\nlink = { mtu = 1500 }";
        let (table, axes) = parse(over).over(parse(base).over(nothing()));
        let expected: toml::Table =
            "trace = { workload = { kind = \"zipf\" }, at_end = \"idle\", start = \"2 s\" }\n\
                                     link = { mtu = 1500, latency = \"1 ms\" }"
                .parse()
                .expect("TOML");
        assert_eq!(table, expected);
        assert_eq!(
            axes.iter()
                .map(|axis| axis.key.as_str())
                .collect::<Vec<_>>(),
            ["link.bandwidth"]
        );
        let (_, axes) = parse("[sweep]").over(parse(base).over(nothing()));
        assert_eq!(axes, []);
    }
}
