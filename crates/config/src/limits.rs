use crate::{
    RoutingStrategy, check,
    read::{Field, Section},
    report::Report,
    yaml::{Node, Value},
};
use std::time::Duration;

/// What the limits of a deployment (`rpm`, `tpm` and the others) are for: `headworks.limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limits {
    /// They are shares: `weigh`. So many requests go there in proportion, and nothing is refused.
    Weigh,
    /// They are kept: `enforce`. What would go beyond them goes elsewhere, or is refused.
    Enforce,
    /// They are kept, and where none is set that which the provider tells of in its headers is: `learn`.
    Learn,
}

/// What decides what limits are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitsBy {
    /// `headworks.limits`.
    Setting,
    /// `enforce_model_rate_limits` among the `optional_pre_call_checks`.
    Check,
    /// `routing_strategy`: where nothing else asks for them to be kept.
    Strategy(RoutingStrategy),
}

/// How the minutes are counted that limits are for: `headworks.minute`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Minute {
    /// The last sixty seconds, whenever they are looked at: `sliding`. No minute there is sees more than the limit.
    #[default]
    Sliding,
    /// The minute on the clock: `fixed`, `LiteLLM`'s, for a provider that counts so. Around its edge twice the limit
    /// goes through within seconds.
    Fixed,
}

/// How instances share what they keep over Redis: `headworks.redis`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    /// How many instances there are taken to be when Redis is silent. Default: as many as it had told of, and two
    /// before it has told of any.
    pub replicas: Option<u32>,
    /// What an instance does when Redis is silent.
    pub when_silent: WhenSilent,
    /// How long a request waits until Redis has decided on it: a millisecond to a second. Default: none, by which
    /// each instance decides by what it holds, and no request waits.
    pub strict_within: Option<Duration>,
}

/// What an instance does when Redis is silent: `headworks.redis.when_silent`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WhenSilent {
    /// It admits its part of each limit, one of `replicas` or of as many as Redis had told of: `share`.
    #[default]
    Share,
    /// It admits all of each limit, as if there were no others: `open`.
    Open,
    /// It admits nothing that is limited: `closed`.
    Closed,
}

// ===== impl Limits =====

impl Limits {
    pub(crate) fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        field.word(
            &[
                ("weigh", Self::Weigh),
                ("enforce", Self::Enforce),
                ("learn", Self::Learn),
            ],
            report,
        )
    }
}

// ===== impl Minute =====

impl Minute {
    pub(crate) fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        field.word(
            &[("sliding", Self::Sliding), ("fixed", Self::Fixed)],
            report,
        )
    }
}

// ===== impl Sharing =====

impl Sharing {
    pub(crate) fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        let section = field.section("headworks.redis", report)?;
        check::keys(&section, report);
        let replicas = section.get("replicas").and_then(|field| {
            let replicas: u32 = field.small(report, "a number of instances, 1 or more")?;
            if replicas == 0 {
                field.refuse(report, "a number of instances, 1 or more", "");
            }
            (replicas > 0).then_some(replicas)
        });
        Some(Self {
            replicas,
            when_silent: section
                .get("when_silent")
                .and_then(|field| WhenSilent::read(&field, report))
                .unwrap_or_default(),
            strict_within: section.get("strict_within").and_then(|field| {
                const ACCEPTED: &str = "a number of seconds from 0.001 to 1";
                let accept = |seconds: f64| (0.001..=1.0).contains(&seconds);
                field
                    .number(report, ACCEPTED, accept)
                    .map(Duration::from_secs_f64)
            }),
        })
    }

    /// The part of a limit that an instance keeps to when Redis is silent, if `replicas` says how large it is.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        self.replicas.map(|replicas| 1.0 / f64::from(replicas))
    }
}

// ===== impl WhenSilent =====

impl WhenSilent {
    fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        field.word(
            &[
                ("share", Self::Share),
                ("open", Self::Open),
                ("closed", Self::Closed),
            ],
            report,
        )
    }
}

/// True if `optional_pre_call_checks` has `enforce_model_rate_limits`.
pub(crate) fn asked_for(router: &Section<'_>) -> bool {
    let list = router.get("optional_pre_call_checks");
    // What is wrong with the list is reported by whoever reads the affinities in it.
    let Some(Value::List(items)) = list.map(|list| &list.node.value) else {
        return false;
    };
    let mut scalars = items.iter().filter_map(Node::as_scalar);
    scalars.any(|scalar| scalar.text() == ENFORCE)
}

/// The name of the check by which `LiteLLM` keeps limits.
pub(crate) const ENFORCE: &str = "enforce_model_rate_limits";

/// `daily_reset_time`: `HH:MM`, after midnight UTC.
pub(crate) fn time_of_day(field: &Field<'_>, report: &mut Report) -> Option<Duration> {
    let text = field.string(report)?;
    let number = |text: &str, below: u64| {
        let number: u64 = text.parse().ok()?;
        (text.len() == 2 && number < below).then_some(number)
    };
    let parts = text.split_once(':');
    let time = parts.and_then(|(hours, minutes)| Some((number(hours, 24)?, number(minutes, 60)?)));
    let Some((hours, minutes)) = time else {
        field.refuse(
            report,
            "a time of day, as \"07:30\", in UTC",
            "two digits of hours, two of minutes, in quotes",
        );
        return None;
    };
    Some(Duration::from_secs((hours * 60 + minutes) * 60))
}
