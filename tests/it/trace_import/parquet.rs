//! Parquet: round trips, units of time, and files that are damaged.

use std::sync::Arc;

use migsim::trace::export;
use migsim::trace::import::ImportOptions;
use proptest::prelude::*;

use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::imported;

#[test]
fn parquet_goes_in_and_out_unchanged() {
    let rows = "time_ns,vcpu,page,op\n0,0,7,r\n0,0,7,w\n10,1,3,x\n1500000,0,9,r\n1500000,1,9,r\n";
    let options = ImportOptions {
        page_size: Some(2 << 20),
        pages: Some(64),
        compaction_ns: Some(1_000_000),
        provenance: "made by hand".to_owned(),
        ..ImportOptions::default()
    };
    let (first, _) = imported("csv", rows.as_bytes(), &options).unwrap();
    let mut file = Vec::new();
    export::parquet(&first, &mut file).unwrap();
    let (second, summary) = imported("parquet", &file, &ImportOptions::default()).unwrap();
    assert_eq!(summary.accesses, 5);
    assert_eq!(second.header(), first.header());
    assert_eq!(second.content_hash(), first.content_hash());
    let mut out = Vec::new();
    export::csv(&second, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), rows);
    let message = imported("parquet", rows.as_bytes(), &options)
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.starts_with("in: expected a Parquet file, which begins with `PAR1`, found `time`"),
        "{message}"
    );
}

/// Writes three rows, at the times 0, 5 and 9 of a column of the given type; an optional column lacks the second.
fn file(time: &str, arrow_schema: Option<&str>, compression: Compression) -> Vec<u8> {
    let schema = format!(
        "message schema {{ {time}; required int32 vcpu; required int64 page; required binary op (UTF8); }}"
    );
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let entry = |value: &str| KeyValue::new("ARROW:schema".to_owned(), value.to_owned());
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_key_value_metadata(arrow_schema.map(|value| vec![entry(value)]))
        .build();
    let mut out = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut out, schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut place = 0;
    while let Some(mut column) = group.next_column().unwrap() {
        let numbers = [[0, 5, 9], [0, 0, 0], [1, 2, 3]];
        match column.untyped() {
            ColumnWriter::Int64ColumnWriter(column)
                if time.starts_with("optional") && place == 0 =>
            {
                let present = Some(&[1, 0, 1][..]);
                column.write_batch(&[0, 9], present, None).unwrap();
            }
            ColumnWriter::Int64ColumnWriter(column) => {
                column.write_batch(&numbers[place], None, None).unwrap();
            }
            ColumnWriter::Int32ColumnWriter(column) => {
                let numbers = numbers[place].map(|number| number as i32);
                column.write_batch(&numbers, None, None).unwrap();
            }
            ColumnWriter::ByteArrayColumnWriter(column) => {
                let ops = ["r", "w", "x"].map(ByteArray::from);
                column.write_batch(&ops, None, None).unwrap();
            }
            _ => panic!("a column of another type"),
        }
        column.close().unwrap();
        place += 1;
    }
    group.close().unwrap();
    writer.close().unwrap();
    out
}

fn times(file: &[u8]) -> Vec<u64> {
    let (trace, _) = imported("parquet", file, &ImportOptions::default()).unwrap();
    let records = trace.records();
    records.map(|record| record.unwrap().time_ns).collect()
}

/// As [`file`], with other types of vCPUs and pages.
fn file_of(vcpu: &str, page: &str) -> Vec<u8> {
    let schema = format!(
        "message schema {{ required int64 time_ns; required {vcpu}; required {page}; required binary op (UTF8); }}"
    );
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let mut out = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut out, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    while let Some(mut column) = group.next_column().unwrap() {
        match column.untyped() {
            ColumnWriter::Int64ColumnWriter(column) => column.write_batch(&[7], None, None),
            // As an unsigned integer: 4,294,967,295.
            ColumnWriter::Int32ColumnWriter(column) => column.write_batch(&[-1], None, None),
            ColumnWriter::ByteArrayColumnWriter(column) => {
                column.write_batch(&[ByteArray::from("r")], None, None)
            }
            _ => panic!("a column of another type"),
        }
        .unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    out
}

#[test]
fn columns_of_numbers_only() {
    for (vcpu, page, expected) in [
        ("int64 vcpu", "int64 page", ""),
        (
            "int64 vcpu (DECIMAL(9,2))",
            "int64 page",
            "integers in column vcpu",
        ),
        ("int64 vcpu", "int32 page (DATE)", "integers in column page"),
        (
            "int64 vcpu",
            "int64 page (TIMESTAMP(MILLIS,true))",
            "integers in column page",
        ),
        (
            "int64 vcpu",
            "int32 page (UINT_32)",
            "a page up to 1073741823, found 4294967295",
        ),
        (
            "int64 vcpu",
            "int32 page",
            "page from 0 to 4294967295, found -1",
        ),
    ] {
        let found = imported("parquet", &file_of(vcpu, page), &ImportOptions::default());
        match found {
            Ok(_) => assert_eq!(expected, ""),
            Err(error) => assert!(
                !expected.is_empty() && error.to_string().contains(expected),
                "{vcpu}, {page}: {error}"
            ),
        }
    }
}

const PLAIN: &str = "required int64 time_ns";

#[test]
fn a_null_is_a_row_that_may_be_skipped() {
    let file = file("optional int64 time_ns", None, Compression::UNCOMPRESSED);
    let refused = imported("parquet", &file, &ImportOptions::default());
    let message = refused.err().unwrap().to_string();
    assert_eq!(
        message,
        "in: record 1: expected a value in column time_ns, found null"
    );
    let lenient = ImportOptions {
        lenient: true,
        ..ImportOptions::default()
    };
    let (trace, summary) = imported("parquet", &file, &lenient).unwrap();
    assert_eq!((summary.accesses, summary.skipped), (2, 1));
    let rows: Vec<_> = trace.records().map(|record| record.unwrap()).collect();
    assert_eq!(
        [
            (rows[0].time_ns, rows[0].page),
            (rows[1].time_ns, rows[1].page)
        ],
        [(0, 1), (9, 3)]
    );
}

#[test]
fn times_in_every_unit() {
    for (time, unit_ns) in [
        (PLAIN, 1),
        ("required int64 time_ns (INTEGER(64,false))", 1),
        ("required int64 time_ns (TIMESTAMP(NANOS,true))", 1),
        ("required int64 time_ns (TIMESTAMP(MICROS,true))", 1_000),
        (
            "required int64 time_ns (TIMESTAMP(MILLIS,false))",
            1_000_000,
        ),
        ("required int64 time_ns (TIMESTAMP_MICROS)", 1_000),
        ("required int64 time_ns (TIME(MICROS,true))", 1_000),
        ("required int32 time_ns (TIME_MILLIS)", 1_000_000),
    ] {
        let times = times(&file(time, None, Compression::UNCOMPRESSED));
        assert_eq!(times, [0, 5 * unit_ns, 9 * unit_ns], "{time}");
    }
    for wrong in [
        "required int64 time_ns (DECIMAL(10,3))",
        "required int32 time_ns (DATE)",
    ] {
        let file = file(wrong, None, Compression::UNCOMPRESSED);
        let refused = imported("parquet", &file, &ImportOptions::default());
        let message = refused.err().unwrap().to_string();
        assert!(
            message.contains("a timestamp or a duration in column time_ns"),
            "{message}"
        );
    }
}

/// Arrow keeps a duration's unit in its own schema only. The schemas are what pyarrow 26 writes of `vcpu` (int32) and
/// `time_ns` (a duration).
#[test]
fn durations_of_arrow() {
    let schemas = include_str!("arrow_schemas.txt").lines();
    for (schema, unit_ns) in schemas.zip([1_000_000_000, 1_000_000, 1_000, 1]) {
        let times = times(&file(PLAIN, Some(schema), Compression::UNCOMPRESSED));
        assert_eq!(times, [0, 5 * unit_ns, 9 * unit_ns]);
    }
    let damaged = file(PLAIN, Some("/////xxAAAQ="), Compression::UNCOMPRESSED);
    assert_eq!(times(&damaged), [0, 5, 9]);
}

#[test]
fn codecs_are_read() {
    for codec in [Compression::LZ4_RAW, Compression::LZ4, Compression::SNAPPY] {
        assert_eq!(times(&file(PLAIN, None, codec)), [0, 5, 9]);
    }
}

fn exported(rows: &str) -> Vec<u8> {
    let (trace, _) = imported("csv", rows.as_bytes(), &ImportOptions::default()).unwrap();
    let mut file = Vec::new();
    export::parquet(&trace, &mut file).unwrap();
    file
}

/// A byte that is wrong anywhere is an error, or makes no difference.
#[test]
fn damage_makes_no_other_trace() {
    let mut rows = "time_ns,vcpu,page,op\n".to_owned();
    for row in 0..50 {
        rows += &format!("{},{},{},w\n", row * 7, row % 2, row * row % 31);
    }
    let file = exported(&rows);
    let import = |file: &[u8]| imported("parquet", file, &ImportOptions::default());
    let (whole, _) = import(&file).unwrap();
    let mut refused = 0;
    for place in 0..file.len() {
        let mut damaged = file.clone();
        damaged[place] ^= 0x10;
        match import(&damaged) {
            Ok((trace, _)) => assert_eq!(trace.content_hash(), whole.content_hash(), "{place}"),
            Err(error) => refused += usize::from(error.to_string().contains("or was changed")),
        }
    }
    assert!(refused > 0);
}

/// What the file says of itself is not overridden without a word.
#[test]
fn options_agree_with_the_file() {
    let file = exported("time_ns,vcpu,page,op\n0,0,7,r\n");
    let refusal = |options: ImportOptions| {
        let refused = imported("parquet", &file, &options);
        refused.map(|_| ()).unwrap_err().to_string()
    };
    let page_size = ImportOptions {
        page_size: Some(2 << 20),
        ..ImportOptions::default()
    };
    assert_eq!(
        refusal(page_size),
        "in: expected a page size of 2097152 as given, found 4096"
    );
    let same = ImportOptions {
        page_size: Some(4096),
        pages: Some(8),
        compaction_ns: Some(0),
        ..ImportOptions::default()
    };
    assert!(imported("parquet", &file, &same).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A damaged Parquet file is an error, or another trace: nothing panics.
    #[test]
    fn damaged_parquet_is_survived(
        pages in prop::collection::vec(0..1_000_u32, 1..50),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut rows = "time_ns,vcpu,page,op\n".to_owned();
        for page in pages {
            rows += &format!("5,0,{page},r\n");
        }
        let (trace, _) = imported("csv", rows.as_bytes(), &ImportOptions::default()).unwrap();
        let mut file = Vec::new();
        export::parquet(&trace, &mut file).unwrap();
        for (at, value) in damage {
            let at = at.index(file.len());
            file[at] = value;
        }
        let _ = imported("parquet", &file, &ImportOptions::default());
    }
}

/// A page's header has a list of 2^31 elements that the file does not have; its decoder would look for each.
#[test]
fn what_goes_on_beyond_the_end_of_the_file_is_damage() {
    // The first byte is the fuzzer's own.
    let [_, file @ ..] = include_bytes!("../../../fuzz/corpus/parquet/endless");
    let error = imported("parquet", file, &ImportOptions::default()).err();
    let error = error.expect("no whole file").to_string();
    assert!(error.contains("expected a whole column time_ns"), "{error}");
}
