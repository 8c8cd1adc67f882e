use crate::{kind::On, play::Play};
use headworks::core::Outcome;
use std::time::Duration;

/// One row of the table: a fault, and what is expected of the gateway.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Its name.
    pub name: &'static str,
    /// What the sick deployment does, for the reader of the table.
    pub does: &'static str,
    /// The same, for the upstream.
    pub play: Play,
    /// Which answers it can befall.
    pub on: On,
    /// Whether streams are held to their end: `headworks.commit: complete`.
    pub held: bool,
    /// How many requests are sent, one after the other.
    pub asks: usize,
    /// How long the sick deployment's own breaker rests it at first.
    pub cooldown: Duration,
    /// What each attempt at it counts as in the metrics; `None` where they differ.
    pub outcome: Option<Outcome>,
    /// What is expected where another deployment of the group is well.
    pub sibling: Want,
    /// What is expected where there is no other.
    pub lone: Want,
    /// What is expected where another group, which is well, is its fallback.
    pub fallback: Want,
}

/// Who else there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// Another deployment of the group, that takes requests the sick one does not.
    Sibling,
    /// Nobody.
    Lone,
    /// A group to fall back to, for failures of all kinds.
    Fallback,
}

/// What is expected.
#[derive(Clone, Copy, Debug)]
pub struct Want {
    /// What the client gets, each time.
    pub client: Client,
    /// How often the sick deployment is called, over all requests.
    pub sick: usize,
    /// How often the other is.
    pub other: usize,
    /// The least time between two calls of the sick one.
    pub apart: Duration,
    /// How its breaker stands at the end.
    pub after: After,
    /// What an error tells the client to do next.
    pub next: Next,
    /// The sum of the retries the answers tell of, where it is not what follows from the calls.
    pub retries: Option<usize>,
    /// What each attempt at the sick one counts as, where it is not what it is elsewhere.
    pub counts: Option<Outcome>,
}

/// What a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// The whole right answer, to the byte.
    Whole,
    /// The deployment's own error: status and body as they came.
    Theirs(u16),
    /// The error that came with a 200, in a stream that had not begun or in place of a plain answer, as the
    /// error it would have been otherwise.
    InBand(u16),
    /// An error of the gateway's own, in the protocol of the endpoint, with this code.
    Ours(u16, &'static str),
    /// The beginning of a stream, an error event with this code in the protocol of the endpoint, and a
    /// connection that ends in mid-answer.
    Told(&'static str),
    /// The beginning of a stream, the deployment's own error event, and a connection that ends in mid-answer.
    Passed,
    /// The beginning of a plain answer, and a connection that ends in mid-answer.
    Broken,
}

/// What a client is told to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Untold,
    /// To come back after so many seconds: `retry-after`.
    After(u32),
    /// Not to come back with this request: `x-should-retry: false`.
    Never,
}

/// How a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Requests pass.
    Closed,
    /// None passes for this long from the last failure, and at most a tenth more.
    Rests(Duration),
    /// One request at a time passes.
    OneAtATime,
}

// ===== impl Fault =====

impl Fault {
    /// What is expected there.
    #[must_use]
    pub const fn want(&self, topology: Topology) -> &Want {
        match topology {
            Topology::Sibling => &self.sibling,
            Topology::Lone => &self.lone,
            Topology::Fallback => &self.fallback,
        }
    }
}

impl Fault {
    /// What each attempt at the sick one counts as where this is expected.
    pub(crate) fn outcome_of(&self, want: &Want) -> Option<Outcome> {
        want.counts.or(self.outcome)
    }
}

// ===== impl Topology =====

impl Topology {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sibling, Self::Lone, Self::Fallback];

    /// The words for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sibling => "a sibling free",
            Self::Lone => "alone",
            Self::Fallback => "a fallback group",
        }
    }
}

// ===== impl Want =====

impl Want {
    /// The client gets `client`, after so many calls of the sick deployment and of the other.
    pub(crate) const fn new(client: Client, sick: usize, other: usize) -> Self {
        Self {
            client,
            sick,
            other,
            apart: Duration::ZERO,
            after: After::Closed,
            next: Next::Untold,
            retries: None,
            counts: None,
        }
    }

    /// The calls of the sick deployment are at least so far apart.
    pub(crate) const fn apart(mut self, milliseconds: u64) -> Self {
        self.apart = Duration::from_millis(milliseconds);
        self
    }

    /// It rests afterwards.
    pub(crate) const fn rests(mut self, milliseconds: u64) -> Self {
        self.after = After::Rests(Duration::from_millis(milliseconds));
        self
    }

    /// Afterwards it is asked one request at a time.
    pub(crate) const fn one_at_a_time(mut self) -> Self {
        self.after = After::OneAtATime;
        self
    }

    /// The client is told to come back after so many seconds.
    pub(crate) const fn come_back(mut self, seconds: u32) -> Self {
        self.next = Next::After(seconds);
        self
    }

    /// The client is told not to come back with this request.
    pub(crate) const fn give_up(mut self) -> Self {
        self.next = Next::Never;
        self
    }

    /// The answers tell of so many retries.
    pub(crate) const fn retries(mut self, retries: usize) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Each attempt at the sick one counts as this here.
    pub(crate) const fn counts_as(mut self, outcome: Outcome) -> Self {
        self.counts = Some(outcome);
        self
    }
}
