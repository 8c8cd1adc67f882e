//! What a configuration says, and what is said of it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use headworks_config::{Error, Loaded, Loader};

mod affinities;
mod discovery;
mod errors;
mod failures;
mod fallbacks;
mod fixtures;
mod ids;
mod includes;
mod limits;
mod notices;
mod properties;
mod reading;
mod secrets;
mod sharing;

/// Reads a text with these variables and no others.
fn load_with(
    text: &str,
    variables: &'static [(&'static str, &'static str)],
) -> Result<Loaded, Error> {
    let look_up = |name: &str| {
        let variable = variables.iter().find(|(known, _)| *known == name);
        variable.map(|(_, value)| (*value).to_owned())
    };
    Loader::new()
        .environment(look_up)
        .parse(text, "config.yaml")
}

fn load(text: &str) -> Result<Loaded, Error> {
    load_with(text, &[])
}

/// A file with one deployment and whatever else.
fn with_model(rest: &str) -> String {
    format!(
        "model_list: [{{model_name: gpt-4o, litellm_params: {{model: openai/gpt-4o}}}}]\n{rest}"
    )
}

fn notices(loaded: &Loaded) -> Vec<String> {
    loaded.notices.iter().map(ToString::to_string).collect()
}
