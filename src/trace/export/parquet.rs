//! Parquet: the columns of CSV, typed, and what the trace says about itself as key-value metadata.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use crate::trace::rows_hash::{KEY, RowsHasher};
use crate::trace::{Record, Trace, TraceError};

const SCHEMA: &str = "message trace {
    required int64 time_ns (integer(64, false));
    required int32 vcpu (integer(16, false));
    required int32 page (integer(32, false));
    required binary op (string);
}";

/// What is in memory at once: some 20 MiB.
const ROW_GROUP: usize = 1 << 18;

/// Writes the records as a Parquet file, by time, then vCPU; zero pages go into a CSV of their own.
///
/// # Errors
/// [`TraceError`] of a damaged trace; [`TraceError::Write`] when `out` refuses.
pub fn parquet(trace: &Trace, out: impl Write + Send) -> Result<(), TraceError> {
    let metadata = metadata(trace);
    let mut hasher = RowsHasher::new(&metadata);
    let properties = properties(&metadata).map_err(write_error)?;
    let schema = Arc::new(parse_message_type(SCHEMA).map_err(write_error)?);
    let mut writer =
        SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(write_error)?;
    let mut records = trace.records();
    let mut rows = Vec::with_capacity(ROW_GROUP);
    loop {
        rows.clear();
        for record in records.by_ref().take(ROW_GROUP) {
            let record = record?;
            hasher.row(&record);
            rows.push(record);
        }
        if rows.is_empty() {
            break;
        }
        let mut group = writer.next_row_group().map_err(write_error)?;
        write(&rows, &mut group).map_err(write_error)?;
        group.close().map_err(write_error)?;
    }
    writer.append_key_value_metadata(entry(KEY, &hasher.finish()));
    writer.close().map_err(write_error)?;
    Ok(())
}

/// What the rows do not say of the trace.
fn metadata(trace: &Trace) -> BTreeMap<String, String> {
    let header = trace.header();
    let said = [
        ("page_size", header.page_size.to_string()),
        ("pages", header.memory_pages().to_string()),
        ("vcpus", header.vcpus.to_string()),
        ("duration_ns", trace.duration_ns().to_string()),
        ("compaction_ns", header.compaction_ns.to_string()),
        ("provenance", header.provenance.clone()),
        ("content_hash", trace.content_hash().to_owned()),
    ];
    let ram = header.ram_addresses();
    let said = (said.into_iter()).chain(ram.map(|ram| ("ram", ram.to_string())));
    said.map(|(key, value)| (key.to_owned(), value)).collect()
}

fn entry(key: &str, value: &str) -> KeyValue {
    KeyValue::new(format!("migsim.{key}"), value.to_owned())
}

fn properties(metadata: &BTreeMap<String, String>) -> Result<WriterProperties, ParquetError> {
    let entries = metadata.iter().map(|(key, value)| entry(key, value));
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("migsim ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(entries.collect()))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(9)?));
    // Times hardly repeat, but differ little from one to the next.
    let times = ColumnPath::from("time_ns");
    properties = properties
        .set_column_dictionary_enabled(times.clone(), false)
        .set_column_encoding(times, Encoding::DELTA_BINARY_PACKED);
    Ok(properties.build())
}

fn write<W: Write + Send>(
    rows: &[Record],
    group: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetError> {
    column::<W, Int64Type>(group, rows.iter().map(|row| row.time_ns as i64))?;
    column::<W, Int32Type>(group, rows.iter().map(|row| row.vcpu.into()))?;
    column::<W, Int32Type>(group, rows.iter().map(|row| row.page as i32))?;
    let letters = ["r", "w", "x"].map(ByteArray::from);
    let ops = rows
        .iter()
        .filter_map(|row| letters.get(row.op as usize).cloned());
    column::<W, ByteArrayType>(group, ops)
}

fn column<W: Write + Send, T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = T::T>,
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General(
            "a column more than the schema has".to_owned(),
        ));
    };
    let values: Vec<_> = values.collect();
    column.typed::<T>().write_batch(&values, None, None)?;
    column.close()
}

fn write_error(error: ParquetError) -> TraceError {
    TraceError::Write {
        name: "Parquet".to_owned(),
        source: match error {
            ParquetError::External(source) => match source.downcast::<io::Error>() {
                Ok(source) => *source,
                Err(source) => io::Error::other(source),
            },
            error => io::Error::other(error),
        },
    }
}
