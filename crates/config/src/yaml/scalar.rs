use std::sync::Arc;

/// A value that is neither a list nor a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    text: String,
    /// Written without quotes, so that `6` is a number and `yes` is true.
    plain: bool,
    origin: Origin,
}

/// Where the text of a scalar came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From the file.
    File,
    /// From the environment variable of this name: never shown.
    Variable(Arc<str>),
    /// From a variable that is not set. That has been reported; whoever reads it says nothing more.
    Unset,
}

/// What a scalar is by the rules of YAML 1.1, which `PyYAML` and thus `LiteLLM` follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Typed {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text,
}

// ===== impl Scalar =====

impl Scalar {
    pub(crate) fn new(text: String, plain: bool) -> Self {
        Self {
            text,
            plain,
            origin: Origin::File,
        }
    }

    /// The text, whatever its type.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What stands in the file is replaced by what it refers to, which is text as if in quotes.
    pub(crate) fn resolve(&mut self, variable: &str, value: Option<String>) {
        self.plain = false;
        self.origin = match value {
            Some(value) => {
                self.text = value;
                Origin::Variable(variable.into())
            }
            None => Origin::Unset,
        };
    }

    pub(crate) fn is_merge_key(&self) -> bool {
        self.plain && self.text == "<<"
    }

    pub(crate) fn typed(&self) -> Typed {
        if !self.plain {
            return Typed::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Typed::Null,
            text => truth(text)
                .map(Typed::Bool)
                .or_else(|| integer(text).map(Typed::Int))
                .or_else(|| float(text).map(Typed::Float))
                .unwrap_or(Typed::Text),
        }
    }

    /// The number it is, or that its text spells: `LiteLLM` takes `"6"` and `os.environ/RPM` for 6.
    pub(crate) fn number(&self) -> Option<f64> {
        match self.typed() {
            #[allow(
                clippy::cast_precision_loss,
                reason = "a setting above 2⁵³ is not told apart from its neighbour, nor need it be"
            )]
            Typed::Int(number) => Some(number as f64),
            Typed::Float(number) => Some(number),
            Typed::Text => self.text.trim().parse().ok(),
            Typed::Null | Typed::Bool(_) => None,
        }
    }

    /// The whole number it is or spells.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self.typed() {
            Typed::Int(number) => Some(number),
            Typed::Float(number) => whole(number),
            Typed::Text => {
                let text = self.text.trim();
                text.parse().ok().or_else(|| whole(text.parse().ok()?))
            }
            Typed::Null | Typed::Bool(_) => None,
        }
    }

    /// The truth value it is, or that its text spells.
    pub(crate) fn truth(&self) -> Option<bool> {
        match self.typed() {
            Typed::Bool(truth) => Some(truth),
            Typed::Text => truth(self.text.trim()),
            Typed::Null | Typed::Int(_) | Typed::Float(_) => None,
        }
    }
}

fn whole(number: f64) -> Option<i64> {
    // 2⁵³: up to here every whole number has a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation, reason = "whole and in range")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Decimal, `0x1f`, `0b11`, octal as `017` and (YAML 1.2) `0o17`, underscores between digits, and base 60:
/// `1:30` is 90.
fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = sign(text);
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let digits = digits.replace('_', "");
    let magnitude = if let Some(hex) = digits.strip_prefix("0x") {
        radix(hex, 16)
    } else if let Some(binary) = digits.strip_prefix("0b") {
        radix(binary, 2)
    } else if let Some(octal) = digits.strip_prefix("0o") {
        radix(octal, 8)
    } else if digits.contains(':') {
        base_60(&digits)
    } else if digits.len() > 1 && digits.starts_with('0') {
        radix(&digits[1..], 8)
    } else {
        radix(&digits, 10)
    }?;
    Some(if negative { -magnitude } else { magnitude })
}

/// `i64::from_str_radix` without a sign of its own.
fn radix(digits: &str, radix: u32) -> Option<i64> {
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok()
}

fn base_60(digits: &str) -> Option<i64> {
    let mut places = digits.split(':');
    let mut value = radix(places.next()?, 10)?;
    for place in places {
        let place = radix(place, 10).filter(|place| *place < 60)?;
        value = value.checked_mul(60)?.checked_add(place)?;
    }
    Some(value)
}

/// As YAML 1.1, and `1e-6` without a point too: `PyYAML` leaves that a string, which then counts as a number
/// wherever a number is wanted.
fn float(text: &str) -> Option<f64> {
    let (negative, digits) = sign(text);
    let magnitude = match digits {
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" => f64::NAN,
        digits if digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') => {
            digits.replace('_', "").parse().ok()?
        }
        _ => return None,
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_the_type_pyyaml_gives_it() {
        for (text, typed) in [
            ("", Typed::Null),
            ("~", Typed::Null),
            ("yes", Typed::Bool(true)),
            ("Off", Typed::Bool(false)),
            ("y", Typed::Text),
            ("0", Typed::Int(0)),
            ("1_000", Typed::Int(1000)),
            ("-12", Typed::Int(-12)),
            ("010", Typed::Int(8)),
            ("0x1F", Typed::Int(31)),
            ("1:30", Typed::Int(90)),
            ("1:75", Typed::Text),
            ("089", Typed::Float(89.0)),
            ("1.5", Typed::Float(1.5)),
            (".5", Typed::Float(0.5)),
            ("1e-6", Typed::Float(1e-6)),
            (".inf", Typed::Float(f64::INFINITY)),
            ("inf", Typed::Text),
            ("2024-02-01", Typed::Text),
            ("gpt-4", Typed::Text),
            ("--5", Typed::Text),
            ("0x-5", Typed::Text),
        ] {
            assert_eq!(Scalar::new(text.into(), true).typed(), typed, "{text}");
        }
    }

    #[test]
    fn quotes_make_text_of_anything_and_text_may_spell_a_number() {
        let six = Scalar::new("6".into(), false);
        assert_eq!(six.typed(), Typed::Text);
        assert_eq!(six.integer(), Some(6));
        assert_eq!(Scalar::new("6.0".into(), false).integer(), Some(6));
        assert_eq!(Scalar::new("6.5".into(), false).integer(), None);
        assert_eq!(Scalar::new("True".into(), false).truth(), Some(true));
    }
}
