//! Where values lie along an axis.

/// Less is as good as nothing, of which there is no logarithm.
const LEAST: f64 = 1e-6;

/// From the first tick to the last, with all values between them.
pub(super) struct Scale {
    pub(super) ticks: Vec<f64>,
    is_logarithmic: bool,
    /// Where the first tick and the last lie.
    ends: [f64; 2],
}

impl Scale {
    pub(super) fn logarithmic(values: &[f64], ends: [f64; 2]) -> Self {
        let most = most(values);
        let least = values.iter().copied().fold(most, f64::min).max(LEAST);
        Self {
            ticks: logarithmic(least, most),
            is_logarithmic: true,
            ends,
        }
    }

    pub(super) fn from_zero(values: &[f64], ends: [f64; 2]) -> Self {
        let most = most(values);
        let fifth = most / 5.0;
        let step = logarithmic(fifth, fifth).pop().expect("there are ticks");
        let steps = (most / step).ceil() as u32;
        Self {
            ticks: (0..=steps).map(|n| f64::from(n) * step).collect(),
            is_logarithmic: false,
            ends,
        }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        let along = |value: f64| {
            if self.is_logarithmic {
                value.max(LEAST).log10()
            } else {
                value
            }
        };
        let first = along(self.ticks[0]);
        let last = along(self.ticks[self.ticks.len() - 1]);
        let [from, to] = self.ends;
        from + (to - from) * (along(value) - first) / (last - first)
    }
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(LEAST, f64::max)
}

/// Round numbers, the first below all values and the last above.
fn logarithmic(least: f64, most: f64) -> Vec<f64> {
    // More of them would not have room.
    let digits: &[f64] = if most / least > 100.0 {
        &[1.0]
    } else {
        &[1.0, 2.0, 5.0]
    };
    let decades = least.log10().floor() as i32 - 1..=most.log10().floor() as i32 + 1;
    let all: Vec<f64> = decades
        .flat_map(|decade| digits.iter().map(move |digit| digit * 10_f64.powi(decade)))
        .collect();
    let first = all.iter().rposition(|tick| *tick < least);
    let last = all.iter().position(|tick| *tick > most);
    all[first.unwrap_or(0)..=last.unwrap_or(all.len() - 1)].to_vec()
}

/// With a comma between thousands.
pub(super) fn label(value: f64) -> String {
    let digits = ((value * 1e6).round() / 1e6).to_string();
    let whole = digits.find('.').unwrap_or(digits.len());
    let mut label = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && at < whole && (whole - at).is_multiple_of(3) {
            label.push(',');
        }
        label.push(digit);
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: [f64; 2] = [100.0, 300.0];

    #[test]
    fn logarithmic_ticks_enclose_the_values() {
        let ticks = |values: &[f64]| Scale::logarithmic(values, ENDS).ticks;
        assert_eq!(ticks(&[1.0]), [0.5, 1.0, 2.0]);
        assert_eq!(ticks(&[0.86, 4.0]), [0.5, 1.0, 2.0, 5.0]);
        assert_eq!(
            ticks(&[7.0, 450.0]),
            [5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0]
        );
        assert_eq!(ticks(&[7.0, 4500.0]), [1.0, 10.0, 100.0, 1000.0, 10_000.0]);
    }

    #[test]
    fn the_same_factor_is_the_same_length_on_a_logarithmic_scale() {
        let scale = Scale::logarithmic(&[1.0], ENDS);
        assert_eq!(
            [0.5, 1.0, 2.0].map(|value| scale.at(value)),
            [100.0, 200.0, 300.0]
        );
    }

    #[test]
    fn a_scale_from_zero_has_at_most_five_steps() {
        let ticks = |most: f64| Scale::from_zero(&[0.1, most], ENDS).ticks;
        assert_eq!(ticks(4.3), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(ticks(5.1), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(ticks(130.0), [0.0, 50.0, 100.0, 150.0]);
        assert_eq!(Scale::from_zero(&[5.1], ENDS).at(3.0), 200.0);
    }

    #[test]
    fn nothing_has_its_place() {
        for values in [&[][..], &[0.0]] {
            for scale in [Scale::logarithmic, Scale::from_zero] {
                assert!((100.0..300.0).contains(&scale(values, ENDS).at(0.0)));
            }
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        let labels = [0.0, 0.5, 100.0, 1000.0, 1_234_567.5].map(label);
        assert_eq!(labels, ["0", "0.5", "100", "1,000", "1,234,567.5"]);
        assert_eq!(label(3.0 * 0.2), "0.6");
    }
}
