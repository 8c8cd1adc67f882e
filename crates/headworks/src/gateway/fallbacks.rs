//! Fallbacks, from the configuration and from the request, in the words of the layer.

use super::{build::BuildError, fault::Fault};
use headworks_alias::Aliases;
use headworks_config::Config;
use headworks_core::{Group, RequestedModel};
use headworks_fallback::{Fallbacks, Hop, List, OwnFallbacks};
use headworks_openai::{OwnKey, RequestBody};
use serde_json::{Map, Value};

/// The name in a list that stands for every model without an entry of its own.
const EVERY_OTHER: &str = "*";

/// The most targets that are read out of a request's maps: the most that one may ask for.
const MOST: usize = 64;

/// The configured fallbacks; `is_group` tells the groups there are.
pub(super) fn configured(
    config: &Config,
    aliases: &Aliases,
    is_group: impl Fn(&str) -> bool,
) -> Result<Fallbacks, BuildError> {
    let given = config.fallbacks();
    let mut builder = Fallbacks::builder()
        .max(config.max_fallbacks())
        .num_retries(config.num_retries());
    for entry in &given.general {
        builder = builder.general(
            entry.group.as_str(),
            entry.targets.iter().map(String::as_str),
        );
    }
    if !given.default.is_empty() {
        builder = builder.general(EVERY_OTHER, given.default.iter().map(String::as_str));
    }
    for entry in &given.context_window {
        let targets = entry.targets.iter().map(String::as_str);
        builder = builder.context_window(entry.group.as_str(), targets);
    }
    for entry in &given.content_policy {
        let targets = entry.targets.iter().map(String::as_str);
        builder = builder.content_policy(entry.group.as_str(), targets);
    }
    builder
        .build(|name| {
            let group = aliases.resolve(&RequestedModel::from(name));
            is_group(&group).then_some(group)
        })
        .map_err(BuildError::Fallbacks)
}

/// The fallbacks a request brings itself, if it does: `fallbacks`, `context_window_fallbacks`,
/// `content_policy_fallbacks`, `disable_fallbacks`, `max_fallbacks`.
pub(super) fn own(
    body: &RequestBody,
    requested: &str,
    aliases: &Aliases,
) -> Result<Option<OwnFallbacks<RequestBody>>, Fault> {
    let params = body.params();
    let raw = |key: OwnKey| -> Option<Value> { serde_json::from_slice(params.raw(key)?).ok() };
    if raw(OwnKey::DisableFallbacks) == Some(Value::Bool(true)) {
        return Ok(Some(OwnFallbacks::disabled()));
    }
    let max = match params.raw(OwnKey::MaxFallbacks) {
        None => None,
        Some(_) => {
            let max = raw(OwnKey::MaxFallbacks);
            let number = max.and_then(|max| u32::try_from(max.as_u64()?).ok());
            Some(number.ok_or_else(|| refused("max_fallbacks", "a whole number, 0 or more"))?)
        }
    };
    let asking = Asking {
        body,
        group: group(requested, aliases),
        aliases,
    };
    let mut own = OwnFallbacks::default();
    let mut given = max.is_some();
    if params.raw(OwnKey::Fallbacks).is_some() {
        let value = raw(OwnKey::Fallbacks);
        own = match asking.hops(OwnKey::Fallbacks, value)? {
            Hops::After(hops) => OwnFallbacks::to(hops),
            Hops::Table(hops) => own.list(List::General, hops),
        };
        given = true;
    }
    for (key, list) in [
        (OwnKey::ContextWindowFallbacks, List::ContextWindow),
        (OwnKey::ContentPolicyFallbacks, List::ContentPolicy),
    ] {
        if params.raw(key).is_some() {
            let (Hops::After(hops) | Hops::Table(hops)) = asking.hops(key, raw(key))?;
            own = own.list(list, hops);
            given = true;
        }
    }
    if let Some(max) = max {
        own = own.max(max);
    }
    Ok(given.then_some(own))
}

/// What the targets of a request depend on.
struct Asking<'a> {
    body: &'a RequestBody,
    group: Group,
    aliases: &'a Aliases,
}

/// The targets of one list, in either of `LiteLLM`'s forms.
enum Hops {
    /// Names, and objects with a `model`: where to go after whatever failure.
    After(Vec<Hop<RequestBody>>),
    /// That of the configuration, maps from groups to their targets: a list of its own kind.
    Table(Vec<Hop<RequestBody>>),
}

impl Asking<'_> {
    /// Reads the list under `key`.
    fn hops(&self, key: OwnKey, list: Option<Value>) -> Result<Hops, Fault> {
        let refused = || {
            let form = "a list of model names, of objects with a `model`, or of maps from a model to names";
            refused(key.as_str(), form)
        };
        let Some(Value::Array(list)) = list else {
            return Err(refused());
        };
        let is_entry = |entry: &Value| {
            entry
                .as_object()
                .is_some_and(|it| !it.contains_key("model"))
        };
        if !list.is_empty() && list.iter().all(is_entry) {
            let mut targets = Vec::new();
            let entries: Vec<_> = list.iter().filter_map(Value::as_object).collect();
            self.targets(&entries, &self.group, &mut targets)
                .ok_or_else(refused)?;
            return Ok(Hops::Table(targets.into_iter().map(Hop::new).collect()));
        }
        let mut hops = Vec::new();
        for target in list {
            hops.push(match target {
                Value::String(name) => Hop::new(group(&name, self.aliases)),
                Value::Object(object) => {
                    let name = object.get("model").and_then(Value::as_str);
                    let name = name.ok_or_else(refused)?;
                    let body = merged(self.body, key, &object)?;
                    Hop::new(group(name, self.aliases)).body(body)
                }
                _ => return Err(refused()),
            });
        }
        Ok(Hops::After(hops))
    }

    /// Appends the targets of `of`, each followed by its own, as the configured lists are walked; `*` is for
    /// the first group alone. `None` if a list of names is none.
    fn targets(
        &self,
        entries: &[&Map<String, Value>],
        of: &Group,
        targets: &mut Vec<Group>,
    ) -> Option<()> {
        let first = *of == self.group;
        let entry = |is: &dyn Fn(&str) -> bool| {
            let mut members = entries.iter().flat_map(|entry| entry.iter());
            members.find(|(name, _)| is(name))
        };
        let named = entry(&|name| name != EVERY_OTHER && group(name, self.aliases) == *of);
        let rest = || entry(&|name| first && name == EVERY_OTHER);
        let Some((_, names)) = named.or_else(rest) else {
            return Some(());
        };
        for name in names.as_array()? {
            let target = group(name.as_str()?, self.aliases);
            if target != self.group && !targets.contains(&target) && targets.len() < MOST {
                targets.push(target.clone());
                self.targets(entries, &target, targets)?;
            }
        }
        Some(())
    }
}

fn group(name: &str, aliases: &Aliases) -> Group {
    aliases.resolve(&RequestedModel::from(name))
}

/// The request's body with the members of `object` in place of its own. Rare, and so it may parse the whole.
fn merged(
    body: &RequestBody,
    key: OwnKey,
    object: &Map<String, Value>,
) -> Result<RequestBody, Fault> {
    let form = "without objects where the request's body is not JSON";
    let mut merged: Map<String, Value> =
        serde_json::from_slice(body.bytes()).map_err(|_| refused(key.as_str(), form))?;
    // The lists have been read. The other keys of ours are taken out with the rest.
    for key in [
        OwnKey::Fallbacks,
        OwnKey::ContextWindowFallbacks,
        OwnKey::ContentPolicyFallbacks,
    ] {
        merged.remove(key.as_str());
    }
    merged.extend(
        object
            .iter()
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    let bytes = Value::Object(merged).to_string().into();
    RequestBody::json(bytes).map_err(Fault::from)
}

fn refused(param: &'static str, wanted: &str) -> Fault {
    Fault::invalid(
        "invalid_value",
        Some(param),
        format!("`{param}` must be {wanted}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_of(body: &'static str) -> Result<Option<OwnFallbacks<RequestBody>>, Fault> {
        let aliases = Aliases::new([("alias", "group")], |_| true).unwrap();
        let body = RequestBody::json(body.into()).unwrap();
        own(&body, body.model().unwrap(), &aliases)
    }

    fn told(body: &'static str) -> String {
        format!("{:?}", own_of(body).unwrap().unwrap())
    }

    #[test]
    fn names_and_objects_are_for_whatever_failure_and_maps_for_their_own() {
        let text = told(r#"{"model":"m","seed":1,"fallbacks":["alias",{"model":"b","seed":2}]}"#);
        let (any, lists) = text.split_once("lists:").unwrap();
        assert!(any.contains("\"group\"") && any.contains("\"b\""), "{text}");
        assert!(lists.contains("[None, None, None]"), "{text}");

        let text = told(r#"{"model":"m","fallbacks":[{"m":["c"],"n":["d"]}]}"#);
        assert!(text.contains("any: None"), "{text}");
        assert!(text.contains("\"c\"") && !text.contains("\"d\""), "{text}");
    }

    #[test]
    fn a_map_is_walked_as_the_configured_ones_are() {
        let groups = |body| {
            let text = told(body);
            let parts = text.split("group: \"").skip(1);
            let names = parts.map(|part| part.split('"').next().unwrap().to_owned());
            names.collect::<Vec<_>>()
        };
        for (body, expected) in [
            (
                r#"{"model":"m","fallbacks":[{"m":["b","c"]},{"b":["d","m"]},{"*":["x"]}]}"#,
                &["b", "d", "c"][..],
            ),
            (r#"{"model":"m","fallbacks":[{"*":["x"]}]}"#, &["x"]),
            (r#"{"model":"m","fallbacks":[{"n":["x"]}]}"#, &[]),
            (r#"{"model":"group","fallbacks":[{"alias":["x"]}]}"#, &["x"]),
        ] {
            assert_eq!(groups(body), expected, "{body}");
        }
    }

    #[test]
    fn a_chain_of_any_length_is_read_as_far_as_it_is_followed() {
        let links: Vec<_> = (0..100_000)
            .map(|n| format!(r#"{{"{n}":["{}"]}}"#, n + 1))
            .collect();
        let body = format!(r#"{{"model":"0","fallbacks":[{}]}}"#, links.join(","));
        assert_eq!(told(body.leak()).matches("Hop {").count(), MOST);
    }

    #[test]
    fn each_list_may_be_brought() {
        for key in ["context_window_fallbacks", "content_policy_fallbacks"] {
            for list in [
                r#"["x"]"#,
                r#"[{"model":"x","seed":2}]"#,
                r#"[{"m":["x"]}]"#,
            ] {
                let body = format!(r#"{{"model":"m","{key}":{list}}}"#).leak();
                let text = told(body);
                assert!(
                    text.contains("any: None") && text.contains("\"x\""),
                    "{text}"
                );
            }
            let body = format!(r#"{{"model":"m","{key}":"x"}}"#).leak();
            assert!(own_of(body).is_err(), "{key}");
        }
    }

    #[test]
    fn an_objects_members_take_the_place_of_the_requests() {
        let body =
            r#"{"model":"m","seed":1,"user":"u","fallbacks":[],"context_window_fallbacks":["x"]}"#;
        let body = RequestBody::json(body.into()).unwrap();
        let object = serde_json::from_str(r#"{"model":"b","seed":2}"#).unwrap();
        let merged = merged(&body, OwnKey::Fallbacks, &object).unwrap();
        let merged: Value = serde_json::from_slice(merged.bytes()).unwrap();
        assert_eq!(
            merged,
            serde_json::json!({"model": "b", "seed": 2, "user": "u"})
        );
    }

    #[test]
    fn what_is_no_list_is_refused_and_nothing_is_nothing() {
        assert!(own_of(r#"{"model":"m"}"#).unwrap().is_none());
        assert!(
            own_of(r#"{"model":"m","disable_fallbacks":true}"#)
                .unwrap()
                .is_some()
        );
        for wrong in [
            r#"{"model":"m","fallbacks":"b"}"#,
            r#"{"model":"m","fallbacks":[1]}"#,
            r#"{"model":"m","fallbacks":["b",{"m":["c"]}]}"#,
            r#"{"model":"m","fallbacks":[{"m":"c"}]}"#,
            r#"{"model":"m","max_fallbacks":-1}"#,
            r#"{"model":"m","max_fallbacks":"many"}"#,
        ] {
            assert!(own_of(wrong).is_err(), "{wrong}");
        }
    }
}
