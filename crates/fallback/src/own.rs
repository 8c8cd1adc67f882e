use headworks_core::Group;

/// The most groups a request may ask to go on to.
const MOST: u32 = 64;

/// The fallbacks that one request brings itself, in place of those that are configured.
///
/// An extension of the request, for the layer alone: it is not passed on.
#[derive(Clone, Debug)]
#[must_use = "an extension does nothing until a request carries it"]
pub struct OwnFallbacks<B> {
    hops: Option<Vec<Hop<B>>>,
    max: Option<u32>,
}

/// One group to fall back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop<B> {
    /// The group, after aliases.
    pub group: Group,
    /// The body to send there, where it is another than the request's.
    pub body: Option<B>,
}

// ===== impl OwnFallbacks =====

impl<B> Default for OwnFallbacks<B> {
    fn default() -> Self {
        Self {
            hops: None,
            max: None,
        }
    }
}

impl<B> OwnFallbacks<B> {
    /// These groups, in this order, after whatever kind of failure, and no others. `LiteLLM`'s request key
    /// `fallbacks`.
    pub fn to(hops: impl IntoIterator<Item = Hop<B>>) -> Self {
        Self {
            hops: Some(hops.into_iter().collect()),
            max: None,
        }
    }

    /// None at all: `disable_fallbacks`.
    pub fn disabled() -> Self {
        Self::default().max(0)
    }

    /// At most so many groups after the first: `max_fallbacks` of a request. More than 64 count as 64.
    /// Without any other setting the configured fallbacks stay in place.
    pub fn max(mut self, max: u32) -> Self {
        self.max = Some(max.min(MOST));
        self
    }

    pub(crate) fn into_parts(self) -> (Option<Vec<Hop<B>>>, Option<u32>) {
        (self.hops, self.max)
    }
}

// ===== impl Hop =====

impl<B> Hop<B> {
    /// To `group`, with the request's own body.
    pub fn new(group: impl Into<Group>) -> Self {
        Self {
            group: group.into(),
            body: None,
        }
    }

    /// Sends `body` there instead.
    #[must_use]
    pub fn body(mut self, body: B) -> Self {
        self.body = Some(body);
        self
    }
}
