use crate::{
    Location,
    read::{Field, Section},
    report::Report,
};

/// What of a stream must be here before a client gets any of it. Up to then a failure is tried elsewhere and
/// no client knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Commit {
    /// The first token: `first_token`.
    #[default]
    FirstToken,
    /// All of it: `complete`. The stream is held and comes as a whole or not at all.
    Complete,
}

/// The [`Commit`] of one group: an entry of `headworks.model_group_commit`.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupCommit {
    /// The group; where an alias is written, the group it leads to.
    pub group: String,
    /// What of its streams must be here.
    pub commit: Commit,
    /// Where the group is named.
    pub at: Location,
}

// ===== impl Commit =====

impl Commit {
    pub(super) fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        field.word(
            &[
                ("first_token", Self::FirstToken),
                ("complete", Self::Complete),
            ],
            report,
        )
    }
}

// ===== impl GroupCommit =====

impl GroupCommit {
    pub(super) fn read_all(own: &Section<'_>, report: &mut Report) -> Vec<Self> {
        let field = own.get("model_group_commit");
        let groups = field.and_then(|field| field.section("headworks.model_group_commit", report));
        let mut commits = Vec::new();
        for group in groups.iter().flat_map(Section::fields) {
            commits.extend(Commit::read(&group, report).map(|commit| Self {
                group: group.name.to_owned(),
                commit,
                at: report.location(group.key_mark),
            }));
        }
        commits
    }
}
