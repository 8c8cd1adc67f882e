use crate::{
    finish,
    json::{Cursor, Fault, Kind, Text},
    usage::Counts,
};

/// What one event says.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) content: bool,
    /// A choice is finished.
    pub(super) finish: bool,
    /// The whole answer is finished.
    pub(super) ended: bool,
    /// The finish says that the content policy withheld the answer, or the rest of it.
    pub(super) withheld: bool,
    pub(super) error: bool,
    pub(super) done: bool,
    /// The data is no JSON, as far as it was not one of the words above.
    pub(super) malformed: bool,
    /// One bit for each choice the event speaks of, and for each it finishes.
    pub(super) begun: u128,
    pub(super) finished: u128,
    pub(super) counts: Counts,
    /// It has a list of choices, with none in it.
    pub(super) no_choices: bool,
}

/// Looks into the data of an event.
pub(super) fn judge(name: &[u8], data: &[u8]) -> Facts {
    if data.trim_ascii() == b"[DONE]" {
        return Facts {
            done: true,
            ..Facts::default()
        };
    }
    let mut facts = Facts::default();
    let mut cursor = Cursor::new(data);
    let read = cursor
        .members(|cursor, name| facts.member(cursor, name))
        .and_then(|()| cursor.end());
    if read.is_err() {
        facts = Facts {
            malformed: !is_json(data),
            ..Facts::default()
        };
    }
    facts.error |= name == b"error";
    facts
}

// ===== impl Facts =====

impl Facts {
    /// True of the event with which a stream ends that was asked for its usage: nothing else is in it.
    pub(super) fn is_usage_alone(&self) -> bool {
        self.no_choices && !self.error && self.counts.usage().is_some()
    }

    fn member(&mut self, cursor: &mut Cursor<'_>, name: Text<'_>) -> Result<(), Fault> {
        let name = name.decode().unwrap_or_default();
        match (&*name, cursor.kind()?) {
            (b"choices", Kind::Array) => {
                self.no_choices = true;
                cursor.elements(|cursor| {
                    self.no_choices = false;
                    self.choice(cursor)
                })
            }
            (b"usage", _) => self.counts.read(cursor),
            // Responses keeps the answer in `response`, Anthropic's `message_start` in `message`.
            (b"response" | b"message", Kind::Object) => {
                cursor.members(|cursor, name| match name.decode().as_deref() {
                    Some(b"usage") => self.counts.read(cursor),
                    Some(b"incomplete_details") if cursor.kind()? == Kind::Object => {
                        self.withheld |= finish::is_in_details(cursor)?;
                        Ok(())
                    }
                    _ => cursor.skip().map(drop),
                })
            }
            (b"type", Kind::String) => {
                let kind = cursor.string()?.decode().unwrap_or_default();
                self.kind(&kind);
                Ok(())
            }
            // Anthropic's `message_delta`.
            (b"delta", Kind::Object) => {
                cursor.members(|cursor, name| match name.decode().as_deref() {
                    Some(b"stop_reason") if cursor.kind()? == Kind::String => {
                        let reason = cursor.string()?.decode().unwrap_or_default();
                        self.withheld |= finish::is_refused(&reason);
                        self.ended = true;
                        Ok(())
                    }
                    _ => cursor.skip().map(drop),
                })
            }
            (b"error", Kind::Object | Kind::String) => {
                self.error = true;
                cursor.skip().map(drop)
            }
            _ => cursor.skip().map(drop),
        }
    }

    /// Events of Responses, images, audio and Anthropic tell by their `type` what they are.
    fn kind(&mut self, kind: &[u8]) {
        self.content |= kind == b"content_block_delta"
            || kind.ends_with(b".delta")
            || kind.ends_with(b".done")
            || kind.ends_with(b".partial_image");
        match kind {
            b"response.completed"
            | b"response.incomplete"
            | b"message_stop"
            | b"transcript.text.done"
            | b"speech.audio.done" => self.ended = true,
            b"image_generation.completed" | b"image_edit.completed" => {
                self.content = true;
                self.ended = true;
            }
            b"response.failed" => {
                self.ended = true;
                self.error = true;
            }
            b"error" => self.error = true,
            _ => {}
        }
    }

    /// A choice of a chat completion or a completion.
    fn choice(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        if cursor.kind()? != Kind::Object {
            return cursor.skip().map(drop);
        }
        let (mut index, mut finished, mut filtered) = (0, false, false);
        cursor.members(|cursor, name| {
            let name = name.decode().unwrap_or_default();
            match (&*name, cursor.kind()?) {
                (b"index", Kind::Number) => {
                    index = cursor.number()?.parse().unwrap_or(0);
                    Ok(())
                }
                (b"text", Kind::String) => {
                    self.content |= !cursor.string()?.is_empty();
                    Ok(())
                }
                (b"delta", Kind::Object) => self.delta(cursor),
                (b"finish_reason", Kind::String) => {
                    let reason = cursor.string()?.decode().unwrap_or_default();
                    // OpenRouter's word for a provider that failed in mid-stream.
                    if *reason == *b"error" {
                        self.error = true;
                    } else {
                        finished = true;
                        filtered = finish::is_filtered(&reason);
                    }
                    Ok(())
                }
                _ => cursor.skip().map(drop),
            }
        })?;
        // `n` is at most 128; what lies beyond shares the last bit.
        let bit = 1 << u128::BITS.saturating_sub(1).min(index);
        self.begun |= bit;
        if finished {
            self.finish = true;
            self.finished |= bit;
            // Of several choices the first decides, as in a plain answer.
            self.withheld |= filtered && index == 0;
        }
        Ok(())
    }

    /// A delta carries content if any member but its `role` does: providers have many names for reasoning
    /// (`reasoning_content`, `reasoning`, `thinking` …), and a stream that is held back for want of a name
    /// would be worse than one let through early. `provider_specific_fields` is `LiteLLM`'s remark beside them.
    fn delta(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        cursor.members(|cursor, name| {
            let value = cursor.skip()?;
            let remark = matches!(
                name.decode().as_deref(),
                Some(b"role" | b"name" | b"provider_specific_fields")
            );
            self.content |= !remark && !is_blank(cursor.passed(value));
            Ok(())
        })
    }
}

/// True of JSON of any kind, and of blank data: some providers keep a line open by events without text.
fn is_json(data: &[u8]) -> bool {
    let mut cursor = Cursor::new(data);
    data.trim_ascii().is_empty() || cursor.skip().and_then(|_| cursor.end()).is_ok()
}

/// True of `null` and of an empty string, array or object.
fn is_blank(value: &[u8]) -> bool {
    match value {
        b"null" | b"\"\"" => true,
        [b'[', within @ .., b']'] | [b'{', within @ .., b'}'] => within.trim_ascii().is_empty(),
        _ => false,
    }
}
