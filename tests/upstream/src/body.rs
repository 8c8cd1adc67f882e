use crate::{Answer, Gate, answer::Fault, wire::Reset};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The body of an [`Answer`] as it plays out.
pub(crate) struct ScriptedBody {
    chunks: VecDeque<Bytes>,
    /// The chunk that is next, counted from 0.
    next: usize,
    /// How much of the announced length is left.
    left: Option<u64>,
    pace: Duration,
    holds: HashMap<usize, Gate>,
    fault: Option<(usize, Fault)>,
    reset: Reset,
    state: State,
}

enum State {
    /// Whatever stands before the next chunk has yet to be waited for.
    Before,
    Waiting(Wait),
    /// The next chunk, the fault or the end may come.
    Free,
    Stalled,
}

// ===== impl ScriptedBody =====

impl ScriptedBody {
    pub(crate) fn new(answer: Answer, reset: Reset) -> Self {
        Self {
            left: answer.length(),
            chunks: answer.chunks.into(),
            next: 0,
            pace: answer.pace,
            holds: answer.holds,
            fault: answer.fault,
            reset,
            state: State::Before,
        }
    }

    /// What stands before the next chunk: the pace, the gate, and before a fault a turn in which what was
    /// sent so far is flushed.
    fn wait(&mut self) -> Wait {
        let pace = (self.next > 0).then_some(self.pace);
        let gate = self.holds.remove(&self.next);
        let flush = self.fault_now().is_some();
        Box::pin(async move {
            if let Some(pace) = pace.filter(|pace| !pace.is_zero()) {
                tokio::time::sleep(pace).await;
            }
            if let Some(gate) = gate {
                gate.pass().await;
            }
            if flush {
                tokio::task::yield_now().await;
            }
        })
    }

    fn fault_now(&self) -> Option<Fault> {
        let (at, fault) = self.fault?;
        (at == self.next).then_some(fault)
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Before => this.state = State::Waiting(this.wait()),
                State::Waiting(wait) => {
                    ready!(wait.as_mut().poll(cx));
                    this.state = State::Free;
                }
                State::Stalled => return Poll::Pending,
                State::Free => match this.fault_now() {
                    Some(Fault::Stall) => this.state = State::Stalled,
                    Some(fault) => {
                        if fault == Fault::Reset {
                            this.reset.now();
                        }
                        this.state = State::Stalled;
                        return Poll::Ready(Some(Err(fault)));
                    }
                    None => {
                        this.next += 1;
                        this.state = State::Before;
                        let chunk = this.chunks.pop_front();
                        if let (Some(left), Some(chunk)) = (&mut this.left, &chunk) {
                            *left -= chunk.len() as u64;
                        }
                        return Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))));
                    }
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty() && self.fault.is_none() && self.holds.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.left
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl fmt::Debug for ScriptedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedBody")
            .field("next", &self.next)
            .field("left", &self.chunks.len())
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}
