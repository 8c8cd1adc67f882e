//! Which keys and values of a file a message may show.

use crate::{
    environment::is_reference,
    keys,
    location::Mark,
    yaml::{Node, Value},
};

/// The sections whose keys are names from the table.
const SECTIONS: [&str; 10] = [
    "model_list[]",
    "litellm_params",
    "litellm_params.simulated",
    "model_info",
    "router_settings",
    "litellm_settings",
    "general_settings",
    "headworks",
    "headworks.queue",
    "headworks.retry_budget",
];

/// Collects the scalars below `node` with whether each may be shown: keys, and values that belong to a key
/// known to hold no secret.
pub(crate) fn visible(
    node: &Node,
    section: &'static str,
    shown: bool,
    scalars: &mut Vec<(Mark, bool)>,
) {
    match &node.value {
        Value::Scalar(scalar) => {
            let text = scalar.text();
            let shown = (shown && !may_carry_credentials(text)) || is_reference(text);
            scalars.push((node.mark, shown));
        }
        Value::List(items) => {
            for item in items {
                visible(item, section, shown, scalars);
            }
        }
        Value::Map(map) => {
            let names = section.is_empty() || SECTIONS.contains(&section);
            for entry in &map.entries {
                scalars.push((entry.key_mark, shown || names));
                let below = below(section, &entry.key);
                let shown = match keys::find(section, &entry.key) {
                    Some(key) => !key.secret && !SECTIONS.contains(&below),
                    None => shown && !keys::is_secret(&entry.key),
                };
                visible(&entry.value, below, shown, scalars);
            }
        }
    }
}

/// The section a key opens.
fn below(section: &'static str, key: &str) -> &'static str {
    match (section, key) {
        ("", "model_list") => "model_list[]",
        ("model_list[]", "litellm_params") => "litellm_params",
        ("model_list[]", "model_info") => "model_info",
        ("litellm_params", "simulated") => "litellm_params.simulated",
        ("", "router_settings") => "router_settings",
        ("", "litellm_settings") => "litellm_settings",
        ("", "general_settings") => "general_settings",
        ("", "headworks") => "headworks",
        ("headworks", "queue") => "headworks.queue",
        ("headworks", "retry_budget") => "headworks.retry_budget",
        _ => "?",
    }
}

/// A URL with a user, or with parameters, may have a password among them, also one that is not quite a URL.
fn may_carry_credentials(text: &str) -> bool {
    let both = |one, other| text.contains(one) && text.contains(other);
    both(':', '@') || both('?', '=')
}
