use crate::{SignIn, Target};
use tower_layer::Layer;

/// Sends what comes in to one deployment. See the [crate docs](crate) for an example.
#[derive(Clone, Debug)]
pub struct SignInLayer {
    target: Target,
}

impl SignInLayer {
    /// Requests go to `target`.
    #[must_use]
    pub const fn new(target: Target) -> Self {
        Self { target }
    }
}

impl<S> Layer<S> for SignInLayer {
    type Service = SignIn<S>;

    fn layer(&self, inner: S) -> SignIn<S> {
        SignIn::new(inner, self.target.clone())
    }
}
