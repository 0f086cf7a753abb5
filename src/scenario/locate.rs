//! Where in a scenario's text a key stands.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// A key with the places of its name and its value.
struct Place {
    path: String,
    name: Range<usize>,
    value: Range<usize>,
}

/// The line of a place, counted from 1.
pub(super) fn line_of(text: &str, place: usize) -> usize {
    1 + text
        .bytes()
        .take(place)
        .filter(|byte| *byte == b'\n')
        .count()
}

/// The innermost key at a place.
pub(super) fn key_at(text: &str, place: usize) -> Option<String> {
    places(text)
        .into_iter()
        .filter(|key| key.name.contains(&place) || key.value.contains(&place))
        .map(|key| key.path)
        .max_by_key(String::len)
}

/// All keys, sections among them, with their lines.
pub(super) fn lines(text: &str) -> Vec<(String, usize)> {
    places(text)
        .into_iter()
        .map(|key| (key.path, line_of(text, key.name.start)))
        .collect()
}

fn places(text: &str) -> Vec<Place> {
    fn walk(table: &DeTable<'_>, prefix: &str, found: &mut Vec<Place>) {
        for (key, value) in table {
            let path = format!("{prefix}{}", key.get_ref());
            found.push(Place {
                path: path.clone(),
                name: key.span(),
                value: value.span(),
            });
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
