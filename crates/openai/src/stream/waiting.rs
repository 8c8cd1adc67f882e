//! An answer that is held until it is known what it is, and what becomes of it then.

use super::{
    CommitBody, StreamError, StreamErrorKind,
    beginning::Beginning,
    holder::{Held, Holder},
    in_band::InBand,
    plain::{self, Look},
    protocol::Protocol,
    rule::ErrorRule,
    whole::Whole,
};
use crate::finish;
use bytes::Bytes;
use headworks_core::{BoxError, Outcome, Verdict};
use http::{HeaderMap, HeaderValue, Response, header, response::Parts};
use http_body::{Body, Frame};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

/// An answer that is not handed on yet.
pub(super) struct Waiting<R> {
    head: Parts,
    body: Pin<Box<R>>,
    awaits: Awaits,
}

/// What is awaited of it.
pub(super) enum Awaits {
    /// The first byte of a plain answer, and what it takes to tell that it is no error if it is JSON.
    Content(Beginning),
    /// The end of a plain answer, which may say that it was withheld.
    Whole(Whole),
    /// The commit point of a stream.
    Commit(Box<Holder>),
}

/// What a wait has come to.
pub(super) enum Step {
    /// The first bytes of a plain answer, and what it ended with if it has ended.
    Content {
        first: Bytes,
        trailers: Option<HeaderMap>,
        ended: bool,
        withheld: bool,
    },
    Commit {
        /// What the stream ended with, if it has ended.
        trailers: Option<HeaderMap>,
        ended: bool,
    },
    Refused(InBand),
    Failed(StreamError),
}

pub(super) type Answer<R> = Result<Response<CommitBody<R>>, BoxError>;

// ===== impl Waiting =====

impl<R> Waiting<R>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    pub(super) fn new(answer: Response<R>, awaits: Awaits) -> Self {
        let (head, body) = answer.into_parts();
        let body = Box::pin(body);
        Self { head, body, awaits }
    }

    /// True if a stream has begun of which no content has come yet.
    pub(super) fn awaits_content(&self) -> bool {
        matches!(&self.awaits, Awaits::Commit(holder) if !holder.saw_content())
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        loop {
            let frame = ready!(self.body.as_mut().poll_frame(cx));
            let step = match &mut self.awaits {
                Awaits::Content(held) => {
                    content(held, frame.map(|frame| frame.map_err(Into::into)))
                }
                Awaits::Whole(held) => whole(held, frame.map(|frame| frame.map_err(Into::into))),
                Awaits::Commit(holder) => {
                    commit(holder, frame.map(|frame| frame.map_err(Into::into)))
                }
            };
            if let Some(step) = step {
                return Poll::Ready(step);
            }
        }
    }

    /// The answer as it is handed on. One that was withheld is marked as that if it `may` go elsewhere.
    /// What is an error is judged by `rule`.
    pub(super) fn finish(self, step: Step, may: bool, rule: ErrorRule) -> Answer<R> {
        let Self {
            mut head,
            body,
            awaits,
        } = self;
        match (step, awaits) {
            (
                Step::Content {
                    first,
                    trailers,
                    ended,
                    withheld,
                },
                _,
            ) => {
                if withheld {
                    mark_withheld(&mut head);
                }
                let rest = (!ended).then_some(body);
                let body = CommitBody::begun(first, rest, trailers);
                Ok(Response::from_parts(head, body))
            }
            (Step::Commit { trailers, ended }, Awaits::Commit(holder)) => {
                // An end may be added to it.
                head.headers.remove(header::CONTENT_LENGTH);
                head.extensions.insert(holder.reading().clone());
                head.extensions.insert(holder.reading().foretold().clone());
                if may && holder.is_withheld() {
                    mark_withheld(&mut head);
                }
                let follower = Box::new(holder.into_follower(rule));
                let rest = (!ended).then_some(body);
                let body = CommitBody::followed(follower, rest, trailers);
                Ok(Response::from_parts(head, body))
            }
            (Step::Refused(error), _) => {
                let verdict = rule.verdict(&error, &head.headers);
                head.status = error.status();
                head.headers.remove(header::CONTENT_LENGTH);
                let kind = HeaderValue::from_static("application/json");
                head.headers.insert(header::CONTENT_TYPE, kind);
                // Whoever left one has judged by the 200.
                head.extensions.remove::<Verdict>();
                if let Some(verdict) = verdict {
                    head.extensions.insert(verdict);
                }
                Ok(Response::from_parts(head, CommitBody::own(error.json)))
            }
            (Step::Failed(error), _) => Err(error.into()),
            (Step::Commit { .. }, Awaits::Content(_) | Awaits::Whole(_)) => {
                unreachable!("a plain answer is no stream")
            }
        }
    }
}

/// What the next frame means to a plain answer of which the beginning is held.
fn content(held: &mut Beginning, frame: Option<Result<Frame<Bytes>, BoxError>>) -> Option<Step> {
    let (look, trailers, ended) = match frame.map(|frame| frame.map(Frame::into_data)) {
        Some(Ok(Ok(data))) => (held.push(data), None, false),
        Some(Ok(Err(last))) => (held.look(), last.into_trailers().ok(), true),
        Some(Err(error)) => {
            let error = StreamError::broken(StreamErrorKind::Cut, error);
            return Some(Step::Failed(error));
        }
        None => (held.look(), None, true),
    };
    if look == Look::More && !ended {
        return None;
    }
    let first = held.take();
    Some(if first.is_empty() {
        // Nothing at all, or nothing but trailers.
        Step::Failed(StreamError::new(StreamErrorKind::Empty))
    } else if look == Look::Error {
        // Its protocol is told by its own words, or does not matter.
        Step::Refused(InBand::of(&first, Protocol::Completions))
    } else {
        Step::Content {
            first,
            trailers,
            ended,
            withheld: false,
        }
    })
}

/// What the next frame means to a plain answer that is held until it is whole.
fn whole(held: &mut Whole, frame: Option<Result<Frame<Bytes>, BoxError>>) -> Option<Step> {
    let trailers = match frame.map(|frame| frame.map(Frame::into_data)) {
        Some(Ok(Ok(data))) => {
            let first = held.push(data)?;
            return Some(Step::Content {
                first,
                trailers: None,
                ended: false,
                withheld: false,
            });
        }
        Some(Ok(Err(last))) => last.into_trailers().ok(),
        Some(Err(error)) => {
            let error = StreamError::broken(StreamErrorKind::Cut, error);
            return Some(Step::Failed(error));
        }
        None => None,
    };
    let all = held.take();
    Some(if all.is_empty() {
        Step::Failed(StreamError::new(StreamErrorKind::Empty))
    } else if plain::look(&all) == Look::Error {
        Step::Refused(InBand::of(&all, Protocol::Completions))
    } else {
        Step::Content {
            withheld: finish::is_withheld(&all),
            first: all,
            trailers,
            ended: true,
        }
    })
}

/// Whoever goes by verdicts takes it for what it is, and not for its 200.
fn mark_withheld(head: &mut Parts) {
    let verdict = Verdict::from(Outcome::ContentRefused);
    head.extensions.insert(verdict);
}

/// What the next frame means to a stream that is held.
fn commit(holder: &mut Holder, frame: Option<Result<Frame<Bytes>, BoxError>>) -> Option<Step> {
    let (mut trailers, mut source, mut ended) = (None, None, true);
    let held = match frame.map(|frame| frame.map(Frame::into_data)) {
        Some(Ok(Ok(data))) => {
            ended = false;
            holder.push(data)
        }
        Some(Ok(Err(last))) => {
            trailers = last.into_trailers().ok();
            holder.end()
        }
        Some(Err(error)) => {
            source = Some(error);
            holder.break_off()
        }
        None => holder.end(),
    };
    Some(match held {
        Held::More => return None,
        Held::Commit => Step::Commit { trailers, ended },
        Held::Refused(error) => Step::Refused(error),
        Held::Failed(kind) => Step::Failed(match source {
            Some(source) => StreamError::broken(kind, source),
            None => StreamError::new(kind),
        }),
    })
}
