//! What the configuration says of failures, in the words of the layers: `LiteLLM`'s classes of errors become
//! outcomes.

use headworks_balance::{self as balance, Balance, WaitPolicy};
use headworks_breaker::{BreakerPolicy, Rule};
use headworks_config::{
    AllowedFailsPolicy, Config, Deployment, RetryPolicy as Classes, WhenAllRest,
};
use headworks_core::{Group, Outcome, Reason, Verdict};
use headworks_limit::Quota;
use headworks_retry::{Backoff, Budget, Further, RetryPolicy};
use std::time::Duration;
use tokio::time::Instant;

/// When a deployment is rested, and for how long.
pub(super) fn breaker(config: &Config, deployment: &Deployment) -> BreakerPolicy {
    let cooldown = config.cooldown(deployment);
    let Some(time) = cooldown.time else {
        return BreakerPolicy::never();
    };
    let mut policy = BreakerPolicy::new()
        .cooldown(time)
        .longest_hint(config.headworks.longest_hint)
        .lone(is_lone(config, deployment));
    if let Some(fails) = cooldown.allowed_fails {
        // LiteLLM counts them for as long as the cooldown lasts.
        policy = policy.allowed_fails(fails).window(time);
    }
    allowed(&cooldown.policy)
        .into_iter()
        .filter_map(|(outcome, fails)| Some((outcome, fails?)))
        .fold(policy, |policy, (outcome, fails)| {
            policy.rule(outcome, Rule::Allowed(fails))
        })
}

/// True if nobody can stand in for a deployment, which is then never taken out as a whole.
pub(super) fn is_lone(config: &Config, deployment: &Deployment) -> bool {
    let members = config.deployments.iter();
    let members = members.filter(|other| other.group == deployment.group);
    let fallbacks = config.fallbacks();
    let mut general = fallbacks.general.iter();
    let group = deployment.group.as_str();
    let has_fallback =
        !fallbacks.default.is_empty() || general.any(|fallback| fallback.group == group);
    members.count() == 1 && !has_fallback
}

/// The longest that the limits of a deployment are believed to be used up for when its provider says so, though its
/// breaker never rests because nobody can stand in: an account that it shares, or that is kept to its limits, is
/// not asked for more. `None` where the breaker decides, or nothing is to rest.
pub(super) fn rests_by_hint(config: &Config, deployment: &Deployment) -> Option<Duration> {
    let is_asked_for = config.keeps_limits() || deployment.info.quota_group.is_some();
    let may_rest = config.cooldown(deployment).time.is_some();
    (is_asked_for && may_rest && is_lone(config, deployment))
        .then_some(config.headworks.longest_hint)
}

/// How long the provider says that its limits are used up for, as much of it as is believed.
///
/// `None` where the `quota` rests for about as long already: of requests that were under way together each is told to
/// wait from its own answer on, and a rest that the last of them prolonged would keep out the others when they are
/// back at the time that they were told.
pub(super) fn used_up(verdict: Verdict, longest: Duration, quota: &Quota) -> Option<Duration> {
    /// Providers say when to come back in whole seconds.
    const ROUNDED: Duration = Duration::from_secs(1);
    let hint = verdict
        .hint
        .filter(|_| verdict.outcome == Outcome::RateLimited);
    let wait = hint?.wait().min(longest);
    let rests = match quota.standing(Instant::now()) {
        Err(Reason::Resting(left)) => left + ROUNDED,
        _ => Duration::ZERO,
    };
    (wait > rests).then_some(wait)
}

/// What becomes of a request when no deployment takes it: whether it waits, and whether one that rests is asked.
pub(super) fn when_nobody_takes_it<S>(config: &Config, balance: Balance<S>) -> Balance<S> {
    let own = &config.headworks;
    let balance = balance.when_all_rest(match own.when_all_rest {
        WhenAllRest::Refuse => balance::WhenAllRest::Refuse,
        WhenAllRest::LeastBad => balance::WhenAllRest::LeastBad,
    });
    match own.queue {
        Some(queue) => {
            let max = usize::try_from(queue.max).unwrap_or(usize::MAX);
            balance.wait(WaitPolicy::new(queue.wait).at_most(max))
        }
        None => balance,
    }
}

/// How often is tried again, after which answers.
pub(super) fn retries(config: &Config) -> RetryPolicy {
    let backoff = Backoff::new();
    let backoff = match config.router.retry_after {
        Some(shortest) => backoff.shortest(shortest),
        None => backoff,
    };
    let number = config.num_retries();
    let mut policy =
        RetryPolicy::new(further(number, &config.router.retry_policy)).backoff(backoff);
    for group in &config.router.model_group_retry_policy {
        policy = policy.group(group.group.as_str(), further(number, &group.policy));
    }
    for deployment in &config.deployments {
        if let Some(number) = deployment.num_retries {
            policy = policy.deployment(deployment.id.clone(), number);
        }
    }
    match config.headworks.retry_budget {
        Some(budget) => policy.budget(Budget::new(budget.share, budget.floor_per_minute)),
        None => policy,
    }
}

/// The most retries of a request for `group` that may follow failures there, as the configuration has it.
pub(super) fn most_retries(config: &Config, group: &Group) -> u32 {
    let members = config.deployments.iter();
    let members = members.filter(|deployment| deployment.group == *group);
    let number = config.num_retries();
    let numbers = members.map(|deployment| deployment.num_retries.unwrap_or(number));
    numbers.fold(most_by_class(config, group), u32::max)
}

/// The most retries that failures of one class may be given there, whatever the request asks for.
pub(super) fn most_by_class(config: &Config, group: &Group) -> u32 {
    let mut own = config.router.model_group_retry_policy.iter();
    let own = own.find(|own| own.group == group.as_str());
    let classes = own.map_or(&config.router.retry_policy, |own| &own.policy);
    let numbers = numbers(classes).into_iter();
    numbers.filter_map(|(_, number)| number).max().unwrap_or(0)
}

fn further(number: u32, classes: &Classes) -> Further {
    numbers(classes)
        .into_iter()
        .filter_map(|(outcome, number)| Some((outcome, number?)))
        .fold(Further::new(number), |further, (outcome, number)| {
            further.after(outcome, number)
        })
}

/// The number each outcome is given, of which several may go by one class: that of 500 stands for whatever
/// the provider did wrong, as `LiteLLM` makes a broken connection a 500.
fn numbers(classes: &Classes) -> [(Outcome, Option<u32>); 10] {
    let or_default = |number: Option<u32>| number.or(classes.default);
    [
        (Outcome::CallerFault, or_default(classes.bad_request)),
        (Outcome::Auth, or_default(classes.authentication)),
        (Outcome::Timeout, or_default(classes.timeout)),
        (Outcome::RateLimited, or_default(classes.rate_limit)),
        (
            Outcome::ContentRefused,
            or_default(classes.content_policy.or(classes.bad_request)),
        ),
        (Outcome::ContextTooLong, or_default(classes.bad_request)),
        (Outcome::ServerFault, or_default(classes.internal_server)),
        (Outcome::Transport, or_default(classes.internal_server)),
        (Outcome::Capacity, or_default(classes.service_unavailable)),
        (Outcome::Misconfigured, or_default(classes.not_found)),
    ]
}

fn allowed(classes: &AllowedFailsPolicy) -> [(Outcome, Option<u32>); 9] {
    let server = classes.internal_server.or(classes.bad_gateway);
    [
        (Outcome::CallerFault, classes.bad_request),
        (Outcome::Auth, classes.authentication),
        (Outcome::Timeout, classes.timeout),
        (Outcome::RateLimited, classes.rate_limit),
        (Outcome::ContentRefused, classes.content_policy),
        (Outcome::ServerFault, server),
        (Outcome::Transport, server),
        (Outcome::Capacity, classes.service_unavailable),
        (Outcome::Misconfigured, classes.not_found),
    ]
}

/// How deployments are checked.
pub(super) fn health(config: &Config) -> crate::health::HealthPolicy {
    let checks = &config.health_checks;
    let policy = crate::health::HealthPolicy::new()
        .background(checks.background)
        .interval(checks.interval)
        .routing(checks.routing)
        .ignore_transient(checks.ignore_transient_errors)
        // Twice the interval is what the configuration says where the file says nothing; the policy's own
        // default is never shorter, and leaves a check that hangs its time.
        .stale_after(
            (checks.staleness_threshold != checks.interval * 2)
                .then_some(checks.staleness_threshold),
        );
    match checks.concurrency {
        Some(most) => policy.concurrency(usize::try_from(most).unwrap_or(usize::MAX)),
        None => policy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headworks_core::Hint;

    fn config(router: &str) -> Config {
        let text = format!(
            "model_list:\n\
             - {{model_name: m, litellm_params: {{model: openai/a, api_key: a}}}}\n\
             - {{model_name: m, litellm_params: {{model: openai/b, api_key: b}}}}\n\
             - {{model_name: lone, litellm_params: {{model: openai/c, api_key: c}}}}\n\
             router_settings: {{{router}}}"
        );
        Config::parse(&text, "config.yaml").unwrap().config
    }

    fn breaker_of(config: &Config, group: &str) -> BreakerPolicy {
        let mut deployments = config.deployments.iter();
        let deployment = deployments.find(|d| d.group.as_str() == group).unwrap();
        breaker(config, deployment)
    }

    /// The breaker's own, but for the longest hint, of which there is one.
    fn usual() -> BreakerPolicy {
        BreakerPolicy::new().longest_hint(Hint::LONGEST)
    }

    #[test]
    fn the_defaults_are_the_breakers_own_and_litellms_five_seconds() {
        let config = config("num_retries: 2");
        assert_eq!(breaker_of(&config, "m"), usual());
        assert_eq!(breaker_of(&config, "lone"), usual().lone(true));
    }

    #[test]
    fn a_fallback_lets_a_lone_deployment_rest() {
        let config = config("fallbacks: [{lone: [m]}]");
        assert_eq!(breaker_of(&config, "lone"), usual());
    }

    #[test]
    fn allowed_fails_are_counted_for_as_long_as_the_cooldown() {
        use std::time::Duration;
        let config = config(
            "allowed_fails: 3, cooldown_time: 30, allowed_fails_policy: {TimeoutErrorAllowedFails: 1}",
        );
        let thirty = Duration::from_secs(30);
        let expected = usual()
            .cooldown(thirty)
            .allowed_fails(3)
            .window(thirty)
            .rule(Outcome::Timeout, Rule::Allowed(1));
        assert_eq!(breaker_of(&config, "m"), expected);
        let off = self::config("disable_cooldowns: true");
        assert_eq!(breaker_of(&off, "m"), BreakerPolicy::never());
    }

    #[tokio::test(start_paused = true)]
    async fn of_those_that_are_told_to_wait_at_once_the_last_does_not_keep_out_the_first() {
        let seconds = Duration::from_secs;
        let quota = Quota::new(headworks_limit::Limits::new().rpm(60));
        let told = |wait| {
            let hint = Some(Hint::after(seconds(wait)));
            let outcome = Outcome::RateLimited;
            let rest = used_up(Verdict { outcome, hint }, seconds(60), &quota);
            quota.rest(rest.unwrap_or_default(), Instant::now());
            rest
        };
        assert_eq!(told(5), Some(seconds(5)));
        tokio::time::advance(seconds(1)).await;
        assert_eq!(told(5), None);
        assert_eq!(told(6), Some(seconds(6)), "longer than by a rounding");
        tokio::time::advance(seconds(6)).await;
        assert!(quota.standing(Instant::now()).is_ok());
        assert_eq!(told(100), Some(seconds(60)), "as long as is believed");
        let other = Verdict {
            hint: Some(Hint::after(seconds(90))),
            outcome: Outcome::Capacity,
        };
        assert_eq!(used_up(other, seconds(60), &quota), None);
    }

    #[test]
    fn a_class_of_errors_has_its_own_number_of_retries() {
        let config = config(
            "num_retries: 1, retry_policy: {RateLimitErrorRetries: 4, TimeoutErrorRetries: 0}",
        );
        let policy = further(1, &config.router.retry_policy);
        let expected = Further::new(1)
            .after(Outcome::Timeout, 0)
            .after(Outcome::RateLimited, 4);
        assert_eq!(policy, expected);
        assert_eq!(most_retries(&config, &"m".into()), 4);
        assert_eq!(most_by_class(&config, &"m".into()), 4);
    }
}
