use super::svg::{Anchor, Svg};

/// One of the two plots of a picture: seconds to the right, something else upwards.
pub(super) struct Plot {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) seconds: f64,
    pub(super) scale: Scale,
}

/// What stands at which height.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scale {
    /// From zero to this.
    Linear(f64),
    /// From this to that, each doubling as high as the next.
    Log(f64, f64),
}

// ===== impl Plot =====

impl Plot {
    pub(super) fn at(&self, second: f64, value: f64) -> (f64, f64) {
        let height = self.scale.height(value).clamp(0.0, 1.0);
        (
            (second / self.seconds).mul_add(self.right - self.left, self.left),
            height.mul_add(self.top - self.bottom, self.bottom),
        )
    }

    /// The value of each second, in the middle of it.
    pub(super) fn points(&self, values: impl IntoIterator<Item = f64>) -> Vec<(f64, f64)> {
        let values = (0_u32..).zip(values);
        values
            .map(|(second, value)| self.at(f64::from(second) + 0.5, value))
            .collect()
    }

    /// Grid and numbers; under the last plot of a picture the seconds too.
    pub(super) fn axes(&self, svg: &mut Svg, last: bool) {
        for tick in self.scale.ticks() {
            let (_, y) = self.at(0.0, tick);
            svg.grid((self.left, y), (self.right, y));
            svg.text(self.left - 5.0, y + 4.0, Anchor::End, "pale", &number(tick));
        }
        let step = nice(self.seconds / 6.0);
        let mut second = 0.0;
        while second <= self.seconds {
            let (x, _) = self.at(second, 0.0);
            svg.grid((x, self.bottom), (x, self.bottom + 4.0));
            if last {
                let (anchor, unit) = if second + step > self.seconds {
                    (Anchor::End, " s")
                } else {
                    (Anchor::Middle, "")
                };
                let words = format!("{}{unit}", number(second));
                svg.text(x, self.bottom + 16.0, anchor, "pale", &words);
            }
            second += step;
        }
    }
}

// ===== impl Scale =====

impl Scale {
    /// From zero to somewhat above the most.
    pub(super) fn linear(most: f64) -> Self {
        let step = nice(most / 4.0);
        Self::Linear((most / step).ceil().max(1.0) * step)
    }

    /// Over all of these, to the next of 1, 2, 5, 10 … on both sides.
    pub(super) fn log(values: impl IntoIterator<Item = f64>) -> Self {
        let values = values.into_iter().filter(|value| *value > 0.0);
        let (least, most) = values.fold((f64::MAX, f64::MIN), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        if least > most {
            return Self::Log(0.1, 1.0);
        }
        let steps: Vec<_> = steps().collect();
        let below = steps.iter().rev().find(|step| **step <= least);
        let above = steps.iter().find(|step| **step >= most * 1.001);
        Self::Log(
            below.copied().unwrap_or(least),
            above.copied().unwrap_or(most),
        )
    }

    /// Where a value stands between bottom, 0, and top, 1.
    fn height(self, value: f64) -> f64 {
        match self {
            Self::Linear(most) => value / most,
            Self::Log(least, most) => (value / least).log(most / least),
        }
    }

    fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear(most) => {
                let step = nice(most / 4.0);
                let ticks = (0_u32..).map(|tick| f64::from(tick) * step);
                ticks.take_while(|tick| *tick <= most * 1.001).collect()
            }
            Self::Log(least, most) => steps()
                .filter(|step| (least * 0.999..=most * 1.001).contains(step))
                .collect(),
        }
    }
}

/// 1, 2, 5, 10, … over the range of times that answers take.
fn steps() -> impl Iterator<Item = f64> {
    (-3..4).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power)))
}

/// The least of 1, 2, 5, 10, … that is not below.
fn nice(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(1e-9).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    let found = steps.into_iter().find(|step| *step >= least * 0.999);
    found.unwrap_or(least)
}

fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        let ticks = |scale: Scale| -> Vec<_> { scale.ticks().into_iter().map(number).collect() };
        assert_eq!(ticks(Scale::linear(61.0)), ["0", "20", "40", "60", "80"]);
        assert_eq!(ticks(Scale::linear(2.9)), ["0", "1", "2", "3"]);
        let log = Scale::log([0.6, 0.0, 12.0]);
        assert_eq!(ticks(log), ["0.5", "1", "2", "5", "10", "20"]);
        assert!(!ticks(Scale::log([])).is_empty());
        assert!(!ticks(Scale::linear(0.0)).is_empty());
    }

    #[test]
    fn values_stand_between_the_ends_of_their_scale() {
        let log = Scale::Log(0.5, 2.0);
        assert!((log.height(1.0) - 0.5).abs() < 1e-9);
        assert_eq!(Scale::Linear(4.0).height(1.0), 0.25);
    }
}
