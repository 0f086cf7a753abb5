//! What holds pages up, if it is not the link.

use crate::scenario::Scenario;
use crate::units::{Bandwidth, SimTime};

/// Of pages with content, the most bits a second that one connection carries, and the key that says so; `None` if that
/// is the link's bandwidth, or nearly.
pub(super) fn bottleneck(scenario: &Scenario, page_size: u64) -> Option<(Bandwidth, &'static str)> {
    let (link, destination) = (&scenario.link, &scenario.destination);
    let message = link.message_bytes(page_size).page;
    let (_, greatest) = link.range_from(SimTime::ZERO);
    let on_link = link.transmission(message, greatest);
    let costs = |key, cost: SimTime| (cost.times((page_size / 4_096).max(1)), key);
    let window = link.window_bytes(destination.receive_buffer);
    let by_loss = window < destination.receive_buffer;
    let window = u128::from(window.0);
    let round_trip = u128::from(link.latency.times(2).as_ps());
    let a_window = SimTime::from_wide_ps(round_trip * u128::from(message) / window);
    let (slowest, key) = [
        costs("source.push_service", scenario.source.push_service),
        costs("destination.install", destination.install),
        match by_loss {
            true => (a_window, "link.loss, a round trip"),
            false => (a_window, "destination.receive_buffer, a round trip"),
        },
    ]
    .into_iter()
    .max()?;
    if slowest.as_ps() / 102 <= on_link.as_ps() / 100 {
        return None;
    }
    let bits = u128::from(page_size) * 8 * 1_000_000_000_000 / u128::from(slowest.as_ps());
    let bits = u64::try_from(bits).ok()?;
    Some((Bandwidth::from_bits_per_second(bits)?, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{CongestionControl, LossSettings};

    #[test]
    fn the_slowest_is_named() {
        let named = |set: fn(&mut Scenario)| {
            let mut scenario = Scenario::default();
            set(&mut scenario);
            bottleneck(&scenario, 4_096).map(|(bandwidth, key)| (bandwidth.bits_per_second(), key))
        };
        assert_eq!(named(|_| {}), None);
        let fast = |scenario: &mut Scenario| {
            scenario.link.bandwidth =
                Bandwidth::from_bits_per_second(25_000_000_000).unwrap_or(scenario.link.bandwidth);
        };
        // 4,096 bytes every 2.4 us.
        let thread = Some((13_653_333_333, "source.push_service"));
        assert_eq!(named(fast), thread);
        // 3 MiB every 100 ms carry 766 messages of 4,104 bytes and a half.
        let (bits, key) =
            named(|scenario| scenario.link.latency = SimTime::from_ms(50)).unwrap_or_default();
        assert_eq!(key, "destination.receive_buffer, a round trip");
        assert_eq!(bits / 1_000, 251_167);
        // √(1.5 / 10⁻⁵) packets of 1,448 bytes every 40 ms, with the headers of pages.
        let lossy = |scenario: &mut Scenario| {
            scenario.link.latency = SimTime::from_ms(20);
            scenario.link.loss = Some(LossSettings {
                per_million: 10,
                congestion_control: CongestionControl::Reno,
            });
        };
        let (bits, key) = named(lossy).unwrap_or_default();
        assert_eq!(key, "link.loss, a round trip");
        assert_eq!(bits / 1_000_000, 111);
    }
}
