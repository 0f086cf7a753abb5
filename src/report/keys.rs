//! A scenario's keys for people: what they are now, two lines a key; meanings are cut to their first sentence.

use std::fmt::Write;

use crate::run::row::Row;

/// The rows of `migsim scenario` as text.
pub fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let cell = |column: &str| {
            let found = row.iter().find(|(name, _)| *name == column);
            found
                .map(|(_, value)| value.to_string())
                .unwrap_or_default()
        };
        let value = match cell("value") {
            value if value.is_empty() => "—".to_owned(),
            value => value,
        };
        let meaning = cell("meaning");
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{} = {value}  ({})", cell("key"), cell("from"));
        let _ = writeln!(text, "    {}: {}", cell("unit"), first_sentence(&meaning));
    }
    text
}

fn first_sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| &text[..=end])
}
