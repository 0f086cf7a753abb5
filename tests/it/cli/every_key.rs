//! Every key of a scenario refuses values of another kind, and says where they stand.

use std::collections::BTreeSet;

use migsim::scenario::keys::{Key, keys};

use super::Desk;
use super::wrong_inputs::check;

const NO_TIMES: &[&str] = &[
    "-1 s", "5", "-5", "soon", "1 parsec", "1e400 s", "721 h", "nan", "true", "[]",
];
const NO_SIZES: &[&str] = &[
    "-1",
    "-1 KiB",
    "1.5",
    "big",
    "1 parsec",
    "99999999999999999999",
    "inf",
    "{}",
];
const NO_BANDWIDTHS: &[&str] = &[
    "0",
    "0 Mbit/s",
    "-1 Gbit/s",
    "1000",
    "fast",
    "1 GiB",
    "99999999999999999999 Tbit/s",
    "false",
];
const NO_INTEGERS: &[&str] = &["-1", "1.5", "many", "4294967296", "1e3", "\"5\""];
const NO_CHOICES: &[&str] = &["magic", "\"\"", "3", "true"];
const NO_SWITCHES: &[&str] = &["yes", "1", "\"true\""];
const NO_FACTORS: &[&str] = &["nan", "inf", "-inf", "-1", "0", "1e7", "\"1\""];

/// Values that a key does not take; none where its unit does not say.
fn values_that_are_none(key: &Key) -> &'static [&'static str] {
    match key.unit.as_str() {
        _ if key.name == "trace.time_scale" => NO_FACTORS,
        "duration" => NO_TIMES,
        "size" => NO_SIZES,
        "bandwidth" => NO_BANDWIDTHS,
        "number" => NO_INTEGERS,
        "true | false" => NO_SWITCHES,
        _ if !key.words.is_empty() => NO_CHOICES,
        _ => &[],
    }
}

#[test]
fn values_of_every_kind() {
    let desk = Desk::new();
    let mut tried = BTreeSet::new();
    for key in keys() {
        // Those of a workload need its kind.
        let Some((section, name)) = key
            .name
            .split_once('.')
            .filter(|(_, name)| !name.contains('.'))
        else {
            continue;
        };
        let values = values_that_are_none(&key);
        // All values for the first key of a unit, one each for the others, which are read the same way.
        let first = tried.insert(values);
        for value in values.iter().take(if first { values.len() } else { 1 }) {
            let key = &key.name;
            let assignment = format!("{key}={value}");
            let arguments = ["compare", "--set", &assignment];
            let place = format!("--set {assignment}: {key}: ");
            check(&desk, &arguments, &[&place]);
            // In a file, with the line.
            let value = toml_value(value);
            desk.write("bad.toml", format!("\n[{section}]\n{name} = {value}\n"));
            let place = format!("bad.toml:3: {key}: ");
            check(&desk, &["compare", "bad.toml"], &[&place]);
        }
    }
    assert_eq!(tried.len(), 8, "a kind of values, and none: {tried:?}");
}

/// A text gets the quotes that `--set` spares.
fn toml_value(value: &str) -> String {
    match format!("x = {value}").parse::<toml::Table>() {
        Ok(_) => value.to_owned(),
        Err(_) => format!("\"{value}\""),
    }
}
