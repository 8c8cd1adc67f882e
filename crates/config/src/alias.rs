use crate::check::refuse_placeholder;
use crate::{Location, read::Section, report::Report, yaml::Value};

/// Another name of a group, from `router_settings.model_group_alias`.
///
/// Written `{"gpt-4": "gpt-4o"}`, or `{"gpt-4": {model: "gpt-4o", hidden: true}}`. An alias comes before a
/// group of the same name.
#[derive(Clone, Debug)]
pub struct Alias {
    /// What clients may ask for.
    pub name: String,
    /// The group it leads to, or another alias. Chains end at a group.
    pub model: String,
    /// Left out of `/v1/models` and the like; it works all the same.
    pub hidden: bool,
    /// Where the target is written.
    pub at: Location,
}

// ===== impl Alias =====

impl Alias {
    pub(crate) fn read(router: &Section<'_>, report: &mut Report) -> Vec<Self> {
        let Some(field) = router.get("model_group_alias") else {
            return Vec::new();
        };
        let Some(aliases) = field.section("router_settings.model_group_alias", report) else {
            return Vec::new();
        };
        let mut read = Vec::new();
        for alias in aliases.fields() {
            let (model, hidden) = match &alias.node.value {
                Value::Map(_) => {
                    let Some(long) = alias.section("router_settings.model_group_alias.*", report)
                    else {
                        continue;
                    };
                    let hidden = long.get("hidden").and_then(|hidden| hidden.truth(report));
                    let Some(model) = long.get("model") else {
                        let message =
                            format!("the alias {} has no `model`", crate::quote(alias.name));
                        let help = "write `{model: the-group, hidden: true}`";
                        report.problem(alias.key_mark, message, help);
                        continue;
                    };
                    for other in long.fields() {
                        if !["model", "hidden"].contains(&other.name) {
                            let message = format!(
                                "{} is not known in an alias, which has `model` and `hidden`",
                                crate::quote(other.name)
                            );
                            report.notice(crate::NoticeKind::UnknownKey, other.key_mark, message);
                        }
                    }
                    (model, hidden.unwrap_or(false))
                }
                Value::Scalar(_) | Value::List(_) => (alias, false),
            };
            let Some(text) = model.name(report) else {
                continue;
            };
            if !refuse_placeholder(&model, text, report) {
                read.push(Self {
                    name: alias.name.to_owned(),
                    model: text.to_owned(),
                    hidden,
                    at: report.location(model.mark()),
                });
            }
        }
        read
    }
}
