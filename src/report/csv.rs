//! Rows as CSV.

use std::io::{self, Write};

use crate::run::row::Row;

/// Writes a header line and the rows.
///
/// # Errors
///
/// Those of `out`.
pub fn write(rows: &[Row], out: impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    if let Some(first) = rows.first() {
        writer.write_record(first.iter().map(|(column, _)| column.as_ref()))?;
    }
    for row in rows {
        writer.write_record(row.iter().map(|(_, value)| value.to_string()))?;
    }
    writer.flush()
}
