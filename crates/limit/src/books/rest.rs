use crate::share::Question;
use crate::window::micros;
use std::time::Duration;

/// Until when nothing is admitted, as it is said here and by others.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// 0 while it is awake.
    until: u64,
    /// When that was last said or heard.
    changed: u64,
    /// What has been said here, and the store has not been told.
    untold: Option<Said>,
    /// The same, while it is not known whether the store has heard it.
    telling: Option<Said>,
}

/// What was said here.
#[derive(Clone, Copy, Debug)]
struct Said {
    at: u64,
    /// Until when it rests; 0 if it was woken.
    until: u64,
}

// ===== impl Rest =====

impl Rest {
    /// How long it lasts, if it rests.
    pub(super) const fn left(&self, now: u64) -> Option<Duration> {
        match self.until.checked_sub(now) {
            None | Some(0) => None,
            Some(left) => Some(Duration::from_micros(left)),
        }
    }

    /// It is to rest until `until`, or later if that has been said before. True if that is news.
    pub(super) fn say(&mut self, until: u64, now: u64) -> bool {
        let is_news = until > self.until;
        if is_news {
            self.said(until, now);
        }
        is_news
    }

    /// It rests no more. True if it did.
    pub(super) fn wake(&mut self, now: u64) -> bool {
        let is_news = self.until > now;
        if is_news {
            self.said(0, now);
        }
        is_news
    }

    const fn said(&mut self, until: u64, now: u64) {
        (self.until, self.changed) = (until, now);
        self.untold = Some(Said { at: now, until });
    }

    /// Others have been told to rest until `until`.
    pub(super) fn hear(&mut self, until: u64, now: u64) {
        (self.until, self.changed) = (self.until.max(until), now);
    }

    /// Others have been woken. What was said here since is for the store to judge.
    pub(super) const fn hear_awake(&mut self, now: u64) {
        if self.untold.is_none() {
            (self.until, self.changed) = (0, now);
        }
    }

    pub(super) const fn has_news(&self) -> bool {
        self.untold.is_some()
    }

    /// Tells the store what was said here.
    pub(super) fn tell(&mut self, question: &mut Question, now: u64) {
        self.telling = self.untold.take();
        let Some(Said { at, until }) = self.telling else {
            return;
        };
        question.said = Duration::from_micros(now.saturating_sub(at));
        question.rest = Duration::from_micros(until.saturating_sub(now));
        question.woken = until == 0;
    }

    /// The store has said, when it was `asked`, that it rests for so long; or it has `forgotten` what it was told.
    pub(super) fn answered(&mut self, rest: Duration, forgotten: bool, asked: u64, now: u64) {
        self.telling = None;
        let until = if rest.is_zero() {
            0
        } else {
            now + micros(rest)
        };
        if self.changed >= asked {
            // What has been said since may not be in the answer.
            if self.until > 0 {
                self.until = self.until.max(until);
            }
        } else if !forgotten {
            // It knows all that was said.
            self.until = until;
        } else if self.until > now.max(until) {
            self.untold = Some(Said {
                at: self.changed,
                until: self.until,
            });
        } else {
            self.until = until;
        }
    }

    /// The store has not answered: it is told again, unless there is something newer.
    pub(super) fn unanswered(&mut self) {
        let telling = self.telling.take();
        self.untold = self.untold.or(telling);
    }
}
