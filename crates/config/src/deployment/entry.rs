use super::Deployment;
use crate::{
    AllowedFailsPolicy, ModelInfo, Simulated, check,
    id::Identity,
    json, limits,
    location::Mark,
    quote,
    read::{Field, Section},
    report::Report,
    yaml::{Scalar, Value},
};
use headworks_core::{DeploymentId, Group, Secret};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use std::net::IpAddr;

/// An entry of `model_list` in its three parts.
pub(super) struct Entry<'a> {
    pub(super) entry: Section<'a>,
    pub(super) params: Section<'a>,
    pub(super) info: Option<Section<'a>>,
}

/// What of `litellm_params` tells deployments apart, besides what has a line of its own below.
const PLACE: [&str; 6] = [
    "custom_llm_provider",
    "api_version",
    "region_name",
    "aws_region_name",
    "vertex_project",
    "vertex_location",
];

// ===== impl Entry =====

impl<'a> Entry<'a> {
    /// Reads everything, so that all that is wrong is reported, and makes a deployment if it has a name and
    /// a model.
    pub(super) fn read(
        &self,
        group: Option<&str>,
        model: Option<(&str, Mark)>,
        report: &mut Report,
    ) -> Option<Deployment> {
        let text = |name, report: &mut Report| self.text(name, report);
        let get = |name| self.params.get(name);
        let (model, mark) = model.unwrap_or_default();
        let deployment = Deployment {
            id: DeploymentId::from(""),
            group: Group::from(group.unwrap_or_default()),
            model: model.to_owned(),
            custom_llm_provider: text("custom_llm_provider", report),
            api_base: get("api_base").and_then(|field| api_base(&field, report)),
            api_key: get("api_key").and_then(|field| api_key(&field, report)),
            api_version: text("api_version", report),
            organization: None,
            rpm: self.limit("rpm", report),
            tpm: self.limit("tpm", report),
            itpm: get("itpm").and_then(|field| field.count(report)),
            otpm: get("otpm").and_then(|field| field.count(report)),
            rpd: get("rpd").and_then(|field| field.count(report)),
            tpd: get("tpd").and_then(|field| field.count(report)),
            daily_reset_time: get("daily_reset_time")
                .and_then(|field| limits::time_of_day(&field, report))
                .unwrap_or_default(),
            weight: get("weight").and_then(|field| {
                field.number(report, "a number, 0 or more", |weight| weight >= 0.0)
            }),
            order: self.either("order").and_then(|field| field.integer(report)),
            max_parallel_requests: get("max_parallel_requests")
                .and_then(|field| field.count(report)),
            timeout: get("timeout")
                .and_then(|field| field.seconds(report))
                .or_else(|| get("request_timeout")?.seconds(report)),
            stream_timeout: get("stream_timeout").and_then(|field| field.seconds(report)),
            num_retries: get("num_retries")
                .and_then(|field| field.small(report, "a number of retries, 0 or more")),
            cooldown_time: self
                .info("cooldown_time")
                .or(get("cooldown_time"))
                .and_then(|field| field.seconds_or_zero(report)),
            allowed_fails: self
                .info("allowed_fails")
                .and_then(|field| field.small(report, "a number of failures, 0 or more")),
            allowed_fails_policy: self
                .info("allowed_fails_policy")
                .map_or_else(AllowedFailsPolicy::default, |field| {
                    AllowedFailsPolicy::read(&field, "model_info.allowed_fails_policy", report)
                }),
            tags: get("tags").map_or_else(Vec::new, |field| field.strings(report)),
            region_name: text("region_name", report),
            mock_response: get("mock_response").map(|field| mock_response(&field)),
            input_cost_per_token: self.price("input_cost_per_token", report),
            output_cost_per_token: self.price("output_cost_per_token", report),
            extra_headers: get("extra_headers")
                .map_or_else(HeaderMap::new, |field| extra_headers(&field, report)),
            kubernetes_pod_discovery: get("kubernetes_pod_discovery")
                .and_then(|field| field.truth(report))
                .unwrap_or(false),
            simulated: get("simulated").and_then(|field| Simulated::read(&field, report)),
            info: self
                .info
                .map_or_else(ModelInfo::default, |info| ModelInfo::read(&info, report)),
            at: report.location(mark),
        };
        if let Some(field) = get("simulated")
            && !model.is_empty()
            && !model.starts_with("simulated/")
            && deployment.custom_llm_provider.as_deref() != Some("simulated")
        {
            let message = format!(
                "`litellm_params.simulated` has no effect on {}, which is not a `simulated/` model",
                quote(model)
            );
            report.advise(field.key_mark, message);
        }
        if let Some(field) = get("kubernetes_pod_discovery")
            && deployment.kubernetes_pod_discovery
        {
            let message = match deployment.api_base.as_deref().map(has_name) {
                Some(true) => None,
                Some(false) => Some("the host of its `api_base` is an address already"),
                None => Some("the deployment has no `api_base` of its own"),
            };
            if let Some(why) = message {
                let message =
                    format!("`litellm_params.kubernetes_pod_discovery` has no effect: {why}");
                report.advise(field.key_mark, message);
            }
        }
        (group.is_some() && !model.is_empty()).then_some(deployment)
    }

    fn info(&self, name: &'a str) -> Option<Field<'a>> {
        self.info?.get(name)
    }

    /// `litellm_params` first, then `model_info`.
    fn either(&self, name: &'a str) -> Option<Field<'a>> {
        self.params.get(name).or_else(|| self.info(name))
    }

    /// Text that is used on the way upstream. Empty is the same as absent.
    fn text(&self, name: &'a str, report: &mut Report) -> Option<String> {
        let field = self.params.get(name)?;
        let text = field.string(report)?;
        if text.is_empty() || check::refuse_placeholder(&field, text, report) {
            return None;
        }
        Some(text.to_owned())
    }

    fn limit(&self, name: &'a str, report: &mut Report) -> Option<u64> {
        let field = self.params.get(name);
        let field = field.or_else(|| self.entry.get(name));
        field.or_else(|| self.info(name))?.count(report)
    }

    fn price(&self, name: &'a str, report: &mut Report) -> Option<f64> {
        let accepted = "a price per token, 0 or more";
        self.either(name)?
            .number(report, accepted, |price| price >= 0.0)
    }

    pub(super) fn explicit_id(&self, report: &mut Report) -> Option<(String, Mark)> {
        let field = self.info("id")?;
        let id = field.text(report)?;
        // It goes into a response header.
        if id.is_empty() || !id.bytes().all(|byte| (b'!'..=b'~').contains(&byte)) {
            field.refuse(report, "of visible ASCII characters, without spaces", "");
            return None;
        }
        Some((id.to_owned(), field.mark()))
    }

    /// The organisations of the entry; one that is `None` if it has none.
    pub(super) fn organizations(&self, report: &mut Report) -> Vec<Option<String>> {
        let Some(field) = self.params.get("organization") else {
            return vec![None];
        };
        if !matches!(field.node.value, Value::List(_)) {
            return vec![self.text("organization", report)];
        }
        let mut names = field.strings(report);
        names.dedup();
        for name in &names {
            check::refuse_placeholder(&field, name, report);
        }
        if names.is_empty() {
            return vec![None];
        }
        names.into_iter().map(Some).collect()
    }

    pub(super) fn identity(&self, deployment: &Deployment) -> Identity {
        let mut identity = Identity::default();
        identity.public("group", Some(deployment.group.as_str()));
        identity.public("model", Some(deployment.model.as_str()));
        identity.url("api_base", deployment.api_base.as_deref());
        identity.public("organization", deployment.organization.as_deref());
        for name in PLACE {
            let field = self.params.get(name);
            let scalar = field.and_then(|field| field.node.as_scalar());
            identity.public(name, scalar.map(Scalar::text));
        }
        for field in self.params.fields().filter(Field::is_secret) {
            let value = json::of(field.node);
            if value.as_str() != Some("") {
                identity.secret(field.name, json::sorted(&value));
            }
        }
        identity
    }
}

fn api_base(field: &Field<'_>, report: &mut Report) -> Option<String> {
    let text = field.string(report)?.trim();
    if text.is_empty() || check::refuse_placeholder(field, text, report) {
        return None;
    }
    let uri = text.parse::<Uri>().ok();
    let reachable = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    if !reachable {
        // Not `refuse`: what was found may have a password in it.
        let message = format!("`{}` must be a URL, `https://host/path`", field.path());
        let help = if text.contains("://") {
            "only http:// and https:// are spoken"
        } else {
            "it begins with https:// or http://"
        };
        report.problem(field.mark(), message, help);
        return None;
    }
    Some(text.to_owned())
}

/// True if the host of a URL is to be looked up.
fn has_name(url: &str) -> bool {
    let uri = url.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().is_err()
}

/// A key goes into a header. One from a file or a cluster's secret often ends in a line break, and would be
/// turned down with every request.
fn api_key(field: &Field<'_>, report: &mut Report) -> Option<Secret> {
    let text = field.string(report)?;
    if text.is_empty() || check::refuse_placeholder(field, text, report) {
        return None;
    }
    if HeaderValue::from_str(text).is_err() {
        let message = format!("`{}` has characters no header may have", field.path());
        report.problem(field.mark(), message, "look for a line break at its end");
        return None;
    }
    Some(Secret::from(text))
}

fn mock_response(field: &Field<'_>) -> serde_json::Value {
    match field.node.as_scalar() {
        Some(scalar) => scalar.text().into(),
        None => json::of(field.node),
    }
}

fn extra_headers(field: &Field<'_>, report: &mut Report) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let section = field.section("litellm_params.extra_headers", report);
    for header in section.iter().flat_map(Section::fields) {
        let Ok(name) = HeaderName::from_bytes(header.name.as_bytes()) else {
            let message = format!("{} is not the name of a header", quote(header.name));
            report.problem(header.key_mark, message, "letters, digits and `-`");
            continue;
        };
        let Some(text) = header.text(report) else {
            continue;
        };
        let Ok(mut value) = HeaderValue::from_str(text) else {
            let message =
                format!("the value of the header `{name}` has characters no header may have");
            report.problem(header.mark(), message, "visible ASCII and spaces");
            continue;
        };
        value.set_sensitive(true);
        headers.append(name, value);
    }
    headers
}
