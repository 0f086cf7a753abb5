//! Keys that scenarios had before, and what says the same now.

const FORMER: [(&str, &str); 7] = [
    ("source.quickack", "destination.nagle = \"quickack\""),
    (
        "source.overtaken_percent",
        "source.wake_on_request.overtaken_percent",
    ),
    ("source.overtaken_by", "source.wake_on_request.overtaken_by"),
    (
        "source.request_thread",
        "link.demand_channel.request_thread",
    ),
    (
        "destination.receiver_per_channel",
        "link.demand_channel.receiver_thread",
    ),
    (
        "migration.fetch_outstanding",
        "migration.delivery.outstanding",
    ),
    ("migration.overlap_core", ""),
];

/// What is expected instead of a key of former times.
pub(super) fn instead_of(key: &str) -> Option<String> {
    let (_, now) = FORMER.iter().find(|(former, _)| *former == key)?;
    Some(match *now {
        "" => "there is no such key any more".to_owned(),
        now => format!("there is no such key any more, expected {now}"),
    })
}
