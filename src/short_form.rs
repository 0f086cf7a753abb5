//! Values that are a word or a switch while their details have their defaults, and a table otherwise.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// A value without details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Short<'a> {
    Word(&'a str),
    Switch(bool),
}

/// Reads a value that has a short form, and a `Table` of its details. `expected` says what both look like.
///
/// # Errors
///
/// The deserializer's own, and what a conversion says.
pub(crate) fn short_or_table<'de, D, T, Table>(
    deserializer: D,
    expected: &'static str,
    short: fn(Short<'_>) -> Option<T>,
    table: fn(Table) -> Result<T, &'static str>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    Table: Deserialize<'de>,
{
    deserializer.deserialize_any(Forms {
        expected,
        short,
        table,
        value: PhantomData,
    })
}

struct Forms<T, Table> {
    expected: &'static str,
    short: fn(Short<'_>) -> Option<T>,
    table: fn(Table) -> Result<T, &'static str>,
    value: PhantomData<T>,
}

impl<'de, T, Table: Deserialize<'de>> Visitor<'de> for Forms<T, Table> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<T, E> {
        let value = (self.short)(Short::Word(word));
        value.ok_or_else(|| E::custom(format_args!("`{word}`, expected {}", self.expected)))
    }

    fn visit_bool<E: Error>(self, switch: bool) -> Result<T, E> {
        let value = (self.short)(Short::Switch(switch));
        value.ok_or_else(|| E::custom(format_args!("`{switch}`, expected {}", self.expected)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let details = Table::deserialize(MapAccessDeserializer::new(map))?;
        (self.table)(details).map_err(A::Error::custom)
    }
}
