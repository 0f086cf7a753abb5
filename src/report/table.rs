//! Tables for people: their looks, and how a wide one fits a narrow terminal.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, LineStyle, Row, Table};

/// Where tables are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Whether it takes bold print.
    pub styled: bool,
    /// Columns of text in a line; `None` for a file or a pipe, where lines have any length.
    pub width: Option<usize>,
}

impl View {
    /// A file or a pipe.
    pub const PLAIN: View = View {
        styled: false,
        width: None,
    };

    /// The table as text. One that is too wide turns into blocks below each other: each has the first column and as
    /// many of the others as fit.
    pub fn show(self, table: &Table) -> String {
        let widths = table.column_max_content_widths();
        // A blank on each side, and one between columns.
        let widths: Vec<usize> = widths.iter().map(|width| usize::from(*width) + 3).collect();
        let blocks = blocks(&widths, self.width);
        if blocks.len() < 2 {
            return table.trim_fmt();
        }
        let shown = blocks.into_iter().map(|block| {
            let of = |row: &Row| {
                let cells: Vec<Cell> = row.cell_iter().cloned().collect();
                let chosen = std::iter::once(0).chain(block.clone());
                chosen
                    .filter_map(|column| cells.get(column).cloned())
                    .collect::<Vec<_>>()
            };
            let mut part = empty(self);
            if let Some(header) = table.header() {
                part.set_header(of(header));
            }
            part.add_rows(table.row_iter().map(of));
            part.trim_fmt()
        });
        shown.collect::<Vec<_>>().join("\n\n")
    }
}

/// Which columns behind the first stand beside each other. A block has one at least, however narrow the terminal.
fn blocks(widths: &[usize], width: Option<usize>) -> Vec<std::ops::Range<usize>> {
    let (Some(first), Some(most)) = (widths.first(), width) else {
        return Vec::new();
    };
    let mut blocks = Vec::new();
    let (mut from, mut used) = (1, *first);
    for (column, own) in widths.iter().enumerate().skip(1) {
        // Nothing separates the last column from another.
        if used + own > most + 1 && column > from {
            blocks.push(from..column);
            (from, used) = (column, *first);
        }
        used += own;
    }
    blocks.push(from..widths.len());
    blocks
}

/// A table of the project's looks, its header in bold where that is styled.
pub fn new_table(header: &[&str], view: View) -> Table {
    let mut table = empty(view);
    table.set_header(header.iter().enumerate().map(|(index, name)| {
        let cell = Cell::new(name).add_attribute(Attribute::Bold);
        if index == 0 {
            cell
        } else {
            cell.set_alignment(CellAlignment::Right)
        }
    }));
    table
}

/// Cells of which all but the first are aligned to the right.
pub fn right_aligned<const N: usize>(texts: [String; N]) -> Vec<Cell> {
    right_aligned_row(texts)
}

/// As [`right_aligned`], of any number.
pub fn right_aligned_row(texts: impl IntoIterator<Item = String>) -> Vec<Cell> {
    texts
        .into_iter()
        .enumerate()
        .map(|(index, text)| match index {
            0 => Cell::new(text),
            _ => Cell::new(text).set_alignment(CellAlignment::Right),
        })
        .collect()
}

fn empty(view: View) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING.header_separator(LineStyle::none().fill('─').junction('─')));
    if view.styled {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Breaks a text into lines.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn a_wide_table_turns_into_blocks() {
        let header = ["name", "first", "second", "third"];
        let view = |width| View {
            styled: false,
            width,
        };
        let shown = |width| {
            let mut table = new_table(&header, view(width));
            table.add_row(right_aligned(["a", "1", "2", "3"].map(str::to_owned)));
            view(width).show(&table)
        };
        let widest = |text: &str| text.lines().map(|line| line.chars().count()).max();
        let whole = shown(None);
        assert_eq!(widest(&whole), Some(31));
        assert_eq!(shown(Some(31)), whole);
        let parts = shown(Some(30));
        assert_eq!(parts.matches("name").count(), 2);
        assert!(widest(&parts) <= Some(30), "{parts}");
        assert_eq!(shown(Some(1)).matches("name").count(), 3);
    }
}
