use super::{Meters, Seen};
use headworks_balance::State;
use headworks_core::{BoxError, Classify, End, Finish, Outcome, StatusClassifier, Verdict, Watch};
use headworks_openai::{
    Usage, answer,
    sse::{self, Signal},
    stream::Reading,
};
use http::{Response, header};
use std::{error::Error, sync::Arc};
use tokio::time::Instant;

/// Measures one attempt, from its begin to the end of its body. Rides in a
/// [`Guard`](headworks_core::Guard).
#[derive(Debug)]
pub struct Measure {
    meters: Arc<Meters>,
    load: Option<Arc<State>>,
    seen: Option<Arc<Seen>>,
    began: Instant,
    /// The first token has come.
    has_begun: bool,
    verdict: Verdict,
    inside: Inside,
}

/// What is read along as a body passes.
#[derive(Debug)]
enum Inside {
    /// Nothing: no head yet, or a body that reports no usage, such as audio.
    Nothing,
    Plain(answer::Scanner),
    /// A stream that somebody further in reads and tells of.
    Read(Reading),
    /// A stream that nobody does: of an endpoint whose events are not known, or without a commit point.
    Stream {
        scanner: sse::Scanner,
        /// Events with a piece of the answer.
        pieces: u64,
    },
}

// ===== impl Measure =====

impl Measure {
    pub(super) fn begin(meters: Arc<Meters>, load: Option<Arc<State>>, shows: bool) -> Self {
        meters.began();
        Self {
            meters,
            load,
            seen: shows.then(Arc::default),
            began: Instant::now(),
            has_begun: false,
            // Until there is a head, an end can only be that somebody stopped waiting.
            verdict: Outcome::Cancelled.into(),
            inside: Inside::Nothing,
        }
    }

    pub(super) fn head<R>(&mut self, response: &mut Response<R>) {
        self.meters.head(self.began.elapsed());
        if let Some(load) = &self.load
            && let Some((share, full_in)) = self.meters.left(response.headers())
        {
            load.told_left(share, Instant::now() + full_in);
        }
        if let Some(seen) = &self.seen {
            response.extensions_mut().insert(seen.clone());
        }
        self.verdict = StatusClassifier::default().classify((&*response).into());
        // What was withheld has cost its tokens all the same.
        if response.status().is_success() {
            self.inside = Inside::of(response);
        }
    }

    pub(super) fn error(&mut self, error: &BoxError) {
        self.verdict = Verdict::of_error(&**error);
    }
}

impl<D: AsRef<[u8]>> Watch<D> for Measure {
    fn data(&mut self, data: &D) {
        match &mut self.inside {
            Inside::Nothing | Inside::Read(_) => {}
            Inside::Plain(scanner) => scanner.feed(data.as_ref()),
            Inside::Stream { scanner, pieces } => {
                scanner.feed(data.as_ref(), |_, signal| {
                    *pieces += u64::from(signal == Signal::Content);
                });
            }
        }
        if !self.has_begun && self.inside.has_begun() {
            self.has_begun = true;
            self.meters.first_token(self.began.elapsed());
        }
    }

    fn failed(&mut self, error: &(dyn Error + 'static)) {
        if self.verdict.outcome == Outcome::Success {
            self.verdict = Verdict::of_error(error);
        }
    }
}

impl Finish for Measure {
    fn finish(self, end: End) {
        let usage = self.inside.usage();
        if let Some(seen) = &self.seen {
            seen.set(usage, self.inside.pieces());
        }
        if let Some(usage) = usage {
            self.meters.tokens(usage.input, usage.output);
            if let Some(load) = &self.load {
                load.used_tokens(usage.input.saturating_add(usage.output));
            }
        }
        let outcome = match self.verdict.at_end(end).outcome {
            // It left because the stream had told it of an error. Of a stream that somebody further in reads
            // this is foretold, and no end by cancelling; of one that is read here alone, it is not.
            Outcome::Cancelled if self.inside.saw_error() => Outcome::Transport,
            outcome => outcome,
        };
        self.meters.ended(self.began.elapsed(), outcome);
    }
}

// ===== impl Inside =====

impl Inside {
    fn of<R>(response: &Response<R>) -> Self {
        if let Some(reading) = response.extensions().get::<Reading>() {
            return Self::Read(reading.clone());
        }
        let headers = response.headers();
        let is = |kind: &str| {
            let value = headers.get(header::CONTENT_TYPE)?.as_bytes();
            value
                .get(..kind.len())?
                .eq_ignore_ascii_case(kind.as_bytes())
                .then_some(())
        };
        if is("text/event-stream").is_some() {
            Self::Stream {
                scanner: sse::Scanner::new(),
                pieces: 0,
            }
        } else if is("application/json").is_some() {
            Self::Plain(answer::Scanner::new())
        } else {
            Self::Nothing
        }
    }

    /// True once a piece of a stream's answer has come.
    fn has_begun(&self) -> bool {
        match self {
            Self::Read(reading) => reading.pieces() > 0,
            Self::Stream { scanner, .. } => scanner.saw_content(),
            Self::Nothing | Self::Plain(_) => false,
        }
    }

    fn pieces(&self) -> u64 {
        match self {
            Self::Read(reading) => reading.pieces(),
            Self::Stream { pieces, .. } => *pieces,
            Self::Nothing | Self::Plain(_) => 0,
        }
    }

    /// True once a stream that nobody else reads has told of an error.
    fn saw_error(&self) -> bool {
        match self {
            Self::Stream { scanner, .. } => scanner.saw_error(),
            Self::Nothing | Self::Plain(_) | Self::Read(_) => false,
        }
    }

    fn usage(&self) -> Option<Usage> {
        match self {
            Self::Nothing => None,
            Self::Plain(scanner) => scanner.usage(),
            Self::Read(reading) => reading.usage(),
            Self::Stream { scanner, .. } => scanner.usage(),
        }
    }
}
