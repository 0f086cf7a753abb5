//! A key that is calibrated: the values that it may take, in order, and how finer ones come between them.

use crate::nearest::nearest;
use crate::scenario::axis::{Axis, AxisValue};
use crate::scenario::keys::{Key, keys};
use crate::scenario::{Scenario, ScenarioSource, value_of};
use crate::units::Bytes;

/// A key and its bounds, as an axis of a sweep has them.
type Known = (&'static str, &'static str);

/// Keys that are calibrated unless others are named: they differ from network to network and from machine to machine.
const KNOWN: [Known; 9] = [
    // From a socket's first size to beyond the largest that Linux lets it grow to (net.ipv4.tcp_wmem, tcp_rmem).
    (
        "source.send_buffer",
        "{ from = \"64 KiB\", to = \"8 MiB\", step = 2, scale = \"log\" }",
    ),
    // Linux has two thirds: with the scenario's own share, the mark goes with the buffer.
    (RESUME_MARK, "[0.666667]"),
    // None, and up to the largest net.ipv4.tcp_limit_output_bytes that Linux had by default.
    (
        "link.device_queue",
        "[0, \"32 KiB\", \"64 KiB\", \"128 KiB\", \"256 KiB\", \"512 KiB\", \"1 MiB\", \"2 MiB\", \"4 MiB\"]",
    ),
    // None, one packet of Ethernet, and up to the 45 that fit 64 KiB.
    (
        "link.segment",
        "[0, 1448, 2896, 5792, 11584, 23168, 43440, 65160]",
    ),
    (
        "destination.install",
        "{ from = \"500 ns\", to = \"16 us\", step = 2, scale = \"log\" }",
    ),
    (
        "source.zero_service",
        "{ from = \"125 ns\", to = \"4 us\", step = 2, scale = \"log\" }",
    ),
    (
        "destination.wake",
        "{ from = \"5 us\", to = \"320 us\", step = 2, scale = \"log\" }",
    ),
    (
        "destination.fault_trap",
        "{ from = \"5 us\", to = \"320 us\", step = 2, scale = \"log\" }",
    ),
    // None, and up to two periods of QEMU's rate limiter.
    (
        "migration.setup_time",
        "[\"0 s\", \"1 ms\", \"3 ms\", \"10 ms\", \"30 ms\", \"60 ms\", \"100 ms\", \"150 ms\", \"200 ms\"]",
    ),
];

/// A further key with bounds of its own: what is measured hardly tells it from the send buffer.
const FURTHER: [Known; 1] = [(
    "destination.receive_buffer",
    "{ from = \"64 KiB\", to = \"8 MiB\", step = 2, scale = \"log\" }",
)];

/// The key whose values may be shares of another one's: a mark above the buffer's size would be none.
const RESUME_MARK: &str = "source.send_resume";
const BUFFER: &str = "source.send_buffer";

/// Values so many times apart are different.
const FAR: f64 = 4.0;

/// The keys that are calibrated unless others are named.
pub fn default_keys() -> impl Iterator<Item = &'static str> {
    KNOWN.into_iter().map(|(key, _)| key)
}

/// A key and the values that it may take.
#[derive(Debug, Clone)]
pub struct Candidates {
    axis: Axis,
    /// Which of the values it has.
    pub(super) place: usize,
    /// The one that the scenario has, if any.
    origin: Option<AxisValue>,
    /// Whether no other values come between: a list that was given means its values.
    is_list: bool,
}

impl Candidates {
    /// The values of a key, from the least on: those of `written`, a list or a range as an axis has them, or its own
    /// bounds; and the one that it has in `source`, from which the search starts. A key without any starts at the last,
    /// as does a written list that lacks it: no value but its own is tried.
    ///
    /// # Errors
    ///
    /// What was expected instead.
    pub fn new(key: &str, written: Option<&str>, source: &ScenarioSource) -> Result<Self, String> {
        let all = keys();
        let Some(known) = all.iter().find(|known| known.name == key) else {
            let meant = nearest(key, all.iter().map(|known| known.name.as_str()));
            let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
            return Err(format!("expected a key of a scenario{meant}"));
        };
        if source.axes().iter().any(|axis| axis.key == key) {
            return Err(
                "it is on an axis of the scenario's [sweep], expected another key".to_owned(),
            );
        }
        let own = KNOWN
            .iter()
            .chain(&FURTHER)
            .find(|(known, _)| *known == key);
        let values = written.or(own.map(|(_, values)| *values));
        let values = values
            .ok_or("expected its values, as a list or a range: it has no bounds of its own")?;
        let values = value_of(values);
        let is_list = written.is_some() && values.is_array();
        let mut axis = Axis::new(key, &values)?;
        if let Some(order) = numbers(&axis.values) {
            let mut ordered: Vec<_> = order.into_iter().zip(axis.values).collect();
            ordered.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            axis.values = ordered.into_iter().map(|(_, value)| value).collect();
        }
        let place = axis.values.len() - 1;
        let mut candidates = Candidates {
            axis,
            place,
            origin: None,
            is_list,
        };
        if written.is_some() {
            candidates.check(source)?;
        }
        if let Some(start) = candidates.start(known, source) {
            let start = Axis::new(key, &toml::Value::Array(vec![start]))?;
            candidates.origin = start.values.first().cloned();
            let has =
                |value: &AxisValue| Some(&value.cell) == start.values.first().map(|own| &own.cell);
            candidates.place = match candidates.values().iter().position(has) {
                Some(place) => place,
                None if is_list => place,
                None => candidates.insert(start.values),
            };
        }
        Ok(candidates)
    }

    /// Refuses values that are none of the key's, or do not fit the others.
    fn check(&self, source: &ScenarioSource) -> Result<(), String> {
        for (place, value) in self.values().iter().enumerate() {
            let mut source = source.clone();
            let put = source.put(self.key(), self.value(place, &source));
            (put.and_then(|()| source.scenario()))
                .map_err(|error| format!("{}: {}", value.cell, error.problem()))?;
        }
        Ok(())
    }

    /// The key's value in a scenario, as these values are written.
    fn start(&self, known: &Key, source: &ScenarioSource) -> Option<toml::Value> {
        let written = source.value(&known.name).map(|(value, _)| value);
        let value = written.or_else(|| known.default.clone())?;
        if !self.has_shares() {
            return Some(value);
        }
        let share = bytes(&value)? as f64 / buffer_of(source) as f64;
        Some(toml::Value::Float((share * 1e6).round() / 1e6))
    }

    /// The key, such as `destination.install`.
    pub fn key(&self) -> &str {
        &self.axis.key
    }

    /// Its values, from the least on.
    pub fn values(&self) -> &[AxisValue] {
        &self.axis.values
    }

    /// Whether its values are shares of another key's.
    pub(super) fn has_shares(&self) -> bool {
        let is_share = |value: &AxisValue| value.value.is_float();
        self.key() == RESUME_MARK && self.values().iter().all(is_share)
    }

    /// Whether a range of values says little about where in it the value is: it goes over several words, or a factor.
    pub(super) fn are_far_apart(&self, low: usize, high: usize) -> bool {
        let number = |place: usize| number(&self.values()[place]);
        match (number(low), number(high)) {
            (Some(low), Some(high)) => high > low * FAR,
            _ => low != high,
        }
    }

    /// Whether there may be values beyond the one that the key has: of several numbers it is the greatest, or the least
    /// and not zero.
    pub(super) fn is_at_bound(&self) -> bool {
        let last = self.values().len() - 1;
        let is_end = |number: f64| self.place == last || self.place == 0 && number > 0.0;
        last > 0 && number(&self.values()[self.place]).is_some_and(is_end)
    }

    /// How far a value is from the scenario's, in octaves; one where there is no ratio, between words or to zero.
    pub(super) fn moved(&self, place: usize) -> f64 {
        let value = &self.values()[place];
        let Some(origin) = self
            .origin
            .as_ref()
            .filter(|origin| origin.cell != value.cell)
        else {
            return 0.0;
        };
        match (number(origin), number(value)) {
            (Some(from), Some(to)) if from > 0.0 && to > 0.0 => (to / from).log2().abs(),
            _ => 1.0,
        }
    }

    /// A value as a scenario takes it, which has the key that shares are of by then.
    pub(super) fn value(&self, place: usize, source: &ScenarioSource) -> toml::Value {
        let value = &self.values()[place].value;
        match value.as_float() {
            Some(share) if self.has_shares() => {
                toml::Value::Integer((share * buffer_of(source) as f64) as i64)
            }
            _ => value.clone(),
        }
    }

    /// Puts a value half-way, by factors, to each neighbour of the one that the key has. Words and zero have nothing
    /// between.
    pub(super) fn refine(&mut self) {
        if self.is_list {
            return;
        }
        for (low, high) in [
            (self.place, self.place + 1),
            (self.place.wrapping_sub(1), self.place),
        ] {
            let (Some(low), Some(high)) = (self.values().get(low), self.values().get(high)) else {
                continue;
            };
            let range = toml::Table::from_iter([
                ("from".to_owned(), low.value.clone()),
                ("to".to_owned(), high.value.clone()),
                ("count".to_owned(), toml::Value::Integer(3)),
                ("scale".to_owned(), toml::Value::String("log".to_owned())),
            ]);
            if let Ok(axis) = Axis::new(self.key(), &toml::Value::Table(range)) {
                let has = self.values()[self.place].cell.clone();
                self.insert(axis.values);
                self.place = self.place_of(&has);
            }
        }
    }

    /// Puts values where they belong, if they are not there; words come first. Returns where the first is.
    fn insert(&mut self, values: Vec<AxisValue>) -> usize {
        let first = values[0].cell.clone();
        for value in values {
            if self.values().iter().any(|known| known.cell == value.cell) {
                continue;
            }
            let own = number(&value);
            let behind = self.values().iter().position(|known| number(known) > own);
            let place = behind.unwrap_or(self.values().len());
            self.axis.values.insert(place, value);
        }
        self.place_of(&first)
    }

    fn place_of(&self, cell: &str) -> usize {
        let place = self.values().iter().position(|value| value.cell == cell);
        place.unwrap_or_default()
    }
}

/// The values as numbers, if all are.
fn numbers(values: &[AxisValue]) -> Option<Vec<f64>> {
    values.iter().map(number).collect()
}

fn number(value: &AxisValue) -> Option<f64> {
    value.cell.parse().ok()
}

fn buffer_of(source: &ScenarioSource) -> u64 {
    let written = source.value(BUFFER).and_then(|(value, _)| bytes(&value));
    written.unwrap_or(Scenario::default().source.send_buffer.0)
}

fn bytes(value: &toml::Value) -> Option<u64> {
    match value {
        toml::Value::Integer(bytes) => u64::try_from(*bytes).ok(),
        value => Some(value.as_str()?.parse::<Bytes>().ok()?.0),
    }
}
