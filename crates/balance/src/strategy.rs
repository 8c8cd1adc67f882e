use crate::{
    Cheapest, Picker, RoundRobin, SmoothRoundRobin, Sticky, WeightedShuffle,
    picker::{LeastBusy, LeastLatency, LeastUsed, P2c},
};
use std::{fmt, sync::Arc};

/// How a group chooses among its deployments.
///
/// A description: each [`Balance`](crate::Balance) that is given one makes what it needs of its own, so that
/// one value may serve many groups.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// At random, each by its weight; see [`WeightedShuffle`]. The default, as in `LiteLLM`.
    #[default]
    WeightedShuffle,
    /// Each in turn; see [`RoundRobin`].
    RoundRobin,
    /// Each as often as its weight says, turns spread evenly; see [`SmoothRoundRobin`].
    SmoothRoundRobin,
    /// The same for all requests of a session, and by another strategy for requests without one; see
    /// [`Sticky`].
    Sticky(Box<Self>),
    /// The less busy of two; see [`P2c`] and [`LeastBusy`].
    LeastBusy,
    /// The one of two that answers sooner; see [`P2c`] and [`LeastLatency`].
    LeastLatency,
    /// The one of two that has used less of its limits; see [`P2c`] and [`LeastUsed`].
    LeastUsed,
    /// The cheapest; see [`Cheapest`].
    Cheapest,
    /// A rule of the user's own, shared by every group that is given it.
    Picker(Arc<dyn Picker>),
}

// ===== impl Strategy =====

impl Strategy {
    /// A rule of the user's own.
    #[must_use]
    pub fn picker(picker: impl Picker + 'static) -> Self {
        Self::Picker(Arc::new(picker))
    }

    /// Keeps sessions together, and chooses for requests without one by `self`.
    #[must_use]
    pub fn sticky(self) -> Self {
        match self {
            Self::Sticky(_) => self,
            without => Self::Sticky(Box::new(without)),
        }
    }

    pub(crate) fn build(&self) -> Arc<dyn Picker> {
        match self {
            Self::WeightedShuffle => Arc::new(WeightedShuffle::new()),
            Self::RoundRobin => Arc::new(RoundRobin::new()),
            Self::SmoothRoundRobin => Arc::new(SmoothRoundRobin::new()),
            Self::Sticky(without) => Arc::new(Sticky::or(without.build())),
            Self::LeastBusy => Arc::new(P2c::new(LeastBusy)),
            Self::LeastLatency => Arc::new(P2c::new(LeastLatency)),
            Self::LeastUsed => Arc::new(P2c::new(LeastUsed)),
            Self::Cheapest => Arc::new(Cheapest::new()),
            Self::Picker(picker) => picker.clone(),
        }
    }
}

impl fmt::Debug for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.build().why())
    }
}
