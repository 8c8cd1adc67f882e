use crate::json::{Cursor, Kind};
use std::{borrow::Cow, ops::Range};

/// A member of a body that belongs to the provider: it is looked at, and goes out as it came in.
///
/// Nothing is refused for what it is: whether it may be so is the provider's to say. One that comes twice
/// counts as it stood first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Member {
    /// `user`: the user on whose behalf a request is made.
    User,
    /// `metadata.user_id`: the same, with Anthropic.
    MetadataUserId,
    /// `metadata.session_id`: what `LiteLLM` calls a session.
    MetadataSessionId,
    /// `prompt_cache_key`: which requests share a prefix that `OpenAI` may have cached.
    PromptCacheKey,
    /// `previous_response_id`: the response that this request goes on from.
    PreviousResponseId,
    /// `system`: Anthropic's system prompt.
    System,
    /// `instructions`: that of the Responses API.
    Instructions,
    /// `messages`: the conversation.
    Messages,
    /// `input`: that of the Responses API; what is to be embedded, moderated, spoken.
    Input,
    /// `prompt`: the text to complete; what is to be drawn.
    Prompt,
    /// `tools`: what the model may call.
    Tools,
    /// `query`: what is looked for where documents are ranked.
    Query,
    /// `documents`: those.
    Documents,
    /// `n`: how many answers are wanted.
    N,
    /// `best_of`: of how many answers the best are wanted.
    BestOf,
}

/// Where the [`Member`]s of a body stand.
#[derive(Debug, Default)]
pub(super) struct Members([Option<Range<usize>>; 15]);

// ===== impl Member =====

impl Member {
    /// The member of this name of the body itself.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"user" => Self::User,
            b"prompt_cache_key" => Self::PromptCacheKey,
            b"previous_response_id" => Self::PreviousResponseId,
            b"system" => Self::System,
            b"instructions" => Self::Instructions,
            b"messages" => Self::Messages,
            b"input" => Self::Input,
            b"prompt" => Self::Prompt,
            b"tools" => Self::Tools,
            b"query" => Self::Query,
            b"documents" => Self::Documents,
            b"n" => Self::N,
            b"best_of" => Self::BestOf,
            _ => return None,
        })
    }

    /// The member of this name of its `metadata`.
    pub(super) fn of_metadata(name: &[u8]) -> Option<Self> {
        match name {
            b"user_id" => Some(Self::MetadataUserId),
            b"session_id" => Some(Self::MetadataSessionId),
            _ => None,
        }
    }
}

// ===== impl Members =====

impl Members {
    /// Notes where a member's value stands. The first one counts.
    pub(super) fn came(&mut self, member: Member, value: Range<usize>) {
        self.0[member as usize].get_or_insert(value);
    }

    /// Where the value stands.
    pub(super) fn get(&self, member: Member) -> Option<Range<usize>> {
        self.0[member as usize].clone()
    }
}

/// The text of a JSON value that was found to be sound; `None` if it is no text, or an empty one.
pub(super) fn text(value: &[u8]) -> Option<Cow<'_, str>> {
    let mut cursor = Cursor::new(value);
    if cursor.kind() != Ok(Kind::String) {
        return None;
    }
    let text = cursor.string().ok()?.to_text()?;
    (!text.is_empty()).then_some(text)
}
