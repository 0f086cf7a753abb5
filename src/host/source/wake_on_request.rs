//! `source.wake_on_request`: whether requests wake a thread that waits for room, and which of them it overtakes.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::{OutOfLimits, expect};
use crate::short_form::{Short, short_or_table};
use crate::units::SimTime;

/// Whether an arriving request wakes the thread, and which requests the woken thread overtakes.
///
/// In files `false`, `true` (none is overtaken), or a table of [`Overtaken`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WakeOnRequest(pub Option<Overtaken>);

/// Requests that the woken thread overtakes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Overtaken {
    /// Share of requests that the woken thread overtakes, in per cent, evenly spread. The thread goes on before another
    /// thread has read the request, and may sleep again without having seen it. Default 0.
    pub overtaken_percent: u8,
    /// Delay from the arrival of an overtaken request until it is read. Default 0 s.
    pub overtaken_by: SimTime,
}

impl WakeOnRequest {
    pub(super) fn check(self) -> Result<(), OutOfLimits> {
        let WakeOnRequest(overtaken) = self;
        expect(
            overtaken.is_none_or(|overtaken| overtaken.overtaken_percent <= 100),
            "source.wake_on_request.overtaken_percent",
            "expected at most 100",
        )
    }
}

impl<'de> Deserialize<'de> for WakeOnRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        short_or_table(
            deserializer,
            "a boolean, or a table with `overtaken_percent` and `overtaken_by`",
            |short| match short {
                Short::Switch(wakes) => Some(WakeOnRequest(wakes.then(Overtaken::default))),
                Short::Word(_) => None,
            },
            |overtaken| Ok(WakeOnRequest(Some(overtaken))),
        )
    }
}

impl Serialize for WakeOnRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(overtaken) if overtaken != Overtaken::default() => overtaken.serialize(serializer),
            wakes => wakes.is_some().serialize(serializer),
        }
    }
}

impl JsonSchema for WakeOnRequest {
    fn schema_name() -> Cow<'static, str> {
        "WakeOnRequest".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = Overtaken::json_schema(generator);
        json_schema!({ "anyOf": [{ "type": "boolean" }, table] })
    }
}
