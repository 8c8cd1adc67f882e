use crate::{Alias, Aliases};
use tower_layer::Layer;

/// Resolves aliases in front of a service. See the [crate docs](crate) for an example.
#[derive(Clone, Debug, Default)]
pub struct AliasLayer {
    aliases: Aliases,
}

// ===== impl AliasLayer =====

impl AliasLayer {
    /// A layer that goes by `aliases`.
    #[must_use]
    pub const fn new(aliases: Aliases) -> Self {
        Self { aliases }
    }
}

impl<S> Layer<S> for AliasLayer {
    type Service = Alias<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Alias::new(inner, self.aliases.clone())
    }
}
