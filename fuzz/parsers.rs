//! Every parser under coverage-guided fuzzing: `MIGSIM_FUZZ` names the one that gets the bytes. See `run`.
#![no_main]

use std::io::Write;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use migsim::run::check::Baseline;
use migsim::run::sweep::{Shard, Sweep, coverage, merge};
use migsim::scenario::ScenarioSource;
use migsim::strategy::Registry;
use migsim::strategy::plan::GivenPlan;
use migsim::trace::Trace;
use migsim::trace::import::{ImportOptions, Importer, Input};
use migsim::validation;

static TARGET: LazyLock<String> =
    LazyLock::new(|| std::env::var("MIGSIM_FUZZ").unwrap_or_default());

const GRID: &str = include_str!("grid.toml");

fuzz_target!(|bytes: &[u8]| -> Corpus {
    match TARGET.as_str() {
        "container" => container(bytes),
        "scenario" => scenario(bytes),
        "extends" => extends(bytes),
        "set" => set(bytes),
        "plan" => plan(bytes),
        "shard" => shard(bytes),
        "rows" => rows(bytes),
        "reference" => {
            let (_folder, path) = file(bytes);
            let _ = validation::read(&path, &Registry::standard());
        }
        "baseline" => {
            let _ = Baseline::parse(bytes);
        }
        importer => import(importer, bytes),
    }
    Corpus::Keep
});

/// What opens has blocks that decode, or an error that names the place.
fn container(bytes: &[u8]) {
    if let Ok(trace) = Trace::from_bytes("fuzz", bytes.to_vec().into()) {
        let whole = trace.verify().is_ok();
        let read = trace.records().try_for_each(|record| record.map(|_| ()));
        assert!(!whole || read.is_ok(), "verified, and not readable");
    }
}

/// What an importer writes is a whole trace.
fn import(name: &str, bytes: &[u8]) {
    let Some(importer) = Importer::named(name) else {
        panic!("MIGSIM_FUZZ={name}: no such target");
    };
    let (flags, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let options = ImportOptions {
        lenient: flags & 1 > 0,
        compact_ns: u64::from(flags >> 1 & 3) * 1_000,
        ..ImportOptions::default()
    };
    let mut out = Vec::new();
    if let Ok(input) = Input::new("fuzz", bytes)
        && importer.import(input, &options, &mut out).is_ok()
    {
        let trace = Trace::from_bytes("fuzz", out.into()).expect("an imported trace opens");
        trace.verify().expect("an imported trace is whole");
    }
}

/// A scenario that is read can be had, and its grid.
fn scenario(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(source) = ScenarioSource::from_text("fuzz", text)
    {
        source.scenario().expect("a scenario that was read");
    }
}

/// The same of one that may extend another, itself or what is not there: two texts, with a NUL between them.
fn extends(bytes: &[u8]) {
    let mut texts = bytes.splitn(2, |byte| *byte == 0);
    let (folder, path) = file(texts.next().unwrap_or_default());
    std::fs::write(folder.path().join("base"), texts.next().unwrap_or_default()).expect("writable");
    if let Ok(source) = ScenarioSource::open(&path) {
        source.scenario().expect("a scenario that was read");
    }
}

/// A binary plan gets the checksum that it needs: it would never be guessed.
fn plan(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    if bytes.starts_with(b"MIGSIMPL") {
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    }
    let (_folder, path) = file(&bytes);
    let _ = GivenPlan::open(&path);
}

/// A setting that is taken leaves a scenario.
fn set(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let mut source = ScenarioSource::embedded();
        for line in text.lines() {
            let _ = source.set(line);
        }
        source
            .scenario()
            .expect("each setting was taken or refused");
    }
}

fn shard(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(shard) = text.parse::<Shard>()
    {
        assert_eq!(shard.to_string().parse(), Ok(shard));
        let range = shard.range(1_000);
        assert!(range.start <= range.end && range.end <= 1_000);
    }
}

/// A damaged part is not merged, and counts as no more than it holds.
fn rows(bytes: &[u8]) {
    static SWEEP: LazyLock<Sweep> = LazyLock::new(|| {
        let source = ScenarioSource::from_text("grid", GRID).expect("a scenario");
        Sweep::new(source, Registry::standard()).expect("a grid")
    });
    // The manifest is given: its fingerprint would never be guessed.
    let mut text = SWEEP.manifest(Shard::WHOLE).line().into_bytes();
    text.extend_from_slice(bytes);
    let (folder, path) = file(&text);
    let parts = [path];
    if let Ok((covered, _)) = coverage(&SWEEP, &parts) {
        assert!(
            covered
                .iter()
                .all(|part| part.done <= Some(part.points.len()))
        );
    }
    let _ = merge(&folder.path().join("out"), &parts);
}

fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("in");
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(bytes).expect("writable");
    (folder, path)
}
