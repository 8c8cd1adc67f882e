//! The tags a request is routed by, from each place `LiteLLM` looks in.

use headworks_balance::{TagMatch, Tags};
use headworks_openai::{OwnKey, Params};
use http::HeaderMap;

/// The tags in the `x-litellm-tags` header (separated by commas), in `tags` and in `metadata.tags`. `prefix`
/// marks a tag as meant for routing, and is not a part of it.
pub(super) fn of(headers: &HeaderMap, params: &Params, matching: TagMatch, prefix: &str) -> Tags {
    let header = headers
        .get("x-litellm-tags")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let in_header = header
        .split(',')
        .map(str::trim)
        .filter(|tag| !tag.is_empty());
    let in_body: Vec<String> = [OwnKey::Tags, OwnKey::MetadataTags]
        .into_iter()
        .filter_map(|key| params.raw(key))
        // What is no list of strings names no tags, as in LiteLLM.
        .filter_map(|raw| serde_json::from_slice::<Vec<String>>(raw).ok())
        .flatten()
        .collect();
    let all = in_header.chain(in_body.iter().map(String::as_str));
    let bare = all.map(|tag| tag.strip_prefix(prefix).unwrap_or(tag));
    Tags::new(bare, matching)
}

#[cfg(test)]
mod tests {
    use super::*;
    use headworks_openai::RequestBody;

    #[test]
    fn tags_are_gathered_from_header_and_body() {
        let body = r#"{"model":"m","tags":["b"],"metadata":{"tags":["c","!d"]}}"#;
        let body = RequestBody::json(body.into()).unwrap();
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-litellm-tags"),
            "a, ,&e".parse().unwrap(),
        )]);
        assert_eq!(
            of(&headers, body.params(), TagMatch::Any, ""),
            Tags::new(["a", "&e", "b", "c", "!d"], TagMatch::Any)
        );
    }

    #[test]
    fn a_prefix_is_no_part_of_a_tag() {
        let body = r#"{"model":"m","tags":["route:a","route:&b","c"]}"#;
        let body = RequestBody::json(body.into()).unwrap();
        assert_eq!(
            of(&HeaderMap::new(), body.params(), TagMatch::All, "route:"),
            Tags::new(["a", "&b", "c"], TagMatch::All)
        );
    }
}
