use super::policy;
use headworks_config::Config;
use headworks_core::Group;
use headworks_fallback::{Fallbacks, OwnFallbacks};
use std::{collections::HashMap, fmt};

/// What may become of a request for one group, in the worst case.
///
/// Of its own, `Display` says it in a line:
///
/// ```
/// use headworks::{Gateway, config::Config};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), headworks::BoxError> {
/// let config = r#"
/// model_list:
///   - { model_name: gpt-4o, litellm_params: { model: simulated/a } }
///   - { model_name: claude, litellm_params: { model: simulated/b } }
/// router_settings: { num_retries: 3, fallbacks: [{ gpt-4o: [claude] }] }
/// "#;
/// let gateway = Gateway::new(&Config::parse(config, "config.yaml")?.config)?;
/// let plan = gateway.plan("gpt-4o").ok_or("a group")?;
/// assert_eq!(plan.attempts(None), 5);
/// assert_eq!(plan.to_string(), "gpt-4o: 3 retries, then 1 of claude; at most 5 attempts");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPlan {
    group: Group,
    fallbacks: headworks_fallback::Plan,
    /// How many of the groups, the first among them, have deployments to send an attempt to.
    known: Known,
    most: Most,
}

/// What may become of one request, in the worst case: the plan of its group, by what the request says itself
/// (`num_retries`, `fallbacks`, `context_window_fallbacks`, `content_policy_fallbacks`, `disable_fallbacks`,
/// `max_fallbacks`).
///
/// Which retries there are in all is what the most generous of the groups allows that it may come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestPlan {
    asked: Option<u32>,
    retries: u32,
    fallbacks: u32,
    attempts: u32,
}

/// The plan of every group, in the order of the configuration, and of a name that is none.
#[derive(Debug)]
pub(super) struct Plans {
    all: Vec<GroupPlan>,
    places: HashMap<Group, usize>,
    unknown: GroupPlan,
    table: Table,
}

/// What all plans are made of.
#[derive(Debug)]
struct Table {
    fallbacks: Fallbacks,
    most: HashMap<Group, Most>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    first: bool,
    others: u32,
}

/// The most retries that may follow failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Most {
    /// As the configuration has it.
    configured: u32,
    /// What failures of one class may be given, whatever the request asks for.
    by_class: u32,
}

/// The most retries a client may ask for. What the configuration says may be more; that is the operator's.
const MAX_ASKED: u32 = 10;

// ===== impl GroupPlan =====

impl GroupPlan {
    /// The group.
    #[must_use]
    pub const fn group(&self) -> &Group {
        &self.group
    }

    /// The most attempts after the first, in all the groups it comes to together and not counting the first in
    /// each, for a request that asks for so many `num_retries`. One that asks for none has none; any other
    /// number leaves those of a `retry_policy` in place.
    #[must_use]
    pub fn retries(&self, num_retries: Option<u32>) -> u32 {
        match num_retries {
            None => self.most.configured,
            Some(0) => 0,
            Some(number) => number.max(self.most.by_class),
        }
    }

    /// Every other group that it may come to, the nearest first.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        self.fallbacks.groups()
    }

    /// How many of these one request may come to.
    #[must_use]
    pub fn fallbacks(&self) -> u32 {
        self.fallbacks.fallbacks()
    }

    /// The most attempts of one request, as long as it brings no fallbacks of its own: the first, the retries,
    /// and one for each further group. See [`Gateway::plan_of`](super::Gateway::plan_of) for one that does.
    #[must_use]
    pub fn attempts(&self, num_retries: Option<u32>) -> u32 {
        let first = u32::from(self.known.first) + self.known.others.min(self.fallbacks());
        match first {
            // Nobody is ever asked.
            0 => 0,
            first => first.saturating_add(self.retries(num_retries)),
        }
    }

    /// The same for a request that asks for so many retries, or for as many as a client may.
    fn of_request(&self, asked: Option<u32>) -> RequestPlan {
        let most = self.retries(None).max(MAX_ASKED);
        let asked = asked.map(|asked| asked.min(most));
        RequestPlan {
            asked,
            retries: self.retries(asked),
            fallbacks: self.fallbacks(),
            attempts: self.attempts(asked),
        }
    }
}

impl fmt::Display for GroupPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let retries = self.retries(None);
        let s = if retries == 1 { "retry" } else { "retries" };
        write!(f, "{}: {retries} {s}", self.group)?;
        if !self.groups().is_empty() {
            let names: Vec<_> = self.groups().iter().map(Group::as_str).collect();
            write!(f, ", then {} of {}", self.fallbacks(), names.join(", "))?;
        }
        let attempts = self.attempts(None);
        let s = if attempts == 1 { "" } else { "s" };
        write!(f, "; at most {attempts} attempt{s}")
    }
}

// ===== impl RequestPlan =====

impl RequestPlan {
    /// The most attempts after the first, in all groups together and not counting the first in each.
    #[must_use]
    pub const fn retries(self) -> u32 {
        self.retries
    }

    /// The most groups after the first.
    #[must_use]
    pub const fn fallbacks(self) -> u32 {
        self.fallbacks
    }

    /// The most attempts. A group that nobody knows is never sent one, nor counted.
    #[must_use]
    pub const fn attempts(self) -> u32 {
        self.attempts
    }

    /// The `num_retries` the request asks for, as far as that is granted.
    pub(super) const fn asked(self) -> Option<u32> {
        self.asked
    }
}

// ===== impl Plans =====

impl Plans {
    /// The plans of a configuration, by the `fallbacks` made of it.
    pub(super) fn new(config: &Config, fallbacks: &Fallbacks) -> Self {
        let mut groups = Vec::new();
        let mut most = HashMap::new();
        for deployment in &config.deployments {
            let group = &deployment.group;
            most.entry(group.clone()).or_insert_with(|| {
                groups.push(group);
                Most {
                    configured: policy::most_retries(config, group),
                    by_class: policy::most_by_class(config, group),
                }
            });
        }
        let table = Table {
            fallbacks: fallbacks.clone(),
            most,
        };
        let places = groups.iter().enumerate();
        let places = places.map(|(place, group)| (Group::clone(group), place));
        Self {
            places: places.collect(),
            all: groups
                .into_iter()
                .map(|group| table.plan(group, fallbacks.plan(group)))
                .collect(),
            unknown: table.plan(&Group::from(""), fallbacks.plan(&Group::from(""))),
            table,
        }
    }

    /// That of a request for `group`, a name nobody knows among them, which may bring fallbacks of its `own`
    /// and have `asked` for so many retries.
    pub(super) fn of<B>(
        &self,
        group: &Group,
        own: Option<&OwnFallbacks<B>>,
        asked: Option<u32>,
    ) -> RequestPlan {
        match own {
            None => self.find(group).unwrap_or(&self.unknown).of_request(asked),
            Some(own) => {
                let fallbacks = self.table.fallbacks.plan_with(group, own);
                self.table.plan(group, fallbacks).of_request(asked)
            }
        }
    }

    pub(super) fn find(&self, group: &str) -> Option<&GroupPlan> {
        self.places.get(group).map(|place| &self.all[*place])
    }

    pub(super) fn all(&self) -> &[GroupPlan] {
        &self.all
    }
}

// ===== impl Table =====

impl Table {
    /// The plan for `group`: how many retries it may come to is what the most generous of the groups allows
    /// that it may come to, for all of them together.
    fn plan(&self, group: &Group, fallbacks: headworks_fallback::Plan) -> GroupPlan {
        let first = self.most.get(group).copied();
        let others = fallbacks.groups().iter();
        let others: Vec<_> = others
            .filter_map(|other| self.most.get(other).copied())
            .collect();
        GroupPlan {
            group: group.clone(),
            known: Known {
                first: first.is_some(),
                others: u32::try_from(others.len()).unwrap_or(u32::MAX),
            },
            most: others
                .into_iter()
                .fold(first.unwrap_or_default(), Most::max),
            fallbacks,
        }
    }
}

// ===== impl Most =====

impl Most {
    fn max(self, other: Self) -> Self {
        Self {
            configured: self.configured.max(other.configured),
            by_class: self.by_class.max(other.by_class),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headworks_fallback::Hop;

    fn plans(settings: &str) -> Plans {
        let text = format!(
            "model_list:\n\
             - {{model_name: a, litellm_params: {{model: openai/a, api_key: a, num_retries: 4}}}}\n\
             - {{model_name: a, litellm_params: {{model: openai/b, api_key: b}}}}\n\
             - {{model_name: b, litellm_params: {{model: openai/c, api_key: c}}}}\n\
             - {{model_name: c, litellm_params: {{model: openai/d, api_key: d}}}}\n\
             router_settings: {{{settings}}}"
        );
        let config = Config::parse(&text, "config.yaml").unwrap().config;
        let aliases = headworks_alias::Aliases::new([("x", "a")], |_| true).unwrap();
        let is_group = |name: &str| ["a", "b", "c"].contains(&name);
        let fallbacks = super::super::fallbacks::configured(&config, &aliases, is_group).unwrap();
        Plans::new(&config, &fallbacks)
    }

    #[test]
    fn each_group_has_a_line_in_the_order_of_the_file() {
        let plans = plans("num_retries: 1, fallbacks: [{b: [c, a]}, {c: [a]}], max_fallbacks: 1");
        let lines: Vec<_> = plans.all().iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "a: 4 retries; at most 5 attempts",
                "b: 4 retries, then 1 of c, a; at most 6 attempts",
                "c: 4 retries, then 1 of a; at most 6 attempts",
            ]
        );
        assert_eq!(
            bare(&self::plans("num_retries: 0"), "b", None).attempts(),
            1
        );
    }

    fn bare(plans: &Plans, group: &str, asked: Option<u32>) -> RequestPlan {
        plans.of::<()>(&group.into(), None, asked)
    }

    #[test]
    fn a_request_that_asks_for_none_has_none_and_a_class_keeps_its_own() {
        let plans = plans("num_retries: 0, retry_policy: {RateLimitErrorRetries: 3}");
        assert_eq!(
            [None, Some(0), Some(1), Some(7)].map(|n| bare(&plans, "b", n).attempts()),
            [4, 1, 4, 8]
        );
        assert_eq!(bare(&plans, "a", None).retries(), 4);
    }

    #[test]
    fn a_client_asks_for_ten_retries_at_most_or_what_the_configuration_allows() {
        let plans = plans("num_retries: 2");
        assert_eq!(bare(&plans, "b", Some(99)).retries(), 10);
        let generous = self::plans("num_retries: 20");
        assert_eq!(bare(&generous, "b", Some(99)).retries(), 20);
    }

    #[test]
    fn a_name_that_nobody_knows_has_the_plan_of_its_fallbacks_and_is_never_asked_itself() {
        let plans = plans("num_retries: 0, default_fallbacks: [a, b]");
        let plan = bare(&plans, "z", None);
        assert_eq!((plan.retries(), plan.fallbacks()), (4, 2));
        assert_eq!(plan.attempts(), 6);
        assert!(plans.find("z").is_none());
        let none = bare(&self::plans("num_retries: 3"), "z", None);
        assert_eq!(none.attempts(), 0);
    }

    #[test]
    fn a_request_with_fallbacks_of_its_own_has_a_plan_of_its_own() {
        let plans = plans("num_retries: 1, fallbacks: [{b: [a]}], max_fallbacks: 2");
        let of = |own: OwnFallbacks<()>| plans.of(&"b".into(), Some(&own), None);
        let to = |names: &[&str]| OwnFallbacks::to(names.iter().map(|name| Hop::new(*name)));
        // That of the configuration leads to a group whose deployment has four retries.
        assert_eq!(bare(&plans, "b", None).attempts(), 6);
        assert_eq!(of(to(&["c"])).attempts(), 3);
        assert_eq!(of(to(&["c", "a"])).attempts(), 7);
        assert_eq!(of(to(&["gone", "c", "a"])).attempts(), 7);
        assert_eq!(of(OwnFallbacks::disabled()).attempts(), 2);
    }
}
