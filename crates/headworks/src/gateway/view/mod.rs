//! What the gateway sees of a request, beyond its model: what its deployment must be, and what it belongs
//! together with.

mod prompt;
mod responses;
mod session;

pub(super) use responses::Remember;

use self::{
    responses::Responses,
    session::{Caller, Source},
};
use super::tags;
use headworks_balance::{Needs, Pinned, Session, Strategy, TagMatch};
use headworks_config::{Affinity, Config, RoutingStrategy};
use headworks_core::{AskUsage, Group};
use headworks_openai::{Member, OwnKey, RequestBody};
use headworks_provider::Endpoint;
use http::{Extensions, HeaderMap};
use std::{collections::HashMap, sync::Arc};

/// What is looked at, for each group.
#[derive(Debug)]
pub(super) struct Views {
    groups: HashMap<Group, View>,
    matching: TagMatch,
    /// What marks a tag as meant for routing.
    tag_prefix: String,
    /// The shortest context window there is, if prompts are measured.
    shortest_window: Option<u64>,
    /// Whether deployments are told apart by where they stand.
    regions: bool,
    responses: Arc<Responses>,
    /// Whether streams are asked for their usage, whoever wants it.
    asks_usage: bool,
}

/// What is looked at for one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct View {
    /// What sessions are told by; the first that a request has counts.
    sources: Vec<Source>,
    /// Whether a request goes where the response was made that it goes on from.
    pins: bool,
    /// Whether deployments are chosen by their tags.
    tags: bool,
    /// Whether tags that match nobody exclude nobody.
    tags_fail_open: bool,
}

/// What was seen of one request.
#[derive(Debug, Default)]
pub(super) struct Seen {
    needs: Option<Needs>,
    session: Option<Session>,
    pinned: Option<Pinned>,
    remember: Option<Remember>,
    ask_usage: bool,
}

// ===== impl Views =====

impl Views {
    /// What `config` has looked at.
    pub(super) fn of(config: &Config) -> Self {
        let router = &config.router;
        let mut groups = HashMap::new();
        for deployment in &config.deployments {
            let group = &deployment.group;
            if !groups.contains_key(group) {
                groups.insert(group.clone(), View::of(config, group));
            }
        }
        groups.retain(|_, view| *view != View::default());
        let windows = config.deployments.iter();
        let shortest = windows.filter_map(|d| d.info.max_input_tokens).min();
        Self {
            groups,
            matching: if router.tag_filtering_match_any {
                TagMatch::Any
            } else {
                TagMatch::All
            },
            tag_prefix: router.tag_routing_prefix.clone(),
            shortest_window: shortest.filter(|_| router.enable_pre_call_checks),
            regions: router.enable_pre_call_checks,
            responses: Arc::default(),
            asks_usage: config.asks_stream_usage(),
        }
    }

    /// How `group` chooses: by its strategy, beside its sessions if it has any.
    pub(super) fn strategy(&self, group: &Group, strategy: Strategy) -> Strategy {
        match self.groups.get(group) {
            Some(view) if !view.sources.is_empty() => strategy.sticky(),
            _ => strategy,
        }
    }

    /// Looks at a request for `group`. It keeps what is seen where it falls back to another group, which takes
    /// of it what it goes by itself.
    pub(super) fn look(
        &self,
        group: &Group,
        endpoint: Endpoint,
        headers: &HeaderMap,
        body: &RequestBody,
    ) -> Seen {
        let view = self.groups.get(group);
        let mut seen = Seen {
            needs: self.needs(view, endpoint, headers, body),
            ask_usage: self.asks_usage && body.stream(),
            ..Seen::default()
        };
        let Some(view) = view.filter(|view| view.pins || !view.sources.is_empty()) else {
            return seen;
        };
        let caller = Caller::of(headers);
        let request = session::Request {
            caller,
            endpoint,
            headers,
            body,
        };
        seen.session = request.session(&view.sources);
        if view.pins && endpoint == Endpoint::Responses {
            let previous = body.text(Member::PreviousResponseId);
            let made_by = previous.and_then(|id| self.responses.get(caller.response(&id)));
            seen.pinned = made_by.map(Pinned);
            seen.remember = Some(Remember::new(self.responses.clone(), caller));
        }
        seen
    }

    fn needs(
        &self,
        view: Option<&View>,
        endpoint: Endpoint,
        headers: &HeaderMap,
        body: &RequestBody,
    ) -> Option<Needs> {
        let params = body.params();
        let mut needs = Needs::default();
        // A request may ask for it, and not that it be left out.
        if view.is_some_and(|view| view.tags) || params.flag(OwnKey::EnableTagFiltering) {
            let tags = tags::of(headers, params, self.matching, &self.tag_prefix);
            needs.tags = Some(tags.fail_open(view.is_some_and(|view| view.tags_fail_open)));
        }
        if let Some(shortest) = self.shortest_window
            && let Some(estimate) = prompt::estimate(endpoint, body, shortest)
        {
            needs.input_tokens = Some(estimate.thought);
            needs.least_input_tokens = Some(estimate.least);
        }
        if self.regions {
            needs.region = params.allowed_model_region().map(Arc::from);
        }
        (needs != Needs::default()).then_some(needs)
    }
}

// ===== impl View =====

impl View {
    fn of(config: &Config, group: &Group) -> Self {
        let affinities = config.affinities(group);
        let has = |affinity| affinities.contains(&affinity);
        let is_sticky = config.router.routing_strategy == RoutingStrategy::Sticky;
        // Those that say more about what belongs together go first.
        let sources = [
            (Source::SessionId, is_sticky || has(Affinity::Session)),
            (Source::CacheKey, is_sticky || has(Affinity::PromptCaching)),
            (Source::User, is_sticky),
            (Source::Opening, is_sticky || has(Affinity::PromptCaching)),
            (Source::Caller, has(Affinity::Deployment)),
        ];
        let wanted = sources.into_iter().filter(|(_, wanted)| *wanted);
        let members = || config.deployments.iter().filter(|d| d.group == *group);
        let own = members().find_map(|member| member.info.enable_tag_filtering);
        Self {
            sources: wanted.map(|(source, _)| source).collect(),
            pins: is_sticky || has(Affinity::Responses),
            tags: own.unwrap_or(config.router.enable_tag_filtering),
            tags_fail_open: members().any(|member| member.info.allow_fail_open),
        }
    }
}

// ===== impl Seen =====

impl Seen {
    /// Puts what was seen where the layers look for it. What is left is for the answer.
    pub(super) fn note(self, extensions: &mut Extensions) -> Option<Remember> {
        if let Some(needs) = self.needs {
            extensions.insert(needs);
        }
        if let Some(session) = self.session {
            extensions.insert(session);
        }
        if let Some(pinned) = self.pinned {
            extensions.insert(pinned);
        }
        if self.ask_usage {
            extensions.insert(AskUsage);
        }
        self.remember
    }
}

#[cfg(test)]
mod tests;
