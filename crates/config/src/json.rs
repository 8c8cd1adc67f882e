//! YAML as JSON, for what is passed on as it is.

use crate::yaml::{Map, Node, Origin, Scalar, Typed, Value};
use serde_json::Value as Json;

pub(crate) fn of(node: &Node) -> Json {
    match &node.value {
        Value::Scalar(scalar) => of_scalar(scalar),
        Value::List(items) => items.iter().map(of).collect(),
        Value::Map(map) => Json::Object(of_map(map)),
    }
}

pub(crate) fn of_map(map: &Map) -> serde_json::Map<String, Json> {
    let entries = map.entries.iter();
    entries
        .map(|entry| (entry.key.clone(), of(&entry.value)))
        .collect()
}

/// A float that JSON cannot write, such as `.inf`, becomes null, as does what is not set.
fn of_scalar(scalar: &Scalar) -> Json {
    if *scalar.origin() == Origin::Unset {
        return Json::Null;
    }
    match scalar.typed() {
        Typed::Null => Json::Null,
        Typed::Bool(truth) => truth.into(),
        Typed::Int(number) => number.into(),
        Typed::Float(number) => number.into(),
        Typed::Text => scalar.text().into(),
    }
}

/// The text of a JSON value with all keys in order.
pub(crate) fn sorted(json: &Json) -> String {
    match json {
        Json::Object(map) => {
            let mut entries: Vec<_> = map
                .iter()
                .map(|(key, value)| format!("{key:?}:{}", sorted(value)))
                .collect();
            entries.sort();
            format!("{{{}}}", entries.join(","))
        }
        Json::Array(items) => {
            let items: Vec<_> = items.iter().map(sorted).collect();
            format!("[{}]", items.join(","))
        }
        plain => plain.to_string(),
    }
}
