use super::svg::{Anchor, Svg};

/// One of the plots of a picture.
#[derive(Clone, Copy, Debug)]
pub struct Plot {
    /// Where it begins.
    pub left: f64,
    /// Where it ends.
    pub right: f64,
    /// Its upper edge.
    pub top: f64,
    /// Its lower edge.
    pub bottom: f64,
    /// What stands to the right.
    pub across: Scale,
    /// What that is, written after the last of its numbers.
    pub unit: &'static str,
    /// What stands upwards.
    pub scale: Scale,
}

/// What stands at which place between one end and the other.
#[derive(Clone, Copy, Debug)]
pub enum Scale {
    /// From zero to this.
    Linear(f64),
    /// From this to that, each doubling as long as the next.
    Log(f64, f64),
}

// ===== impl Plot =====

impl Plot {
    /// The place of a value.
    #[must_use]
    pub fn at(&self, across: f64, value: f64) -> (f64, f64) {
        let height = self.scale.part(value).clamp(0.0, 1.0);
        let across = self.across.part(across);
        (
            across.mul_add(self.right - self.left, self.left),
            height.mul_add(self.top - self.bottom, self.bottom),
        )
    }

    /// The value of each second, in the middle of it.
    pub fn points(&self, values: impl IntoIterator<Item = f64>) -> Vec<(f64, f64)> {
        let values = (0_u32..).zip(values);
        values
            .map(|(second, value)| self.at(f64::from(second) + 0.5, value))
            .collect()
    }

    /// Grid and numbers; under the last plot of a picture those to the right too.
    pub fn axes(&self, svg: &mut Svg, last: bool) {
        for tick in self.scale.ticks(4.0) {
            let (_, y) = self.at(self.across.least(), tick);
            svg.grid((self.left, y), (self.right, y));
            svg.text(self.left - 5.0, y + 4.0, Anchor::End, "pale", &number(tick));
        }
        let mut ticks = self.across.ticks(6.0).into_iter().peekable();
        while let Some(tick) = ticks.next() {
            let (x, _) = self.at(tick, 0.0);
            svg.grid((x, self.bottom), (x, self.bottom + 4.0));
            if last {
                let (anchor, unit) = match ticks.peek() {
                    Some(_) => (Anchor::Middle, ""),
                    None => (Anchor::End, self.unit),
                };
                let words = format!("{}{unit}", number(tick));
                svg.text(x, self.bottom + 16.0, anchor, "pale", &words);
            }
        }
    }
}

// ===== impl Scale =====

impl Scale {
    /// From zero to somewhat above the most.
    #[must_use]
    pub fn linear(most: f64) -> Self {
        let step = nice(most / 4.0);
        Self::Linear((most / step).ceil().max(1.0) * step)
    }

    /// Over all of these, to the next of 1, 2, 5, 10 … on both sides.
    pub fn log(values: impl IntoIterator<Item = f64>) -> Self {
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

    /// Where a value stands between one end, 0, and the other, 1.
    fn part(self, value: f64) -> f64 {
        match self {
            Self::Linear(most) => value / most,
            Self::Log(least, most) => (value / least).log(most / least),
        }
    }

    const fn least(self) -> f64 {
        match self {
            Self::Linear(_) => 0.0,
            Self::Log(least, _) => least,
        }
    }

    /// Round numbers, so many of them or a few less where they stand evenly.
    fn ticks(self, parts: f64) -> Vec<f64> {
        match self {
            Self::Linear(most) => {
                let step = nice(most / parts);
                let ticks = (0_u32..).map(|tick| f64::from(tick) * step);
                ticks.take_while(|tick| *tick <= most * 1.001).collect()
            }
            Self::Log(least, most) => steps()
                .filter(|step| (least * 0.999..=most * 1.001).contains(step))
                .collect(),
        }
    }
}

/// 1, 2, 5, 10, … over the range of all that is drawn.
fn steps() -> impl Iterator<Item = f64> {
    (-3..6).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power)))
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
        let ticks = |scale: Scale| -> Vec<_> { scale.ticks(4.0).into_iter().map(number).collect() };
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
        assert!((log.part(1.0) - 0.5).abs() < 1e-9);
        assert_eq!(Scale::Linear(4.0).part(1.0), 0.25);
    }
}
