use super::{patience::PatientBody, redact::Redact, stack::UpstreamBody, view::Remember};
use bytes::Bytes;
use headworks_core::BoxError;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project::pin_project;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The body of an answer: a deployment's, passed on as it comes, or one the gateway wrote itself.
#[pin_project]
pub struct ResponseBody {
    #[pin]
    kind: Kind,
    /// `None` once there is nothing more to remember of it.
    remember: Option<Box<Remember>>,
}

#[pin_project(project = KindProj)]
enum Kind {
    Upstream(#[pin] UpstreamBody),
    /// The same, without what signs in at the deployment.
    Redacted {
        #[pin]
        body: UpstreamBody,
        redact: Redact,
        /// What follows the rest of the data.
        last: Option<Frame<Bytes>>,
        over: bool,
    },
    /// The head has gone out before the answer was known.
    Patient(#[pin] Box<PatientBody>),
    Own(#[pin] Full<Bytes>),
}

// ===== impl ResponseBody =====

impl ResponseBody {
    pub(super) const fn upstream(body: UpstreamBody) -> Self {
        Self::of(Kind::Upstream(body))
    }

    pub(super) const fn redacted(body: UpstreamBody, redact: Redact) -> Self {
        Self::of(Kind::Redacted {
            body,
            redact,
            last: None,
            over: false,
        })
    }

    pub(super) const fn own(body: Full<Bytes>) -> Self {
        Self::of(Kind::Own(body))
    }

    pub(super) fn patient(body: PatientBody) -> Self {
        Self::of(Kind::Patient(Box::new(body)))
    }

    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            remember: None,
        }
    }

    /// The same body, of which something is remembered as it passes.
    pub(super) fn remembering(mut self, what: Remember) -> Self {
        self.remember = Some(Box::new(what));
        self
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        let frame = ready!(this.kind.poll_frame(cx));
        if let Some(what) = this.remember {
            let is_over = match &frame {
                Some(Ok(frame)) => frame.data_ref().is_some_and(|data| what.look(data)),
                Some(Err(_)) => true,
                None => {
                    what.end();
                    true
                }
            };
            if is_over {
                *this.remember = None;
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Upstream(body) => body.is_end_stream(),
            Kind::Redacted {
                body,
                redact,
                last,
                over,
            } => redact.held() == 0 && last.is_none() && (*over || body.is_end_stream()),
            Kind::Patient(_) => false,
            Kind::Own(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Upstream(body) => body.size_hint(),
            Kind::Redacted { body, redact, .. } => {
                let (held, rest) = (redact.held() as u64, body.size_hint());
                let mut hint = SizeHint::new();
                hint.set_lower(rest.lower().saturating_add(held));
                if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(held)) {
                    hint.set_upper(upper);
                }
                hint
            }
            Kind::Patient(_) => SizeHint::default(),
            Kind::Own(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = match &self.kind {
            Kind::Upstream(_) => "upstream",
            Kind::Redacted { .. } => "redacted",
            Kind::Patient(_) => "patient",
            Kind::Own(_) => "own",
        };
        f.debug_tuple("ResponseBody").field(&from).finish()
    }
}

// ===== impl Kind =====

impl Kind {
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project() {
            KindProj::Upstream(body) => body.poll_frame(cx),
            KindProj::Redacted {
                mut body,
                redact,
                last,
                over,
            } => loop {
                if *over {
                    return Poll::Ready(last.take().map(Ok));
                }
                let data = match ready!(body.as_mut().poll_frame(cx)) {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => redact.piece(data),
                        Err(trailers) => {
                            *last = Some(trailers);
                            *over = true;
                            redact.rest()
                        }
                    },
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => {
                        *over = true;
                        redact.rest()
                    }
                };
                if !data.is_empty() {
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
            },
            KindProj::Patient(body) => body.poll_frame(cx),
            KindProj::Own(body) => body.poll_frame(cx).map_err(|never| match never {}),
        }
    }
}
