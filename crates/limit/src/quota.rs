use crate::{
    Admission, Asking, Limits, Period, Tokens, Told, Unit, Usage,
    books::{Books, Replies, Then},
    share::{Alone, Answer, News, Question, Wanted},
    window::micros,
};
use headworks_core::{NotAdmitted, Reason};
use parking_lot::Mutex;
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::Instant;

/// What one deployment may take, and what it has taken: the state behind a [`RateLimit`](crate::RateLimit),
/// apart from any service.
///
/// A clone shares the state; deployments that live off one account share one. It knows nothing of HTTP:
/// whoever has something to admit asks for a [`Reservation`] and tells it how it went.
///
/// ```
/// use headworks_limit::{Limits, Quota, Tokens};
/// use tokio::time::Instant;
///
/// let quota = Quota::new(Limits::new().rpm(60).tpm(1000));
/// let now = Instant::now();
/// let reservation = quota.reserve(Tokens::new(100, 400), now)?;
/// assert!(quota.reserve(Tokens::new(100, 500), now).is_err(), "500 tokens are left");
///
/// // The answer was shorter than it might have been.
/// reservation.settle(Tokens::new(100, 50));
/// assert!(quota.reserve(Tokens::new(100, 500), now).is_ok());
/// # Ok::<_, headworks_core::NotAdmitted>(())
/// ```
#[derive(Clone)]
pub struct Quota(Arc<State>);

struct State {
    clock: Clock,
    books: Mutex<Books>,
}

/// Makes microseconds since the epoch of tokio's time, so that windows begin with the minutes and days of
/// everybody else, and tests may stop the time.
#[derive(Clone, Copy, Debug)]
struct Clock {
    began: Instant,
    /// When that was.
    at: u64,
}

/// A request that is admitted: a slot is taken, and what it is estimated to cost.
///
/// It is to be [settled](Self::settle) when the cost is known, or [refunded](Self::refund) if nothing was
/// sent. Dropped, it is refunded.
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation {
    /// `None` once it has been accounted for.
    quota: Option<Quota>,
    then: Then,
    tokens: Tokens,
}

/// Longer than any provider asks for, and short enough to be counted in microseconds by any store.
const LONGEST_REST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

// ===== impl Quota =====

impl Quota {
    /// A quota of which nothing is used.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // A clock before 1970 is not set; days then begin with the process.
        Self::starting(limits, since_epoch.unwrap_or_default())
    }

    /// The same at another time of day: now is so long after the epoch, midnight UTC on 1 January 1970. For
    /// tests and simulations.
    #[must_use]
    pub fn starting(limits: Limits, since_epoch: Duration) -> Self {
        let clock = Clock {
            began: Instant::now(),
            at: micros(since_epoch),
        };
        let books = Mutex::new(Books::new(limits));
        Self(Arc::new(State { clock, books }))
    }

    /// Goes by other limits from now on, for everybody who shares it: for whoever is told of others while it runs.
    /// What is used counts on where the same is still counted, and what has been admitted stays so.
    pub fn set_limits(&self, limits: Limits) {
        self.0.books.lock().keep(limits);
    }

    /// The limits it was given.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.0.books.lock().limits().clone()
    }

    /// Admits a request that is estimated to cost `tokens`.
    ///
    /// One that costs more than a limit is admitted when nothing of that limit is in use, since it would
    /// never be otherwise.
    ///
    /// # Errors
    ///
    /// [`NotAdmitted`] if it does not fit, with what is used up and for how long. Always, with [`Reason::Full`], where
    /// a store decides on each request ([`KeeperParams::strict`](crate::share::KeeperParams::strict)) and answers:
    /// nothing is held then that could be had without [asking](Self::ask).
    pub fn reserve(&self, tokens: Tokens, now: Instant) -> Result<Reservation, NotAdmitted> {
        let now = self.0.clock.micros(now);
        self.admit(&mut self.0.books.lock(), tokens, now, false)
    }

    /// The same as [`reserve`](Self::reserve), where a store may have to be asked for each request. What does not
    /// wait is decided at once.
    pub fn ask(&self, tokens: Tokens, now: Instant) -> Admission {
        self.ask_or_admit(tokens, now, false)
    }

    /// The same though it [rests](Self::rest), for whoever has nobody else to ask. Limits are kept all the same.
    pub(crate) fn ask_anyway(&self, tokens: Tokens, now: Instant) -> Admission {
        self.ask_or_admit(tokens, now, true)
    }

    fn ask_or_admit(&self, tokens: Tokens, now: Instant, anyway: bool) -> Admission {
        let at = self.0.clock.micros(now);
        let mut books = self.0.books.lock();
        match books.ask(tokens, anyway, at) {
            None => Admission::Now(self.admit(&mut books, tokens, at, anyway)),
            Some(Ok((reply, within))) => {
                let deadline = now + within;
                Admission::Later(Asking::new(self.clone(), tokens, anyway, reply, deadline))
            }
            Some(Err(reason)) => Admission::Now(Err(NotAdmitted::new(reason))),
        }
    }

    /// The same for one whose answer has not come in time.
    pub(crate) fn reserve_unanswered(
        &self,
        tokens: Tokens,
        now: Instant,
        anyway: bool,
    ) -> Result<Reservation, NotAdmitted> {
        let now = self.0.clock.micros(now);
        let mut books = self.0.books.lock();
        books.is_late();
        self.admit(&mut books, tokens, now, anyway)
    }

    #[inline]
    fn admit(
        &self,
        books: &mut Books,
        tokens: Tokens,
        reserved: u64,
        anyway: bool,
    ) -> Result<Reservation, NotAdmitted> {
        let granted = books.reserve(tokens, anyway, reserved);
        Ok(Reservation {
            quota: Some(self.clone()),
            then: Then {
                reserved,
                granted: granted.map_err(NotAdmitted::new)?,
            },
            tokens,
        })
    }

    /// Whether the smallest request would be admitted at `now`, for whoever chooses among several
    /// deployments. Takes nothing.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn standing(&self, now: Instant) -> Result<(), Reason> {
        let now = self.0.clock.micros(now);
        self.0.books.lock().standing(now)
    }

    /// Believes what the provider says is left, where that is less than is counted here: somebody else uses
    /// the same account, or counts differently. What it says of a rate that has no limit is learned if the
    /// limits say so ([`Limits::learn`]), and is ignored otherwise. Where it is shared the store is told, and
    /// counts it once, however many hear the same.
    pub fn told(&self, told: Told, now: Instant) {
        let now = self.0.clock.micros(now);
        self.0.books.lock().told(told, now);
    }

    /// Admits nothing for `rest`, for anybody who shares it: the provider has said so. What is longer than thirty days
    /// counts as that.
    pub fn rest(&self, rest: Duration, now: Instant) {
        let now = self.0.clock.micros(now);
        let until = now.saturating_add(micros(rest.min(LONGEST_REST)));
        self.0.books.lock().rest(until, now);
    }

    /// Admits again what fits, for everybody who shares it, though it has been told to [rest](Self::rest): somebody
    /// has been answered. A rest that is told later than this holds, wherever it is told.
    pub fn wake(&self, now: Instant) {
        let now = self.0.clock.micros(now);
        self.0.books.lock().wake(now);
    }

    /// Somebody with whom it is shared has said this.
    pub(crate) fn heard(&self, news: News<'_>) {
        let now = self.0.clock.micros(Instant::now());
        self.0.books.lock().heard(news, now);
    }

    /// Goes by what a store grants from now on; `wanted` is told when something is wanted from it.
    pub(crate) fn share(&self, alone: Alone, strict: Option<Duration>, wanted: Arc<Wanted>) {
        self.0.books.lock().share(alone, strict, wanted);
    }

    /// The keeper that `wanted` calls is gone: whatever was granted, it goes by what [`Alone`] says from now on.
    pub(crate) fn abandon(&self, wanted: &Arc<Wanted>) {
        let now = self.0.clock.micros(Instant::now());
        let mut books = self.0.books.lock();
        let replies = books.abandon(wanted, now);
        drop(books);
        self.reply(replies);
    }

    /// The last that the store is told by the keeper that `wanted` calls, if it still keeps it: from now on it goes by what
    /// [`Alone`] says.
    pub(crate) fn farewell(
        &self,
        name: Arc<str>,
        wanted: &Arc<Wanted>,
        now: Instant,
    ) -> Option<Question> {
        let now = self.0.clock.micros(now);
        let farewell = self.0.books.lock().farewell(name, wanted, now);
        let (question, replies) = farewell?;
        self.reply(replies);
        Some(question)
    }

    /// True if there is something to tell the store or to ask, apart from being there.
    pub(crate) fn has_news(&self) -> bool {
        self.0.books.lock().has_news()
    }

    /// True if something of it can be held, now or as soon as a limit is learned: apart from its rests there is something to
    /// share.
    pub(crate) fn is_held(&self) -> bool {
        self.0.books.lock().is_held()
    }

    pub(crate) fn question(&self, name: Arc<str>, since: Duration, now: Instant) -> Question {
        let now = self.0.clock.micros(now);
        self.0.books.lock().question(name, since, now)
    }

    pub(crate) fn answered(&self, question: &Question, answer: &Answer, asked: Instant) {
        let [asked, now] = [asked, Instant::now()].map(|time| self.0.clock.micros(time));
        let mut books = self.0.books.lock();
        let replies = books.answered(question, answer, asked, now);
        drop(books);
        self.reply(replies);
    }

    pub(crate) fn unanswered(&self, question: &Question) {
        let now = self.0.clock.micros(Instant::now());
        let mut books = self.0.books.lock();
        let replies = books.unanswered(question, now);
        drop(books);
        self.reply(replies);
    }

    fn reply(&self, replies: Replies) {
        for (waiter, then) in replies {
            let tokens = waiter.tokens;
            let reservation = then.map(|then| Reservation {
                quota: Some(self.clone()),
                then,
                tokens,
            });
            waiter.reply(reservation.map_err(NotAdmitted::new));
        }
    }

    /// Requests admitted whose answers have not ended.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.0.books.lock().in_flight()
    }

    /// What is used of these rates, and what is left: `None` where there is no limit. It is asked of all of them
    /// at one moment, and allocates nothing.
    #[must_use]
    pub fn usage_of<const N: usize>(
        &self,
        rates: [(Unit, Period); N],
        now: Instant,
    ) -> [Option<Usage>; N] {
        let now = self.0.clock.micros(now);
        self.0.books.lock().usage_of(rates, now)
    }

    /// What is used of each limit.
    #[must_use]
    pub fn usage(&self, now: Instant) -> Vec<Usage> {
        let now = self.0.clock.micros(now);
        self.0.books.lock().usage(now)
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quota")
            .field("in_flight", &self.in_flight())
            .field("usage", &self.usage(Instant::now()))
            .finish_non_exhaustive()
    }
}

// ===== impl Clock =====

impl Clock {
    fn micros(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.began);
        self.at.saturating_add(micros(since))
    }
}

// ===== impl Reservation =====

impl Reservation {
    /// What it was estimated to cost.
    #[must_use]
    pub const fn tokens(&self) -> Tokens {
        self.tokens
    }

    /// The provider has said that nothing more is to be sent for so long.
    pub(crate) fn rest(&self, rest: Duration) {
        if let Some(quota) = &self.quota {
            quota.rest(rest, Instant::now());
        }
    }

    /// Somebody has been answered who was asked though it rests.
    pub(crate) fn wake(&self) {
        if let Some(quota) = &self.quota {
            quota.wake(Instant::now());
        }
    }

    /// It was sent, and has cost this.
    pub fn settle(mut self, actual: Tokens) {
        if let Some(quota) = self.quota.take() {
            let now = || quota.0.clock.micros(Instant::now());
            let mut books = quota.0.books.lock();
            books.settle(self.then, self.tokens, actual, now);
            books.end();
        }
    }

    /// It was never sent: nothing of it counts. The same as to drop it, in a word.
    pub fn refund(mut self) {
        self.give_back();
    }

    fn give_back(&mut self) {
        if let Some(quota) = self.quota.take() {
            let mut books = quota.0.books.lock();
            books.refund(self.then, self.tokens);
            books.end();
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}
