use bytes::Bytes;
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    sync::oneshot,
    time::{Sleep, sleep},
};

/// How long the last bytes are waited for, in case whoever reads the body keeps them instead of sending them.
/// What a server can send at all it has sent by then.
const LONGEST: Duration = Duration::from_millis(100);

/// Puts off the error that a body ends with until what was to be sent before it is on its way.
///
/// A server gives up a connection, or resets a stream, on an error of the body with whatever it has not
/// written yet; and the client is to see the event that says what happened.
#[derive(Debug, Default)]
pub(super) struct Parting {
    /// Ready once the last bytes are dropped.
    taken: Option<oneshot::Receiver<Infallible>>,
    paused: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

/// Bytes that tell when they are dropped.
struct Watched {
    bytes: Bytes,
    _taken: oneshot::Sender<Infallible>,
}

// ===== impl Parting =====

impl Parting {
    /// These are the last bytes.
    pub(super) fn last(&mut self, bytes: Bytes) -> Bytes {
        let (sender, receiver) = oneshot::channel();
        self.taken = Some(receiver);
        Bytes::from_owner(Watched {
            bytes,
            _taken: sender,
        })
    }

    /// Ready when it is time to break off.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Some servers copy what they are given and write it when there is nothing more to be had at once.
        if !self.paused {
            self.paused = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(taken) = &mut self.taken
            && Pin::new(taken).poll(cx).is_pending()
        {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(LONGEST)));
            ready!(timer.as_mut().poll(cx));
        }
        self.taken = None;
        Poll::Ready(())
    }
}

// ===== impl Watched =====

impl AsRef<[u8]> for Watched {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
