//! The fallbacks in force, with every name that stands for a group replaced by the group.

use super::Known;
use crate::{Config, Fallback, Fallbacks, quote, report::Report};

/// Takes each list from the router, or from `litellm_settings` where that is empty, as `LiteLLM` does.
pub(super) fn fallbacks(config: &Config, known: &Known<'_>, report: &mut Report) -> Fallbacks {
    let (router, litellm) = (&config.router.fallbacks, &config.litellm.fallbacks);
    let mut list = |name, router, litellm| entries(name, first(router, litellm), known, report);
    let mut general = list("fallbacks", &router.general, &litellm.general);
    let context_window = list(
        "context_window_fallbacks",
        &router.context_window,
        &litellm.context_window,
    );
    let content_policy = list(
        "content_policy_fallbacks",
        &router.content_policy,
        &litellm.content_policy,
    );
    let star = general.iter().position(|fallback| fallback.group == "*");
    let star = star.map(|at| general.remove(at));
    let default = match (router.default.as_ref().or(litellm.default.as_ref()), star) {
        (Some(default), star) => {
            if let Some(star) = star {
                let message =
                    "the entry `*` of `fallbacks` has no effect beside `default_fallbacks`";
                report.advise(star.at.mark(), message);
            }
            targets(default, known)
        }
        (None, Some(star)) => star.targets,
        (None, None) => Vec::new(),
    };
    Fallbacks {
        general,
        default,
        context_window,
        content_policy,
    }
}

fn first<'a>(router: &'a [Fallback], litellm: &'a [Fallback]) -> &'a [Fallback] {
    if router.is_empty() { litellm } else { router }
}

/// One entry for each group. Of several that written with the group's own name holds, else the first; of `*`
/// the last.
fn entries(name: &str, list: &[Fallback], known: &Known<'_>, report: &mut Report) -> Vec<Fallback> {
    let mut entries = Vec::<Fallback>::new();
    let (exact, other): (Vec<_>, Vec<_>) = list
        .iter()
        .partition(|fallback| known.group(&fallback.group) == fallback.group);
    for fallback in exact.into_iter().chain(other) {
        let group = known.group(&fallback.group);
        let entry = Fallback {
            group: group.to_owned(),
            targets: targets(fallback, known),
            ..fallback.clone()
        };
        match entries.iter_mut().find(|earlier| earlier.group == group) {
            None => entries.push(entry),
            // `LiteLLM` looks for it to the end of the list.
            Some(earlier) if group == "*" => *earlier = entry,
            // That has been told of.
            Some(_) if group == fallback.group => {}
            Some(_) => {
                let message = format!(
                    "the entry {} of `{name}` has no effect: {} has another one",
                    quote(&fallback.group),
                    quote(group)
                );
                report.advise(fallback.at.mark(), message);
            }
        }
    }
    entries
}

fn targets(fallback: &Fallback, known: &Known<'_>) -> Vec<String> {
    let targets = fallback.targets.iter();
    targets
        .map(|target| known.resolve(target).to_owned())
        .collect()
}
