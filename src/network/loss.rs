//! Loss as a rate: what congestion control makes of it in steady state.
//!
//! | algorithm | packets in flight, for a loss probability p and a round trip of T seconds |
//! |---|---|
//! | Reno | √(3 / 2p): Mathis et al., *The Macroscopic Behavior of the TCP Congestion Avoidance Algorithm*, CCR 1997 |
//! | CUBIC | (37/30 · (T/p)³)^¼: RFC 9438, section 5, with its β = 0.7 and C = 0.4; never less than Reno (section 4.3) |
//! | BBR | no limit by loss: it follows bandwidth and round trip (Cardwell et al., *BBR*, ACM Queue 2016) |
//!
//! The formulas are those of a long transfer. They are not meant for losses beyond some per cent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{OutOfLimits, expect};
use crate::units::SimTime;

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
    /// What limits a connection's throughput when packets are lost (`net.ipv4.tcp_congestion_control`). Default: no
    /// section.
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

    /// Most payload bits of a connection in a second, whole kbit/s, with packets of so many payload bytes; `None`
    /// without a limit. Without a latency there is none: what is lost is sent again at once.
    pub(super) fn limit(&self, payload: u128, latency: SimTime) -> Option<u128> {
        let (lost, round_trip) = (
            u128::from(self.per_million),
            u128::from(latency.as_ps() / 500),
        );
        if lost == 0 || round_trip == 0 {
            return None;
        }
        // In kbit/s, with the loss in millionths and the round trip in ns.
        let bits = 8 * payload;
        let reno = 3 * bits.pow(2) * 10_u128.pow(18) / (2 * lost * round_trip.pow(2));
        let cubic = bits.pow(4) * 37 / 30 * 10_u128.pow(15) / (lost.pow(3) * round_trip);
        let kbit = match self.congestion_control {
            CongestionControl::Reno => reno.isqrt(),
            CongestionControl::Cubic => cubic.isqrt().isqrt().max(reno.isqrt()),
            CongestionControl::Bbr => return None,
        };
        Some(1_000 * kbit.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(control: CongestionControl, per_million: u32, round_trip_ms: u64) -> Option<u128> {
        let loss = LossSettings {
            per_million,
            congestion_control: control,
        };
        loss.limit(1_000, SimTime::from_us(500 * round_trip_ms))
    }

    /// √(3 / 0.0003) = 100 packets of 8,000 bits in 10 ms: 80 Mbit/s. CUBIC's 24.6 packets are fewer, so that it
    /// follows Reno.
    #[test]
    fn reno_is_the_formula_of_mathis() {
        assert_eq!(limit(CongestionControl::Reno, 150, 10), Some(80_000_000));
        assert_eq!(limit(CongestionControl::Cubic, 150, 10), Some(80_000_000));
        assert_eq!(limit(CongestionControl::Bbr, 150, 10), None);
        assert_eq!(limit(CongestionControl::Reno, 150, 0), None);
    }

    /// RFC 9438: 1.054 · (1 / 0.00015)^¾ = 777.6 packets of 8,000 bits in a second.
    #[test]
    fn cubic_is_the_formula_of_rfc_9438() {
        assert_eq!(limit(CongestionControl::Cubic, 150, 1_000), Some(6_220_000));
    }

    /// The largest packets, the least loss and the longest latency do not overflow.
    #[test]
    fn extremes_are_computed() {
        let loss = |per_million| LossSettings {
            per_million,
            congestion_control: CongestionControl::Cubic,
        };
        for latency in [SimTime::from_ns(1), SimTime::MAX] {
            assert!(loss(1).limit(65_483, latency).is_some());
            assert!(loss(10_000).limit(16, latency).is_some());
        }
    }
}
