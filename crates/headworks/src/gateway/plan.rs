use super::policy;
use headworks_config::Config;
use headworks_core::Group;
use headworks_fallback::Fallbacks;
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
    /// As the configuration has it.
    retries: u32,
    /// What failures of one class may be given, whatever the request asks for.
    by_class: u32,
}

/// The plan of every group, in the order of the configuration, and of a name that is none.
#[derive(Debug)]
pub(super) struct Plans {
    all: Vec<GroupPlan>,
    places: HashMap<Group, usize>,
    unknown: GroupPlan,
}

// ===== impl GroupPlan =====

impl GroupPlan {
    /// The plan for `group`: how many retries it may come to is what the most generous of the groups allows
    /// that it may come to, for all of them together.
    fn new(config: &Config, fallbacks: &Fallbacks, group: &Group) -> Self {
        let plan = fallbacks.plan(group);
        let most = |of: fn(&Config, &Group) -> u32| {
            let others = plan.groups().iter().map(|other| of(config, other));
            others.fold(of(config, group), u32::max)
        };
        Self {
            group: group.clone(),
            retries: most(policy::most_retries),
            by_class: most(policy::most_by_class),
            fallbacks: plan,
        }
    }

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
            None => self.retries,
            Some(0) => 0,
            Some(number) => number.max(self.by_class),
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
    /// and one for each further group.
    #[must_use]
    pub fn attempts(&self, num_retries: Option<u32>) -> u32 {
        self.fallbacks.longest(self.retries(num_retries))
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

// ===== impl Plans =====

impl Plans {
    /// The plans of a configuration, by the `fallbacks` made of it.
    pub(super) fn new(config: &Config, fallbacks: &Fallbacks) -> Self {
        let mut all = Vec::new();
        let mut places = HashMap::new();
        for deployment in &config.deployments {
            let group = &deployment.group;
            places.entry(group.clone()).or_insert_with(|| {
                all.push(GroupPlan::new(config, fallbacks, group));
                all.len() - 1
            });
        }
        Self {
            all,
            places,
            unknown: GroupPlan::new(config, fallbacks, &Group::from("")),
        }
    }

    /// That of `group`; of a name nobody knows, where its fallbacks may take it.
    pub(super) fn of(&self, group: &Group) -> &GroupPlan {
        self.find(group).unwrap_or(&self.unknown)
    }

    pub(super) fn find(&self, group: &str) -> Option<&GroupPlan> {
        self.places.get(group).map(|place| &self.all[*place])
    }

    pub(super) fn all(&self) -> &[GroupPlan] {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            self::plans("num_retries: 0").of(&"b".into()).attempts(None),
            1
        );
    }

    #[test]
    fn a_request_that_asks_for_none_has_none_and_a_class_keeps_its_own() {
        let plans = plans("num_retries: 0, retry_policy: {RateLimitErrorRetries: 3}");
        let plan = plans.of(&"b".into());
        assert_eq!(
            [None, Some(0), Some(1), Some(7)].map(|n| plan.attempts(n)),
            [4, 1, 4, 8]
        );
        assert_eq!(plans.of(&"a".into()).retries(None), 4);
    }

    #[test]
    fn a_name_that_nobody_knows_has_the_plan_of_its_fallbacks() {
        let plans = plans("num_retries: 0, default_fallbacks: [a, b]");
        assert_eq!(plans.of(&"z".into()).retries(None), 4);
        assert!(plans.find("z").is_none());
    }
}
