use crate::MissingGroup;
use headworks_core::{BoxError, Group, UnknownGroup};
use http::Request;
use pin_project::pin_project;
use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tower::util::Oneshot;
use tower_service::Service;

/// Steers each request to the service of its group: the one named by the [`Group`] among its extensions.
///
/// A group that is not known is refused with [`UnknownGroup`], a request without one with [`MissingGroup`].
/// Unlike tower's `Steer`, which is ready when all its services are, a request waits for its own group alone.
///
/// A clone costs one reference count; for each request the service of its group is cloned, polled ready and
/// called.
pub struct Groups<T>(Arc<HashMap<Group, T>>);

/// The response future of [`Groups`].
#[pin_project]
pub struct GroupsFuture<T, B>
where
    T: Service<Request<B>>,
{
    #[pin]
    stage: Stage<Oneshot<T, Request<B>>>,
}

#[pin_project(project = StageProj)]
enum Stage<F> {
    Nowhere {
        error: Option<BoxError>,
    },
    Somewhere {
        #[pin]
        answer: F,
    },
}

// ===== impl Groups =====

impl<T> Groups<T> {
    /// The service of a group.
    #[must_use]
    pub fn get(&self, group: &str) -> Option<&T> {
        self.0.get(group)
    }

    /// All groups with their services, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Group, &T)> {
        self.0.iter()
    }
}

impl<T> FromIterator<(Group, T)> for Groups<T> {
    fn from_iter<I: IntoIterator<Item = (Group, T)>>(groups: I) -> Self {
        Self(Arc::new(groups.into_iter().collect()))
    }
}

impl<T, B> Service<Request<B>> for Groups<T>
where
    T: Service<Request<B>> + Clone,
    T::Error: Into<BoxError>,
{
    type Response = T::Response;
    type Error = BoxError;
    type Future = GroupsFuture<T, B>;

    /// Always ready: which group must be is known when the request is.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let found = match request.extensions().get::<Group>() {
            Some(group) => {
                let unknown = || BoxError::from(UnknownGroup::new(group.clone()));
                self.get(group).ok_or_else(unknown)
            }
            None => Err(MissingGroup.into()),
        };
        let stage = match found.cloned() {
            Ok(service) => Stage::Somewhere {
                answer: Oneshot::new(service, request),
            },
            Err(error) => Stage::Nowhere { error: Some(error) },
        };
        GroupsFuture { stage }
    }
}

impl<T> Clone for Groups<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Groups<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter()).finish()
    }
}

// ===== impl GroupsFuture =====

impl<T, B> Future for GroupsFuture<T, B>
where
    T: Service<Request<B>>,
    T::Error: Into<BoxError>,
{
    type Output = Result<T::Response, BoxError>;

    #[expect(clippy::expect_used, reason = "a broken contract")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().stage.project() {
            StageProj::Nowhere { error } => {
                let error = error.take();
                Poll::Ready(Err(
                    error.expect("a response future is not polled after it is done")
                ))
            }
            StageProj::Somewhere { answer } => answer.poll(cx).map_err(Into::into),
        }
    }
}

impl<T, B> fmt::Debug for GroupsFuture<T, B>
where
    T: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupsFuture").finish_non_exhaustive()
    }
}
