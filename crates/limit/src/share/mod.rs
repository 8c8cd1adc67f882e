//! One quota, several instances: each holds a lease of it, and spends that without asking anybody.
//!
//! A [`Keeper`] is a task that speaks for all quotas of an instance. Several times a second it tells a
//! [`Store`] what was not needed of what had been granted, and asks for what is likely to be wanted next; what
//! it is granted is spent by [`Quota::reserve`] with no more than a lock. No request waits for the store, and
//! whatever becomes of the store, a request is admitted or refused at once.
//!
//! # How much goes through
//!
//! The store counts a grant when it makes it, and never grants more than the limit of what is in the window.
//! An instance spends a grant within [`LEASE`] of having asked for it, and the store's window is longer by as
//! much. So **no window of any sixty seconds sees more than the limit, over all instances**, whoever crashes and
//! whatever is lost on the way, but for what was owed without having been granted:
//! of a limit `L` no more than `L + O` goes through, with `O <= C + B + A + D + E + R + J + P`. What is granted and
//! lost (a crash, an answer that does not arrive) counts as spent until the window has let go of it. An instance that ends in
//! order ([`Keeper::close`]) loses nothing: what it holds is the others' with its last exchange.
//!
//! | | when | beyond the limit, at most |
//! |---|---|---|
//! | `C` | the store answers | 0 for requests; for tokens `N * c` and no more than `L / 4`: of each of `N` instances one request that is larger than any it has seen of late, `c` at most |
//! | `B` | always | what answers are longer than was reserved for them |
//! | `A` | an instance starts | what is asked of it until its second exchange, some milliseconds later, and no more than `a` |
//! | | a limit is [learned](crate::Limits::learn) | of each instance, until the store has answered twice, its part of what the provider says is left |
//! | | the store does not answer `k` of `N` instances, and answers the others | `k * a` |
//! | | the store answers nobody | what was granted in the second before and in the half second after, and `N * a - L` if that is more than nothing |
//! | `D` | an instance crashes | what it owed |
//! | `E` | the store has lost its data, or is back with that of more than a second ago | what instances had used that do not live any more, and what is granted in the half second until all have told theirs |
//! | `R` | a replica takes the store's place | what was granted in the lag of the replica, a second of it at most, which is granted again; as for `E` where it lags by more |
//! | `J` | the store's clock jumps ahead by `t` | what was admitted in any `t` and a [`LEASE`] of the minute before |
//! | `P` | clocks of instances lag by `d` within a second | what goes through in `d` |
//!
//! An instance by itself admits `a = max(1, s * L, c)`, where `s` is one by the number of instances for [`Alone::Part`]
//! ([as far as it is known](#how-many-there-are)), what is said for [`Alone::Share`], 1 for [`Alone::Open`], and `c`
//! the largest request, which goes alone where it is more than the share; nothing for [`Alone::Closed`]. `docs/scale.md` holds simulations of up to five hundred instances against this sum.
//!
//! Of a limit that is in full use at all times 60 of 62 parts are admitted: the window is longer by a bucket
//! and by the lease. A lease that is not used flows back within [`LEASE`].
//!
//! An instance without demand holds a small lease in advance, for the first requests after a while without any:
//! a twentieth of the limit, or as much as the largest request of late has needed, and never more than half of
//! its part of what is left. Where less is left than there are instances, one that comes out of idleness has
//! none: its first request is told to come back in some milliseconds, when the exchange that it causes is over.
//! A request larger than any of late is owed for until the next exchange, where four times as much was left for
//! every instance.
//!
//! # Requests at a time
//!
//! Slots are held for as long as they are used, and some more in advance: a quarter of them, one at least. Who wants more
//! than there are has those that others hold in advance within a second. Where that is not enough, the next that is
//! free is left to who has least, until each that wants more has as many as the others, or its turn where there are
//! fewer slots than instances. One that is given up counts until it is known to be out of use, so all together never use
//! more than there are while the store answers; those of an instance that dies are free ten seconds later.
//!
//! Of a limit `P` no more than `P + S` are in use at a time:
//!
//! | when | `S` is at most |
//! |---|---|
//! | the store answers | 0 |
//! | an instance starts | `a`, until its second exchange |
//! | `k` instances are cut off from a store which answers the others | `k * max(a, h)`; in the first ten seconds no more than `k * (a - h)`, if that is more than nothing |
//! | the store answers nobody | the sum of `max(a, h)` over all of them, less `P` |
//! | the store has lost its data | what is in use of those that have not told it yet, for half a second |
//!
//! `h` is what an instance has in use when it is cut off, and goes on with until it ends; `a = max(1, s * P)`, as above.
//! What an instance had is kept for it for ten seconds, since it may be in use, and then given to others: an instance
//! that crashes takes its slots with it for as long, and one that ends in order only those in use. What is in use beyond the limit is not given out again when it ends.
//!
//! # When to come back
//!
//! The store says with each answer when there will be room for one more, if nothing comes back before, and when for
//! the largest request that could not be had, or of late; in between it is taken to become free evenly. So whoever is
//! refused because others have used up a limit is told when that leaves the window, and not to ask again with the next
//! exchange. It is told some milliseconds where an exchange is all that is missing, and [`LEASE`] where others may
//! hold in advance what is missing. What comes back sooner is had sooner by who asks then, or waits in a line that
//! does.
//!
//! # Asked for each request
//!
//! [`KeeperParams::strict`] has the store decide on each request instead: nothing is held, and a request waits until
//! it is counted or refused, no longer than it is told to ([`Quota::ask`]). All who wait are asked for together, in
//! their order, while at most one exchange is under way; each is admitted whole or not at all, over all rates and
//! slots. So while the store answers in time nothing goes beyond the limit but what answers are longer than was
//! estimated, and whoever asks has all of what is left, however idle it has been. Ten thousand requests wait for a
//! quota at most; further ones are refused at once, as by one that is [full](Reason::Full). An answer that is not in time is
//! none: the request is admitted or not as by an instance that is [`Alone`], and so are those after it, at once,
//! until the store has answered in time again. What comes back (a slot, tokens that were not needed) is told within
//! milliseconds.
//!
//! | | by leases | asked for each request |
//! |---|---|---|
//! | a request waits | never | for one exchange, and for what is left of the one under way |
//! | exchanges | two to ten a second, more where tokens are used up; one in two seconds of a quota without limits | up to one for each request and one for its end; under load one for all who wait |
//! | an instance out of idleness, with less left than there are instances | is refused at first | has it |
//! | at a start | what [`Alone`] lets through | 0 |
//! | the deadline passes | | what [`Alone`] lets through, until an answer is in time |
//!
//! A quota's gate ([`Quota::standing`]) refuses what the store has refused a tenth of a second ago, and nothing else.
//!
//! # What a provider says is left
//!
//! It has counted what all of them have sent, and so is told to the store as what is used at least by all, not as
//! what is missing in the books of one: however many hear the same, it is counted once. In a window that lets
//! go of nothing before it is over, as that of a day, it is believed for as long as the provider says, and an hour at
//! most; after that it may say so again.
//!
//! That nothing is left is told to the others at once, as a rest is: what they hold is not spent any more, and goes back
//! when the provider says that it is back. So what goes through after it is what is sent in the milliseconds until all
//! have heard of it, what was on its way back to the store in these, and, of those that do not hear it since their
//! connection is lost, what they hold, for no longer than [`LEASE`]. That less is left than the store has counted, and not nothing, is told to the store alone: beside it may go
//! through what the others hold at that moment: three twentieths of the limit at most each that is idle, and what is
//! asked of each other in two tenths of a second.
//!
//! A limit that has just been [learned](crate::Limits::learn) refuses nobody for want of a lease: each instance has its
//! part of what is left, which it owes, until the store has answered twice, some milliseconds later.
//!
//! # Rests
//!
//! A provider that says when to come back says so to one instance, and means all of them. The [`Keeper`] tells the
//! store at once, and the store whoever [listens](Store::listen), so that a rest is known everywhere within some
//! milliseconds. Whoever does not hear it, since its connection is lost, learns of it with its next exchange, within
//! half a second; of a quota that has no limits, and that nothing is asked of but its rests, within two and a half.
//!
//! That somebody was answered though it rested ([`Quota::wake`]) is told in the same way. Both are told with how long ago
//! they were said, and of a rest and a waking the later one holds, whenever they are told; of two that are said within
//! the time of a message it may be the rest.
//!
//! # When the store is silent
//!
//! At its start, and after three quarters of [`LEASE`] without an answer, an instance is [`Alone`]: it goes by
//! its own window, with its part of the limit or the share that the configuration says, and not more of what was last known
//! to be left than its part. What it admits then is owed, and told, with its age, when the store is back.
//! From the first exchange on that comes to nothing, that part is there for whoever finds no lease: it is not yet known
//! then why there is no answer.
//! A store may be silent for some quotas alone, of which it has lost the server that keeps them: then that holds for
//! those, and the others go on as before. A quota whose [`Keeper`] is dropped is alone from then on, until another
//! keeps it.
//!
//! A store that has lost its data counts as silent until the next answer: it knows nothing of the others before they
//! have told it.
//!
//! # How many there are
//!
//! Each answer says how many instances the store has heard of in the last three seconds. One that goes by its part
//! ([`Alone::Part`], the default) takes the most of what it was told in the last minute, or two at most, and in its first minute no
//! less than two. So when the store falls silent for `N` instances, at once or for one after another within that time, they
//! admit no more than `L` together, or one each; and so it is if the store is back for a moment, and has not yet heard
//! of all.
//!
//! | | then |
//! |---|---|
//! | instances have died or ended within the minute | they are counted, so that less than `L` is used, and never more |
//! | instances start while the store is silent | they have heard of nobody, and have a half each; the others do not know of them |
//! | `k` are cut off, and all others two minutes later | `k` have their parts of `N`, the others those of `N - k`: `k / N` of `L` too much |
//!
//! [`Alone::Share`] is for those who know better how many there will be.

mod alone;
mod keeper;
mod lease;
mod line;
mod memory;
#[cfg(feature = "redis")]
pub mod redis;
mod shelf;
mod store;
mod wanted;

pub use alone::Alone;
pub use keeper::{Keeper, KeeperParams};
pub use lease::{Debt, Return};
pub use memory::MemoryStore;
pub use store::{
    Answer, Ask, Decision, Granted, InstanceId, News, Question, RateQuestion, SlotQuestion, Store,
    StoreError,
};

pub(crate) use alone::{Allowance, Census};
#[cfg(feature = "redis")]
pub(crate) use keeper::jittered;
pub(crate) use lease::{Heard, Lease};
pub(crate) use line::{Line, Reply, Waiter};
pub(crate) use wanted::Wanted;

use std::time::Duration;

#[cfg(doc)]
use crate::Quota;
#[cfg(doc)]
use headworks_core::Reason;

/// How long a grant may be spent, from when it was asked for.
pub const LEASE: Duration = Duration::from_secs(1);

/// How long an answer of the store counts, from when it was asked for. Whatever is held then may be spent for as
/// long, so that nobody is refused for want of a lease before it is known that the store is silent.
pub(crate) const TRUST: Duration = Duration::from_millis(750);

#[cfg(test)]
mod tests;
