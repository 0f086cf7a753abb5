//! The unit of the time column, by its type.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::file::metadata::FileMetaData;
use parquet::schema::types::ColumnDescriptor;

use super::arrow;

/// How a column counts time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    /// Nanoseconds in one.
    pub(super) ns: i64,
    /// Whether values count from the epoch of Unix: a trace's times then count from the first.
    pub(super) since_epoch: bool,
}

/// Values in nanoseconds since `start`, which is a value in the unit. What is beyond the type is too large for a trace.
pub(super) fn to_ns(values: &mut [i64], unit: Unit, start: i64) {
    if unit.ns == 1 && start == 0 {
        return;
    }
    for value in values {
        *value = value.saturating_sub(start).saturating_mul(unit.ns);
    }
}

/// The unit of a column of integers. Plain integers are nanoseconds, as the column's name says. Otherwise the rest of
/// "expected …".
pub(super) fn of(column: &ColumnDescriptor, file: &FileMetaData) -> Result<Unit, String> {
    let of = |ns, since_epoch| Ok(Unit { ns, since_epoch });
    let ns = |unit: &TimeUnit| match unit {
        TimeUnit::MILLIS => 1_000_000,
        TimeUnit::MICROS => 1_000,
        TimeUnit::NANOS => 1,
    };
    let other = |name: String| {
        Err(format!(
            "integers in ns, a timestamp or a duration in column {}, found {name}",
            column.name()
        ))
    };
    match column.logical_type_ref() {
        Some(LogicalType::Timestamp(timestamp)) => return of(ns(&timestamp.unit), true),
        Some(LogicalType::Time(time)) => return of(ns(&time.unit), false),
        Some(LogicalType::Integer(_)) => return of(1, false),
        Some(type_) => return other(format!("{type_:?}")),
        None => {}
    }
    match column.converted_type() {
        ConvertedType::TIMESTAMP_MILLIS => return of(1_000_000, true),
        ConvertedType::TIMESTAMP_MICROS => return of(1_000, true),
        ConvertedType::TIME_MILLIS => return of(1_000_000, false),
        ConvertedType::TIME_MICROS => return of(1_000, false),
        type_ @ (ConvertedType::DATE | ConvertedType::DECIMAL) => {
            return other(format!("{type_:?}"));
        }
        _ => {}
    }
    let entries = file.key_value_metadata().into_iter().flatten();
    let schema = entries
        .filter(|entry| entry.key == arrow::KEY)
        .find_map(|entry| entry.value.as_deref());
    let duration = schema.and_then(|schema| arrow::duration_unit_ns(schema, column.name()));
    of(duration.map_or(1, |ns| ns as i64), false)
}

/// Makes sure that a column of vCPUs or pages holds numbers, and no dates, times or parts of numbers. Otherwise the
/// rest of "expected …".
pub(super) fn expect_integers(column: &ColumnDescriptor) -> Result<(), String> {
    let logical = column.logical_type_ref();
    let converted = column.converted_type();
    let is_plain = matches!(logical, None | Some(LogicalType::Integer(_)))
        && !matches!(
            converted,
            ConvertedType::DATE
                | ConvertedType::DECIMAL
                | ConvertedType::TIME_MILLIS
                | ConvertedType::TIME_MICROS
                | ConvertedType::TIMESTAMP_MILLIS
                | ConvertedType::TIMESTAMP_MICROS
        );
    match is_plain {
        true => Ok(()),
        false => Err(format!(
            "integers in column {}, found {}",
            column.name(),
            logical.map_or_else(|| format!("{converted:?}"), |type_| format!("{type_:?}"))
        )),
    }
}

/// Whether the integers of a column have no sign.
pub(super) fn is_unsigned(column: &ColumnDescriptor) -> bool {
    match column.logical_type_ref() {
        Some(LogicalType::Integer(integer)) => !integer.is_signed,
        _ => matches!(
            column.converted_type(),
            ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64
        ),
    }
}
