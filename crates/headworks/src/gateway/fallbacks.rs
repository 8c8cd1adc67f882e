//! Fallbacks, from the configuration and from the request, in the words of the layer.

use super::{build::BuildError, fault::Fault};
use headworks_alias::Aliases;
use headworks_config::Config;
use headworks_core::{Group, RequestedModel};
use headworks_fallback::{Fallbacks, Hop, OwnFallbacks};
use headworks_openai::{OwnKey, RequestBody};
use serde_json::{Map, Value};

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
        builder = builder.general("*", given.default.iter().map(String::as_str));
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

/// The fallbacks a request brings itself, if it does: `fallbacks`, `disable_fallbacks`, `max_fallbacks`.
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
    let max = match raw(OwnKey::MaxFallbacks) {
        None => None,
        Some(max) => {
            let number = max.as_u64().and_then(|max| u32::try_from(max).ok());
            Some(number.ok_or_else(|| refused("max_fallbacks", "a whole number, 0 or more"))?)
        }
    };
    let hops = match params.raw(OwnKey::Fallbacks) {
        None => None,
        Some(_) => Some(hops(raw(OwnKey::Fallbacks), body, requested, aliases)?),
    };
    let own = match hops {
        None if max.is_none() => return Ok(None),
        None => OwnFallbacks::default(),
        Some(hops) => OwnFallbacks::to(hops),
    };
    Ok(Some(match max {
        Some(max) => own.max(max),
        None => own,
    }))
}

/// The targets of a request's `fallbacks`: names, objects with a `model` and what else is to differ, or the
/// form of the configuration, a map from a group to its targets.
fn hops(
    list: Option<Value>,
    body: &RequestBody,
    requested: &str,
    aliases: &Aliases,
) -> Result<Vec<Hop<RequestBody>>, Fault> {
    const FORM: &str = "a list of model names, or of objects with a `model`";
    let Some(Value::Array(list)) = list else {
        return Err(refused("fallbacks", FORM));
    };
    let mut hops = Vec::new();
    for target in list {
        match target {
            Value::String(name) => hops.push(Hop::new(group(&name, aliases))),
            Value::Object(object) => match object.get("model").and_then(Value::as_str) {
                Some(name) => {
                    let group = group(name, aliases);
                    let body = merged(body, &object)?;
                    hops.push(Hop::new(group).body(body));
                }
                None => {
                    let targets = object.get(requested).or_else(|| object.get("*"));
                    let names = targets.and_then(Value::as_array).into_iter().flatten();
                    let names = names.filter_map(Value::as_str);
                    hops.extend(names.map(|name| Hop::new(group(name, aliases))));
                }
            },
            _ => return Err(refused("fallbacks", FORM)),
        }
    }
    Ok(hops)
}

fn group(name: &str, aliases: &Aliases) -> Group {
    aliases.resolve(&RequestedModel::from(name))
}

/// The request's body with the members of `object` in place of its own. Rare, and so it may parse the whole.
fn merged(body: &RequestBody, object: &Map<String, Value>) -> Result<RequestBody, Fault> {
    let form = "an object only where the request's body is JSON";
    let mut merged: Map<String, Value> =
        serde_json::from_slice(body.bytes()).map_err(|_| refused("fallbacks", form))?;
    merged.remove(OwnKey::Fallbacks.as_str());
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
        own(&RequestBody::json(body.into()).unwrap(), "m", &aliases)
    }

    #[test]
    fn names_objects_and_maps_are_understood() {
        let own = own_of(
            r#"{"model":"m","seed":1,"fallbacks":["alias",{"model":"b","seed":2},{"m":["c"],"n":["d"]}]}"#,
        );
        let text = format!("{:?}", own.unwrap().unwrap());
        for part in ["\"group\"", "\"b\"", "\"c\""] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("\"d\""), "{text}");
    }

    #[test]
    fn an_objects_members_take_the_place_of_the_requests() {
        let body = r#"{"model":"m","seed":1,"user":"u","fallbacks":[]}"#;
        let body = RequestBody::json(body.into()).unwrap();
        let object = serde_json::from_str(r#"{"model":"b","seed":2}"#).unwrap();
        let merged = merged(&body, &object).unwrap();
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
            r#"{"model":"m","max_fallbacks":-1}"#,
        ] {
            assert!(own_of(wrong).is_err(), "{wrong}");
        }
    }
}
