//! Loss as a rate: what congestion control makes of it in steady state.
//!
//! | algorithm | packets in flight, for a loss probability p and a round trip of T seconds |
//! |---|---|
//! | Reno | √(3 / 2p): Mathis et al., *The Macroscopic Behavior of the TCP Congestion Avoidance Algorithm*, CCR 1997 |
//! | CUBIC | (37/30 · (T/p)³)^¼: RFC 9438, section 5, with its β = 0.7 and C = 0.4; never less than Reno (section 4.3) |
//! | BBR | no limit by loss: it follows bandwidth and round trip (Cardwell et al., *BBR*, ACM Queue 2016) |
//!
//! The formulas are those of a long transfer. They are not meant for losses beyond some per cent. What is in flight is
//! a window of the connection's own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{OutOfLimits, expect};
use crate::units::{Bytes, SimTime};

/// Who decides how much may be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CongestionControl {
    /// RFC 9438; Linux's default.
    Cubic,
    /// RFC 5681.
    Reno,
    /// Loss costs the bandwidth of what is sent again, and nothing else.
    Bbr,
}

/// `[link.loss]`: packets that the network loses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a section with keys")]
pub struct LossSettings {
    /// Packets lost of a million, 1 to 10000. What is lost is sent again, and takes that share of the bandwidth.
    /// Default: no section, and no loss, as in a data centre.
    pub per_million: u32,
    /// What limits the packets that a connection has in flight when some are lost
    /// (`net.ipv4.tcp_congestion_control`). Default: no section.
    pub congestion_control: CongestionControl,
}

const MILLION: u128 = 1_000_000;

impl LossSettings {
    /// Where the formulas hold.
    pub(super) fn check(&self) -> Result<(), OutOfLimits> {
        expect(
            (1..=10_000).contains(&self.per_million),
            "link.loss.per_million",
            "expected 1 to 10000",
        )
    }

    /// How many packets have to be sent for how many that arrive.
    pub(super) fn repetitions(&self) -> (u128, u128) {
        (MILLION, MILLION - u128::from(self.per_million))
    }

    /// Most bytes of a connection in flight, with packets of so many payload bytes; `None` without a limit.
    pub(super) fn window(&self, payload: u128, latency: SimTime) -> Option<Bytes> {
        let lost = u128::from(self.per_million);
        // In us; one of some minutes has no meaning, and would overflow.
        let round_trip = u128::from(latency.as_ps() / 500_000).min(MILLION * 100);
        // In thousandths of packets.
        let reno = (3 * MILLION.pow(2) / (2 * lost)).isqrt();
        let cubic = (37 * MILLION.pow(2) / 30 * round_trip.pow(3) / lost.pow(3)).isqrt();
        let packets = match self.congestion_control {
            CongestionControl::Reno => reno,
            CongestionControl::Cubic => cubic.isqrt().max(reno),
            CongestionControl::Bbr => return None,
        };
        let bytes = u64::try_from(packets * payload / 1_000).unwrap_or(u64::MAX);
        Some(Bytes(bytes.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(control: CongestionControl, per_million: u32, round_trip_ms: u64) -> Option<u64> {
        let loss = LossSettings {
            per_million,
            congestion_control: control,
        };
        let window = loss.window(1_000, SimTime::from_us(500 * round_trip_ms));
        window.map(|bytes| bytes.0)
    }

    /// √(3 / 0.0003) = 100 packets. CUBIC's 24.6 are fewer, so that it follows Reno.
    #[test]
    fn reno_is_the_formula_of_mathis() {
        assert_eq!(window(CongestionControl::Reno, 150, 10), Some(100_000));
        assert_eq!(window(CongestionControl::Cubic, 150, 10), Some(100_000));
        assert_eq!(window(CongestionControl::Bbr, 150, 10), None);
        assert_eq!(window(CongestionControl::Cubic, 150, 0), Some(100_000));
    }

    /// RFC 9438: 1.0538 · (1 / 0.00015)^¾ = 777.5 packets.
    #[test]
    fn cubic_is_the_formula_of_rfc_9438() {
        assert_eq!(window(CongestionControl::Cubic, 150, 1_000), Some(777_502));
    }

    /// The largest packets, the least loss and the longest latency do not overflow.
    #[test]
    fn extremes_are_computed() {
        let loss = |per_million| LossSettings {
            per_million,
            congestion_control: CongestionControl::Cubic,
        };
        for latency in [SimTime::from_ns(1), SimTime::MAX] {
            assert!(loss(1).window(65_483, latency).is_some());
            assert!(loss(10_000).window(16, latency).is_some());
        }
    }
}
