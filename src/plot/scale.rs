//! Axes: linear from zero, or logarithmic where values are orders of magnitude apart.

/// Values further apart than this go on a logarithmic axis.
const FAR_APART: f64 = 60.0;

/// With more, only powers of ten have a tick.
const MOST_ROUND_TICKS: i32 = 9;

/// Maps values to shares of the axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// From zero to `top`, with a tick every `step`.
    Linear { top: f64, step: f64 },
    /// From 10^`low` to 10^`high`; zero is at the foot.
    Log { low: i32, high: i32 },
    /// Logarithmic too, from the `low`-th to the `high`-th of … 0.5, 1, 2, 5, 10 …; 1 is the 0th.
    Rounds { low: i32, high: i32 },
}

/// The `index`-th of … 0.5, 1, 2, 5, 10 …
fn round_number(index: i32) -> f64 {
    [1.0, 2.0, 5.0][index.rem_euclid(3) as usize] * 10_f64.powi(index.div_euclid(3))
}

impl Scale {
    pub(super) fn over(values: impl Iterator<Item = f64>) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(|value| *value > 0.0) {
            least = least.min(value);
            most = most.max(value);
        }
        if most > least * FAR_APART {
            let low = least.log10().floor() as i32;
            let high = (most.log10().ceil() as i32).max(low + 1);
            // Five decades are enough to see the rest as next to nothing.
            return Scale::Log {
                low: low.max(high - 5),
                high,
            };
        }
        Scale::linear(most)
    }

    /// From zero to a round number that is not less.
    pub(super) fn linear(most: f64) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let magnitude = 10_f64.powi((most / 4.0).log10().floor() as i32);
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .map(|step| step * magnitude)
            .into_iter()
            .find(|step| step * 5.0 >= most)
            .unwrap_or(most);
        Scale::Linear {
            top: (most / step).ceil() * step,
            step,
        }
    }

    /// Logarithmic, as narrow as round numbers allow.
    pub(super) fn rounds(values: impl Iterator<Item = f64>) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(|value| *value > 0.0 && value.is_finite()) {
            least = least.min(value);
            most = most.max(value);
        }
        if most == 0.0 {
            return Scale::Rounds { low: 0, high: 3 };
        }
        let decade = |value: f64| 3 * value.log10().floor() as i32;
        let low = (decade(least)..)
            .take(3)
            .filter(|index| round_number(*index) <= least)
            .last();
        let high = (decade(most)..).find(|index| round_number(*index) >= most);
        let low = low.unwrap_or(decade(least));
        let high = high.unwrap_or(decade(most)).max(low + 1);
        Scale::Rounds { low, high }
    }

    /// The value at the top.
    pub(super) fn top(&self) -> f64 {
        match *self {
            Scale::Linear { top, .. } => top,
            Scale::Log { high, .. } => 10_f64.powi(high),
            Scale::Rounds { high, .. } => round_number(high),
        }
    }

    pub(super) fn is_log(&self) -> bool {
        matches!(self, Scale::Log { .. })
    }

    /// Where a value is between foot (0) and top (1).
    pub(super) fn share(&self, value: f64) -> f64 {
        match *self {
            Scale::Linear { top, .. } => value / top,
            Scale::Log { low, high } if value > 0.0 => {
                ((value.log10() - f64::from(low)) / f64::from(high - low)).max(0.0)
            }
            Scale::Log { .. } => 0.0,
            Scale::Rounds { low, high } if value > 0.0 => {
                let (low, high) = (round_number(low).log10(), round_number(high).log10());
                ((value.log10() - low) / (high - low)).max(0.0)
            }
            Scale::Rounds { .. } => 0.0,
        }
    }

    /// Places of the ticks, with their words.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        match *self {
            Scale::Linear { top, step } => {
                let count = (top / step).round() as u32;
                let decimals = (-(step.log10().floor())).max(0.0) as usize;
                // A step of 2.5 needs one more than its magnitude says.
                let exact = (step * 10_f64.powi(decimals as i32)).fract().abs() < 1e-6;
                let decimals = if exact { decimals } else { decimals + 1 };
                (0..=count)
                    .map(|tick| f64::from(tick) * step)
                    .map(|value| (value / top, format!("{value:.decimals$}")))
                    .collect()
            }
            Scale::Log { low, high } => (low..=high)
                .map(|power| {
                    let decimals = (-power).max(0) as usize;
                    let share = f64::from(power - low) / f64::from(high - low);
                    (share, format!("{:.decimals$}", 10_f64.powi(power)))
                })
                .collect(),
            Scale::Rounds { low, high } => (low..=high)
                .filter(|index| high - low <= MOST_ROUND_TICKS || index % 3 == 0)
                .map(|index| {
                    let decimals = (-index.div_euclid(3)).max(0) as usize;
                    let value = round_number(index);
                    (self.share(value), format!("{value:.decimals$}"))
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(values: &[f64]) -> Vec<String> {
        let scale = Scale::over(values.iter().copied());
        scale.ticks().into_iter().map(|(_, word)| word).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        assert_eq!(words(&[3.0, 1.0]), ["0", "1", "2", "3"]);
        assert_eq!(
            words(&[0.11]),
            ["0.000", "0.025", "0.050", "0.075", "0.100", "0.125"]
        );
        assert_eq!(words(&[12.0, 9_000.0]), ["10", "100", "1000", "10000"]);
        assert_eq!(words(&[0.0]).first().map(String::as_str), Some("0.0"));
    }

    #[test]
    fn round_axes_are_as_narrow_as_they_can_be() {
        let words = |values: &[f64]| -> Vec<String> {
            let scale = Scale::rounds(values.iter().copied());
            scale.ticks().into_iter().map(|(_, word)| word).collect()
        };
        assert_eq!(words(&[10.01, 1.6]), ["1", "2", "5", "10", "20"]);
        assert_eq!(words(&[0.06, 0.3]), ["0.05", "0.1", "0.2", "0.5"]);
        assert_eq!(words(&[2.0, 2.0]), ["2", "5"]);
        assert_eq!(words(&[0.0, f64::INFINITY]), ["1", "2", "5", "10"]);
        assert_eq!(words(&[0.03, 9_000.0]).len(), 6, "powers of ten alone");
        let scale = Scale::rounds([1.0, 100.0].into_iter());
        assert!((scale.share(10.0) - 0.5).abs() < 1e-12);
    }
}
