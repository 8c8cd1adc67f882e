use crate::gateway::key;
use headworks_balance::Session;
use headworks_openai::{Member, OwnKey, RequestBody};
use headworks_provider::Endpoint;
use http::HeaderMap;
use serde_json::Value;
use std::borrow::Cow;

/// The headers that name a session: LiteLLM's, and that of Claude Code.
const SESSION_HEADERS: [&str; 2] = ["x-litellm-session-id", "x-claude-code-session-id"];

/// Of a longer name only the beginning counts. A UUID has 36 bytes.
const LONGEST: usize = 512;

/// What a session can be told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A name for it, in a header or in LiteLLM's members of the body.
    SessionId,
    /// `prompt_cache_key`.
    CacheKey,
    /// `user`, or Anthropic's `metadata.user_id`.
    User,
    /// What the conversation begins with.
    Opening,
    /// The caller's key.
    Caller,
}

/// A caller, by a hash of the keys it shows. Sessions are a caller's own: nobody shares another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    hash: Session,
    has_key: bool,
}

/// What there is to see of a request.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) caller: Caller,
    pub(super) endpoint: Endpoint,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a RequestBody,
}

// ===== impl Caller =====

impl Caller {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let none = Session::new(b"", b"");
        let hash = key::shown(headers).fold(none, Session::and);
        Self {
            hash,
            has_key: hash != none,
        }
    }

    /// What is kept of a response of this caller's.
    pub(super) fn response(self, id: &str) -> Session {
        self.named("response", id)
    }

    fn named(self, kind: &str, name: &str) -> Session {
        let name = name.as_bytes();
        let name = &name[..name.len().min(LONGEST)];
        self.hash.and(kind.as_bytes()).and(name)
    }
}

// ===== impl Request =====

impl Request<'_> {
    /// The session by the first of these that the request has.
    pub(super) fn session(self, sources: &[Source]) -> Option<Session> {
        sources.iter().find_map(|source| self.by(*source))
    }

    fn by(self, source: Source) -> Option<Session> {
        let named = |kind, name: Option<Cow<'_, str>>| Some(self.caller.named(kind, &name?));
        let text = |member| self.body.text(member);
        match source {
            Source::SessionId => named("session", self.session_id()),
            Source::CacheKey => named("cache key", text(Member::PromptCacheKey)),
            Source::User => {
                let user = text(Member::User).or_else(|| text(Member::MetadataUserId));
                named("user", user)
            }
            Source::Opening => self.opening(),
            Source::Caller => {
                let caller = || self.caller.named("caller", "");
                self.caller.has_key.then(caller)
            }
        }
    }

    fn session_id(&self) -> Option<Cow<'_, str>> {
        let header = |name: &str| self.headers.get(name)?.to_str().ok().map(str::trim);
        let mut headers = SESSION_HEADERS.iter().filter_map(|name| header(name));
        if let Some(id) = headers.find(|id| !id.is_empty()) {
            return Some(Cow::Borrowed(id));
        }
        let own = |key| self.body.params().raw(key);
        let id = own(OwnKey::LitellmSessionId).and_then(|raw| {
            // In a form it stands without quotes.
            let bare = || str::from_utf8(raw).ok().map(str::to_owned);
            serde_json::from_slice(raw).map_or_else(|_| bare(), name)
        });
        let of_metadata = || {
            let mut metadata: Value = serde_json::from_slice(own(OwnKey::LitellmMetadata)?).ok()?;
            name(metadata.get_mut("session_id")?.take())
        };
        let id = id.or_else(of_metadata).map(Cow::Owned);
        id.or_else(|| self.body.text(Member::MetadataSessionId))
    }

    /// Where a conversation goes on from an earlier response its beginning is not in the request.
    fn opening(self) -> Option<Session> {
        let converses = matches!(
            self.endpoint,
            Endpoint::ChatCompletions
                | Endpoint::Completions
                | Endpoint::Responses
                | Endpoint::Messages
        );
        if !converses || self.body.text(Member::PreviousResponseId).is_some() {
            return None;
        }
        let none = self.caller.named("opening", "");
        let mut opening = none;
        self.body.opening(|piece| opening = opening.and(piece));
        (opening != none).then_some(opening)
    }
}

/// A name as text, whether it is written as text or as a number.
fn name(value: Value) -> Option<String> {
    match value {
        Value::String(name) => Some(name).filter(|name| !name.is_empty()),
        Value::Number(name) => Some(name.to_string()),
        _ => None,
    }
}
