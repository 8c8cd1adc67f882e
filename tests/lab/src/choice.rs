use headworks_balance::Strategy;
use serde::Deserialize;

/// A strategy by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// [`Strategy::WeightedShuffle`].
    WeightedShuffle,
    /// [`Strategy::RoundRobin`].
    RoundRobin,
    /// [`Strategy::SmoothRoundRobin`].
    SmoothRoundRobin,
    /// [`Strategy::LeastBusy`].
    LeastBusy,
    /// [`Strategy::LeastLatency`].
    LeastLatency,
    /// [`Strategy::LeastUsed`].
    LeastUsed,
    /// [`Strategy::Cheapest`].
    Cheapest,
    /// [`Strategy::Sticky`], over a weighted shuffle.
    Sticky,
}

// ===== impl Choice =====

impl Choice {
    /// Those that need to be told nothing: no sessions, weights, limits or prices.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        vec![
            Self::WeightedShuffle,
            Self::RoundRobin,
            Self::LeastBusy,
            Self::LeastLatency,
        ]
    }

    /// As people say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WeightedShuffle => "weighted shuffle",
            Self::RoundRobin => "round robin",
            Self::SmoothRoundRobin => "smooth round robin",
            Self::LeastBusy => "least busy",
            Self::LeastLatency => "least latency",
            Self::LeastUsed => "least used",
            Self::Cheapest => "cheapest",
            Self::Sticky => "sticky",
        }
    }

    /// What a [`Balance`](headworks_balance::Balance) is given.
    #[must_use]
    pub fn strategy(self) -> Strategy {
        match self {
            Self::WeightedShuffle => Strategy::WeightedShuffle,
            Self::RoundRobin => Strategy::RoundRobin,
            Self::SmoothRoundRobin => Strategy::SmoothRoundRobin,
            Self::LeastBusy => Strategy::LeastBusy,
            Self::LeastLatency => Strategy::LeastLatency,
            Self::LeastUsed => Strategy::LeastUsed,
            Self::Cheapest => Strategy::Cheapest,
            Self::Sticky => Strategy::WeightedShuffle.sticky(),
        }
    }
}
