//! Parquet: round trips, and files that are damaged.

use migsim::trace::export;
use migsim::trace::import::{Format, ImportOptions};
use proptest::prelude::*;

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
    let (first, _) = imported(Format::Csv, rows.as_bytes(), &options).unwrap();
    let mut file = Vec::new();
    export::parquet(&first, &mut file).unwrap();
    let (second, summary) = imported(Format::Parquet, &file, &ImportOptions::default()).unwrap();
    assert_eq!(summary.accesses, 5);
    assert_eq!(second.header(), first.header());
    assert_eq!(second.content_hash(), first.content_hash());
    let mut out = Vec::new();
    export::csv(&second, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), rows);
    let message = imported(Format::Parquet, rows.as_bytes(), &options)
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.starts_with("in: expected a whole Parquet file: "),
        "{message}"
    );
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
        let (trace, _) = imported(Format::Csv, rows.as_bytes(), &ImportOptions::default()).unwrap();
        let mut file = Vec::new();
        export::parquet(&trace, &mut file).unwrap();
        for (at, value) in damage {
            let at = at.index(file.len());
            file[at] = value;
        }
        let _ = imported(Format::Parquet, &file, &ImportOptions::default());
    }
}
