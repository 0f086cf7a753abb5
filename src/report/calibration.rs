//! What a calibration found, for people and as a profile.

use std::fmt::Write;

use super::table::{View, new_table, right_aligned};
use super::validation::{Calibrated, error_table};
use crate::scenario::ScenarioSource;
use crate::units::{Bytes, SimTime};
use crate::validation::calibration::{Calibration, Fitted};

/// The keys, then the errors as they were and as they are.
pub fn table(calibration: &Calibration, on: Calibrated<'_>, view: View) -> String {
    let mut table = new_table(&["key", "value", "nearly as good", "determined"], view);
    for fitted in &calibration.keys {
        table.add_row(right_aligned([
            fitted.key.clone(),
            shown(&fitted.value),
            range(fitted),
            determined(fitted).to_owned(),
        ]));
    }
    format!(
        "{} settings tried\n\n{}\n\nbefore:\n{}\ncalibrated:\n{}",
        calibration.tried,
        view.show(&table),
        error_table(&calibration.before, on, view),
        error_table(&calibration.after, on, view)
    )
}

/// A scenario that extends another one, with what was set there by hand and the calibrated keys.
pub fn profile(
    calibration: &Calibration,
    on: Calibrated<'_>,
    extends: &str,
    settings: &[String],
    source: &ScenarioSource,
) -> String {
    let mut text = format!(
        "# Calibrated by migsim {} on {}.\n#\n",
        env!("CARGO_PKG_VERSION"),
        on.join(", ")
    );
    // Writing to memory cannot fail.
    for line in error_table(&calibration.after, on, View::PLAIN).lines() {
        let _ = writeln!(text, "# {}", line.trim_end());
    }
    let _ = writeln!(
        text,
        "\nextends = {}",
        toml::Value::String(extends.to_owned())
    );
    let mut lines: Vec<(&str, String)> = Vec::new();
    let mut axes_set = false;
    for setting in settings {
        let key = setting.split_once('=').map_or("", |(key, _)| key.trim());
        match source.value(key) {
            _ if source.axes().iter().any(|axis| axis.key == key) => axes_set = true,
            Some((value, _)) => lines.push((key, format!("{value}  # --set"))),
            None => {}
        }
    }
    for fitted in &calibration.keys {
        lines.retain(|(key, _)| *key != fitted.key);
        let line = format!("{}{}", fitted.value, remark(fitted));
        lines.push((&fitted.key, line));
    }
    // Keys of a section stand together.
    let mut parts: Vec<(&str, &str, String)> = lines
        .into_iter()
        .filter_map(|(key, line)| {
            key.rsplit_once('.')
                .map(|(section, key)| (section, key, line))
        })
        .collect();
    parts.sort_by_key(|(section, _, _)| *section);
    let mut last = "";
    for (section, key, line) in parts {
        if section != last {
            let _ = writeln!(text, "\n[{section}]");
            last = section;
        }
        let _ = writeln!(text, "{key} = {line}");
    }
    if axes_set {
        text.push_str("\n[sweep]\n");
        for axis in source.axes() {
            let _ = writeln!(text, "\"{}\" = {}", axis.key, axis.values);
        }
    }
    text
}

/// What the profile says behind a value.
fn remark(fitted: &Fitted) -> String {
    let (low, high) = &fitted.range;
    let mut remarks = Vec::new();
    if fitted.is_at_bound {
        remarks.push("at the end of what was tried".to_owned());
    }
    if !fitted.is_determined {
        remarks.push("not determined".to_owned());
    }
    if low != high {
        remarks.push(format!("nearly as good: {}", range(fitted)));
    }
    if remarks.is_empty() {
        String::new()
    } else {
        format!("  # {}", remarks.join("; "))
    }
}

fn determined(fitted: &Fitted) -> &'static str {
    match (fitted.is_determined, fitted.is_at_bound) {
        (true, false) => "yes",
        (false, false) => "no",
        (true, true) => "at its bound",
        (false, true) => "no, at its bound",
    }
}

fn range(fitted: &Fitted) -> String {
    let (low, high) = &fitted.range;
    if low == high {
        "—".to_owned()
    } else {
        format!("{} to {}", shown(low), shown(high))
    }
}

/// A value for people; only sizes come as bare numbers of this size.
fn shown(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => match text.parse::<SimTime>() {
            Ok(time) => time.to_string(),
            Err(_) => text.clone(),
        },
        toml::Value::Integer(bytes @ 1_024..) => Bytes(bytes.unsigned_abs()).to_string(),
        value => value.to_string(),
    }
}
