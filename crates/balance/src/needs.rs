use crate::{Members, Params};
use headworks_core::{DeploymentId, Reason, Why};
use std::sync::Arc;

/// The tag of those who take requests that match nobody else.
const DEFAULT: &str = "default";

/// What a request needs of a deployment, beyond one that takes requests.
///
/// An extension of the request, made by whoever has read it. What is not set excludes nobody.
///
/// ```
/// use headworks_balance::{Needs, TagMatch, Tags};
///
/// let mut needs = Needs::default();
/// needs.tags = Some(Tags::new(["paid", "!slow"], TagMatch::Any));
/// needs.input_tokens = Some(120_000);
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(needs);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Needs {
    /// The tags to choose by.
    pub tags: Option<Tags>,
    /// How long the prompt is thought to be, in tokens: whoever says that it takes less is out.
    pub input_tokens: Option<u64>,
    /// How long the prompt is at the least, where its length is an estimate. If nobody in the group takes
    /// [`input_tokens`](Self::input_tokens), whoever says that it takes less than this is out, and the others
    /// may try. Default: the same as `input_tokens`.
    pub least_input_tokens: Option<u64>,
    /// Where it must be: whoever is elsewhere, or does not say, is out.
    pub region: Option<Arc<str>>,
    /// Its tier, instead of the lowest that has a candidate.
    pub order: Option<i64>,
}

/// The tags of a request.
///
/// A deployment matches if it has one of the plain tags, or all of them (see [`TagMatch`]), each that begins
/// with `&`, and none that begins with `!`. If no deployment of the group matches, those tagged `default`
/// do. A request with no tags goes to those tagged `default`, or to all if there are none. These are the
/// rules of `LiteLLM`'s tag routing, but that a deployment which matches and rests is still a match: the
/// request does not go to the default ones for that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    plain: Vec<Box<str>>,
    required: Vec<Box<str>>,
    excluded: Vec<Box<str>>,
    matching: TagMatch,
    fail_open: bool,
}

/// How many of a request's plain tags a deployment must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagMatch {
    /// One. The default.
    #[default]
    Any,
    /// All.
    All,
}

/// Where a request belongs: the one deployment that has what it refers to, the response it goes on from for
/// one.
///
/// An extension of the request. It goes there, whatever the strategy and the
/// [`order`](crate::Params::order), if that deployment is in the group, may take the request, and has not
/// failed it; otherwise it is chosen for like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned(pub DeploymentId);

/// The needs of a request, in view of a group.
#[derive(Clone, Debug)]
pub(crate) struct Fit<'a> {
    needs: &'a Needs,
    tagged: Tagged<'a>,
    /// What a context window must hold.
    input_tokens: Option<u64>,
}

/// Which members the tags of a request leave.
#[derive(Clone, Debug)]
enum Tagged<'a> {
    All,
    Matching(&'a Tags),
    Default,
}

// ===== impl Tags =====

impl Tags {
    /// These tags, with their `&` and `!`.
    #[must_use]
    pub fn new<'a>(tags: impl IntoIterator<Item = &'a str>, matching: TagMatch) -> Self {
        let mut all = Self {
            matching,
            ..Self::default()
        };
        for tag in tags {
            let (kind, tag) = match tag.split_at_checked(1) {
                Some(("&", tag)) => (&mut all.required, tag),
                Some(("!", tag)) => (&mut all.excluded, tag),
                _ => (&mut all.plain, tag),
            };
            kind.push(tag.into());
        }
        all
    }

    /// Whether all deployments will do if none matches and none is tagged `default`. Default: no.
    ///
    /// Where a group knows some of the `&` tags and has a deployment with all of these, the others are the
    /// caller's invention, which opens nothing: `LiteLLM`'s rule for `allow_fail_open`.
    #[must_use]
    pub const fn fail_open(mut self, fail_open: bool) -> Self {
        self.fail_open = fail_open;
        self
    }

    /// True if all deployments of `members` will do, none of which matches.
    fn opens(&self, members: &Members) -> bool {
        let anybody = |has: &dyn Fn(&[Box<str>]) -> bool| {
            members.iter().any(|member| has(&member.params().tags))
        };
        let required = self.required.iter();
        let known = required.filter(|tag| anybody(&|tags| tags.contains(tag)));
        let known: Vec<_> = known.collect();
        let hides_an_answer = !known.is_empty()
            && known.len() < self.required.len()
            && anybody(&|tags| {
                known.iter().all(|tag| tags.contains(tag))
                    && !self.excluded.iter().any(|tag| tags.contains(tag))
            });
        self.fail_open && !hides_an_answer
    }

    const fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.required.is_empty() && self.excluded.is_empty()
    }

    fn match_with(&self, tags: &[Box<str>]) -> bool {
        let any = |of: &[Box<str>]| of.iter().any(|tag| tags.contains(tag));
        let all = |of: &[Box<str>]| of.iter().all(|tag| tags.contains(tag));
        let plain = match self.matching {
            TagMatch::Any => self.plain.is_empty() || any(&self.plain),
            TagMatch::All => all(&self.plain),
        };
        plain && all(&self.required) && !any(&self.excluded)
    }
}

// ===== impl Pinned =====

impl Pinned {
    /// The words for it in the ledger.
    pub const WHY: Why = Why::new("pinned");
}

// ===== impl Fit =====

impl<'a> Fit<'a> {
    pub(crate) fn new(needs: &'a Needs, members: &Members) -> Self {
        let any = |is_it: &dyn Fn(&[Box<str>]) -> bool| {
            members.iter().any(|member| is_it(&member.params().tags))
        };
        let tagged = match &needs.tags {
            None => Tagged::All,
            Some(tags) if !tags.is_empty() && any(&|of| tags.match_with(of)) => {
                Tagged::Matching(tags)
            }
            Some(_) if any(&is_default) => Tagged::Default,
            Some(tags) if tags.is_empty() || tags.opens(members) => Tagged::All,
            Some(tags) => Tagged::Matching(tags),
        };
        Self {
            needs,
            tagged,
            input_tokens: input_tokens(needs, members),
        }
    }

    pub(crate) const fn order(&self) -> Option<i64> {
        self.needs.order
    }

    /// `Ok` if a deployment is what is needed.
    pub(crate) fn check(&self, params: &Params) -> Result<(), Reason> {
        let tags_match = match self.tagged {
            Tagged::All => true,
            Tagged::Matching(tags) => tags.match_with(&params.tags),
            Tagged::Default => is_default(&params.tags),
        };
        if !tags_match {
            return Err(Reason::Tags);
        }
        if !takes(params, self.input_tokens) {
            return Err(Reason::ContextWindow);
        }
        match &self.needs.region {
            Some(region) if params.region.as_ref() != Some(region) => Err(Reason::Region),
            _ => Ok(()),
        }
    }

    /// True if it is certain at a glance that everybody is what is needed.
    pub(crate) fn excludes_nobody(&self, members: &Members) -> bool {
        let length = self.input_tokens.unwrap_or_default();
        matches!(self.tagged, Tagged::All)
            && self.needs.region.is_none()
            && members.shortest_window().is_none_or(|max| length <= max)
    }
}

/// What a context window must hold: what the prompt is thought to be long, if anybody takes that, else what it
/// is at the least.
fn input_tokens(needs: &Needs, members: &Members) -> Option<u64> {
    let fits_all = |length| members.shortest_window().is_none_or(|max| length <= max);
    match (needs.input_tokens, needs.least_input_tokens) {
        (Some(thought), Some(least)) if !fits_all(thought) => {
            let somebody = members.iter().any(|m| takes(m.params(), Some(thought)));
            Some(if somebody { thought } else { least })
        }
        (thought, least) => thought.or(least),
    }
}

/// True if a prompt of this length fits its context window, as far as that is known.
fn takes(params: &Params, length: Option<u64>) -> bool {
    let (Some(length), Some(max)) = (length, params.max_input_tokens) else {
        return true;
    };
    length <= max
}

fn is_default(tags: &[Box<str>]) -> bool {
    tags.iter().any(|tag| **tag == *DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Endpoint, picker::test_util::members};

    /// Who is left, as a string of ids.
    fn left(needs: &Needs, group: &Members) -> String {
        let fit = Fit::new(needs, group);
        let fits = group
            .iter()
            .filter(|member| fit.check(member.params()).is_ok());
        fits.map(|member| member.id().as_str()).collect()
    }

    fn tagged(tags: &[&str], matching: TagMatch) -> Needs {
        Needs {
            tags: Some(Tags::new(tags.iter().copied(), matching)),
            ..Needs::default()
        }
    }

    #[test]
    fn tags_choose_as_in_litellm() {
        let with_default = members([
            Endpoint::new("a", ()).tags(["free", "fast"]),
            Endpoint::new("b", ()).tags(["paid"]),
            Endpoint::new("c", ()).tags(["default", "paid", "fast"]),
            Endpoint::new("d", ()),
        ]);
        for (tags, any, all) in [
            (&["free"][..], "a", "a"),
            (&["fast", "paid"], "abc", "c"),
            (&["paid", "!default"], "b", "b"),
            (&["&fast", "paid"], "c", "c"),
            (&["&fast"], "ac", "ac"),
            (&["!paid"], "ad", "ad"),
            (&["nobody's"], "c", "c"),
            (&["free", "nobody's"], "a", "c"),
            (&[], "c", "c"),
        ] {
            assert_eq!(
                left(&tagged(tags, TagMatch::Any), &with_default),
                any,
                "{tags:?}"
            );
            assert_eq!(
                left(&tagged(tags, TagMatch::All), &with_default),
                all,
                "{tags:?}"
            );
        }
        assert_eq!(left(&Needs::default(), &with_default), "abcd");

        let without_default = members([
            Endpoint::new("a", ()).tags(["free"]),
            Endpoint::new("b", ()),
        ]);
        assert_eq!(left(&tagged(&[], TagMatch::Any), &without_default), "ab");
        assert_eq!(
            left(&tagged(&["paid"], TagMatch::Any), &without_default),
            ""
        );
    }

    #[test]
    fn where_tags_fail_open_all_will_do_unless_a_tag_was_made_up() {
        let group = members([
            Endpoint::new("a", ()).tags(["eu", "fast"]),
            Endpoint::new("b", ()).tags(["us"]),
        ]);
        let open = |tags: &[&str]| Needs {
            tags: Some(Tags::new(tags.iter().copied(), TagMatch::Any).fail_open(true)),
            ..Needs::default()
        };
        for (tags, fit) in [
            (&["us"][..], "b"),
            (&["nobody's"], "ab"),
            (&["&nobody's"], "ab"),
            (&["&eu", "&us"], "ab"),
            (&["&eu", "&nobody's"], ""),
            (&["&eu", "&nobody's", "!fast"], "ab"),
        ] {
            assert_eq!(left(&open(tags), &group), fit, "{tags:?}");
        }
    }

    #[test]
    fn a_context_window_that_is_not_known_takes_any_prompt() {
        let group = members([
            Endpoint::new("a", ()).max_input_tokens(1000),
            Endpoint::new("b", ()),
        ]);
        let needs = |tokens| Needs {
            input_tokens: Some(tokens),
            ..Needs::default()
        };
        assert_eq!(left(&needs(1000), &group), "ab");
        assert_eq!(left(&needs(1001), &group), "b");
        assert!(Fit::new(&needs(1000), &group).excludes_nobody(&group));
        assert!(!Fit::new(&needs(1001), &group).excludes_nobody(&group));
    }

    #[test]
    fn an_estimate_excludes_those_it_does_not_fit_if_it_fits_anybody_else_what_is_certain_does() {
        let needs = |thought, least| Needs {
            input_tokens: Some(thought),
            least_input_tokens: Some(least),
            ..Needs::default()
        };
        let two = members([
            Endpoint::new("a", ()).max_input_tokens(1000),
            Endpoint::new("b", ()).max_input_tokens(4000),
        ]);
        for (thought, least, fit) in [
            (1000, 500, "ab"),
            (1001, 500, "b"),
            (4001, 1000, "ab"),
            (4001, 1001, "b"),
            (9000, 4001, ""),
        ] {
            assert_eq!(left(&needs(thought, least), &two), fit, "{thought} {least}");
        }
        let unknown = members([
            Endpoint::new("a", ()).max_input_tokens(1000),
            Endpoint::new("b", ()),
        ]);
        assert_eq!(left(&needs(1001, 500), &unknown), "b");
    }

    #[test]
    fn a_region_that_is_not_known_is_not_the_one() {
        let group = members([
            Endpoint::new("a", ()).region("eu"),
            Endpoint::new("b", ()).region("us"),
            Endpoint::new("c", ()),
        ]);
        let needs = Needs {
            region: Some("eu".into()),
            ..Needs::default()
        };
        assert_eq!(left(&needs, &group), "a");
        assert!(!Fit::new(&needs, &group).excludes_nobody(&group));
        assert!(Fit::new(&Needs::default(), &group).excludes_nobody(&group));
    }
}
