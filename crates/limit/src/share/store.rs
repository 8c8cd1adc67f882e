use super::{Debt, Return};
use std::{error::Error, fmt, future::Future, sync::Arc, time::Duration};

/// Where several instances keep what they share.
///
/// [`MemoryStore`](super::MemoryStore) is one within a process, and the rules in plain words; a store of
/// another kind keeps to the same ones.
pub trait Store: Send + Sync + 'static {
    /// The answers, in the order of the questions, or why there are none to all or to some of them.
    type Future: Future<Output = Result<Vec<Answer>, StoreError>> + Send;

    /// Tells and asks of several quotas at once.
    fn exchange(&self, instance: &InstanceId, questions: &[Question]) -> Self::Future;

    /// Tells `heard` what all are to know at once, of which quota by its name, whichever instance has said it, until the
    /// future is dropped.
    ///
    /// It need not tell of all: whoever misses something learns of it with the next exchange. The default tells of
    /// nothing.
    fn listen(
        &self,
        heard: impl Fn(&str, News<'_>) + Send + Sync + 'static,
    ) -> impl Future<Output = ()> + Send {
        drop(heard);
        std::future::pending()
    }
}

/// What all who share a quota are to know at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum News<'a> {
    /// Nothing is admitted for so long.
    Rest(Duration),
    /// It rests no more.
    Awake,
    /// The provider says that nothing is left of a rate.
    Empty {
        /// The name of the rate.
        rate: &'a str,
        /// Until some of that is back.
        lasts: Duration,
    },
}

/// The name of one instance, which no other has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InstanceId(Arc<str>);

/// What one instance tells and asks of one quota.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Question {
    /// The name of the quota: the same for all instances, and no other's.
    pub quota: Arc<str>,
    /// Of each rate.
    pub rates: Vec<RateQuestion>,
    /// Of requests at a time, if they are limited.
    pub slots: Option<SlotQuestion>,
    /// The provider has said that nothing is admitted for so long from now on; zero if it has not.
    pub rest: Duration,
    /// What the store's clock has last shown, in microseconds since the epoch; 0 if it is not known. A store that has
    /// heard of nobody since a second before then has lost what it granted meanwhile.
    pub heard: u64,
    /// Somebody has been answered though it rested: it does so no more, unless a rest has been said since.
    pub woken: bool,
    /// How long ago the provider has said so, or has answered: of a rest and a waking the later one holds.
    pub said: Duration,
    /// This instance ends, and is not counted any more: nobody waits for it, and what it has in flight is over when its
    /// slots lapse.
    pub leaves: bool,
    /// Requests that wait to be admitted, in their order: what each needs of each rate, and a slot if they are
    /// limited. Each is admitted whole or not at all.
    pub requests: Vec<Vec<u64>>,
}

/// What one instance tells and asks of one rate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateQuestion {
    /// The name of the rate, as `rpm`.
    pub name: &'static str,
    /// The limit.
    pub limit: u64,
    /// How long a bucket is that use is counted in.
    pub width: Duration,
    /// How many buckets the window has.
    pub buckets: u64,
    /// What is taken off a time before it falls into a bucket.
    pub offset: Duration,
    /// What is told and asked.
    pub ask: Ask,
}

/// The part of a question that changes each time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ask {
    /// What was granted and is not needed.
    pub returns: Vec<Return>,
    /// What was used without having been granted.
    pub debts: Vec<Debt>,
    /// How much is wanted, beyond what is held.
    pub want: u64,
    /// How much is held.
    pub held: u64,
    /// How much is to be held in any case, as far as there is enough for everybody: for the first
    /// requests after a while without any.
    pub advance: u64,
    /// More than the limit is wanted at once, so much, and can be had only if nothing else is in use.
    pub alone: u64,
    /// So much is wanted at once, beyond what is held, by the largest that could not be had, or of late: how long it
    /// will be until it fits is to be told.
    pub need: u64,
    /// So much is used at least, whoever has used it, as the provider says; 0 if it has said nothing new. What is
    /// missing of it is counted before anything is granted.
    pub told: u64,
    /// How long ago what is missing of that was used, at least: it leaves the window when the provider says so.
    pub told_age: Duration,
    /// For how long what is missing of that is believed, in a window that lets go of nothing before it is over; zero in
    /// any other.
    pub told_lasts: Duration,
}

/// What one instance tells and asks of requests at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlotQuestion {
    /// The limit.
    pub limit: u64,
    /// How many requests may be in flight here until the answer has come.
    pub used: u64,
    /// How many slots are wanted, those of requests in flight included.
    pub want: u64,
    /// How many more are to be held while nobody else wants them: for the requests that may come.
    pub advance: u64,
    /// For how long they are held if nothing more is heard of this instance.
    pub lapse: Duration,
}

/// What the store says of one quota.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// Of each rate, in the order of the question.
    pub rates: Vec<Granted>,
    /// How many slots this instance has: fewer than it uses if others are to have some of them next.
    pub slots: u64,
    /// How many instances there are.
    pub instances: u64,
    /// Nothing is admitted for so long, since somebody has been told so by the provider.
    pub rest: Duration,
    /// Which memory of this quota it is: another one has been lost.
    pub memory: u64,
    /// What becomes of each request that waits, in the order of the question.
    pub decisions: Vec<Decision>,
}

/// What the store says of one request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// It is counted, and may be sent.
    Admitted,
    /// It does not fit.
    Used {
        /// Into which rate, by its place in the question: of several the one that lasts longest.
        rate: usize,
        /// For how long, as things stand.
        left: Duration,
    },
    /// All slots are taken.
    Full,
}

/// What the store says of one rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Granted {
    /// How much may be spent.
    pub amount: u64,
    /// When it is counted, by the store's clock, in microseconds since the epoch.
    pub at: u64,
    /// What is left for others, or for later.
    pub left: u64,
    /// How long it will be until one more fits, if nothing comes back before; nothing if one does now.
    pub one_fits: Duration,
    /// The same of [what is wanted at once](Ask::need).
    pub need_fits: Duration,
}

/// A store that gives no answer, or not to all questions.
#[derive(Debug)]
pub struct StoreError {
    message: Box<str>,
    answers: Vec<Option<Answer>>,
}

// ===== impl InstanceId =====

impl InstanceId {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for InstanceId {
    fn from(name: T) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// ===== impl Granted =====

impl Granted {
    /// So much may be spent, is counted `at`, and so much is left. For whoever writes a [`Store`], since there may come
    /// to be more to say.
    #[must_use]
    pub const fn new(amount: u64, at: u64, left: u64) -> Self {
        Self {
            amount,
            at,
            left,
            one_fits: Duration::ZERO,
            need_fits: Duration::ZERO,
        }
    }

    /// How long it will be until one more fits, and until what is [wanted at once](Ask::need) does. Default: they do
    /// now.
    #[must_use]
    pub const fn fits(mut self, one: Duration, need: Duration) -> Self {
        (self.one_fits, self.need_fits) = (one, need);
        self
    }
}

// ===== impl Answer =====

impl Answer {
    /// Nothing is granted yet to an instance among so many.
    #[must_use]
    pub const fn new(instances: u64) -> Self {
        Self {
            rates: Vec::new(),
            slots: 0,
            instances,
            rest: Duration::ZERO,
            memory: 0,
            decisions: Vec::new(),
        }
    }
}

// ===== impl StoreError =====

impl StoreError {
    /// No answer, for this reason.
    pub fn new(message: impl Into<Box<str>>) -> Self {
        Self {
            message: message.into(),
            answers: Vec::new(),
        }
    }

    /// Some questions are answered all the same: one place for each of them, in their order. A store of several
    /// servers, one of which is down, goes on answering for what the others keep.
    #[must_use]
    pub fn but(mut self, answers: Vec<Option<Answer>>) -> Self {
        self.answers = answers;
        self
    }

    /// The answers there are: none at all, or a place for each question.
    #[must_use]
    pub fn answers(&self) -> &[Option<Answer>] {
        &self.answers
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StoreError {}
