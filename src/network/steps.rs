//! Steps of the bandwidth: as a scenario lists them, or from a CSV file.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::file::read_bounded;
use crate::units::{Bandwidth, SimTime};

/// From a time on, counted from the migration command, the link has another bandwidth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a step such as { at = \"2 s\", bandwidth = \"200 Mbit/s\" }"
)]
pub struct Step {
    /// When.
    pub at: SimTime,
    /// Bits per second on the wire.
    pub bandwidth: Bandwidth,
}

/// Steps in the order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steps {
    /// Where they are from, if not from the scenario.
    file: Option<PathBuf>,
    steps: Arc<[Step]>,
}

const EXPECTED: &str = "a list of steps such as [{ at = \"2 s\", bandwidth = \"200 Mbit/s\" }], or the name of a CSV file";

/// First line of a file.
const HEADER: &str = "time_s,bandwidth_bits_per_s";

const MOST_STEPS: usize = 1 << 20;
const LARGEST_FILE: u64 = 64 << 20;

impl Steps {
    /// Steps that a scenario lists.
    pub fn given(steps: Vec<Step>) -> Self {
        Steps {
            file: None,
            steps: steps.into(),
        }
    }

    /// All of them.
    pub fn all(&self) -> &[Step] {
        &self.steps
    }

    /// Whether the bandwidth never changes.
    pub fn is_empty(&self) -> bool {
        self.file.is_none() && self.steps.is_empty()
    }

    /// The file that they are from.
    pub(crate) fn file_mut(&mut self) -> Option<&mut PathBuf> {
        self.file.as_mut()
    }

    /// The same, to read.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The steps themselves, wherever they are from.
    pub(crate) fn without_file(&self) -> Self {
        Steps {
            file: None,
            steps: self.steps.clone(),
        }
    }

    /// Reads the file, if there is one, whose path starts at `directory`, and checks the order.
    ///
    /// # Errors
    ///
    /// Which step is wrong, and what was expected.
    pub(crate) fn load(&mut self, directory: &Path) -> Result<(), String> {
        let Some(file) = &mut self.file else {
            let place = |index: usize| format!("step {}", index + 1);
            return check(&self.steps, place);
        };
        *file = directory.join(&*file);
        let of_file = |problem: String| format!("{}: {problem}", file.display());
        let bytes = read_bounded(file, LARGEST_FILE).map_err(|error| of_file(error.to_string()))?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| of_file("expected text in UTF-8".to_owned()))?;
        let (steps, lines) = read(text).map_err(of_file)?;
        check(&steps, |index| format!("line {}", lines[index])).map_err(of_file)?;
        self.steps = steps.into();
        Ok(())
    }
}

/// The steps of a file's text, and the line of each.
fn read(text: &str) -> Result<(Vec<Step>, Vec<usize>), String> {
    let mut rows = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    if rows.next() != Some(HEADER) {
        return Err(format!("line 1: expected the header {HEADER}"));
    }
    let (mut steps, mut lines) = (Vec::new(), Vec::new());
    for (row, line) in rows.zip(2..).filter(|(row, _)| !row.is_empty()) {
        let step = row.split_once(',').and_then(|(time, bits)| {
            Some(Step {
                at: format!("{} s", time.trim()).parse().ok()?,
                bandwidth: Bandwidth::from_bits_per_second(bits.trim().parse().ok()?)?,
            })
        });
        steps.push(step.ok_or_else(|| {
            let found: String = row.chars().take(40).collect();
            format!(
                "line {line}: expected seconds and whole bits per second above zero, found `{}`",
                found.escape_debug()
            )
        })?);
        lines.push(line);
    }
    Ok((steps, lines))
}

/// Otherwise the `place` of the first wrong step, and what was expected.
fn check(steps: &[Step], place: impl Fn(usize) -> String) -> Result<(), String> {
    if steps.len() > MOST_STEPS {
        return Err(format!(
            "{} steps, expected at most {MOST_STEPS}",
            steps.len()
        ));
    }
    let pairs = steps.windows(2).zip(1..);
    let descends = |(pair, _): &(&[Step], usize)| pair[0].at >= pair[1].at;
    match pairs.into_iter().find(descends) {
        Some((pair, index)) => Err(format!(
            "{}: {} does not follow {}, expected ascending times",
            place(index),
            pair[1].at,
            pair[0].at
        )),
        None => Ok(()),
    }
}

impl Serialize for Steps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.file {
            Some(file) => file.serialize(serializer),
            None => self.steps[..].serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrFile;
        impl<'de> Visitor<'de> for ListOrFile {
            type Value = Steps;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }
            fn visit_str<E: de::Error>(self, file: &str) -> Result<Steps, E> {
                Ok(Steps {
                    file: Some(file.into()),
                    steps: Arc::default(),
                })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Steps, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Steps::given)
            }
        }
        deserializer.deserialize_any(ListOrFile)
    }
}

impl JsonSchema for Steps {
    fn schema_name() -> Cow<'static, str> {
        "steps".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["array", "string"],
            "items": generator.subschema_for::<Step>(),
            "x-unit": "list of { at, bandwidth } | file",
            "x-expected": EXPECTED,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_times_and_bandwidths() {
        let text = "time_s,bandwidth_bits_per_s\n0.5,200000000\n\n 2 , 1000\n";
        let (steps, lines) = read(text).expect("sound");
        let step = |ms, bits| Step {
            at: SimTime::from_ms(ms),
            bandwidth: Bandwidth::from_bits_per_second(bits).expect("not zero"),
        };
        assert_eq!(steps, [step(500, 200_000_000), step(2_000, 1_000)]);
        assert_eq!(lines, [2, 4]);
    }

    #[test]
    fn errors_name_the_line() {
        for (text, expected) in [
            ("", "line 1: expected the header"),
            ("time_s,bandwidth_bits_per_s\n1,0\n", "line 2: expected sec"),
            ("time_s,bandwidth_bits_per_s\n-1,5\n", "found `-1,5`"),
            ("time_s,bandwidth_bits_per_s\n1\n", "line 2"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
        let (steps, lines) = read("time_s,bandwidth_bits_per_s\n2,5\n2,6\n").expect("rows");
        assert_eq!(
            check(&steps, |index| format!("line {}", lines[index])),
            Err("line 3: 2.00 s does not follow 2.00 s, expected ascending times".to_owned())
        );
    }
}
