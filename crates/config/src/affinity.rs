use crate::{
    Location, NoticeKind, keys,
    limits::ENFORCE,
    quote,
    read::{Field, Section},
    report::Report,
};

/// What keeps requests with one deployment, beside the strategy of their group: an entry of
/// `optional_pre_call_checks`.
///
/// `LiteLLM` remembers for a time where a request went. Here the deployment follows from what the requests
/// have in common, so that nothing expires and every instance comes to the same; only responses are
/// remembered, and where a deployment rests the next one takes over until it is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Affinity {
    /// A request that goes on from a response goes where that was made: `responses_api_deployment_check`.
    Responses,
    /// Those of one session stay together: `session_affinity`.
    Session,
    /// Those that begin alike, or have one `prompt_cache_key`, stay together: `prompt_caching`.
    PromptCaching,
    /// Those of one caller stay together: `deployment_affinity`.
    Deployment,
}

/// The [`Affinity`]s of one group: an entry of `router_settings.model_group_affinity_config`.
#[derive(Clone, Debug)]
pub struct GroupAffinity {
    /// The group; where an alias is written, the group it leads to.
    pub group: String,
    /// Stand in for the router's as a whole.
    pub affinities: Vec<Affinity>,
    /// Where the group is named.
    pub at: Location,
}

/// What else `LiteLLM` takes for a check, and what that comes to here.
const OTHERS: [(&str, &str); 3] = [
    (
        "encrypted_content_affinity",
        "nothing in such an item says who made it; with `session_affinity` it goes back to its deployment",
    ),
    ("router_budget_limiting", "nothing is limited"),
    (
        "forward_client_headers_by_model_group",
        "a client's headers go upstream, but for credentials",
    ),
];

// ===== impl Affinity =====

impl Affinity {
    /// Every one of them; where several hold, the first by which a request can be told goes first.
    pub const ALL: [Self; 4] = [
        Self::Responses,
        Self::Session,
        Self::PromptCaching,
        Self::Deployment,
    ];

    /// The name in `config.yaml`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Responses => "responses_api_deployment_check",
            Self::Session => "session_affinity",
            Self::PromptCaching => "prompt_caching",
            Self::Deployment => "deployment_affinity",
        }
    }

    /// Reads a list of checks and keeps those that are affinities.
    pub(crate) fn read_all(field: &Field<'_>, report: &mut Report) -> Vec<Self> {
        let mut affinities = Vec::new();
        for item in field.items(report) {
            let Some(name) = item.name(report) else {
                continue;
            };
            match Self::ALL.into_iter().find(|known| known.as_str() == name) {
                Some(affinity) if affinities.contains(&affinity) => {}
                Some(affinity) => affinities.push(affinity),
                // No affinity, and read by those it concerns.
                None if name == ENFORCE => {}
                None => other(&item, name, report),
            }
        }
        affinities
    }
}

/// A check that is no affinity.
fn other(item: &Field<'_>, name: &str, report: &mut Report) {
    let path = item.path();
    if let Some((_, instead)) = OTHERS.iter().find(|(other, _)| *other == name) {
        let message = format!("`{path}: {name}` is not honoured yet: {instead}");
        report.notice(NoticeKind::NotHonoured, item.mark(), message);
        return;
    }
    let names = Affinity::ALL.map(Affinity::as_str);
    let others = OTHERS.map(|(name, _)| name).into_iter().chain([ENFORCE]);
    let nearest = keys::nearest(name, names.into_iter().chain(others));
    let hint = nearest.map_or(String::new(), |nearest| {
        format!(": did you mean `{nearest}`?")
    });
    let message = format!("`{path}` has no {}{hint}", quote(name));
    report.notice(NoticeKind::UnknownKey, item.mark(), message);
}

// ===== impl GroupAffinity =====

impl GroupAffinity {
    pub(crate) fn read_all(router: &Section<'_>, report: &mut Report) -> Vec<Self> {
        const PATH: &str = "router_settings.model_group_affinity_config";
        let field = router.get("model_group_affinity_config");
        let groups = field.and_then(|field| field.section(PATH, report));
        let mut all = Vec::new();
        for group in groups.iter().flat_map(Section::fields) {
            all.push(Self {
                group: group.name.to_owned(),
                affinities: Affinity::read_all(&group, report),
                at: report.location(group.key_mark),
            });
        }
        all
    }
}
