//! `migsim scenario`.

use serde_json::Value;

use super::Desk;

/// The value of a key and where it is from.
fn value(desk: &Desk, arguments: &[&str], key: &str) -> (String, String) {
    let text = desk.data(&[&["scenario", "--format", "json"], arguments].concat());
    let rows: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let row = rows.iter().find(|row| row["key"] == key).expect("a key");
    let cell = |name: &str| row[name].as_str().expect("a text").to_owned();
    (cell("value"), cell("from"))
}

#[test]
fn every_value_is_shown_with_where_it_is_from() {
    let desk = Desk::new();
    desk.write(
        "mine.toml",
        "extends = \"qemu-10.0\"\n\n[link]\nmtu = 9000\n",
    );
    let of = |key| value(&desk, &["mine.toml", "--set", "vm.resume=7 ms"], key);
    let pair = |value: &str, from: &str| (value.to_owned(), from.to_owned());
    assert_eq!(of("link.mtu"), pair("9000", "mine.toml:4"));
    assert_eq!(of("vm.resume"), pair("7 ms", "--set"));
    assert_eq!(of("link.bandwidth"), pair("1 Gbit/s", "default"));
    let (install, from) = of("destination.install");
    assert_eq!(install, "3 us");
    assert!(from.starts_with("profile qemu-10.0:"), "{from}");
    let (wake, from) = of("destination.wake");
    assert_eq!(wake, "30 us");
    assert!(from.starts_with("profile qemu-7.2:"), "{from}");
}

#[test]
fn what_it_prints_can_be_used() {
    let desk = Desk::new();
    desk.write("defaults.toml", desk.data(&["scenario", "--defaults"]));
    let origin = value(&desk, &["defaults.toml"], "link.mtu").1;
    assert!(origin.starts_with("defaults.toml:"), "{origin}");
    let schema: Value = serde_json::from_str(&desk.data(&["scenario", "--schema"])).expect("JSON");
    assert_eq!(
        schema.pointer("/properties/source/properties/push/default"),
        Some(&Value::from("pivot"))
    );
    let people = desk.data(&["scenario"]);
    assert!(people.contains("link.mtu = 1500  (default)\n    number: Largest IP packet"));
    let unset = people.contains("vm.memory = —  (default)\n    size: ");
    assert!(unset, "{people}");
}

#[test]
fn a_misspelt_key_is_answered_with_the_nearest() {
    let desk = Desk::new();
    let output = desk.run(&["compare", "small.toml", "--set", "link.bandwith=1 Gbit/s"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("did you mean `bandwidth`?"), "{error}");
}

#[test]
fn a_misspelt_profile_is_answered_with_the_nearest() {
    let desk = Desk::new();
    for arguments in [
        &["scenario", "qemu-7"][..],
        &["validate", "reference.csv", "--scenario", "qemu-7"],
    ] {
        let error = desk.refusal(arguments);
        assert!(error.contains("did you mean \"qemu-7.2\"?"), "{error}");
    }
}

#[test]
fn usage_has_what_goes_together() {
    let desk = Desk::new();
    let error = desk.refusal(&["scenario", "--from-row", "rows.csv", "small.toml"]);
    assert!(
        error.contains("cannot be used with '[SCENARIO]'"),
        "{error}"
    );
    assert!(!error.contains("[:ROW]> [SCENARIO]"), "{error}");
}
