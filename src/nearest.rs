//! What was probably meant by a misspelt name.

/// The known name that is nearest to `given`; none where all are too far away to be meant.
pub(crate) fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const LEAST: f64 = 0.75;
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(given, name), name))
        .filter(|(likeness, _)| *likeness >= LEAST)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// Adds the nearest name to a deserializer's message about an unknown one: "unknown field `a`, expected one of `b`,
/// `c`".
pub(crate) fn with_nearest(message: &str) -> String {
    let is_unknown = ["unknown field `", "unknown variant `"]
        .iter()
        .any(|beginning| message.starts_with(beginning));
    // Texts between back-quotes: the unknown name, and the known ones.
    let mut names = message.split('`').skip(1).step_by(2);
    match names.next().and_then(|given| nearest(given, names)) {
        Some(meant) if is_unknown => format!("{message}; did you mean `{meant}`?"),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest() {
        let message = "unknown field `bandwith`, expected one of `latency`, `bandwidth`, `mtu`";
        assert!(with_nearest(message).ends_with("; did you mean `bandwidth`?"));
        let message = "unknown field `zzz`, expected `bandwidth` or `mtu`";
        assert_eq!(with_nearest(message), message);
        let message = "invalid type: string `x`, expected `y`";
        assert_eq!(with_nearest(message), message);
        assert_eq!(
            nearest("qemu-7", ["qemu-10.0", "qemu-7.2"]),
            Some("qemu-7.2")
        );
    }
}
