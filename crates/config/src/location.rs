use crate::source::Source;
use std::{fmt, sync::Arc};

/// Where something stands: file, line and column, and how far it reaches.
///
/// Cheap to clone. It remembers the file it points into, so that a [`Problem`](crate::Problem) made from it
/// later can show the line.
#[derive(Clone)]
pub struct Location {
    source: Arc<Source>,
    mark: Mark,
}

/// A stretch of a file. Lines and columns count from 0, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    /// Index into the files read, in the order in which they were read.
    pub(crate) file: usize,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) end_line: usize,
    pub(crate) end_column: usize,
}

// ===== impl Location =====

impl Location {
    pub(crate) fn new(source: Arc<Source>, mark: Mark) -> Self {
        Self { source, mark }
    }

    /// The file, as it was named when it was opened.
    #[must_use]
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.mark.line + 1
    }

    /// The column, from 1, in characters.
    #[must_use]
    pub fn column(&self) -> usize {
        self.mark.column + 1
    }

    /// What orders problems: the files in the order in which they were read, then the place.
    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }
}

impl PartialEq for Location {
    fn eq(&self, other: &Self) -> bool {
        self.file() == other.file() && self.mark == other.mark
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file(), self.line(), self.column())
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
