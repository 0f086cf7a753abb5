//! Axes: linear, or logarithmic where values are orders of magnitude apart.

/// Values further apart than this go on a logarithmic axis.
const FAR_APART: f64 = 60.0;

/// With more, only powers of ten have a tick.
const MOST_ROUND_TICKS: i32 = 9;

/// With more powers of ten, not each has a tick.
const MOST_POWERS: i32 = 8;

/// Share of a logarithmic axis between zero at its foot and the first tick.
const ABOVE_ZERO: f64 = 0.08;

/// From here on ticks are written as 1e9.
const LONG: f64 = 1e9;

/// Maps values to shares of the axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// From the `first`-th multiple of `step` to the `last`-th, with a tick at each; zero is among them.
    Linear { first: i32, last: i32, step: f64 },
    /// From 10^`low` to 10^`high`, and below that zero, if there is any.
    Log { low: i32, high: i32, zero: bool },
    /// Logarithmic too, from the `low`-th to the `high`-th of … 0.5, 1, 2, 5, 10 …; 1 is the 0th.
    Rounds { low: i32, high: i32, zero: bool },
}

/// The `index`-th of … 0.5, 1, 2, 5, 10 …
fn round_number(index: i32) -> f64 {
    [1.0, 2.0, 5.0][index.rem_euclid(3) as usize] * 10_f64.powi(index.div_euclid(3))
}

/// What an axis has to hold.
struct Values {
    /// The least of all.
    lowest: f64,
    /// The least that is above zero, and the greatest.
    least: f64,
    most: f64,
    zero: bool,
}

impl Values {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut all = Values {
            lowest: 0.0,
            least: f64::INFINITY,
            most: 0.0,
            zero: false,
        };
        for value in values.filter(|value| value.is_finite()) {
            all.lowest = all.lowest.min(value);
            all.most = all.most.max(value);
            all.zero |= value == 0.0;
            if value > 0.0 {
                all.least = all.least.min(value);
            }
        }
        all
    }
}

impl Scale {
    pub(super) fn over(values: impl Iterator<Item = f64>) -> Self {
        let all = Values::of(values);
        if all.lowest == 0.0 && all.most > all.least * FAR_APART {
            let low = all.least.log10().floor() as i32;
            let high = (all.most.log10().ceil() as i32).max(low + 1);
            let zero = all.zero;
            return Scale::Log { low, high, zero };
        }
        Scale::between(all.lowest, all.most)
    }

    /// From zero to a round number that is not less.
    pub(super) fn linear(most: f64) -> Self {
        Scale::between(0.0, most)
    }

    /// Round numbers around two that are not above and not below zero.
    fn between(lowest: f64, most: f64) -> Self {
        let most = if most > lowest { most } else { 1.0 };
        // Halves of numbers whose difference is too large for one.
        let span = (most / 2.0 - lowest / 2.0) * 2.0;
        let span = span.min(f64::MAX);
        let magnitude = 10_f64.powi((span / 4.0).log10().floor() as i32);
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .map(|step| step * magnitude)
            .into_iter()
            .find(|step| step * 5.0 >= span)
            .unwrap_or(span);
        Scale::Linear {
            first: (lowest / step).floor() as i32,
            last: (most / step).ceil() as i32,
            step,
        }
    }

    /// Logarithmic, as narrow as round numbers allow.
    pub(super) fn rounds(values: impl Iterator<Item = f64>) -> Self {
        let Values {
            least, most, zero, ..
        } = Values::of(values);
        if most == 0.0 {
            return Scale::Rounds {
                low: 0,
                high: 3,
                zero,
            };
        }
        let decade = |value: f64| 3 * value.log10().floor() as i32;
        let low = (decade(least)..)
            .take(3)
            .filter(|index| round_number(*index) <= least)
            .last();
        let high = (decade(most)..).find(|index| round_number(*index) >= most);
        let low = low.unwrap_or(decade(least));
        let high = high.unwrap_or(decade(most)).max(low + 1);
        Scale::Rounds { low, high, zero }
    }

    /// The value at the top.
    pub(super) fn top(&self) -> f64 {
        match *self {
            Scale::Linear { last, step, .. } => f64::from(last) * step,
            Scale::Log { high, .. } => 10_f64.powi(high),
            Scale::Rounds { high, .. } => round_number(high),
        }
    }

    /// What its label adds.
    pub(super) fn in_words(&self) -> &'static str {
        match self {
            Scale::Log { zero: true, .. } => " — log scale, 0 at the foot",
            Scale::Log { zero: false, .. } => " — log scale",
            Scale::Linear { .. } | Scale::Rounds { .. } => "",
        }
    }

    /// Where a value is between foot (0) and top (1).
    pub(super) fn share(&self, value: f64) -> f64 {
        let (low, high, zero) = match *self {
            Scale::Linear { first, last, step } => {
                return (value / step - f64::from(first)) / f64::from(last - first);
            }
            Scale::Log { low, high, zero } => (f64::from(low), f64::from(high), zero),
            Scale::Rounds { low, high, zero } => {
                (round_number(low).log10(), round_number(high).log10(), zero)
            }
        };
        if value <= 0.0 {
            return 0.0;
        }
        let share = ((value.log10() - low) / (high - low)).max(0.0);
        let foot = if zero { ABOVE_ZERO } else { 0.0 };
        foot + share * (1.0 - foot)
    }

    /// Places of the ticks, with their words.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let place = |(value, word): (f64, String)| (self.share(value), word);
        match *self {
            Scale::Linear { first, last, step } => {
                let decimals = (-(step.log10().floor())).max(0.0) as usize;
                // A step of 2.5 needs one more than its magnitude says.
                let exact = (step * 10_f64.powi(decimals as i32)).fract().abs() < 1e-6;
                let decimals = if exact { decimals } else { decimals + 1 };
                let long = f64::from(last.max(-first)) * step >= LONG;
                let word = |value: f64| match long {
                    true => format!("{value:e}"),
                    false => format!("{value:.decimals$}"),
                };
                (first..=last)
                    .map(|tick| f64::from(tick) * step)
                    .filter(|value| value.is_finite())
                    .map(|value| place((value, word(value))))
                    .collect()
            }
            Scale::Log { low, high, zero } => {
                let step = ((high - low + MOST_POWERS - 1) / MOST_POWERS).max(1);
                let powers = (low..=high).step_by(step as usize);
                let powers = powers.map(|power| (10_f64.powi(power), power_of_ten(power)));
                let foot = zero.then(|| (0.0, "0".to_owned()));
                foot.into_iter().chain(powers).map(place).collect()
            }
            Scale::Rounds { low, high, zero } => {
                let rounds = (low..=high)
                    .filter(|index| high - low <= MOST_ROUND_TICKS || index % 3 == 0)
                    .map(|index| {
                        let decimals = (-index.div_euclid(3)).max(0) as usize;
                        let value = round_number(index);
                        (value, format!("{value:.decimals$}"))
                    });
                let foot = zero.then(|| (0.0, "0".to_owned()));
                foot.into_iter().chain(rounds).map(place).collect()
            }
        }
    }
}

fn power_of_ten(power: i32) -> String {
    let value = 10_f64.powi(power);
    if value >= LONG || value * LONG < 1e3 {
        return format!("1e{power}");
    }
    let decimals = (-power).max(0) as usize;
    format!("{value:.decimals$}")
}

/// Where numbers in ascending order stand between 0 and 1, and whether that is logarithmic: as it is where the nearest
/// two are much further apart then.
pub(super) fn along(numbers: &[f64]) -> (Vec<f64>, bool) {
    let narrowest = |shares: &[f64]| {
        let gaps = shares.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.fold(f64::INFINITY, f64::min)
    };
    let linear = evenly(numbers);
    if numbers.first().is_some_and(|first| *first > 0.0) {
        let logarithms: Vec<f64> = numbers.iter().map(|number| number.log10()).collect();
        let log = evenly(&logarithms);
        if narrowest(&log) > 2.0 * narrowest(&linear) {
            return (log, true);
        }
    }
    (linear, false)
}

/// Where numbers in ascending order stand between 0 and 1.
pub(super) fn evenly(numbers: &[f64]) -> Vec<f64> {
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
        return Vec::new();
    };
    // Halves, as the difference may be too large for a number.
    let whole = if last > first {
        last / 2.0 - first / 2.0
    } else {
        1.0
    };
    let share = |number: &f64| (number / 2.0 - first / 2.0) / whole;
    numbers.iter().map(share).collect()
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
        assert_eq!(words(&[-3.0, -1.0]), ["-3", "-2", "-1", "0"]);
        assert_eq!(
            words(&[-300.0, 0.1, 50.0]),
            ["-300", "-200", "-100", "0", "100"]
        );
        assert_eq!(words(&[3e9, 1e9]), ["0e0", "1e9", "2e9", "3e9"]);
        assert_eq!(words(&[1e-9, 1e9]).len(), 7, "not each power");
        assert!(words(&[f64::MAX, f64::MIN]).len() < 12);
    }

    #[test]
    fn zero_is_apart_from_the_least_positive_value() {
        let scale = Scale::over([0.0, 1.0, 3e5].into_iter());
        assert_eq!(scale.in_words(), " — log scale, 0 at the foot");
        assert_eq!(scale.share(0.0), 0.0);
        assert!(scale.share(1.0) > 0.05 && scale.share(5.0) > scale.share(1.0));
        assert_eq!(scale.ticks()[0], (0.0, "0".to_owned()));
        let scale = Scale::over([1.0, 3e5].into_iter());
        assert_eq!((scale.in_words(), scale.share(1.0)), (" — log scale", 0.0));
        let scale = Scale::rounds([0.0, 2.0].into_iter());
        assert!(scale.share(0.0) < scale.share(2.0));
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
        assert_eq!(words(&[0.0, f64::INFINITY]), ["0", "1", "2", "5", "10"]);
        assert_eq!(words(&[0.03, 9_000.0]).len(), 6, "powers of ten alone");
        let scale = Scale::rounds([1.0, 100.0].into_iter());
        assert!((scale.share(10.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn numbers_along_stand_to_scale() {
        assert_eq!(along(&[1.0, 2.0, 5.0]), (vec![0.0, 0.25, 1.0], false));
        let (places, is_log) = along(&[1.0, 10.0, 1_000.0]);
        assert!(is_log && (places[1] - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(along(&[-5.0, 0.0, 15.0]), (vec![0.0, 0.25, 1.0], false));
        assert_eq!(along(&[7.0]), (vec![0.0], false));
        assert_eq!(along(&[f64::MIN, f64::MAX]), (vec![0.0, 1.0], false));
    }
}
