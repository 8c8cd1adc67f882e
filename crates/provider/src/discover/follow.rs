use super::LookupError;
use fastrand::Rng;
use std::{fmt, future::Future, net::IpAddr, time::Duration};
use tokio::time::{Instant, sleep_until};

/// Where the addresses of a host are to be found: a [`Resolver`](super::Resolver), or something of a
/// user's own.
pub trait Lookup: Send + Sync {
    /// The addresses of `host`, in any order.
    ///
    /// # Errors
    ///
    /// Why there are none. An empty list is [`LookupError::NoAddress`] as well.
    fn addresses(
        &self,
        host: &str,
    ) -> impl Future<Output = Result<Vec<IpAddr>, LookupError>> + Send;
}

/// Follows the addresses of one host.
///
/// From one lookup to the next is the interval, less up to a tenth at random, so that many gateways which were
/// started together do not ask together.
pub struct Follow<L> {
    lookup: L,
    host: Box<str>,
    interval: Duration,
    random: Rng,
    /// When to look next; at once, the first time.
    next: Option<Instant>,
    /// What was told last, in order.
    known: Vec<IpAddr>,
    failing: bool,
}

/// What there is to say of a host.
#[derive(Debug)]
#[non_exhaustive]
pub enum News {
    /// These are its addresses, in order, each once, never none.
    Addresses(Vec<IpAddr>),
    /// Its addresses cannot be found any more; those told last stand.
    Failing(LookupError),
    /// They are found again, and are those told last.
    Found,
}

/// The most that is taken off the interval, as a share of it.
const JITTER: f64 = 0.1;

// ===== impl Follow =====

impl<L: Lookup> Follow<L> {
    /// Follows `host` by `lookup`, asked every `interval`.
    pub fn new(lookup: L, host: impl Into<Box<str>>, interval: Duration) -> Self {
        Self {
            lookup,
            host: host.into(),
            interval,
            random: Rng::new(),
            next: None,
            known: Vec::new(),
            failing: false,
        }
    }

    /// Seeds what is taken off the interval.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.random = Rng::with_seed(seed);
        self
    }

    /// The host.
    pub const fn host(&self) -> &str {
        &self.host
    }

    /// Looks until there is news.
    ///
    /// # Cancel safety
    ///
    /// When it is dropped, a lookup under way is given up and begun again by the next call; no news is lost.
    pub async fn news(&mut self) -> News {
        loop {
            if let Some(next) = self.next {
                sleep_until(next).await;
            }
            let found = self.lookup.addresses(&self.host).await;
            let pause = JITTER.mul_add(-self.random.f64(), 1.0);
            self.next = Some(Instant::now() + self.interval.mul_f64(pause));
            if let Some(news) = self.compare(found) {
                return news;
            }
        }
    }

    fn compare(&mut self, found: Result<Vec<IpAddr>, LookupError>) -> Option<News> {
        let mut addresses = match found {
            Ok(addresses) if addresses.is_empty() => return self.fail(LookupError::NoAddress),
            Ok(addresses) => addresses,
            Err(error) => return self.fail(error),
        };
        addresses.sort_unstable();
        addresses.dedup();
        let failed = std::mem::take(&mut self.failing);
        if addresses == self.known {
            return failed.then_some(News::Found);
        }
        self.known.clone_from(&addresses);
        Some(News::Addresses(addresses))
    }

    fn fail(&mut self, error: LookupError) -> Option<News> {
        let failed = std::mem::replace(&mut self.failing, true);
        (!failed).then_some(News::Failing(error))
    }
}

impl<L> fmt::Debug for Follow<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow")
            .field("host", &self.host)
            .field("known", &self.known)
            .field("failing", &self.failing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::{collections::VecDeque, sync::Arc};

    const INTERVAL: Duration = Duration::from_secs(5);

    /// Answers in turn, then says no more; notes when it was asked.
    #[derive(Clone, Default)]
    struct Script(Arc<Mutex<Told>>);

    #[derive(Default)]
    struct Told {
        answers: VecDeque<Result<Vec<IpAddr>, LookupError>>,
        asked: Vec<Instant>,
    }

    impl Lookup for Script {
        async fn addresses(&self, _: &str) -> Result<Vec<IpAddr>, LookupError> {
            let answer = {
                let mut told = self.0.lock();
                told.asked.push(Instant::now());
                told.answers.pop_front()
            };
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        }
    }

    fn ip(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    fn follow(
        answers: impl IntoIterator<Item = Result<Vec<IpAddr>, LookupError>>,
    ) -> (Script, Follow<Script>) {
        let script = Script::default();
        script.0.lock().answers.extend(answers);
        let follow = Follow::new(script.clone(), "engines", INTERVAL).seed(7);
        (script, follow)
    }

    /// All the news there are.
    async fn told(mut follow: Follow<Script>) -> Vec<String> {
        let mut told = Vec::new();
        let day = Duration::from_secs(24 * 60 * 60);
        while let Ok(news) = tokio::time::timeout(day, follow.news()).await {
            told.push(match news {
                News::Addresses(addresses) => format!("{addresses:?}"),
                News::Failing(error) => error.to_string(),
                News::Found => "found".into(),
            });
        }
        told
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_changes_is_told_in_order_and_each_address_once() {
        let (_, follow) = follow([
            Ok(vec![ip(2), ip(1), ip(2)]),
            Ok(vec![ip(1), ip(2)]),
            Ok(vec![ip(3), ip(1)]),
        ]);
        assert_eq!(
            told(follow).await,
            ["[10.0.0.1, 10.0.0.2]", "[10.0.0.1, 10.0.0.3]"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_once_until_it_is_over() {
        let late = || Err(LookupError::Late(Duration::from_secs(2)));
        let (_, follow) = follow([
            Ok(vec![ip(1)]),
            late(),
            Err(LookupError::NoAddress),
            Ok(Vec::new()),
            Ok(vec![ip(1)]),
            Ok(vec![ip(1)]),
            Err(LookupError::Failed("SERVFAIL".into())),
            Ok(vec![ip(2)]),
        ]);
        assert_eq!(
            told(follow).await,
            [
                "[10.0.0.1]",
                "no name server answered within 2s",
                "found",
                "the lookup failed: SERVFAIL",
                "[10.0.0.2]"
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_lookup_is_made_at_once_and_the_others_nearly_an_interval_apart() {
        let began = Instant::now();
        let (script, follow) = follow((0..50).map(|_| Ok(vec![ip(1)])));
        told(follow).await;
        let asked = script.0.lock().asked.clone();
        assert_eq!(asked[0], began);
        let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
        // tokio's clock goes by whole milliseconds.
        let (least, most) = (
            INTERVAL.mul_f64(1.0 - JITTER),
            INTERVAL + Duration::from_millis(1),
        );
        assert!(pauses.iter().all(|pause| (least..=most).contains(pause)));
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn news_that_nobody_waited_for_is_not_lost() {
        let (script, mut follow) = follow([Ok(vec![ip(1)])]);
        assert!(matches!(follow.news().await, News::Addresses(_)));
        let interrupted = tokio::time::timeout(INTERVAL / 2, follow.news()).await;
        assert!(interrupted.is_err());
        script.0.lock().answers.push_back(Ok(vec![ip(2)]));
        assert!(matches!(follow.news().await, News::Addresses(found) if found == [ip(2)]));
    }
}
