//! What is found while a configuration is read, kept until all of it has been.

use crate::{Error, Location, Notice, NoticeKind, Problem, location::Mark, source::Source};
use std::{collections::HashMap, sync::Arc};

#[derive(Default)]
pub(crate) struct Report {
    sources: Vec<Arc<Source>>,
    problems: Vec<Problem>,
    notices: Vec<Notice>,
    /// Where in `notices` a message is that has been given before.
    given: HashMap<String, usize>,
}

// ===== impl Report =====

impl Report {
    /// Adds a file; its index is what [`Mark::file`] refers to.
    pub(crate) fn add_source(&mut self, source: Source) {
        self.sources.push(Arc::new(source));
    }

    /// The index that the next file will have.
    pub(crate) fn next_file(&self) -> usize {
        self.sources.len()
    }

    pub(crate) fn location(&self, mark: Mark) -> Location {
        Location::new(Arc::clone(&self.sources[mark.file]), mark)
    }

    pub(crate) fn problem(
        &mut self,
        mark: Mark,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = Problem::new(&self.location(mark), message);
        let help = help.into();
        self.problems.push(if help.is_empty() {
            problem
        } else {
            problem.help(help)
        });
    }

    /// Tells once what is true in several places.
    pub(crate) fn notice(&mut self, kind: NoticeKind, mark: Mark, message: impl Into<String>) {
        let message = message.into();
        if let Some(&given) = self.given.get(&message) {
            self.notices[given].repeat();
            return;
        }
        self.given.insert(message.clone(), self.notices.len());
        let notice = Notice::new(kind, self.location(mark), message);
        self.notices.push(notice);
    }

    pub(crate) fn advise(&mut self, mark: Mark, message: impl Into<String>) {
        self.notice(NoticeKind::Advice, mark, message);
    }

    /// The notices in the order of the files, or every problem there is.
    pub(crate) fn finish(mut self) -> Result<Vec<Notice>, Error> {
        self.notices.sort_by_key(|notice| notice.location().mark());
        if !self.problems.is_empty() {
            // What is missing may be there under a name that nobody knows.
            self.notices
                .retain(|notice| notice.kind() == NoticeKind::UnknownKey);
            return Err(Error::new(self.problems).beside(self.notices));
        }
        Ok(self.notices)
    }

    /// Ends here if anything is wrong already.
    pub(crate) fn check(self) -> Result<Self, Error> {
        if self.problems.is_empty() {
            Ok(self)
        } else {
            Err(Error::new(self.problems))
        }
    }
}
