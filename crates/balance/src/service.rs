use crate::{
    Candidates, Endpoint, Flight, Picker, Pinned, Registry, ResponseBody, ResponseFuture, Snapshot,
    Strategy,
};
use headworks_core::{
    AttemptNumber, Attempts, BoxError, Classify, Group, Guard, Reason, Refusal, StatusClassifier,
};
use http::{Request, Response};
use http_body::Body;
use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};
use tower_service::Service;

/// The most members that are looked at for the ledger: which were passed over, and how many others there
/// are. It keeps no more records than that.
const NOTED: usize = 64;

/// How often a picker is asked that chooses whom it may not. That may change between its look and ours, but
/// hardly time and again: such a picker does not keep its contract, and declines.
const ASKED: usize = 16;

/// Sends each request to one deployment of a group.
///
/// A clone shares everything with the first: it costs one reference count. See the [crate](crate) for an
/// example and for what happens to a request.
pub struct Balance<S, C = StatusClassifier>(Arc<Inner<S, C>>);

pub(crate) struct Inner<S, C> {
    group: Group,
    registry: Registry<S>,
    picker: Arc<dyn Picker>,
    pub(crate) classifier: C,
}

// ===== impl Balance =====

impl<S: Clone> Balance<S> {
    /// Balances the requests for `group` over these endpoints.
    pub fn new(
        group: impl Into<Group>,
        strategy: &Strategy,
        endpoints: impl IntoIterator<Item = Endpoint<S>>,
    ) -> Self {
        Self::with_registry(group, strategy, endpoints.into_iter().collect())
    }
}

impl<S> Balance<S> {
    /// Balances over the endpoints of a registry, which may be shared and may change.
    pub fn with_registry(
        group: impl Into<Group>,
        strategy: &Strategy,
        registry: Registry<S>,
    ) -> Self {
        Self(Arc::new(Inner {
            group: group.into(),
            registry,
            picker: strategy.build(),
            classifier: StatusClassifier::default(),
        }))
    }
}

impl<S, C> Balance<S, C> {
    /// Judges answers by `classifier`. Default: [`StatusClassifier`].
    pub fn classifier<D>(self, classifier: D) -> Balance<S, D> {
        Balance(Arc::new(Inner {
            group: self.0.group.clone(),
            registry: self.0.registry.clone(),
            picker: self.0.picker.clone(),
            classifier,
        }))
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> &Group {
        &self.0.group
    }

    /// The endpoints, to look at them or to change them.
    #[must_use]
    pub fn registry(&self) -> &Registry<S> {
        &self.0.registry
    }
}

impl<S, C, B, ResBody> Service<Request<B>> for Balance<S, C>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    S::Error: Into<BoxError>,
    ResBody: Body,
    C: Classify,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = BoxError;
    type Future = ResponseFuture<S, B, C>;

    /// Always ready: whether a deployment takes the request is known when the request is.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let snapshot = self.0.registry.load();
        let (place, number) = match self.0.admit(&snapshot, &request) {
            Ok(admitted) => admitted,
            Err(refusal) => return ResponseFuture::refused(refusal),
        };
        let member = &snapshot.members().list()[place];
        let attempts = request.extensions().get::<Attempts>().cloned();
        let flight = Flight::new(member.state().clone(), attempts.zip(number));
        ResponseFuture::sent(
            snapshot.services()[place].clone(),
            request,
            member.id().clone(),
            Guard::new(flight),
            self.0.clone(),
        )
    }
}

impl<S, C> Clone for Balance<S, C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S, C> fmt::Debug for Balance<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Balance")
            .field("group", &self.0.group)
            .field("strategy", &self.0.picker.why())
            .field("registry", &self.0.registry)
            .finish_non_exhaustive()
    }
}

// ===== impl Inner =====

impl<S, C> Inner<S, C> {
    /// Chooses a member, counts the request in its state, and opens an attempt in the ledger.
    fn admit<B>(
        &self,
        snapshot: &Snapshot<S>,
        request: &Request<B>,
    ) -> Result<(usize, Option<AttemptNumber>), Refusal> {
        let mut candidates = snapshot.members().candidates(request);
        let attempts = request.extensions().get::<Attempts>();
        while let Some(place) = self.choose(&mut candidates) {
            let member = &candidates.members().list()[place];
            // What was true of the member a moment ago may not be now; then another is chosen.
            if member.state().try_begin(member.params().max_in_flight) {
                let number = attempts.map(|attempts| self.note(attempts, &candidates, place));
                return Ok((place, number));
            }
        }
        Err(self.refuse(&candidates))
    }

    /// Where it is [`Pinned`]; else somewhere new if anybody there takes the request, else where it may be tried again; each time the
    /// lowest tier first.
    fn choose(&self, candidates: &mut Candidates<'_>) -> Option<usize> {
        let pinned = candidates.pinned();
        if let Some(place) = pinned {
            candidates.in_tier(candidates.members().tier_of(place), false);
            return Some(place);
        }
        let rounds = if candidates.any_tried() {
            &[false, true][..]
        } else {
            &[false]
        };
        rounds.iter().find_map(|again| {
            candidates.tiers().find_map(|tier| {
                candidates.in_tier(tier, *again);
                self.ask(candidates)
            })
        })
    }

    /// What the picker chooses. Where that has ceased to be a candidate meanwhile, it chooses again.
    fn ask(&self, candidates: &Candidates<'_>) -> Option<usize> {
        let mut choices = (0..ASKED).map_while(|_| self.picker.pick(candidates));
        choices.find(|place| candidates.contains(*place))
    }

    /// Tells the ledger who was chosen, who was passed over, and how many others the request may go to next.
    fn note(
        &self,
        attempts: &Attempts,
        candidates: &Candidates<'_>,
        place: usize,
    ) -> AttemptNumber {
        let members = candidates.members().list();
        let mut others = 0;
        // The neighbours first, so that no member is always the one that is not looked at.
        for looked in 1..members.len() {
            if looked > NOTED && others > 0 {
                break;
            }
            let other = (place + looked) % members.len();
            others += usize::from(candidates.is_new(other));
            if let Err(reason) = candidates.check(other) {
                attempts.pass_over(members[other].id(), reason);
            }
        }
        let why = match candidates.extensions().get::<Pinned>() {
            Some(pinned) if pinned.0 == *members[place].id() => Pinned::WHY,
            _ => self.picker.why_among(candidates),
        };
        attempts.begin(&self.group, members[place].id(), why, others)
    }

    fn refuse(&self, candidates: &Candidates<'_>) -> Refusal {
        let reason = |place| {
            candidates
                .check_any_tier(place)
                .err()
                .unwrap_or(Reason::Declined)
        };
        let ids = candidates
            .members()
            .iter()
            .map(|member| member.id().clone());
        let reasons = ids.enumerate().map(|(place, id)| (id, reason(place)));
        Refusal::new(self.group.clone(), reasons.collect())
    }
}
