//! Numbers by class of error: what `allowed_fails_policy` and `retry_policy` have in common.

use crate::{
    keys, quote,
    read::{Field, Section},
    report::Report,
};

/// Reads the number of every class in `known` that is written down. A name that nobody knows is refused:
/// unlike other unknown keys it can only be a slip, and the class that was meant would go by the default.
pub(crate) fn read<const N: usize>(
    section: &Section<'_>,
    mut known: [(&'static str, &mut Option<u32>); N],
    accepted: &str,
    report: &mut Report,
) {
    for field in section.fields() {
        let slot = known.iter_mut().find(|(name, _)| *name == field.name);
        if let Some((_, number)) = slot {
            **number = field.small(report, accepted);
        } else {
            refuse(&field, known.each_ref().map(|(name, _)| *name), report);
        }
    }
}

fn refuse<const N: usize>(field: &Field<'_>, known: [&'static str; N], report: &mut Report) {
    let message = format!("{} is not a class of errors", quote(&field.path()));
    let help = match keys::nearest(field.name, known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!(
            "the classes are {}",
            known.map(|name| format!("`{name}`")).join(", ")
        ),
    };
    report.problem(field.key_mark, message, help);
}
