//! Which of the keys written down have an effect.

use crate::{
    Config, NoticeKind, RoutingStrategy, Status, keys, quote,
    read::{Field, Section},
    report::Report,
};
use std::collections::BTreeMap;

/// Reports the keys of a section that have no effect, and those nobody knows.
pub(crate) fn keys(section: &Section<'_>, report: &mut Report) {
    for field in section.fields() {
        match keys::find(section.path, field.name).map(|key| key.status) {
            Some(Status::Honoured) => {}
            Some(Status::NotYet(instead)) => not_honoured(&field, instead, report),
            None => unknown(section.path, &field, report),
        }
    }
}

fn not_honoured(field: &Field<'_>, instead: &str, report: &mut Report) {
    let mut message = format!("`{}` is not honoured yet", field.path());
    if !instead.is_empty() {
        message = format!("{message}: {instead}");
    }
    report.notice(NoticeKind::NotHonoured, field.key_mark, message);
}

fn unknown(section: &str, field: &Field<'_>, report: &mut Report) {
    // The usual place for anchors that the rest of the file refers to.
    if section.is_empty() && field.name.starts_with("x-") {
        return;
    }
    let suggestion = keys::suggest(section, field.name);
    // Anything may be noted in `model_info`; only a slip of the pen is worth a word.
    if section == "model_info" && suggestion.is_none() {
        return;
    }
    let mut message = format!("{} is not a known key", quote(&field.path()));
    if let Some(suggestion) = suggestion {
        message = format!("{message}: {suggestion}");
    }
    report.notice(NoticeKind::UnknownKey, field.key_mark, message);
}

/// Tells whose deployments have no price where it is prices that decide. `LiteLLM` knows those of many models.
pub(crate) fn prices(config: &Config, strategy: &Field<'_>, report: &mut Report) {
    if config.router.routing_strategy != RoutingStrategy::CostBased {
        return;
    }
    let mut groups: BTreeMap<_, (usize, usize)> = BTreeMap::new();
    for deployment in &config.deployments {
        let (all, without) = groups.entry(&*deployment.group).or_default();
        *all += 1;
        *without += usize::from(deployment.cost_per_token().is_none());
    }
    for (group, (all, without)) in groups {
        if all > 1 && without > 0 {
            let group = quote(group);
            let message = format!(
                "{without} of {all} deployments of {group} have no price and are asked last by \
                 {}: neither `input_cost_per_token` nor `output_cost_per_token`",
                RoutingStrategy::CostBased
            );
            report.advise(strategy.mark(), message);
        }
    }
}

/// The placeholder of an example, such as `<your-azure-endpoint>`, that nobody filled in.
fn placeholder(text: &str) -> Option<&str> {
    let start = text.find('<')?;
    let end = start + text[start..].find('>')? + 1;
    let inside = &text[start + 1..end - 1];
    let words = inside.starts_with(|first: char| first.is_ascii_alphabetic())
        && inside
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    words.then(|| &text[start..end])
}

/// Refuses a value with a placeholder in it. True if there is one.
pub(crate) fn refuse_placeholder(field: &Field<'_>, text: &str, report: &mut Report) -> bool {
    let Some(found) = placeholder(text) else {
        return false;
    };
    report.problem(
        field.mark(),
        format!(
            "`{}` still holds a placeholder{}",
            field.path(),
            name(field, text, found)
        ),
        "put your own value in its place",
    );
    true
}

/// The same for a value that is not used yet.
pub(crate) fn advise_placeholder(field: &Field<'_>, text: &str, report: &mut Report) {
    if let Some(found) = placeholder(text) {
        let name = name(field, text, found);
        let message = format!("`{}` still holds a placeholder{name}", field.path());
        report.advise(field.mark(), message);
    }
}

/// A key is not shown, whatever it looks like; the words of an example are, which have no digits.
fn name(field: &Field<'_>, text: &str, found: &str) -> String {
    let example = found == text
        && found.starts_with("<your")
        && !found.contains(|character: char| character.is_ascii_digit());
    if field.is_secret() && !example {
        return String::new();
    }
    format!(", {}", quote(found))
}
