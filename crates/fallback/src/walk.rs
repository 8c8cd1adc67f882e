use crate::{
    FallbackBody, Hop,
    session::{Failure, Session},
};
use headworks_core::{Answer, BoxError, Classify, Group, Outcome, UnknownGroup};
use http::{Request, Response};
use http_body::Body;
use std::{error::Error, iter, sync::Arc};
use tokio::time::Instant;

/// One request's way through the groups, with what it carries along.
pub(crate) struct Walk<C, B, R: Body> {
    session: Session<B>,
    classifier: Arc<C>,
    /// Where the request goes next, once that has been decided.
    hop: Option<Hop<B>>,
    /// What the client gets in case all fail, and the group it is of.
    kept: Option<(Group, FallbackAnswer<R>)>,
}

/// An answer as it is handed on.
pub(crate) type FallbackAnswer<R> = Result<Response<FallbackBody<R>>, BoxError>;

// ===== impl Walk =====

impl<C, B, R: Body> Walk<C, B, R> {
    pub(crate) const fn new(session: Session<B>, classifier: Arc<C>) -> Self {
        Self {
            session,
            classifier,
            hop: None,
            kept: None,
        }
    }

    /// What `answer` means to the group that was asked.
    pub(crate) fn judge(&self, answer: &Result<Response<R>, BoxError>) -> Result<(), Failure>
    where
        C: Classify,
    {
        let answer = match answer {
            Ok(response) => response.into(),
            Err(error) if is_of_an_unknown_group(&**error) => return Err(Failure::UnknownGroup),
            Err(error) => Answer::Error(&**error),
        };
        match self.classifier.classify(answer).outcome {
            Outcome::Success => Ok(()),
            outcome => Err(Failure::Outcome(outcome)),
        }
    }

    /// Turns to the next group; false if there is none to go on to after this `failure`.
    pub(crate) fn go_on(&mut self, failure: Failure) -> bool {
        self.hop = self.session.next(failure, Instant::now());
        self.hop.is_some()
    }

    /// By when the request must be answered, if that is known.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.session.deadline()
    }

    /// True if another group may follow the one that is about to be asked.
    pub(crate) fn may_continue(&self) -> bool {
        self.session.may_continue()
    }

    /// `request` for the group that is about to be asked.
    pub(crate) fn address(&mut self, mut request: Request<B>) -> Request<B> {
        if let Some(body) = self.hop.take().and_then(|hop| hop.body) {
            *request.body_mut() = body;
        }
        self.session.address(&mut request);
        request
    }

    /// Keeps the answer of the group that has been left, unless there is a better one.
    pub(crate) fn keep(&mut self, answer: FallbackAnswer<R>) {
        self.keep_of(self.session.left().clone(), answer);
    }

    /// The answer of the group that was asked, a success.
    pub(crate) fn hand_on(&self, answer: FallbackAnswer<R>) -> FallbackAnswer<R> {
        self.record(self.session.group(), answer)
    }

    /// What the client gets after the last group has failed with `answer`.
    pub(crate) fn give_up(&mut self, answer: FallbackAnswer<R>) -> FallbackAnswer<R> {
        self.keep_of(self.session.group().clone(), answer);
        match self.kept.take() {
            Some((of, answer)) => self.record(&of, answer),
            None => unreachable!("an answer was kept just now"),
        }
    }

    /// The first answer is the best: the client asked for that group. Only that nobody knows the group says
    /// less than any answer of those that were asked instead.
    fn keep_of(&mut self, of: Group, answer: FallbackAnswer<R>) {
        let is_unknown = |answer: &FallbackAnswer<R>| match answer {
            Ok(_) => false,
            Err(error) => is_of_an_unknown_group(&**error),
        };
        match &self.kept {
            Some((_, kept)) if !is_unknown(kept) || is_unknown(&answer) => {}
            _ => self.kept = Some((of, answer)),
        }
    }

    /// `answer` with the record of how it came about.
    fn record(&self, of: &Group, mut answer: FallbackAnswer<R>) -> FallbackAnswer<R> {
        if let (Ok(response), Some(record)) = (&mut answer, self.session.record(of)) {
            response.extensions_mut().insert(record);
        }
        answer
    }
}

fn is_of_an_unknown_group(error: &(dyn Error + 'static)) -> bool {
    iter::successors(Some(error), |&error| error.source()).any(<dyn Error>::is::<UnknownGroup>)
}
