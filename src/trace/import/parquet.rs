//! Parquet: the columns `time_ns`, `vcpu`, `page` (integers) and `op` (`r`, `w` or `x`), in any order, beside any
//! others.
//!
//! A time column that has a unit of its own (a timestamp, a time of day, one of Arrow's durations) is read in that
//! unit. Timestamps count from the first.
//!
//! A Parquet file is read by seeking, so that an input is copied into a temporary file first. What migsim exported
//! brings its page size, pages, RAM, vCPUs, duration, compaction and provenance along as key-value metadata, and a hash
//! of all that and of its rows.
//!
//! Memory is bounded by what the file's writer chose as the size of its pages (1 MiB as a rule), four of which are
//! decoded at once; the format allows 2 GiB.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};

mod arrow;
mod metadata;
mod unit;
mod whole;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};

use self::whole::WholeFile;
use super::importer::{Importer, PAGES};
use super::sink::{self, Sink};
use super::{ImportError, ImportOptions, ImportSummary, Input, Skipped, excerpt, shield};
use crate::trace::{Op, Record};
use metadata::Metadata;

pub(super) const IMPORTER: Importer = Importer {
    name: "parquet",
    reads: "the columns `time_ns`, `vcpu`, `page`, `op`",
    places: PAGES,
    ops: "read, write, fetch",
    time: "recorded",
    vcpu: "recorded",
    read: |input, options, out| import(input, options, out),
};

const COLUMNS: [&str; 4] = ["time_ns", "vcpu", "page", "op"];

/// How the decoder begins to say that a codec is not built in.
const NOT_BUILT_IN: &str = "Disabled feature at compile time:";

/// Rows that are decoded at once.
const BATCH: usize = 1 << 14;

fn import(
    mut input: Input<'_>,
    options: &ImportOptions,
    out: impl Write,
) -> Result<ImportSummary, ImportError> {
    let name = input.name.clone();
    let file = copy(&mut input)?;
    shield::catch_panic(|| records(&name, file, options, out)).unwrap_or_else(|| {
        Err(ImportError::Header {
            name: name.clone(),
            expected: "a whole Parquet file, found damage that its decoder cannot tell".to_owned(),
        })
    })
}

/// A seekable copy of what begins like a Parquet file.
fn copy(input: &mut Input<'_>) -> Result<File, ImportError> {
    const MAGIC: &[u8] = b"PAR1";
    let name = input.name.clone();
    let beginning = input.beginning().map_err(|source| ImportError::Read {
        name: name.clone(),
        place: "byte 0".to_owned(),
        source,
    })?;
    if !beginning.starts_with(MAGIC) {
        let found = excerpt(beginning.get(..4).unwrap_or(beginning));
        let expected = format!("a Parquet file, which begins with `PAR1`, found `{found}`");
        return Err(ImportError::Header { name, expected });
    }
    let mut file = tempfile::tempfile().map_err(ImportError::Temporary)?;
    io::copy(&mut input.text, &mut file).map_err(|source| ImportError::Read {
        name: input.name.clone(),
        place: "a byte".to_owned(),
        source,
    })?;
    Ok(file)
}

fn records(
    name: &str,
    file: File,
    options: &ImportOptions,
    out: impl Write,
) -> Result<ImportSummary, ImportError> {
    let wrong = |expected| ImportError::Header {
        name: name.to_owned(),
        expected,
    };
    let damaged = |error: ParquetError| match error {
        ParquetError::General(text) if text.starts_with(NOT_BUILT_IN) => wrong(format!(
            "columns that are plain or compressed with zstd, snappy, gzip or lz4, found {}",
            text[NOT_BUILT_IN.len()..].trim()
        )),
        error => wrong(format!("a whole Parquet file: {error}")),
    };
    let reader = SerializedFileReader::new(WholeFile(file)).map_err(damaged)?;
    let file = reader.metadata().file_metadata();
    let metadata = Metadata::of(file);
    let mut header = metadata.header(options).map_err(wrong)?;
    let compaction;
    (compaction, header.compaction_ns) =
        sink::compaction(options, header.compaction_ns).map_err(wrong)?;
    let places = places(&reader).map_err(wrong)?;
    let unit = unit::of(&file.schema_descr().column(places[0]), file).map_err(wrong)?;
    for place in [places[1], places[2]] {
        unit::expect_integers(&file.schema_descr().column(place)).map_err(wrong)?;
    }
    let start = match unit.since_epoch {
        true => first_time(&reader, places[0]).map_err(wrong)?,
        false => 0,
    };
    let mut sink = Sink::new(out, header, options.zero_runs.clone(), compaction)?;
    sink.set_idle_spans(options.idle_spans.clone());
    sink.set_clock(start.saturating_mul(unit.ns).try_into().unwrap_or(0));
    if metadata.is_own() {
        sink.keep_times(metadata.duration_ns().map_err(wrong)?);
    }
    let mut hasher = metadata.hasher();
    let mut skipped = Skipped::new(options);
    let mut number = 0;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(damaged)?;
        let mut columns = Columns::new(&*group, places).map_err(damaged)?;
        while columns.advance().map_err(wrong)? {
            unit::to_ns(&mut columns.times, unit, start);
            for row in 0..columns.times.len() {
                let error = |expected| ImportError::Record {
                    name: name.to_owned(),
                    record: number,
                    expected,
                };
                let pushed = columns.record(row).map_err(error).and_then(|record| {
                    hasher.row(&record);
                    sink.push(record).map_err(|refusal| refusal.at(error))
                });
                if let Err(error) = pushed {
                    skipped.note(error)?;
                }
                number += 1;
            }
        }
    }
    let accesses = sink.accesses();
    if accesses == 0 {
        return Err(wrong("at least one record, found none".to_owned()));
    }
    let changed = metadata.check(&hasher).map_err(wrong).err();
    let mut notes: Vec<_> = changed.iter().map(ToString::to_string).collect();
    if let Some(changed) = changed.filter(|_| !options.lenient) {
        return Err(changed);
    }
    notes.extend(sink.finish()?.1);
    Ok(skipped.summary(accesses, notes))
}

/// Where the columns are.
fn places(reader: &SerializedFileReader<WholeFile>) -> Result<[usize; 4], String> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let mut places = [0; 4];
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        let found = schema
            .columns()
            .iter()
            .position(|column| column.path().parts() == [name] && column.max_rep_level() == 0);
        *place = found.ok_or_else(|| {
            let names: Vec<_> = schema
                .columns()
                .iter()
                .map(|column| column.name())
                .collect();
            let found = excerpt(names.join(",").as_bytes());
            format!("the columns {}, found `{found}`", COLUMNS.join(","))
        })?;
    }
    Ok(places)
}

/// The earliest time of a column, in its unit.
fn first_time(reader: &SerializedFileReader<WholeFile>, column: usize) -> Result<i64, String> {
    let damaged = |error: ParquetError| format!("a whole Parquet file: {error}");
    let mut first = i64::MAX;
    let (mut times, mut nulls) = (Vec::new(), BTreeMap::new());
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(damaged)?;
        let mut column = group.get_column_reader(column).map_err(damaged)?;
        loop {
            nulls.clear();
            integers(&mut column, (COLUMNS[0], false), &mut times, &mut nulls)?;
            if times.is_empty() {
                break;
            }
            let rows = times.iter().enumerate();
            let known = rows.filter(|(row, _)| !nulls.contains_key(row));
            first = known.map(|(_, time)| *time).fold(first, i64::min);
        }
    }
    Ok(first)
}

/// The columns of one row group, some rows at a time.
struct Columns {
    readers: [ColumnReader; 4],
    times: Vec<i64>,
    vcpus: Vec<i64>,
    pages: Vec<i64>,
    ops: Vec<ByteArray>,
    /// Rows without a value, and in which column.
    nulls: BTreeMap<usize, &'static str>,
    /// Whether the integers of times, vCPUs and pages have no sign.
    unsigned: [bool; 3],
}

impl Columns {
    fn new(group: &dyn RowGroupReader, places: [usize; 4]) -> Result<Self, ParquetError> {
        let [time, vcpu, page, op] = places;
        Ok(Columns {
            readers: [
                group.get_column_reader(time)?,
                group.get_column_reader(vcpu)?,
                group.get_column_reader(page)?,
                group.get_column_reader(op)?,
            ],
            times: Vec::new(),
            vcpus: Vec::new(),
            pages: Vec::new(),
            ops: Vec::new(),
            nulls: BTreeMap::new(),
            unsigned: [time, vcpu, page]
                .map(|place| unit::is_unsigned(group.metadata().column(place).column_descr())),
        })
    }

    /// Reads the next rows; `false` at the end.
    fn advance(&mut self) -> Result<bool, String> {
        let [time, vcpu, page, op] = &mut self.readers;
        let nulls = &mut self.nulls;
        nulls.clear();
        let column = |index: usize| (COLUMNS[index], self.unsigned[index]);
        integers(time, column(0), &mut self.times, nulls)?;
        integers(vcpu, column(1), &mut self.vcpus, nulls)?;
        integers(page, column(2), &mut self.pages, nulls)?;
        match op {
            ColumnReader::ByteArrayColumnReader(reader) => {
                values(reader, COLUMNS[3], &mut self.ops, nulls)?
            }
            _ => return Err("texts in column op".to_owned()),
        }
        let rows = self.times.len();
        if [self.vcpus.len(), self.pages.len(), self.ops.len()] != [rows; 3] {
            return Err("columns of equal length".to_owned());
        }
        Ok(rows > 0)
    }

    fn record(&self, row: usize) -> Result<Record, String> {
        if let Some(column) = self.nulls.get(&row) {
            return Err(format!("a value in column {column}, found null"));
        }
        let op = match self.ops.get(row).map(ByteArray::data) {
            Some([letter]) => Op::from_letter(char::from(*letter)),
            _ => None,
        };
        Ok(Record {
            time_ns: integer(&self.times, row, COLUMNS[0])?,
            vcpu: integer(&self.vcpus, row, COLUMNS[1])?,
            page: integer(&self.pages, row, COLUMNS[2])?,
            op: op.ok_or("op r, w or x")?,
        })
    }
}

fn integer<T: TryFrom<i64>>(values: &[i64], row: usize, column: &str) -> Result<T, String> {
    let value = values.get(row).copied().unwrap_or(-1);
    T::try_from(value).map_err(|_| {
        let most = u64::MAX >> (64 - 8 * size_of::<T>());
        format!("{column} from 0 to {most}, found {value}")
    })
}

/// Integers of any width, of a column of this name with or without signs; those beyond `i64` are too large for every
/// column.
fn integers(
    reader: &mut ColumnReader,
    (column, unsigned): (&'static str, bool),
    out: &mut Vec<i64>,
    nulls: &mut BTreeMap<usize, &'static str>,
) -> Result<(), String> {
    match reader {
        ColumnReader::Int64ColumnReader(reader) => values(reader, column, out, nulls),
        ColumnReader::Int32ColumnReader(reader) => {
            let mut narrow = Vec::new();
            values(reader, column, &mut narrow, nulls)?;
            out.clear();
            out.extend(narrow.into_iter().map(|value| match unsigned {
                true => i64::from(value.cast_unsigned()),
                false => i64::from(value),
            }));
            Ok(())
        }
        _ => Err(format!("integers in column {column}")),
    }
}

/// The next values of a column, with any in the place of nulls, whose rows are told.
fn values<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    column: &'static str,
    out: &mut Vec<T::T>,
    nulls: &mut BTreeMap<usize, &'static str>,
) -> Result<(), String> {
    out.clear();
    let mut levels = Vec::new();
    // A read may end at a page's border: the columns' pages differ, so that each is read up to the whole batch.
    while out.len() < BATCH {
        levels.clear();
        let before = out.len();
        let (rows, present, _) = reader
            .read_records(BATCH - out.len(), Some(&mut levels), None, out)
            .map_err(|error| format!("a whole column {column}: {error}"))?;
        if present != rows {
            let mut present = out.split_off(before).into_iter();
            for level in &levels {
                let value = if *level > 0 { present.next() } else { None };
                if value.is_none() {
                    nulls.insert(out.len(), column);
                }
                out.push(value.unwrap_or_default());
            }
        }
        if rows == 0 {
            break;
        }
    }
    Ok(())
}
