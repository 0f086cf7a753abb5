//! The one place that writes to standard error.
//!
//! Messages are for people who watch: a standard error that is full, closed or gone stops nothing.

use std::fmt::{Arguments, Write as _};
use std::io::{self, Write as _};

/// Writes a line to standard error, as `eprintln!` does, but never panics and leaves a terminal as it is.
macro_rules! say {
    ($($text:tt)*) => { $crate::message::line(format_args!($($text)*)) };
}
pub(crate) use say;

/// Writes one line; errors are ignored.
pub(crate) fn line(text: Arguments<'_>) {
    let line = format!("{}\n", visible(&text.to_string()));
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// `text` with control characters as escapes, but for line ends and tabs: names of files come from elsewhere, and may
/// hold what moves a terminal's cursor or changes its title.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\n' && character != '\t' {
            let _ = write!(shown, "{}", character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn control_characters_are_shown_as_escapes() {
        assert_eq!(visible("a\tb\nä"), "a\tb\nä");
        assert_eq!(
            visible("\u{1b}]0;x\u{7}\r\u{9b}"),
            "\\u{1b}]0;x\\u{7}\\u{d}\\u{9b}"
        );
    }
}
