use crate::{Reservation, Tokens};
use headworks_core::NotAdmitted;
use std::collections::VecDeque;
use tokio::sync::oneshot::{self, Receiver, Sender};

/// Requests that wait for what the store says of them, first come first.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: VecDeque<Waiter>,
    /// Those that the store is being asked about.
    asked: Vec<Waiter>,
}

/// One of them. Whoever does not wait any more has dropped the other end.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) tokens: Tokens,
    /// It is for one that has nobody else to ask: that the quota rests does not keep it out.
    pub(crate) anyway: bool,
    reply: Sender<Reply>,
}

/// What becomes of it.
pub(crate) type Reply = Result<Reservation, NotAdmitted>;

/// The store is asked about so many at once; the others come next.
const AT_ONCE: usize = 1000;

/// So many wait at most: whoever would stand further back is not asked about within the milliseconds that it waits.
pub(crate) const LONGEST: usize = 10 * AT_ONCE;

// ===== impl Line =====

impl Line {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Puts a request at the end; `None` if as many wait as may. Who does not wait any more counts until the next
    /// are asked about.
    pub(crate) fn join(&mut self, tokens: Tokens, anyway: bool) -> Option<Receiver<Reply>> {
        if self.waiting.len() >= LONGEST {
            return None;
        }
        let (reply, replied) = oneshot::channel();
        self.waiting.push_back(Waiter {
            tokens,
            anyway,
            reply,
        });
        Some(replied)
    }

    /// Those to ask about now.
    pub(crate) fn ask(&mut self) -> &[Waiter] {
        self.waiting.retain(|waiter| !waiter.reply.is_closed());
        let next = self.waiting.len().min(AT_ONCE);
        self.asked.extend(self.waiting.drain(..next));
        &self.asked
    }

    /// Those who were asked about.
    pub(crate) fn take_asked(&mut self) -> Vec<Waiter> {
        std::mem::take(&mut self.asked)
    }

    /// Those who were asked about go back to where they were.
    pub(crate) fn ask_again(&mut self, asked: Vec<Waiter>) {
        for waiter in asked.into_iter().rev() {
            self.waiting.push_front(waiter);
        }
    }

    /// Everybody, in their order.
    pub(crate) fn take_all(&mut self) -> Vec<Waiter> {
        let mut all = self.take_asked();
        all.extend(self.waiting.drain(..));
        all
    }
}

// ===== impl Waiter =====

impl Waiter {
    /// Tells it. What nobody waits for any more is given back, so no lock may be held.
    pub(crate) fn reply(self, reply: Reply) {
        drop(self.reply.send(reply));
    }
}
