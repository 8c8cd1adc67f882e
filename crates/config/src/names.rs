//! Names that refer to one another: aliases and fallbacks must lead to a group, and must not go in circles.

mod resolve;

use crate::{Config, Fallback, Location, keys, location::Mark, quote, report::Report};
use std::collections::{HashMap, HashSet};

/// Every name a request may end up with.
struct Known<'a> {
    groups: HashSet<&'a str>,
    /// Aliases and what they lead to.
    aliases: HashMap<&'a str, &'a str>,
    /// Ids, and upstream models: `LiteLLM` lets both be asked for.
    others: HashSet<&'a str>,
    wildcards: Vec<&'a str>,
}

/// Checks what leads where. The groups in `refused` exist, though their entries could not be read.
pub(crate) fn check(config: &mut Config, refused: &[String], report: &mut Report) {
    if config.deployments.is_empty() && refused.is_empty() {
        return;
    }
    drop_idle_aliases(config, report);
    let known = Known::new(config, refused);
    for alias in &config.aliases {
        let mark = alias.at.mark();
        if !known.has(&alias.model) {
            let message = format!(
                "the alias {} points to {}, which is not a `model_name`",
                quote(&alias.name),
                quote(&alias.model)
            );
            report.problem(mark, message, known.help(&alias.model));
        }
        if known.groups.contains(alias.name.as_str()) {
            let message = format!(
                "the alias {} hides the group of the same name: requests go to {}",
                quote(&alias.name),
                quote(&alias.model)
            );
            report.advise(mark, message);
        }
    }
    let edges = config.aliases.iter();
    let edges = edges.map(|alias| (alias.name.as_str(), alias.model.as_str(), alias.at.mark()));
    for (circle, mark) in circles(edges) {
        let message = format!("the aliases go in a circle: {circle}");
        report.problem(mark, message, "let one of them lead to a group");
    }
    let policies = config.router.model_group_retry_policy.iter();
    let policies = policies.map(|policy| (policy.group.as_str(), &policy.at));
    let groups = check_groups("model_group_retry_policy", policies, &known, report);
    let affinities = config.router.model_group_affinities.iter();
    let affinities = affinities.map(|own| (own.group.as_str(), &own.at));
    let affine = check_groups("model_group_affinity_config", affinities, &known, report);
    let commits = config.headworks.model_group_commit.iter();
    let commits = commits.map(|commit| (commit.group.as_str(), &commit.at));
    let committed = check_groups("model_group_commit", commits, &known, report);
    let lists = config.router.fallbacks.lists();
    for (name, list) in lists.into_iter().chain(config.litellm.fallbacks.lists()) {
        check_fallbacks(name, list, &known, report);
    }
    config.fallbacks = resolve::fallbacks(config, &known, report);
    for (policy, group) in config
        .router
        .model_group_retry_policy
        .iter_mut()
        .zip(groups)
    {
        policy.group = group;
    }
    for (own, group) in config.router.model_group_affinities.iter_mut().zip(affine) {
        own.group = group;
    }
    let commits = config.headworks.model_group_commit.iter_mut();
    for (commit, group) in commits.zip(committed) {
        commit.group = group;
    }
}

/// Checks the groups that the key `key` has something of their own for, and gives them without aliases.
fn check_groups<'a>(
    key: &str,
    named: impl Iterator<Item = (&'a str, &'a Location)>,
    known: &Known<'_>,
    report: &mut Report,
) -> Vec<String> {
    let mut groups = Vec::new();
    for (name, at) in named {
        let group = known.resolve(name);
        let mark = at.mark();
        if !known.groups.contains(group) {
            let named = quote(name);
            let message = format!("`{key}` is for {named}, which is not a `model_name`");
            report.problem(mark, message, known.help(name));
        } else if groups.iter().any(|earlier| earlier == group) {
            let message = format!("`{key}` has {} twice: the first holds", quote(group));
            report.advise(mark, message);
        }
        groups.push(group.to_owned());
    }
    groups
}

/// An alias of itself over a group does nothing, and would be a circle.
fn drop_idle_aliases(config: &mut Config, report: &mut Report) {
    let groups: HashSet<_> = config
        .deployments
        .iter()
        .map(|deployment| deployment.group.clone())
        .collect();
    config.aliases.retain(|alias| {
        let idle = alias.name == alias.model && groups.contains(alias.name.as_str());
        if idle {
            let message = format!(
                "the alias {} is the group itself and does nothing",
                quote(&alias.name)
            );
            report.advise(alias.at.mark(), message);
        }
        !idle
    });
}

fn check_fallbacks(name: &str, list: &[Fallback], known: &Known<'_>, report: &mut Report) {
    let mut seen = HashSet::new();
    for fallback in list {
        let group = fallback.group.as_str();
        if !seen.insert(group) {
            let holds = if group == "*" { "last" } else { "first" };
            let message = format!("`{name}` has {} twice: the {holds} holds", quote(group));
            report.advise(fallback.at.mark(), message);
        }
        if group != "*" && !known.has_or_without_provider(group) {
            let message = format!(
                "`{name}` is for {}, which is not a `model_name`",
                quote(group)
            );
            report.problem(fallback.at.mark(), message, known.help(group));
        }
        for (target, mark) in fallback.targets.iter().zip(&fallback.target_marks) {
            if !known.has(target) {
                let of = match name {
                    "default_fallbacks" => String::new(),
                    _ => format!(" of {}", quote(group)),
                };
                let named = quote(target);
                let message = format!("`{name}`{of} leads to {named}, which is not a `model_name`");
                report.problem(*mark, message, known.help(target));
            }
        }
    }
    let edges = list.iter().flat_map(|fallback| {
        let targets = fallback.targets.iter().zip(&fallback.target_marks);
        targets.map(|(target, mark)| {
            let from = known.group(&fallback.group);
            (from, known.resolve(target), *mark)
        })
    });
    // `*` stands for the groups without an entry; nothing leads back to it.
    for (circle, mark) in circles(edges) {
        let message = format!("the `{name}` go in a circle: {circle}");
        report.problem(
            mark,
            message,
            "a request would come back to where it failed: remove one step",
        );
    }
}

/// The circles among steps from one name to another, each with the step that closes it.
fn circles<'a>(edges: impl Iterator<Item = (&'a str, &'a str, Mark)>) -> Vec<(String, Mark)> {
    let mut steps = HashMap::<&str, Vec<(&str, Mark)>>::new();
    let mut starts = Vec::new();
    for (from, to, mark) in edges {
        starts.push(from);
        steps.entry(from).or_default().push((to, mark));
    }
    let mut circles = Vec::new();
    let mut done = HashSet::new();
    for start in starts {
        // Depth first with a stack of its own: the way so far, and for each name its next step.
        let mut way = vec![(start, 0)];
        while let Some((name, next)) = way.last_mut() {
            let step = steps.get(name).and_then(|steps| steps.get(*next));
            *next += 1;
            let Some(&(to, mark)) = step.filter(|_| !done.contains(name)) else {
                done.insert(*name);
                way.pop();
                continue;
            };
            if let Some(from) = way.iter().position(|(name, _)| *name == to) {
                let mut names: Vec<_> = way[from..].iter().map(|(name, _)| quote(name)).collect();
                names.push(quote(to));
                circles.push((names.join(" → "), mark));
            } else if !done.contains(to) {
                way.push((to, 0));
            }
        }
    }
    circles
}

// ===== impl Known =====

impl<'a> Known<'a> {
    fn new(config: &'a Config, refused: &'a [String]) -> Self {
        let deployments = &config.deployments;
        let groups: HashSet<_> = deployments
            .iter()
            .map(|deployment| deployment.group.as_str())
            .chain(refused.iter().map(String::as_str))
            .collect();
        Self {
            wildcards: groups
                .iter()
                .copied()
                .filter(|group| group.contains('*'))
                .collect(),
            groups,
            aliases: config
                .aliases
                .iter()
                .map(|alias| (alias.name.as_str(), alias.model.as_str()))
                .collect(),
            others: deployments
                .iter()
                .flat_map(|deployment| [deployment.id.as_str(), deployment.model.as_str()])
                .collect(),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.groups.contains(name)
            || self.aliases.contains_key(name)
            || self.others.contains(name)
            || self.wildcards.iter().any(|pattern| matches(pattern, name))
    }

    /// `LiteLLM` looks an entry up with the provider's prefix added or taken away as well.
    fn has_or_without_provider(&self, name: &str) -> bool {
        self.has(name)
            || name.split_once('/').is_some_and(|(_, bare)| self.has(bare))
            || self
                .groups
                .iter()
                .any(|group| group.split_once('/').is_some_and(|(_, bare)| bare == name))
    }

    /// The group behind an alias, so that circles over aliases are seen.
    fn resolve<'b>(&self, name: &'b str) -> &'b str
    where
        'a: 'b,
    {
        let mut name = name;
        // As many steps as there are aliases, in case they go in a circle themselves.
        for _ in 0..self.aliases.len() {
            match self.aliases.get(name) {
                Some(next) => name = next,
                None => break,
            }
        }
        name
    }

    /// The group an entry is for, whether it is written with its name, an alias, or the provider's prefix
    /// added or taken away; else the name itself.
    fn group<'b>(&'b self, name: &'b str) -> &'b str
    where
        'a: 'b,
    {
        let resolved = self.resolve(name);
        if name == "*" || self.groups.contains(resolved) {
            return resolved;
        }
        let bare = name.split_once('/').map(|(_, bare)| self.resolve(bare));
        let longer = self.groups.iter().copied().filter(|group| {
            let bare = group.split_once('/').map(|(_, bare)| bare);
            bare == Some(name)
        });
        bare.filter(|bare| self.groups.contains(bare))
            .or_else(|| longer.min())
            .unwrap_or(resolved)
    }

    fn help(&self, name: &str) -> String {
        let groups = self.groups.iter().copied();
        let aliases = self.aliases.keys().copied();
        let nearest = keys::nearest(name, groups).or_else(|| keys::nearest(name, aliases));
        if let Some(nearest) = nearest {
            return format!("did you mean {}?", quote(nearest));
        }
        // Enough to recognise a file by, short enough to read.
        const SHOWN: usize = 8;
        let mut groups: Vec<_> = self.groups.iter().copied().collect();
        groups.sort_unstable();
        let more = if groups.len() > SHOWN { ", …" } else { "" };
        groups.truncate(SHOWN);
        let groups: Vec<_> = groups.into_iter().map(quote).collect();
        format!("the groups are {}{more}", groups.join(", "))
    }
}

/// `*` stands for anything; the end of the name is free, as in `LiteLLM`.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|start| name.strip_prefix(start)) else {
        return false;
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}
