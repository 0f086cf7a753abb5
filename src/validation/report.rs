//! What hypervisors report of a migration or of a guest's writes: QMP's `query-migrate` and `query-dirty-rate`,
//! libvirt's `virsh domjobinfo`, and QEMU's trace events of a post-copy destination.
//!
//! One migration is reported in several places: the source knows times and requests, the destination knows how long its
//! vCPUs waited. Reports are merged; the first that knows a value counts.

use std::collections::HashMap;

use serde_json::Value;

/// What was reported; `None` where nothing said it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// From the migration command to the end.
    pub total_time_ms: Option<f64>,
    /// Of the switch-over.
    pub downtime_ms: Option<f64>,
    /// Requests for pages.
    pub postcopy_requests: Option<u64>,
    /// Sum over vCPUs.
    pub vcpu_blocktime_ms: Option<f64>,
    /// Pages sent with their content.
    pub normal_pages: Option<u64>,
    /// Pages sent as zero.
    pub zero_pages: Option<u64>,
    /// On the wire.
    pub bytes_transferred: Option<u64>,
    /// How often the source collected dirty bits: at the beginning, after each pass, and at the switch-over.
    pub dirty_syncs: Option<u64>,
    /// The guest's memory.
    pub memory: Option<u64>,
    /// Bytes that were written to in a second, each once.
    pub dirty_rate: Option<f64>,
    /// For how long that was measured.
    pub dirty_period_s: Option<f64>,
}

/// A report that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: expected {expected}")]
pub struct ReportError {
    name: String,
    expected: String,
}

/// Times of one migration by two clocks may be 1 % off.
pub(super) const TWO_CLOCKS: f64 = 1.01;

/// Whether a link of so many Mbit/s carries so many bytes in a time.
pub(crate) fn carries(link_mbit: u64, time_ms: f64, bytes: f64) -> bool {
    bytes * 8.0 <= TWO_CLOCKS * 1e3 * link_mbit as f64 * time_ms
}

const FORMS: &str = "the JSON of query-migrate or query-dirty-rate, the text of `virsh domjobinfo`, or QEMU's log with `postcopy_*` trace events";

impl Report {
    /// Reads a report of any kind; `name` is what errors call it.
    ///
    /// # Errors
    ///
    /// [`ReportError`] when it is none, or when what it reports has not ended.
    pub fn parse(name: &str, text: &str) -> Result<Self, ReportError> {
        let wrong = |expected: String| ReportError {
            name: name.to_owned(),
            expected,
        };
        let text = text.trim_start_matches('\u{feff}');
        if text.trim_start().starts_with('{') {
            return of_session(text).map_err(wrong);
        }
        let report = if text.contains("postcopy_") {
            of_log(text)
        } else {
            of_job(text).map_err(wrong)?
        };
        if report == Report::default() {
            return Err(wrong(FORMS.to_owned()));
        }
        Ok(report)
    }

    /// Takes from another report what this one does not know.
    pub fn merge(self, other: Report) -> Report {
        Report {
            total_time_ms: self.total_time_ms.or(other.total_time_ms),
            downtime_ms: self.downtime_ms.or(other.downtime_ms),
            postcopy_requests: self.postcopy_requests.or(other.postcopy_requests),
            vcpu_blocktime_ms: self.vcpu_blocktime_ms.or(other.vcpu_blocktime_ms),
            normal_pages: self.normal_pages.or(other.normal_pages),
            zero_pages: self.zero_pages.or(other.zero_pages),
            bytes_transferred: self.bytes_transferred.or(other.bytes_transferred),
            dirty_syncs: self.dirty_syncs.or(other.dirty_syncs),
            memory: self.memory.or(other.memory),
            dirty_rate: self.dirty_rate.or(other.dirty_rate),
            dirty_period_s: self.dirty_period_s.or(other.dirty_period_s),
        }
    }

    /// What a row for `validate` needs and nothing has reported, and where it is reported.
    pub fn lacks(&self) -> Vec<&'static str> {
        let known = [
            self.total_time_ms.is_some(),
            self.postcopy_requests.is_some(),
            self.vcpu_blocktime_ms.is_some(),
        ];
        let needed = [
            "the total time (query-migrate or `virsh domjobinfo --completed` at the source)",
            "postcopy-requests (query-migrate at the source)",
            "postcopy-vcpu-blocktime (query-migrate at the destination, with its capability postcopy-blocktime; or its \
             log's `postcopy_blocktime_*` events)",
        ];
        let lacking = needed.into_iter().zip(known);
        lacking
            .filter_map(|(name, known)| (!known).then_some(name))
            .collect()
    }
}

/// One value, or what a QMP session printed: the first answer that is a report.
fn of_session(text: &str) -> Result<Report, String> {
    let mut refused = FORMS.to_owned();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let value =
            value.map_err(|error| format!("{FORMS}; found JSON that is broken: {error}"))?;
        match of_json(value.get("return").unwrap_or(&value)) {
            Ok(report) => return Ok(report),
            Err(expected) if refused == FORMS => refused = expected,
            Err(_) => {}
        }
    }
    Err(refused)
}

/// A field that is there is what it should be.
fn field<T>(
    value: &Value,
    key: &str,
    what: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, String> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(found) => match read(found) {
            Some(read) => Ok(Some(read)),
            None => Err(format!("`{key}` to be {what}, found `{found}`")),
        },
    }
}

fn number(value: &Value, key: &str) -> Result<Option<f64>, String> {
    field(value, key, "a number of at least 0", |found| {
        found.as_f64().filter(|number| is_amount(*number))
    })
}

fn count(value: &Value, key: &str) -> Result<Option<u64>, String> {
    field(value, key, "a whole number of at least 0", Value::as_u64)
}

fn is_amount(number: f64) -> bool {
    number.is_finite() && number >= 0.0
}

/// The answer to query-dirty-rate.
fn of_dirty_rate(value: &Value, status: &str) -> Result<Report, String> {
    let unfinished = || format!("a finished measurement, found status `{status}`");
    let rate = number(value, "dirty-rate")?
        .filter(|_| status == "measured")
        .ok_or_else(unfinished)?;
    if rate == 0.0 {
        return Err(
            "`dirty-rate` of at least 1 MiB/s, found 0: the guest wrote next to nothing".to_owned(),
        );
    }
    let units = "`second` or `millisecond`";
    let per_second = field(value, "calc-time-unit", units, |unit| {
        match unit.as_str()? {
            "second" => Some(1.0),
            "millisecond" => Some(1e-3),
            _ => None,
        }
    })?;
    let period = field(value, "calc-time", "a number above 0", |found| {
        found
            .as_f64()
            .filter(|time| is_amount(*time) && *time > 0.0)
    })?;
    Ok(Report {
        dirty_rate: Some(rate * 1_048_576.0),
        dirty_period_s: period.map(|time| time * per_second.unwrap_or(1.0)),
        ..Report::default()
    })
}

/// The list of how long each vCPU waited; of no vCPU, it says nothing.
const VCPU_BLOCKTIME: &str = "postcopy-vcpu-blocktime";

fn of_json(value: &Value) -> Result<Report, String> {
    let status = value.get("status").and_then(Value::as_str).unwrap_or("");
    if value.get("calc-time").is_some() {
        return of_dirty_rate(value, status);
    }
    if status == "failed" || status == "cancelled" {
        return Err(format!(
            "a migration that was completed, found status `{status}`"
        ));
    }
    let null = Value::Null;
    let ram = value.get("ram").unwrap_or(&null);
    let waits = field(
        value,
        VCPU_BLOCKTIME,
        "a list of numbers of at least 0",
        |waits| {
            let waits = waits.as_array()?.iter();
            let waits = waits.map(|wait| wait.as_f64().filter(|ms| is_amount(*ms)));
            waits.collect::<Option<Vec<f64>>>()
        },
    )?;
    let waits = waits.filter(|waits| !waits.is_empty());
    let page_size = number(ram, "page-size")?.unwrap_or(4096.0);
    let ended = status == "completed";
    let report = Report {
        total_time_ms: number(value, "total-time")?.filter(|_| ended),
        downtime_ms: number(value, "downtime")?.filter(|_| ended),
        postcopy_requests: count(ram, "postcopy-requests")?,
        vcpu_blocktime_ms: waits.map(|waits| waits.iter().sum()),
        normal_pages: count(ram, "normal")?,
        zero_pages: count(ram, "duplicate")?,
        bytes_transferred: count(ram, "transferred")?,
        dirty_syncs: count(ram, "dirty-sync-count")?,
        memory: count(ram, "total")?,
        dirty_rate: number(ram, "dirty-pages-rate")?
            .filter(|&pages| pages > 0.0)
            .map(|pages| pages * page_size),
        dirty_period_s: None,
    };
    if report == Report::default() && value.get(VCPU_BLOCKTIME).is_none() {
        return Err(FORMS.to_owned());
    }
    Ok(report)
}

/// `Time elapsed:   7840         ms` and the like.
fn of_job(text: &str) -> Result<Report, String> {
    let value = |key: &str| {
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix(key))?;
        line.strip_prefix(':').map(str::trim)
    };
    let number = |key: &str| match value(key) {
        None => Ok(None),
        Some(found) => {
            let word = found.split_whitespace().next().unwrap_or_default();
            let number = word.parse().ok().filter(|number| is_amount(*number));
            number
                .map(Some)
                .ok_or_else(|| format!("`{key}` to be a number of at least 0, found `{found}`"))
        }
    };
    let count = |key: &str| value(key)?.split_whitespace().next()?.parse::<u64>().ok();
    let bytes = |key: &str| match value(key) {
        None => Ok(None),
        Some(found) => rounded_bytes(found)
            .map(Some)
            .ok_or_else(|| format!("`{key}` to be a size such as 1.250 GiB, found `{found}`")),
    };
    // Whoever copies the lines of interest leaves the type out.
    let kind = value("Job type").unwrap_or("Completed");
    if kind == "Failed" || kind == "Cancelled" {
        return Err(format!(
            "a migration that was completed, found job type `{kind}`"
        ));
    }
    let ended = kind == "Completed";
    let page_size = number("Page size")?.unwrap_or(4096.0);
    Ok(Report {
        total_time_ms: number("Time elapsed")?.filter(|_| ended),
        downtime_ms: number("Total downtime")?.filter(|_| ended),
        postcopy_requests: count("Postcopy requests"),
        vcpu_blocktime_ms: None,
        normal_pages: count("Normal pages"),
        zero_pages: count("Constant pages"),
        bytes_transferred: bytes("Memory processed")?,
        dirty_syncs: count("Iteration"),
        memory: bytes("Memory total")?,
        dirty_rate: number("Dirty rate")?
            .filter(|&pages| pages > 0.0)
            .map(|pages| pages * page_size),
        dirty_period_s: None,
    })
}

/// `1.236 GiB`, of which virsh prints three places: to the nearest page of 4 KiB.
fn rounded_bytes(text: &str) -> Option<u64> {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (number, unit) = text.split_once(' ')?;
    let unit = UNITS.iter().position(|known| *known == unit.trim())?;
    let bytes =
        number.parse().ok().filter(|number| is_amount(*number))? * 1024_f64.powi(unit as i32);
    match unit {
        0 => Some(bytes as u64),
        _ => Some((bytes / 4096.0).round() as u64 * 4096),
    }
}

/// Requests, and waits of vCPUs (QEMU 10.1 on, in ns) from their beginning to their page's end.
fn of_log(text: &str) -> Report {
    let word = |line: &str, key: &str| {
        let rest = line.split(key).nth(1)?;
        rest.trim().split([',', ' ']).next().map(str::to_owned)
    };
    let number = |line: &str, key: &str| word(line, key)?.parse::<i64>().ok();
    let mut requests = 0;
    let mut waiting: HashMap<String, Vec<i64>> = HashMap::new();
    let mut waited_ns: Option<i64> = None;
    for line in text.lines() {
        if line.contains("postcopy_ram_fault_thread_request ") {
            requests += 1;
        }
        let begins = line.contains("postcopy_blocktime_begin ");
        if !begins && !line.contains("postcopy_blocktime_end ") {
            continue;
        }
        let (Some(page), Some(time)) = (word(line, "addr:"), number(line, "time:")) else {
            continue;
        };
        if !begins {
            let since = waiting.remove(&page).unwrap_or_default();
            let waits = since.iter().map(|begun| (time - begun).max(0)).sum::<i64>();
            waited_ns = Some(waited_ns.unwrap_or(0) + waits);
        } else if number(line, "cpu:").is_some_and(|cpu| cpu >= 0) {
            waiting.entry(page).or_default().push(time);
        }
    }
    Report {
        postcopy_requests: (requests > 0).then_some(requests),
        vcpu_blocktime_ms: waited_ns.map(|ns| ns as f64 / 1e6),
        ..Report::default()
    }
}
