//! Importers: what each format's lines become, and what its broken lines say.

mod cases;
mod clocks;
mod damaged;
mod damon;
mod documented;
mod files;
mod hostile;
mod kvm;
mod long_lines;
#[cfg(feature = "parquet")]
mod parquet;
mod places;
mod recorders;
mod tracers;
mod zip;

use migsim::trace::Trace;
use migsim::trace::import::{
    Addresses, ImportError, ImportOptions, ImportSummary, Importer, Input,
};

fn imported(
    format: &str,
    content: &[u8],
    options: &ImportOptions,
) -> Result<(Trace, ImportSummary), ImportError> {
    let mut out = Vec::new();
    let importer = Importer::named(format).unwrap();
    let summary = importer.import(Input::new("in", content)?, options, &mut out)?;
    let trace = Trace::from_bytes("out", out.into())?;
    trace.verify()?;
    Ok((trace, summary))
}

/// `time_ns,vcpu,page,op` of every record.
fn rows(format: &str, content: &str, options: &ImportOptions) -> Vec<String> {
    let (trace, _) = imported(format, content.as_bytes(), options).unwrap();
    trace
        .records()
        .map(|record| {
            let record = record.unwrap();
            let op = record.op.letter();
            format!("{},{},{},{op}", record.time_ns, record.vcpu, record.page)
        })
        .collect()
}

fn error(format: &str, content: &str) -> String {
    let failed = imported(format, content.as_bytes(), &ImportOptions::default());
    failed.map(|_| ()).expect_err(content).to_string()
}

fn physical() -> ImportOptions {
    ImportOptions {
        addresses: Some(Addresses::Physical),
        ..ImportOptions::default()
    }
}

fn qemu(records: &[(u64, u32, u16, u8)]) -> Vec<u8> {
    let mut bytes = b"MIGSIMQ1".to_vec();
    bytes.extend(4096_u32.to_le_bytes());
    bytes.extend(2_u32.to_le_bytes());
    bytes.extend(64_u64.to_le_bytes());
    bytes.extend(1_000_000_u64.to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    for (time_ns, page, vcpu, op) in records {
        bytes.extend(time_ns.to_le_bytes());
        bytes.extend(page.to_le_bytes());
        bytes.extend(vcpu.to_le_bytes());
        bytes.extend([*op, 0]);
    }
    bytes
}

#[test]
fn lenient_skips_and_counts() {
    let lenient = ImportOptions {
        lenient: true,
        ..ImportOptions::default()
    };
    let text = "I  1000,4\nhello\n L 2000,4\nworld\n\n\nfoo\nbar\n";
    let (trace, summary) = imported("lackey", text.as_bytes(), &lenient).unwrap();
    assert_eq!((trace.record_count(), summary.skipped), (2, 4));
    assert_eq!(summary.reasons.len(), 1);
    let reason = &summary.reasons[0];
    assert_eq!(reason.count, 4);
    assert!(
        reason.first.starts_with("in: line 2: expected"),
        "{reason:?}"
    );
    let csv = "time_ns,vcpu,page,op\n5,0,1,r\n4,0,1,r\n6,0,x,r\n7,0,1,w\n";
    let (trace, summary) = imported("csv", csv.as_bytes(), &lenient).unwrap();
    assert_eq!((trace.record_count(), summary.skipped), (2, 2));
    let mut cut = qemu(&[(5, 7, 1, 2), (6, 7, 1, 9), (9, 8, 1, 0)]);
    cut.pop();
    let (trace, summary) = imported("qemu", &cut, &lenient).unwrap();
    assert_eq!((trace.record_count(), summary.skipped), (1, 2));
}

#[test]
fn options_that_do_not_fit_are_named() {
    let text = b" L 2000,4\n";
    let wrong = |options: ImportOptions| {
        imported("lackey", text, &options)
            .err()
            .unwrap()
            .to_string()
    };
    let few = ImportOptions {
        pages: Some(500),
        ..ImportOptions::default()
    };
    assert_eq!(
        wrong(few),
        "in: expected at least 512 pages, which its addresses need, found 500 as given"
    );
    let odd = ImportOptions {
        page_size: Some(3000),
        ..ImportOptions::default()
    };
    assert!(wrong(odd).contains("a page size that is a power of two"));
    let zero = ImportOptions {
        zero_runs: vec![migsim::memory::PageRun { first: 0, count: 1 }],
        ..ImportOptions::default()
    };
    assert!(wrong(zero).contains("no zero pages with virtual addresses"));
    let large = ImportOptions {
        page_size: Some(2 << 20),
        pages: Some(1024),
        ..ImportOptions::default()
    };
    let (trace, _) = imported("lackey", text, &large).unwrap();
    assert_eq!(
        (trace.header().page_size, trace.header().pages),
        (2 << 20, 1024)
    );
}

/// What real tools wrote, or what was written to their grammar; see `tests/data/README.md`. Accesses and pages were
/// counted by a script of its own.
#[test]
fn samples_of_every_tool() {
    let default = ImportOptions::default;
    for (file, format, options, accesses, pages) in [
        ("lackey.txt.gz", "lackey", default(), 615, 65),
        ("execlog-user.txt.gz", "execlog", default(), 600, 65),
        ("execlog-system.txt.gz", "execlog", physical(), 1_031, 9),
        ("perf-page-faults.txt.gz", "perf", default(), 101, 93),
        ("perf-exceptions.txt.gz", "perf", default(), 2_185, 2_090),
        ("drmemtrace.txt", "drmemtrace", default(), 9, 5),
        ("pin.txt", "pin", default(), 10, 7),
        ("dinero.din", "dinero", default(), 10, 5),
        ("damon.txt", "damon", default(), 48, 40),
    ] {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let content = std::fs::read(root.join("tests/data").join(file)).unwrap();
        let (trace, summary) = imported(format, &content, &options).unwrap();
        let touched: std::collections::BTreeSet<_> =
            trace.records().map(|record| record.unwrap().page).collect();
        assert_eq!(
            (summary.accesses, touched.len()),
            (accesses, pages),
            "{file}"
        );
    }
}
