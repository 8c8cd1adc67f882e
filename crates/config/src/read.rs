//! Typed reading: a section gives fields, a field gives a value or reports what is accepted instead.

use crate::{
    keys,
    location::Mark,
    quote,
    report::Report,
    yaml::{Map, Node, Origin, Scalar, Typed, Value},
};
use std::time::Duration;

/// A mapping whose keys the table in `keys.rs` lists under `path`.
#[derive(Clone, Copy)]
pub(crate) struct Section<'a> {
    pub(crate) path: &'static str,
    pub(crate) map: &'a Map,
}

/// A key that is there and not null.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    section: &'static str,
    pub(crate) name: &'a str,
    pub(crate) key_mark: Mark,
    pub(crate) node: &'a Node,
}

/// A century. Nothing waits longer, and a clock can still add it.
const LONGEST: f64 = 100.0 * 365.25 * 86_400.0;

// ===== impl Section =====

impl<'a> Section<'a> {
    pub(crate) fn get(&self, name: &'a str) -> Option<Field<'a>> {
        let entry = self.map.entry(name)?;
        (!entry.value.is_null()).then_some(Field {
            section: self.path,
            name,
            key_mark: entry.key_mark,
            node: &entry.value,
        })
    }

    /// All fields, for sections whose keys are names.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Field<'a>> {
        let section = self.path;
        self.map
            .entries
            .iter()
            .filter(|entry| !entry.value.is_null())
            .map(move |entry| Field {
                section,
                name: &entry.key,
                key_mark: entry.key_mark,
                node: &entry.value,
            })
    }
}

// ===== impl Field =====

impl<'a> Field<'a> {
    pub(crate) fn mark(&self) -> Mark {
        self.node.mark
    }

    pub(crate) fn path(&self) -> String {
        if self.section.is_empty() {
            self.name.to_owned()
        } else {
            format!("{}.{}", self.section, self.name)
        }
    }

    /// The same key with another value, one inside of its own.
    pub(crate) fn with(&self, node: &'a Node) -> Self {
        Self { node, ..*self }
    }

    pub(crate) fn is_secret(&self) -> bool {
        let of = |section, name| keys::find(section, name).is_some_and(|key| key.secret);
        // Or a part of one, such as a header of `extra_headers`.
        of(self.section, self.name)
            || self
                .section
                .rsplit_once('.')
                .is_some_and(|(section, name)| of(section, name))
    }

    /// What stands there, in words, without showing what must not be seen.
    pub(crate) fn found(&self) -> String {
        if self.is_secret() {
            return shape(self.node).to_owned();
        }
        let Value::Scalar(scalar) = &self.node.value else {
            return shape(self.node).to_owned();
        };
        match scalar.origin() {
            // Nobody knows what is in a variable.
            Origin::Variable(name) => format!("the value of the variable `{name}`"),
            Origin::File => {
                let shape = shape(self.node).trim_start_matches("a ");
                format!("the {shape} {}", quote(scalar.text()))
            }
            Origin::Unset => shape(self.node).to_owned(),
        }
    }

    /// Reports that something else is accepted here.
    pub(crate) fn refuse(&self, report: &mut Report, accepted: &str, help: impl Into<String>) {
        if !self.is_unset() {
            let message = format!(
                "`{}` must be {accepted}, found {}",
                self.path(),
                self.found()
            );
            report.problem(self.mark(), message, help);
        }
    }

    /// The same where a list or a mapping belongs: what stands there instead is anybody's guess, and not
    /// shown.
    fn refuse_shape(&self, report: &mut Report, accepted: &str, help: &str) {
        if !self.is_unset() {
            let (path, found) = (self.path(), shape(self.node));
            let message = format!("`{path}` must be {accepted}, found {found}");
            report.problem(self.mark(), message, help);
        }
    }

    /// True if it names a variable that is not set, which has been reported.
    pub(crate) fn is_unset(&self) -> bool {
        self.node
            .as_scalar()
            .is_some_and(|scalar| *scalar.origin() == Origin::Unset)
    }

    fn scalar(&self) -> Option<&'a Scalar> {
        self.node
            .as_scalar()
            .filter(|scalar| *scalar.origin() != Origin::Unset)
    }

    /// Text. A bare `6` or `yes` is refused rather than guessed at.
    pub(crate) fn string(&self, report: &mut Report) -> Option<&'a str> {
        match self.scalar() {
            Some(scalar) if scalar.typed() == Typed::Text => Some(scalar.text()),
            Some(_) => {
                self.refuse(report, "text", "put it in quotes");
                None
            }
            None => {
                self.refuse(report, "text", "");
                None
            }
        }
    }

    /// Text that is not empty.
    pub(crate) fn name(&self, report: &mut Report) -> Option<&'a str> {
        let text = self.string(report)?;
        if text.trim().is_empty() {
            let message = format!("`{}` is empty", self.path());
            report.problem(self.mark(), message, "");
            return None;
        }
        Some(text)
    }

    /// What one of these words stands for.
    pub(crate) fn word<T: Copy>(&self, words: &[(&str, T)], report: &mut Report) -> Option<T> {
        let text = self.string(report)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let [others @ .., last] = words.as_slice() else {
                return None;
            };
            self.refuse(report, &format!("{} or {last}", others.join(", ")), "");
        }
        found.map(|(_, meant)| *meant)
    }

    /// Any scalar, as it was written.
    pub(crate) fn text(&self, report: &mut Report) -> Option<&'a str> {
        let text = self.scalar().map(Scalar::text);
        if text.is_none() {
            self.refuse(report, "text or a number", "");
        }
        text
    }

    /// A number that `accept` takes; `accepted` says which those are.
    pub(crate) fn number(
        &self,
        report: &mut Report,
        accepted: &str,
        accept: impl Fn(f64) -> bool,
    ) -> Option<f64> {
        let number = self.scalar().and_then(Scalar::number);
        let number = number.filter(|number| number.is_finite() && accept(*number));
        if number.is_none() {
            self.refuse(report, accepted, "");
        }
        number
    }

    /// A whole number from 0.
    pub(crate) fn count(&self, report: &mut Report) -> Option<u64> {
        let count = self.scalar().and_then(Scalar::integer);
        let count = count.and_then(|count| u64::try_from(count).ok());
        if count.is_none() {
            self.refuse(report, "a whole number, 0 or more", "");
        }
        count
    }

    /// A whole number from 0 that fits a smaller type.
    pub(crate) fn small<T: TryFrom<u64>>(&self, report: &mut Report, accepted: &str) -> Option<T> {
        let count = self.scalar().and_then(Scalar::integer);
        let count = count.and_then(|count| u64::try_from(count).ok());
        let small = count.and_then(|count| T::try_from(count).ok());
        if small.is_none() {
            self.refuse(report, accepted, "");
        }
        small
    }

    pub(crate) fn integer(&self, report: &mut Report) -> Option<i64> {
        let integer = self.scalar().and_then(Scalar::integer);
        if integer.is_none() {
            self.refuse(report, "a whole number", "");
        }
        integer
    }

    pub(crate) fn truth(&self, report: &mut Report) -> Option<bool> {
        let truth = self.scalar().and_then(Scalar::truth);
        if truth.is_none() {
            self.refuse(report, "true or false", "");
        }
        truth
    }

    /// Seconds. 0 stands for "not set", as in `LiteLLM`.
    pub(crate) fn seconds(&self, report: &mut Report) -> Option<Duration> {
        self.seconds_or_zero(report).filter(|time| !time.is_zero())
    }

    /// Seconds, where a 0 is a time like any other.
    pub(crate) fn seconds_or_zero(&self, report: &mut Report) -> Option<Duration> {
        self.span(report, "a number of seconds, 0 or more", 1.0)
    }

    /// Seconds, of which there are some: for what is switched off by leaving the key out.
    pub(crate) fn positive_seconds(&self, report: &mut Report) -> Option<Duration> {
        const ACCEPTED: &str = "a number of seconds above 0";
        self.number(report, ACCEPTED, |seconds| seconds > 0.0)?;
        self.time(report, ACCEPTED, 1.0)
    }

    /// A time in units of `unit` seconds; 0 is `None`.
    pub(crate) fn time(&self, report: &mut Report, accepted: &str, unit: f64) -> Option<Duration> {
        self.span(report, accepted, unit)
            .filter(|time| !time.is_zero())
    }

    fn span(&self, report: &mut Report, accepted: &str, unit: f64) -> Option<Duration> {
        let accept = |time: f64| (0.0..=LONGEST).contains(&(time * unit));
        let time = self.number(report, accepted, accept)?;
        Some(Duration::from_secs_f64(time * unit))
    }

    /// A share, 0 to 1.
    pub(crate) fn share(&self, report: &mut Report) -> Option<f64> {
        self.number(report, "a share from 0 to 1", |share| {
            (0.0..=1.0).contains(&share)
        })
    }

    /// A mapping, read with the keys of `path`.
    pub(crate) fn section(&self, path: &'static str, report: &mut Report) -> Option<Section<'a>> {
        let map = self.node.as_map();
        if map.is_none() {
            self.refuse_shape(report, "a mapping (`key: value`)", "");
        }
        map.map(|map| Section { path, map })
    }

    pub(crate) fn list(&self, report: &mut Report) -> Option<&'a [Node]> {
        match &self.node.value {
            Value::List(items) => Some(items),
            Value::Scalar(_) | Value::Map(_) => {
                const HELP: &str = "write `[one, two]`, or a line `- one` for each";
                self.refuse_shape(report, "a list", HELP);
                None
            }
        }
    }

    /// The items of a list as fields that report under the list's name.
    pub(crate) fn items(&self, report: &mut Report) -> impl Iterator<Item = Self> + use<'a> {
        let field = *self;
        let items = self.list(report).unwrap_or_default();
        items.iter().map(move |node| field.with(node))
    }

    /// A list of texts.
    pub(crate) fn strings(&self, report: &mut Report) -> Vec<String> {
        self.items(report)
            .filter_map(|item| item.name(report).map(str::to_owned))
            .collect()
    }
}

/// What kind of thing a node is.
pub(crate) fn shape(node: &Node) -> &'static str {
    match &node.value {
        Value::List(items) if items.is_empty() => "an empty list",
        Value::List(_) => "a list",
        Value::Map(_) => "a mapping",
        Value::Scalar(scalar) => match scalar.typed() {
            Typed::Null => "nothing",
            Typed::Bool(_) => "a truth value",
            Typed::Int(_) | Typed::Float(_) => "a number",
            Typed::Text => "text",
        },
    }
}
