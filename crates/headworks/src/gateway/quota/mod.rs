//! The limits of deployments: from what the configuration says to the quota each goes by.

mod cost;
mod left;
mod said;
#[cfg(not(feature = "tokenizer"))]
#[path = "no_sample.rs"]
mod sample;
#[cfg(feature = "tokenizer")]
mod sample;
mod sharing;

pub use said::LimitPlan;

pub(super) use cost::{TokenCost, TokenTally};
pub(super) use left::{Left, Lefts, LeftsBuilder, Rate};
pub(super) use sample::{Sampler, Sampling};
pub(super) use sharing::Sharing;

use super::build::BuildError;
use headworks_config::{Config, Deployment, Limits as What, Problem};
use headworks_limit::{Limits, Minute, Period, Quota, Unit};
use std::{collections::HashMap, sync::Arc};

/// The quotas of all deployments.
#[derive(Debug)]
pub(super) struct Quotas {
    keeps: bool,
    shares: bool,
    /// Of accounts, by what `quota_group` calls them.
    accounts: HashMap<String, Quota>,
    /// All that are to be shared, by the name they have for every instance.
    named: Vec<(Arc<str>, Quota)>,
}

/// The limit of each kind, its name in the configuration, and where it is found.
const KINDS: [Kind; 6] = [
    TOLD[0],
    TOLD[1],
    ("itpm", Unit::InputTokens, Period::Minute, |one| one.itpm),
    ("otpm", Unit::OutputTokens, Period::Minute, |one| one.otpm),
    ("rpd", Unit::Requests, Period::Day, |one| one.rpd),
    ("tpd", Unit::Tokens, Period::Day, |one| one.tpd),
];

/// Those of which a client is told what is left.
const TOLD: [Kind; 2] = [
    ("rpm", Unit::Requests, Period::Minute, |one| one.rpm),
    ("tpm", Unit::Tokens, Period::Minute, |one| one.tpm),
];

type Kind = (&'static str, Unit, Period, fn(&Deployment) -> Option<u64>);

/// What a deployment may say of its account, and its name in the configuration.
type Said = (&'static str, fn(&Deployment) -> Option<u64>);

// ===== impl Quotas =====

impl Quotas {
    /// Makes the quotas of accounts.
    ///
    /// # Errors
    ///
    /// If deployments of one account do not agree on its limits.
    pub(super) fn new(config: &Config) -> Result<Self, BuildError> {
        let mut members: HashMap<&str, Vec<&Deployment>> = HashMap::new();
        for deployment in &config.deployments {
            if let Some(account) = &deployment.info.quota_group {
                members.entry(account).or_default().push(deployment);
            }
        }
        let keeps = config.keeps_limits();
        let mut problems = Vec::new();
        let mut quotas = Self {
            keeps,
            shares: config.redis.is_some(),
            accounts: HashMap::new(),
            named: Vec::new(),
        };
        for (account, members) in members {
            problems.extend(contradictions(account, &members));
            let limits = members.iter().fold(Limits::new(), |limits, one| {
                limits_of(config, one, limits, keeps)
            });
            // What one of them says of the account comes before what is said of all deployments.
            let says = members
                .iter()
                .find(|one| one.max_parallel_requests.is_some());
            let says = says.or(members.first());
            let quota = Quota::new(parallel(limits, config, says.copied()));
            quotas
                .named
                .push((format!("account:{account}").into(), quota.clone()));
            quotas.accounts.insert(account.to_owned(), quota);
        }
        if problems.is_empty() {
            Ok(quotas)
        } else {
            Err(BuildError::Deployments(problems.into_iter().collect()))
        }
    }

    /// The quota of a deployment.
    pub(super) fn of(&mut self, config: &Config, deployment: &Deployment) -> Quota {
        let account = deployment.info.quota_group.as_deref();
        if let Some(quota) = account.and_then(|account| self.accounts.get(account)) {
            return quota.clone();
        }
        let limits = limits_of(config, deployment, Limits::new(), self.keeps);
        // Those of one deployment in one process are the balance's to count.
        let shared = Some(deployment).filter(|_| self.shares);
        let quota = Quota::new(parallel(limits, config, shared));
        let name = format!("deployment:{}", deployment.id);
        self.named.push((name.into(), quota.clone()));
        quota
    }

    /// True if others live off it too: other deployments, or other instances.
    pub(super) fn is_shared(&self, deployment: &Deployment) -> bool {
        self.shares || deployment.info.quota_group.is_some()
    }

    /// True if this quota may ever refuse a request: it has limits, or somebody else may say that it rests.
    pub(super) fn may_refuse(&self, deployment: &Deployment, quota: &Quota) -> bool {
        self.is_shared(deployment) || quota.limits().may_refuse()
    }

    pub(super) fn into_named(self) -> Vec<(Arc<str>, Quota)> {
        self.named
    }
}

/// The limits of one deployment, beside those that others of its account have said.
fn limits_of(config: &Config, deployment: &Deployment, limits: Limits, keeps: bool) -> Limits {
    let mut limits = limits;
    if !deployment.daily_reset_time.is_zero() {
        limits = limits.day_begins(deployment.daily_reset_time);
    }
    // Of what is not kept, that is counted of which a client is told what is left.
    let kinds = if keeps { &KINDS[..] } else { &TOLD[..] };
    for (_, unit, period, of) in kinds {
        if let Some(limit) = of(deployment) {
            limits = limits.rate(*unit, *period, limit);
        }
    }
    limits = limits.advisory(!keeps).minute(minute(config));
    if config.limits().0 == What::Learn {
        limits = limits.learn(true);
    }
    limits
}

/// How minutes are counted.
const fn minute(config: &Config) -> Minute {
    match config.headworks.minute {
        headworks_config::Minute::Sliding => Minute::Sliding,
        headworks_config::Minute::Fixed => Minute::Fixed,
    }
}

/// The same with the requests at a time that go for `deployment`.
fn parallel(limits: Limits, config: &Config, deployment: Option<&Deployment>) -> Limits {
    match deployment.and_then(|one| config.max_parallel_requests(one)) {
        Some(most) => limits.parallel(most),
        None => limits,
    }
}

/// What deployments of one account say of it that cannot all be true.
fn contradictions(account: &str, members: &[&Deployment]) -> Vec<Problem> {
    let rates = KINDS.map(|(name, _, _, of)| (name, of));
    let others: [Said; 2] = [
        ("max_parallel_requests", |one| one.max_parallel_requests),
        ("daily_reset_time", |one| {
            Some(one.daily_reset_time.as_secs()).filter(|time| *time > 0)
        }),
    ];
    let mut problems = Vec::new();
    for (name, of) in rates.into_iter().chain(others) {
        let mut said = members.iter().filter_map(|one| Some((*one, of(one)?)));
        let Some((_, first)) = said.next() else {
            continue;
        };
        if let Some((one, _)) = said.find(|(_, other)| *other != first) {
            let message = format!(
                "deployments of the quota group {account:?} disagree on its `{name}`: it is the account's, so \
                 write the same for all, or for one alone"
            );
            problems.push(Problem::new(&one.at, message));
        }
    }
    problems
}
