use super::*;
use crate::engine::Progression;
use crate::memory::PageId;

const PAGE: Memory = Memory {
    pages: 2,
    host_page: 4_096,
    host_shift: 0,
    trace_pages: 2,
};

fn settings(discipline: Discipline) -> LinkSettings {
    LinkSettings {
        discipline,
        ..LinkSettings::default()
    }
}

fn message(page: PageId, demanded: bool, handed_at: SimTime) -> Span {
    Span {
        first: page.into(),
        count: 1,
        content: PAGE.whole_page(),
        demanded,
        requested_at: None,
        handed: Progression::at_once(handed_at),
    }
}

/// Departures of one pushed page, enqueued at 0, and one demanded page, enqueued half-way through it.
fn departures(discipline: Discipline) -> Vec<(u64, u64)> {
    let mut link = Link::new(&settings(discipline), Bytes(u64::MAX), &PAGE, 1);
    link.announce(message(0, false, SimTime::ZERO));
    link.announce(message(1, true, SimTime::from_ps(17_000_000)));
    let mut seen = Vec::new();
    while link
        .step(SimTime::from_us(1_000), &Bounds::default(), &mut seen)
        .is_some()
    {}
    let seen = seen
        .iter()
        .map(|departure| (departure.span.first, departure.left.first.as_ps()));
    seen.collect()
}

#[test]
fn a_page_takes_its_bits_and_the_packets_share() {
    // 4,104 bytes of stream at 1514/1448 wire bytes each and 8 ns a byte: 4,104 · 8 · 1514 / 1448 = 34,328.486… ns.
    let settings = settings(Discipline::Fifo);
    assert_eq!(
        settings.transmission(4_104, settings.bandwidth),
        SimTime::from_ps(34_328_487)
    );
    assert_eq!(settings.wire_bytes(1_448), 1_514);
}

#[test]
fn disciplines_share_differently() {
    // One page needs P = 34,328,487 ps. The demanded one comes at 17,000,000.
    // fifo: P, then 2 P.
    assert_eq!(
        departures(Discipline::Fifo),
        [(0, 34_328_487), (1, 68_656_974)]
    );
    // fair: the pushed page has 17,328,487 left at half speed, so it leaves at 17,000,000 + 34,656,974; by then the
    // demanded one has had 17,328,487 and goes on alone with 17,000,000: 51,656,974 + 17,000,000.
    assert_eq!(
        departures(Discipline::Fair),
        [(0, 51_656_974), (1, 68_656_974)]
    );
    // priority: the demanded page goes at once, the pushed one stands still for P.
    assert_eq!(
        departures(Discipline::Priority),
        [(1, 51_328_487), (0, 68_656_974)]
    );
}

#[test]
fn a_page_leaves_no_sooner_than_those_before_it() {
    let settings = settings(Discipline::Fifo);
    let mut link = Link::new(&settings, Bytes(u64::MAX), &PAGE, 1);
    for page in 0..3 {
        link.announce(message(page, false, SimTime::ZERO));
    }
    let earliest = |number| link.earliest_departure(number, SimTime::ZERO);
    let [first, second, third] = [0, 1, 2].map(|number| earliest(Some(number)));
    assert!(SimTime::ZERO < first && first < second && second < third);
    // What is not there yet gets behind all of them.
    assert_eq!((earliest(Some(7)), earliest(None)), (third, third));
}
