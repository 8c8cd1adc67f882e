mod entry;

use crate::{
    AllowedFailsPolicy, Location, ModelInfo, NoticeKind, Simulated, check, json,
    location::Mark,
    quote,
    read::{Field, Section, shape},
    report::Report,
    yaml::Value,
};
use entry::Entry;
use headworks_core::{DeploymentId, Group, Secret};
use http::HeaderMap;
use std::{collections::HashMap, time::Duration};

/// One place that can answer for a group: an entry of `model_list`.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// `model_info.id`, or one that follows from the settings: the same after a restart, a reordering, a
    /// changed weight. Unique.
    pub id: DeploymentId,
    /// What it answers for: `model_name`.
    pub group: Group,
    /// The full `provider/name`.
    pub model: String,
    /// The provider, whatever the prefix of `model` says.
    pub custom_llm_provider: Option<String>,
    /// The URL of the upstream: `http://` or `https://`, with a host. It may have a password or a signature in
    /// it; whoever shows it leaves user and query out.
    pub api_base: Option<String>,
    /// The key for the upstream.
    pub api_key: Option<Secret>,
    /// The API version, for Azure.
    pub api_version: Option<String>,
    /// The `OpenAI` organisation. An entry that lists several becomes one deployment for each.
    pub organization: Option<String>,
    /// Requests per minute; from `litellm_params`, else the entry, else `model_info`.
    pub rpm: Option<u64>,
    /// Tokens per minute; looked for in the same places.
    pub tpm: Option<u64>,
    /// Tokens of prompts per minute.
    pub itpm: Option<u64>,
    /// Tokens of answers per minute.
    pub otpm: Option<u64>,
    /// Requests per day.
    pub rpd: Option<u64>,
    /// Tokens per day.
    pub tpd: Option<u64>,
    /// When a day begins, after midnight UTC. Default: then.
    pub daily_reset_time: Duration,
    /// The share of the group's requests, 0 or more.
    pub weight: Option<f64>,
    /// Lower first. From `litellm_params`, else `model_info`.
    pub order: Option<i64>,
    /// Requests at a time. See [`Config::max_parallel_requests`](crate::Config::max_parallel_requests).
    pub max_parallel_requests: Option<u64>,
    /// How long an attempt may take: `timeout`, else `request_timeout`. 0 in the file is `None`.
    pub timeout: Option<Duration>,
    /// The same for streamed answers. 0 in the file is `None`.
    pub stream_timeout: Option<Duration>,
    /// Retries after a failure here. Not honoured yet.
    pub num_retries: Option<u32>,
    /// How long it rests after failures; from `model_info`, else `litellm_params`. Zero is no rest at all, as
    /// in `LiteLLM`. See [`Config::cooldown`](crate::Config::cooldown).
    pub cooldown_time: Option<Duration>,
    /// Failures that are borne; it rests at one more: `model_info.allowed_fails`.
    pub allowed_fails: Option<u32>,
    /// The same by class of error: `model_info.allowed_fails_policy`.
    pub allowed_fails_policy: AllowedFailsPolicy,
    /// For tag routing; those tagged `default` take what matches nobody.
    pub tags: Vec<String>,
    /// The region it stands in. See [`RouterSettings::enable_pre_call_checks`](crate::RouterSettings::enable_pre_call_checks).
    pub region_name: Option<String>,
    /// An answer given without an upstream: text, the name of an error, or a whole response.
    pub mock_response: Option<serde_json::Value>,
    /// Dollars per token of the prompt; from `litellm_params`, else `model_info`.
    pub input_cost_per_token: Option<f64>,
    /// Dollars per token of the answer; from the same places.
    pub output_cost_per_token: Option<f64>,
    /// Added to every upstream request. Values are marked sensitive.
    pub extra_headers: HeaderMap,
    /// Each address of `api_base`'s host is an endpoint of its own: `kubernetes_pod_discovery`. Default: false.
    pub kubernetes_pod_discovery: bool,
    /// How it behaves if it is simulated.
    pub simulated: Option<Simulated>,
    /// What is known of it.
    pub info: ModelInfo,
    /// Where `model` is written.
    pub at: Location,
}

/// A deployment whose id may still clash with another's.
struct Draft {
    deployment: Deployment,
    /// The id that was written, and where.
    explicit: Option<(String, Mark)>,
    /// The id that follows from the settings.
    derived: String,
    /// All of its settings in an order of their own: decides between equal derived ids.
    settings: String,
    /// Where the entry begins.
    mark: Mark,
}

/// `model_list` as far as it could be read.
#[derive(Default)]
pub(crate) struct ModelList {
    pub(crate) deployments: Vec<Deployment>,
    /// The names of the entries that are refused: what points to them points somewhere.
    pub(crate) refused: Vec<String>,
}

// ===== impl Deployment =====

impl Deployment {
    /// What it costs: dollars per token of the prompt and of the answer together, as `LiteLLM`'s
    /// `cost-based-routing` adds them. Of two prices one that is missing is 0, as there is none for the answer
    /// of an embedding; without both there is none.
    #[must_use]
    pub fn cost_per_token(&self) -> Option<f64> {
        match (self.input_cost_per_token, self.output_cost_per_token) {
            (None, None) => None,
            (input, output) => Some(input.unwrap_or(0.0) + output.unwrap_or(0.0)),
        }
    }
}

/// Reads `model_list`.
pub(crate) fn read_list(list: &Field<'_>, report: &mut Report) -> ModelList {
    let items: Vec<_> = list.items(report).collect();
    if items.is_empty() && matches!(list.node.value, Value::List(_)) {
        report.problem(
            list.mark(),
            "`model_list` has no entries",
            "there is nothing to serve",
        );
    }
    let mut drafts = Vec::new();
    let mut refused = Vec::new();
    for item in items {
        let before = drafts.len();
        read_entry(&item, report, &mut drafts);
        let name = item.node.as_map().and_then(|map| map.entry("model_name"));
        if let Some(name) = name.and_then(|entry| entry.value.as_scalar())
            && drafts.len() == before
        {
            refused.push(name.text().to_owned());
        }
    }
    settle_ids(&mut drafts, report);
    ModelList {
        deployments: drafts.into_iter().map(|draft| draft.deployment).collect(),
        refused,
    }
}

const SHAPE: &str = "write `- model_name: gpt-4o`, below it `litellm_params:`, below that \
                     `model: openai/gpt-4o`";

fn read_entry(item: &Field<'_>, report: &mut Report, drafts: &mut Vec<Draft>) {
    let Some(map) = item.node.as_map() else {
        let found = shape(item.node);
        let message = format!("an entry of `model_list` must be a mapping, found {found}");
        report.problem(item.mark(), message, SHAPE);
        return;
    };
    let section = Section {
        path: "model_list[]",
        map,
    };
    check::keys(&section, report);
    let first = map.entries.first();
    let mark = first.map_or(item.mark(), |first| first.key_mark);
    let group = read_group(&section, mark, report);
    let Some((params, model)) = read_params(&section, group, mark, report) else {
        return;
    };
    let info = section.get("model_info");
    let entry = Entry {
        entry: section,
        params,
        info: info.and_then(|field| field.section("model_info", report)),
    };
    let deployment = entry.read(group, model, report);
    let explicit = entry.explicit_id(report);
    let organizations = entry.organizations(report);
    let Some(deployment) = deployment else {
        return;
    };
    let several = organizations.len() > 1;
    for organization in organizations {
        let mut deployment = deployment.clone();
        deployment.organization = organization;
        let explicit = explicit.clone().map(|(id, mark)| {
            // Each organisation has limits of its own, so each is a deployment of its own.
            let own = deployment.organization.as_ref().filter(|_| several);
            (own.map_or(id.clone(), |own| format!("{id}-{own}")), mark)
        });
        drafts.push(Draft {
            derived: entry.identity(&deployment).id(),
            settings: json::sorted(&json::of(item.node)),
            deployment,
            explicit,
            mark,
        });
    }
}

fn read_group<'a>(entry: &Section<'a>, mark: Mark, report: &mut Report) -> Option<&'a str> {
    let Some(field) = entry.get("model_name") else {
        let message = "this entry of `model_list` has no `model_name`";
        report.problem(mark, message, SHAPE);
        return None;
    };
    let name = field.name(report)?;
    if name.contains('*') {
        let message = format!(
            "the wildcard in the `model_name` {} is not honoured yet: it is a name like any other",
            quote(name)
        );
        report.notice(NoticeKind::NotHonoured, field.mark(), message);
    }
    Some(name)
}

/// `litellm_params`, and in it `model` with the place where it is written.
fn read_params<'a>(
    entry: &Section<'a>,
    group: Option<&str>,
    mark: Mark,
    report: &mut Report,
) -> Option<(Section<'a>, Option<(&'a str, Mark)>)> {
    let of = group.map_or(String::new(), |name| format!(" of {}", quote(name)));
    let Some(field) = entry.get("litellm_params") else {
        let message = format!("this entry{of} has no `litellm_params`");
        report.problem(mark, message, SHAPE);
        return None;
    };
    let params = field.section("litellm_params", report)?;
    check::keys(&params, report);
    let Some(model) = params.get("model") else {
        let message = format!("`litellm_params`{of} has no `model`");
        report.problem(field.key_mark, message, "write `model: provider/name`");
        return Some((params, None));
    };
    let name = model
        .name(report)
        .filter(|name| !check::refuse_placeholder(&model, name, report));
    Some((params, name.map(|name| (name, model.mark()))))
}

/// Gives every deployment its id: those written down first, then the derived ones, of which equals are
/// numbered by their settings so that the order of the list does not matter.
fn settle_ids(drafts: &mut [Draft], report: &mut Report) {
    let mut taken = HashMap::<String, Mark>::new();
    for draft in &mut *drafts {
        let Some((id, mark)) = &draft.explicit else {
            continue;
        };
        if let Some(before) = taken.insert(id.clone(), *mark) {
            let message = format!(
                "the id {} is that of the deployment on line {} too",
                quote(id),
                before.line + 1
            );
            report.problem(*mark, message, "every deployment has an id of its own");
        }
        draft.deployment.id = DeploymentId::from(id.as_str());
    }
    let mut derived: Vec<_> = drafts
        .iter_mut()
        .filter(|draft| draft.explicit.is_none())
        .collect();
    derived.sort_by(|one, other| {
        (&one.derived, &one.settings).cmp(&(&other.derived, &other.settings))
    });
    for draft in derived {
        let mut id = draft.derived.clone();
        let mut number = 1;
        while taken.contains_key(&id) {
            number += 1;
            id = format!("{}-{number}", draft.derived);
        }
        if number > 1 {
            report.advise(
                draft.mark,
                format!(
                    "this entry of {} leads to the same place as another; it is known as {}: \
                     set `model_info.id` to choose a name",
                    quote(&draft.deployment.group),
                    quote(&id)
                ),
            );
        }
        draft.deployment.id = DeploymentId::from(id.as_str());
        taken.insert(id, draft.mark);
    }
}
