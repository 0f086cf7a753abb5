//! Profiles: scenarios inside the program that hold a hypervisor's values, for others to extend.
//!
//! A profile is a file in `profiles/` and a line here.

use crate::nearest::nearest;

/// Names and texts, in the order of the command line's help.
const PROFILES: [(&str, &str); 4] = [
    ("qemu-7.2", include_str!("../../profiles/qemu-7.2.toml")),
    ("qemu-10.0", include_str!("../../profiles/qemu-10.0.toml")),
    (
        "cloud-hypervisor",
        include_str!("../../profiles/cloud-hypervisor.toml"),
    ),
    (
        "firecracker",
        include_str!("../../profiles/firecracker.toml"),
    ),
];

/// The profiles' names.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|(name, _)| *name)
}

/// What a name may be that is neither a profile's nor a file's, with the profile that was probably meant.
pub(super) fn expected(named: &str) -> String {
    let profiles: Vec<_> = names().collect();
    let meant = nearest(named, names()).map(|meant| format!("; did you mean \"{meant}\"?"));
    format!(
        "expected a profile ({}), or a scenario's file{}",
        profiles.join(", "),
        meant.unwrap_or_default()
    )
}

/// A profile's text.
pub fn text(name: &str) -> Option<&'static str> {
    PROFILES
        .iter()
        .find(|(profile, _)| *profile == name)
        .map(|(_, text)| *text)
}
