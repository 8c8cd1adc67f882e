use crate::{
    Endpoint, Picker, Registry, ResponseBody, ResponseFuture, Strategy, WaitPolicy, queue::Queue,
};
use headworks_core::{BoxError, Classify, Group, StatusClassifier};
use http::{Request, Response};
use http_body::Body;
use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};
use tower_service::Service;

/// Sends each request to one deployment of a group.
///
/// A clone shares everything with the first: it costs one reference count. See the [crate](crate) for an
/// example and for what happens to a request.
pub struct Balance<S, C = StatusClassifier>(Arc<Inner<S, C>>);

pub(crate) struct Inner<S, C> {
    pub(crate) group: Group,
    pub(crate) registry: Registry<S>,
    pub(crate) picker: Arc<dyn Picker>,
    pub(crate) classifier: C,
    /// `None` if nobody waits.
    pub(crate) queue: Option<Arc<Queue>>,
    pub(crate) when_all_rest: WhenAllRest,
}

/// What becomes of a request when every deployment that it could go to rests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WhenAllRest {
    /// It is refused, with the time until the first of them is back. The default, as in `LiteLLM`.
    #[default]
    Refuse,
    /// It goes, marked as the [`LastResort`](headworks_core::LastResort), to the one that is back first, though not
    /// to one it has been to, nor to one that is shut for another reason than a rest.
    LeastBad,
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
            queue: None,
            when_all_rest: WhenAllRest::Refuse,
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
            queue: self.0.queue.clone(),
            when_all_rest: self.0.when_all_rest,
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

impl<S, C: Clone> Balance<S, C> {
    /// Lets requests wait that nobody takes. Default: they are refused at once.
    #[must_use]
    pub fn wait(self, policy: WaitPolicy) -> Self {
        let queue = Some(Arc::new(Queue::new(policy, &self.0.registry)));
        let inner = self.0.with(queue, self.0.when_all_rest);
        Self(Arc::new(inner))
    }

    /// Sets what becomes of a request when all rest. Default: [`WhenAllRest::Refuse`].
    #[must_use]
    pub fn when_all_rest(self, what: WhenAllRest) -> Self {
        let inner = self.0.with(self.0.queue.clone(), what);
        Self(Arc::new(inner))
    }
}

impl<S, C, B, ResBody> Service<Request<B>> for Balance<S, C>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    S::Error: Into<BoxError>,
    B: Send + 'static,
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
        ResponseFuture::new(self.0.clone(), request)
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

impl<S, C: Clone> Inner<S, C> {
    fn with(&self, queue: Option<Arc<Queue>>, when_all_rest: WhenAllRest) -> Self {
        Self {
            group: self.group.clone(),
            registry: self.registry.clone(),
            picker: self.picker.clone(),
            classifier: self.classifier.clone(),
            queue,
            when_all_rest,
        }
    }
}
