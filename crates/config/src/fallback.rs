use crate::{
    Location,
    location::Mark,
    quote,
    read::{Field, Section},
    report::Report,
    yaml::{Node, Value},
};

/// Where to try when a group has failed: an entry `{group: [target, …]}`.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// The group, or `*` for all that have no entry of their own.
    pub group: String,
    /// The groups to try, in order. An id or an upstream's model may stand for one, as in `LiteLLM`.
    pub targets: Vec<String>,
    /// Where the group is named.
    pub at: Location,
    /// Where each target is named.
    pub(crate) target_marks: Vec<Mark>,
}

/// The fallbacks in force: see [`Config::fallbacks`](crate::Config::fallbacks).
#[derive(Clone, Debug, Default)]
pub struct Fallbacks {
    /// For any failure: `fallbacks`, without the entry `*`.
    pub general: Vec<Fallback>,
    /// For any failure of a group without an entry of its own: `default_fallbacks`, else the entry `*` of
    /// `fallbacks`.
    pub default: Vec<String>,
    /// For prompts that do not fit: `context_window_fallbacks`. May have an entry `*`.
    pub context_window: Vec<Fallback>,
    /// For prompts the provider refused: `content_policy_fallbacks`. May have an entry `*`.
    pub content_policy: Vec<Fallback>,
}

/// The fallbacks of `router_settings` or of `litellm_settings`, as they are written.
#[derive(Clone, Debug, Default)]
pub struct FallbackSettings {
    /// For any failure: `fallbacks`.
    pub general: Vec<Fallback>,
    /// For any failure of a group without an entry of its own, as an entry `*`: `default_fallbacks`.
    pub default: Option<Fallback>,
    /// For prompts that do not fit: `context_window_fallbacks`.
    pub context_window: Vec<Fallback>,
    /// For prompts the provider refused: `content_policy_fallbacks`.
    pub content_policy: Vec<Fallback>,
}

// ===== impl FallbackSettings =====

impl FallbackSettings {
    pub(crate) fn read(section: &Section<'_>, report: &mut Report) -> Self {
        let mut list = |name| {
            let field = section.get(name);
            field.map_or_else(Vec::new, |field| Fallback::read_list(&field, report))
        };
        let mut fallbacks = Self {
            general: list("fallbacks"),
            default: None,
            context_window: list("context_window_fallbacks"),
            content_policy: list("content_policy_fallbacks"),
        };
        if let Some(default) = section.get("default_fallbacks") {
            let mut all = Fallback::new("*", report.location(default.key_mark));
            for target in default.items(report) {
                all.push(&target, report);
            }
            if !all.targets.is_empty() {
                fallbacks.default = Some(all);
            }
        }
        fallbacks
    }

    /// Each list with its name.
    pub(crate) fn lists(&self) -> [(&'static str, &[Fallback]); 4] {
        [
            ("fallbacks", &self.general),
            ("default_fallbacks", self.default.as_slice()),
            ("context_window_fallbacks", &self.context_window),
            ("content_policy_fallbacks", &self.content_policy),
        ]
    }
}

// ===== impl Fallback =====

impl Fallback {
    fn new(group: &str, at: Location) -> Self {
        Self {
            group: group.to_owned(),
            targets: Vec::new(),
            at,
            target_marks: Vec::new(),
        }
    }

    fn read_list(field: &Field<'_>, report: &mut Report) -> Vec<Self> {
        const HELP: &str = "write `[{group: [first, second]}]`";
        let mut fallbacks = Vec::new();
        for item in field.items(report) {
            let Some(map) = item.node.as_map() else {
                item.refuse(report, "a list of `{group: [target, …]}`", HELP);
                continue;
            };
            for entry in &map.entries {
                let mut fallback = Self::new(&entry.key, report.location(entry.key_mark));
                let targets = item.with(&entry.value);
                if let Value::List(targets) = &entry.value.value {
                    for target in targets {
                        fallback.push(&item.with(target), report);
                    }
                } else {
                    let accepted = format!("a list of targets for {}", quote(&entry.key));
                    targets.refuse(report, &accepted, HELP);
                }
                fallbacks.push(fallback);
            }
        }
        fallbacks
    }

    /// A target is a name, or a mapping with the name as `model` among other things.
    fn push(&mut self, target: &Field<'_>, report: &mut Report) {
        let model = target.node.as_map().and_then(|map| map.entry("model"));
        let node: &Node = model.map_or(target.node, |entry| &entry.value);
        if let Some(name) = target.with(node).name(report) {
            self.targets.push(name.to_owned());
            self.target_marks.push(node.mark);
        }
    }
}
