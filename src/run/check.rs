//! Regression checks: the metrics of a sweep, held against those of a baseline, number by number.

mod baseline;

use std::collections::HashMap;

pub use baseline::{Baseline, BaselineError};
use baseline::{in_words, is_compared, is_metric};

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which run.
    pub point: String,
    /// Which of its values; `run` for the whole run.
    pub metric: String,
    /// The baseline's value; nothing if there was none.
    pub was: String,
    /// Today's value; nothing if there is none.
    pub is: String,
}

impl Difference {
    /// The change in per cent, where there were and are numbers.
    pub fn percent(&self) -> Option<f64> {
        let (was, is): (f64, f64) = (self.was.parse().ok()?, self.is.parse().ok()?);
        (was != 0.0).then(|| (is / was - 1.0) * 100.0)
    }
}

/// What counts as a difference.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Strictness {
    /// The metrics that are compared; none named: all.
    pub metrics: Vec<String>,
    /// How far a number may be from the baseline's, in per cent of that.
    pub tolerance_percent: f64,
}

impl Strictness {
    fn compares(&self, column: &str) -> bool {
        is_compared(column)
            && (self.metrics.is_empty()
                || !is_metric(column)
                || self.metrics.iter().any(|named| named == column))
    }

    fn differ(&self, was: &str, is: &str) -> bool {
        let close = || {
            let (was, is): (f64, f64) = (was.parse().ok()?, is.parse().ok()?);
            Some((is - was).abs() <= was.abs() * self.tolerance_percent / 100.0)
        };
        was != is && !close().unwrap_or(false)
    }
}

/// All differences, by run and metric: values that changed, runs and metrics that are new, and those that have gone.
pub fn differences(was: &Baseline, is: &Baseline, strictness: &Strictness) -> Vec<Difference> {
    let (before, after) = (was.by_point(), is.by_point());
    let old: HashMap<_, _> = before
        .iter()
        .map(|(point, values)| (point, values))
        .collect();
    let new: HashMap<_, _> = after
        .iter()
        .map(|(point, values)| (point, values))
        .collect();
    let gone = was
        .columns
        .iter()
        .filter(|column| !is.columns.contains(column));
    let columns: Vec<&str> = is
        .columns
        .iter()
        .chain(gone)
        .map(String::as_str)
        .filter(|column| strictness.compares(column))
        .collect();
    let difference = |point, metric: &str, was: &str, is: &str| Difference {
        point: in_words(point),
        metric: metric.to_owned(),
        was: was.to_owned(),
        is: is.to_owned(),
    };
    let mut found = Vec::new();
    for (point, values) in &after {
        let Some(old) = old.get(point) else {
            found.push(difference(point, "run", "", "new"));
            continue;
        };
        for column in &columns {
            let was = old.get(column).copied().unwrap_or_default();
            let is = values.get(column).copied().unwrap_or_default();
            if strictness.differ(was, is) {
                found.push(difference(point, column, was, is));
            }
        }
    }
    for (point, _) in before.iter().filter(|(point, _)| !new.contains_key(point)) {
        found.push(difference(point, "run", "there", ""));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_difference_is_found() {
        let was = "trace,strategy,link.mtu,page_faults,stall_s\na,x,1,10,0.5\na,y,1,3,0\n";
        let is = "trace,strategy,link.mtu,page_faults,pps_pages\na,x,1,11,7\na,z,1,3,0\n";
        let baseline = |text: &str| Baseline::parse(text.as_bytes()).expect("CSV");
        let found: Vec<String> = differences(&baseline(was), &baseline(is), &Strictness::default())
            .into_iter()
            .map(|found| {
                let percent = found.percent().map(|percent| format!("{percent:.1}"));
                format!(
                    "{}: {} {} {} {percent:?}",
                    found.point, found.metric, found.was, found.is
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                "a, x, mtu 1: page_faults 10 11 Some(\"10.0\")",
                "a, x, mtu 1: pps_pages  7 None",
                "a, x, mtu 1: stall_s 0.5  None",
                "a, z, mtu 1: run  new None",
                "a, y, mtu 1: run there  None",
            ]
        );
        let exact = Strictness::default();
        assert_eq!(differences(&baseline(was), &baseline(was), &exact), []);
        assert!(Baseline::parse(b"a,b\n1\n").is_err());
        let metrics = |strictness: &Strictness| -> Vec<String> {
            let found = differences(&baseline(was), &baseline(is), strictness);
            found.into_iter().map(|found| found.metric).collect()
        };
        let faults = vec!["page_faults".to_owned()];
        let lenient = |metrics: &[String], tolerance_percent| Strictness {
            metrics: metrics.to_vec(),
            tolerance_percent,
        };
        assert_eq!(
            metrics(&lenient(&[], 10.0)),
            ["pps_pages", "stall_s", "run", "run"]
        );
        assert_eq!(
            metrics(&lenient(&faults, 9.9)),
            ["page_faults", "run", "run"]
        );
        assert_eq!(metrics(&lenient(&faults, 10.0)), ["run", "run"]);
        let twice = "trace,strategy,stall_s\na,x,1\na,y,1\na,x,1\na,x,2\n";
        let error = Baseline::parse(twice.as_bytes()).expect_err("a contradiction");
        assert!(error.to_string().starts_with("rows 1 and 4"), "{error}");
        assert!(Baseline::parse(&twice.as_bytes()[..twice.len() - 6]).is_ok());
    }
}
