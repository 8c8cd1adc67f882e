use crate::List;
use headworks_core::Group;

/// The most groups a request may ask to go on to.
const MOST: u32 = 64;

/// The fallbacks that one request brings itself, in place of those that are configured.
///
/// Groups for whatever failure ([`to`](Self::to)) stand in for all three configured lists, and those of one
/// [`list`](Self::list) for that list alone, whether it is configured or brought along. Either is the whole of
/// where the request goes after such a failure: the groups' own entries are not asked.
///
/// An extension of the request, for the layer alone: it is not passed on.
#[derive(Clone, Debug)]
#[must_use = "an extension does nothing until a request carries it"]
pub struct OwnFallbacks<B> {
    hops: OwnHops<B>,
    max: Option<u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct OwnHops<B> {
    /// After whatever failure.
    any: Option<Vec<Hop<B>>>,
    /// After those of one list, in the order of [`List::ALL`].
    lists: [Option<Vec<Hop<B>>>; 3],
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
            hops: OwnHops {
                any: None,
                lists: [None, None, None],
            },
            max: None,
        }
    }
}

impl<B> OwnFallbacks<B> {
    /// These groups, in this order, after whatever kind of failure, and no others. `LiteLLM`'s request key
    /// `fallbacks`.
    pub fn to(hops: impl IntoIterator<Item = Hop<B>>) -> Self {
        let mut own = Self::default();
        own.hops.any = Some(hops.into_iter().collect());
        own
    }

    /// These groups, in this order, after the failures that `list` is for, and no others: the keys
    /// `context_window_fallbacks` and `content_policy_fallbacks` of a request.
    pub fn list(mut self, list: List, hops: impl IntoIterator<Item = Hop<B>>) -> Self {
        self.hops.lists[list as usize] = Some(hops.into_iter().collect());
        self
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

    pub(crate) const fn hops(&self) -> &OwnHops<B> {
        &self.hops
    }

    pub(crate) const fn most(&self) -> Option<u32> {
        self.max
    }

    pub(crate) fn into_parts(self) -> (OwnHops<B>, Option<u32>) {
        (self.hops, self.max)
    }
}

// ===== impl OwnHops =====

impl<B> OwnHops<B> {
    /// Where the request goes after the failures of `list`; `None` where it does not say.
    pub(crate) fn of(&self, list: List) -> Option<&[Hop<B>]> {
        let hops = self.lists[list as usize].as_ref().or(self.any.as_ref())?;
        Some(hops)
    }

    /// The same, to take from.
    pub(crate) fn of_mut(&mut self, list: List) -> Option<&mut Vec<Hop<B>>> {
        let hops = self.lists[list as usize].as_mut();
        hops.or(self.any.as_mut())
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
