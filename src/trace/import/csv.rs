//! CSV: `time_ns,vcpu,page,op` records, `first_page,page_count` zero pages, `vcpu,from_ns,until_ns` idle spans.
//!
//! Fields are plain integers and letters, so rows are split at commas and nothing is quoted: a stray quote cannot
//! swallow the rest of a file.

use std::io::Write;

use super::importer::{Importer, PAGES};
use super::lines::Lines;
use super::options::put_ram;
use super::sink::{self, Sink};
use super::{ImportError, ImportOptions, ImportSummary, Input, Skipped, excerpt};
use crate::memory::PageRun;
use crate::trace::format::{MAX_IDLE_SPANS, MAX_PAGES};
use crate::trace::{IdleSpan, Op, Record};

pub(super) const IMPORTER: Importer = Importer {
    name: "csv",
    reads: "`time_ns,vcpu,page,op` rows",
    places: PAGES,
    ops: "read, write, fetch",
    time: "recorded",
    vcpu: "recorded",
    read: |input, options, out| import(input, options, out),
};

const RECORD: [&str; 4] = ["time_ns", "vcpu", "page", "op"];
const ZERO_PAGES: [&str; 2] = ["first_page", "page_count"];
const IDLE_SPANS: [&str; 3] = ["vcpu", "from_ns", "until_ns"];

/// Imports a CSV with the header line `time_ns,vcpu,page,op`.
///
/// `op` is one of `r`, `w`, `x`. Times of one vCPU ascend or are equal; vCPUs may be interleaved or follow one another.
fn import(
    input: Input<'_>,
    options: &ImportOptions,
    out: impl Write,
) -> Result<ImportSummary, ImportError> {
    let mut lines = Lines::new(input)?;
    expect_header(&mut lines, &RECORD)?;
    let mut header = options.header();
    let compaction;
    (compaction, header.compaction_ns) = sink::compaction(options, header.compaction_ns)
        .map_err(|expected| lines.error(expected))?;
    put_ram(&options.ram, &mut header).map_err(|expected| lines.error(expected))?;
    let mut sink = Sink::new(out, header, options.zero_runs.clone(), compaction)?;
    sink.set_idle_spans(options.idle_spans.clone());
    let mut skipped = Skipped::new(options);
    while lines.advance_past(&mut skipped)? {
        let pushed = record(&lines).and_then(|record| {
            sink.push(record)
                .map_err(|refusal| refusal.at(|expected| lines.error(expected)))
        });
        if let Err(error) = pushed {
            skipped.note(error)?;
        }
    }
    let accesses = sink.accesses();
    if accesses == 0 {
        let none = "at least one record after the header line, found the end".to_owned();
        let said = std::iter::once(none).chain(sink.dropped());
        let said: Vec<_> = said.chain(skipped.said()).collect();
        return Err(lines.error(said.join("; ")));
    }
    let (_, mut notes) = sink.finish()?;
    notes.extend(lines.note_of_cut_end());
    Ok(skipped.summary(accesses, notes))
}

/// Reads a CSV with the header line `first_page,page_count`: runs of pages that were all zero.
///
/// # Errors
/// [`ImportError`] names the line and column, and what was expected there.
pub fn zero_pages(input: Input<'_>) -> Result<Vec<PageRun>, ImportError> {
    let mut lines = Lines::new(input)?;
    expect_header(&mut lines, &ZERO_PAGES)?;
    let mut runs = Vec::new();
    let mut end = 0;
    while lines.advance()? {
        let fields = split(&lines, &ZERO_PAGES)?;
        let run = PageRun {
            first: integer(&lines, &ZERO_PAGES, fields, 0)?,
            count: integer(&lines, &ZERO_PAGES, fields, 1)?,
        };
        if run.count == 0 {
            return Err(lines.field_error(1, ZERO_PAGES[1], "at least 1 page, found 0"));
        }
        if u64::from(run.first) < end {
            let expected = format!("a page from {end} on (runs ascend), found {}", run.first);
            return Err(lines.field_error(0, ZERO_PAGES[0], expected));
        }
        end = run.end();
        if end > u64::from(MAX_PAGES) {
            let expected = format!("pages below {MAX_PAGES}, found a run up to {}", end - 1);
            return Err(lines.field_error(1, ZERO_PAGES[1], expected));
        }
        runs.push(run);
    }
    Ok(runs)
}

/// Reads a CSV with the header line `vcpu,from_ns,until_ns`: when vCPUs were idle, by vCPU and time.
///
/// # Errors
/// [`ImportError`] names the line and column, and what was expected there.
pub fn idle_spans(input: Input<'_>) -> Result<Vec<IdleSpan>, ImportError> {
    let mut lines = Lines::new(input)?;
    expect_header(&mut lines, &IDLE_SPANS)?;
    let mut spans: Vec<IdleSpan> = Vec::new();
    while lines.advance()? {
        let fields = split(&lines, &IDLE_SPANS)?;
        let span = IdleSpan {
            vcpu: integer(&lines, &IDLE_SPANS, fields, 0)?,
            from_ns: integer(&lines, &IDLE_SPANS, fields, 1)?,
            until_ns: integer(&lines, &IDLE_SPANS, fields, 2)?,
        };
        if span.vcpu == u16::MAX {
            let expected = format!("a vCPU up to {}, found {}", u16::MAX - 1, span.vcpu);
            return Err(lines.field_error(0, IDLE_SPANS[0], expected));
        }
        if spans.len() == MAX_IDLE_SPANS {
            return Err(lines.error(format!("at most {MAX_IDLE_SPANS} idle spans")));
        }
        if let Some(before) = spans.last()
            && (before.vcpu, before.until_ns) > (span.vcpu, span.from_ns)
        {
            let (vcpu, until_ns) = (before.vcpu, before.until_ns);
            let expected = format!("vCPU {vcpu} from {until_ns} ns on, or a later vCPU");
            return Err(lines.field_error(1, IDLE_SPANS[1], expected));
        }
        if span.until_ns <= span.from_ns {
            let expected = format!("a time after {} ns", span.from_ns);
            return Err(lines.field_error(2, IDLE_SPANS[2], expected));
        }
        spans.push(span);
    }
    Ok(spans)
}

fn expect_header(lines: &mut Lines<'_>, names: &[&str]) -> Result<(), ImportError> {
    let header = names.join(",");
    if !lines.advance()? {
        return Err(lines.error(format!("the header line `{header}`, found an empty file")));
    }
    if lines.line() != header.as_bytes() {
        let found = excerpt(lines.line());
        return Err(lines.error(format!("the header line `{header}`, found `{found}`")));
    }
    Ok(())
}

fn record(lines: &Lines<'_>) -> Result<Record, ImportError> {
    let fields = split(lines, &RECORD)?;
    let op = match fields[3] {
        [letter] => Op::from_letter(char::from(*letter)),
        _ => None,
    };
    Ok(Record {
        time_ns: integer(lines, &RECORD, fields, 0)?,
        vcpu: integer(lines, &RECORD, fields, 1)?,
        page: integer(lines, &RECORD, fields, 2)?,
        op: op.ok_or_else(|| {
            let found = excerpt(fields[3]);
            lines.field_error(3, RECORD[3], format!("one of r, w, x, found `{found}`"))
        })?,
    })
}

/// The fields of the current line, which has as many as there are names.
fn split<'a, const N: usize>(
    lines: &'a Lines<'_>,
    names: &[&str; N],
) -> Result<[&'a [u8]; N], ImportError> {
    let mut fields: [&[u8]; N] = [&[]; N];
    let mut found = 0;
    for field in lines.line().split(|&byte| byte == b',') {
        if let Some(slot) = fields.get_mut(found) {
            *slot = field.trim_ascii();
        }
        found += 1;
    }
    if found != N {
        let names = names.join(",");
        return Err(lines.error(format!("{N} fields ({names}), found {found}")));
    }
    Ok(fields)
}

/// An unsigned integer that the type `T` holds.
fn integer<T: TryFrom<u64>, const N: usize>(
    lines: &Lines<'_>,
    names: &[&'static str; N],
    fields: [&[u8]; N],
    column: usize,
) -> Result<T, ImportError> {
    let digits = fields[column];
    let value = match digits {
        [] => None,
        _ => digits.iter().try_fold(0_u64, |value, &byte| {
            let digit = char::from(byte).to_digit(10)?;
            value.checked_mul(10)?.checked_add(digit.into())
        }),
    };
    value
        .and_then(|value| T::try_from(value).ok())
        .ok_or_else(|| {
            let most = u64::MAX >> (64 - 8 * size_of::<T>());
            let found = excerpt(digits);
            lines.field_error(
                column,
                names[column],
                format!("an integer from 0 to {most}, found `{found}`"),
            )
        })
}
