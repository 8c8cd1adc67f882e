//! A YAML file as a tree in which every key and value knows where it stands.

mod builder;
mod scalar;

use crate::location::Mark;
use builder::Builder;

pub(crate) use scalar::{Origin, Scalar, Typed};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Map),
}

/// The entries in the order of the file, merged ones last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map {
    pub(crate) entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_mark: Mark,
    pub(crate) value: Node,
}

/// What is wrong with a file as YAML.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) mark: Mark,
    pub(crate) message: String,
    pub(crate) help: &'static str,
}

/// A file as far as it could be read.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// `None` for an empty file, and for one that is not YAML.
    pub(crate) root: Option<Node>,
    /// What a reader can be told at once: a syntax error ends the file, twice the same key does not.
    pub(crate) faults: Vec<Fault>,
    /// True if the whole file was understood.
    pub(crate) complete: bool,
}

/// Reads one file.
pub(crate) fn parse(text: &str, file: usize) -> Document {
    Builder::new(file).build(text)
}

// ===== impl Node =====

impl Node {
    pub(crate) fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            Value::Scalar(_) | Value::List(_) => None,
        }
    }

    pub(crate) fn as_scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::Map(_) | Value::List(_) => None,
        }
    }

    /// True for `key:` with nothing behind it, for `~` and `null`: as good as not written.
    pub(crate) fn is_null(&self) -> bool {
        self.as_scalar()
            .is_some_and(|scalar| matches!(scalar.typed(), Typed::Null))
    }
}

// ===== impl Map =====

impl Map {
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub(crate) fn entry_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.key == key)
    }
}

#[cfg(test)]
mod tests;
