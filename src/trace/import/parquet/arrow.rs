//! What Arrow writes about a column that Parquet has no type for: a duration's unit.
//!
//! Arrow, Polars and pandas store a duration as plain integers, and its unit only in the Arrow schema, which stands in
//! the file's metadata: base64 of an IPC message, which is a [flatbuffer](https://flatbuffers.dev/internals/). Of it,
//! only names, types and units of the top columns are read (`Schema.fs` of Apache Arrow).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The metadata key of the Arrow schema.
pub(super) const KEY: &str = "ARROW:schema";

/// Type of a column, as the union `Type` numbers them.
const DURATION: u8 = 18;

/// Nanoseconds in a unit of the column, if it is a duration.
pub(super) fn duration_unit_ns(schema: &str, column: &str) -> Option<u64> {
    let message = STANDARD.decode(schema.trim()).ok()?;
    // Continuation marker, length, flatbuffer; before Arrow 0.15 without the marker.
    let start = match message.get(..4)? {
        [0xff, 0xff, 0xff, 0xff] => 8,
        _ => 4,
    };
    let buffer = Buffer(message.get(start..)?);
    let message = buffer.target(0)?;
    let schema = buffer.target(buffer.field(message, 2)?)?;
    let fields = buffer.target(buffer.field(schema, 1)?)?;
    for index in 0..buffer.u32(fields)? as usize {
        let field = buffer.target(fields + 4 + 4 * index)?;
        if buffer.text(buffer.target(buffer.field(field, 0)?)?)? != column.as_bytes() {
            continue;
        }
        if *buffer.0.get(buffer.field(field, 2)?)? != DURATION {
            return None;
        }
        let duration = buffer.target(buffer.field(field, 3)?)?;
        // A value that is not stored is the default: milliseconds.
        let unit = match buffer.field(duration, 0) {
            Some(at) => buffer.u16(at)?,
            None => 1,
        };
        return [1_000_000_000, 1_000_000, 1_000, 1]
            .get(usize::from(unit))
            .copied();
    }
    None
}

/// A flatbuffer: positions in it, and what they hold.
struct Buffer<'a>(&'a [u8]);

impl Buffer<'_> {
    fn u16(&self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(self.0.get(at..at + 2)?.try_into().ok()?))
    }

    fn u32(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(self.0.get(at..at + 4)?.try_into().ok()?))
    }

    /// Where the offset at a position leads to.
    fn target(&self, at: usize) -> Option<usize> {
        at.checked_add(self.u32(at)? as usize)
    }

    /// Where a table's field is, if it is stored.
    fn field(&self, table: usize, index: usize) -> Option<usize> {
        let back = self.u32(table)? as i32;
        let vtable = usize::try_from(table as i64 - i64::from(back)).ok()?;
        let place = 4 + 2 * index;
        if place + 2 > usize::from(self.u16(vtable)?) {
            return None;
        }
        let offset = self.u16(vtable + place)?;
        (offset > 0).then(|| table + usize::from(offset))
    }

    fn text(&self, at: usize) -> Option<&[u8]> {
        let start = at + 4;
        self.0
            .get(start..start.checked_add(self.u32(at)? as usize)?)
    }
}
