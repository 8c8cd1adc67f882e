//! What a prompt begins with, and how long it is, without taking it apart.

use super::members::{Member, Members};
use crate::json::{Cursor, Fault, Kind, Text};

/// Of a longer text this much is shown from its beginning and as much from its end. The prompts of two
/// conversations that differ do so at one of them, or in length.
const END: usize = 1024;

/// The most messages in front of the first of the user's, and the most parts of one, that are shown.
const MOST: usize = 16;

/// Passes a value and shows what there is to see of it.
type Reader = fn(&mut Cursor<'_>, &mut dyn FnMut(&[u8])) -> Result<(), Fault>;

/// Shows `piece` what stays the same throughout a conversation: the system prompt, and the messages up to the
/// user's first.
///
/// Texts are shown without what is around them, so that a message is the same whether it is written as a
/// string or as a list of parts, and whether a mark for the provider's cache (`cache_control`) is set on it or
/// has moved on.
pub(super) fn opening(bytes: &[u8], members: &Members, piece: &mut dyn FnMut(&[u8])) {
    let value = |member| members.get(member).map(|range| &bytes[range]);
    let parts: [(Member, Reader); 4] = [
        (Member::System, content),
        (Member::Instructions, content),
        (Member::Messages, messages),
        (Member::Input, messages),
    ];
    for (member, read) in parts {
        if let Some(value) = value(member) {
            // It was found to be sound when the body was read; were it not, it would be shown up to there.
            read(&mut Cursor::new(value), piece).unwrap_or_default();
        }
    }
    // The end of a text that is to be completed is where a conversation grows.
    if let Some(prompt) = value(Member::Prompt) {
        piece(&prompt[..prompt.len().min(END)]);
    }
}

/// How many bytes of text there are in a prompt, and in the tools that come with it.
///
/// Images, audio and files are not counted, nor anything that is no text at a glance.
pub(super) fn text_len(bytes: &[u8], members: &Members) -> u64 {
    let value = |member| members.get(member).map(|range| &bytes[range]);
    let prompt = [
        Member::System,
        Member::Instructions,
        Member::Messages,
        Member::Input,
    ];
    let texts = prompt.into_iter().filter_map(value);
    let texts = texts.map(|value| texts_of(&mut Cursor::new(value)).unwrap_or(0));
    let prompt = value(Member::Prompt).map_or(0, longest_of);
    let tools = value(Member::Tools).map_or(0, <[u8]>::len);
    texts.sum::<u64>() + prompt + tools as u64
}

/// How many bytes of text a provider counts: those of [`text_len`], but of several prompts all, and what is to be
/// ranked. A token that is given by its number is taken for so many as one has at `OpenAI`.
pub(super) fn counted_len(bytes: &[u8], members: &Members) -> u64 {
    let value = |member| members.get(member).map(|range| &bytes[range]);
    let texts = [
        Member::System,
        Member::Instructions,
        Member::Messages,
        Member::Query,
        Member::Documents,
    ];
    let texts = texts.into_iter().filter_map(value);
    let texts = texts.map(|value| texts_of(&mut Cursor::new(value)).unwrap_or(0));
    let prompts = [Member::Input, Member::Prompt].into_iter();
    let prompts = prompts.filter_map(value);
    let prompts = prompts.map(|value| texts_and_ids_of(&mut Cursor::new(value)).unwrap_or(0));
    let tools = value(Member::Tools).map_or(0, <[u8]>::len);
    texts.chain(prompts).sum::<u64>() + tools as u64
}

/// How many answers are asked for, each as long as it may be: so many to each prompt. One where that is not said
/// in numbers that make sense.
pub(super) fn answers(bytes: &[u8], members: &Members) -> u64 {
    let value = |member| members.get(member).map(|range| &bytes[range]);
    let number = |member| {
        let digits = str::from_utf8(value(member)?).ok()?;
        digits.parse::<u64>().ok()
    };
    let each = number(Member::N).max(number(Member::BestOf));
    let prompts = value(Member::Prompt).map_or(1, prompts_of);
    each.unwrap_or(1).max(1).saturating_mul(prompts)
}

/// Shows the texts that [`text_len`] counts, of several prompts all, and tells how many messages there are.
pub(super) fn texts(bytes: &[u8], members: &Members, each: &mut dyn FnMut(&[u8])) -> u64 {
    let value = |member| members.get(member).map(|range| &bytes[range]);
    let prompt = [
        Member::System,
        Member::Instructions,
        Member::Messages,
        Member::Input,
        Member::Prompt,
    ];
    for value in prompt.into_iter().filter_map(value) {
        let mut show = |text: Text<'_>| {
            if let Some(text) = text.decode() {
                each(&text);
            }
        };
        // It was found to be sound when the body was read; were it not, it would be shown up to there.
        visit(&mut Cursor::new(value), &mut show).unwrap_or_default();
    }
    if let Some(tools) = value(Member::Tools) {
        each(tools);
    }
    let mut messages = 0;
    if let Some(value) = value(Member::Messages) {
        let mut cursor = Cursor::new(value);
        let counted = cursor.elements(|cursor| {
            messages += 1;
            cursor.skip().map(drop)
        });
        counted.unwrap_or_default();
    }
    messages
}

/// The bytes of the longest of several prompts, of which each is answered by itself.
fn longest_of(value: &[u8]) -> u64 {
    let mut cursor = Cursor::new(value);
    let mut longest = 0;
    let read = match cursor.kind() {
        Ok(Kind::Array) => cursor.elements(|cursor| {
            longest = texts_of(cursor)?.max(longest);
            Ok::<_, Fault>(())
        }),
        _ => texts_of(&mut cursor).map(|len| longest = len),
    };
    read.map_or(0, |()| longest)
}

/// How many prompts there are: one, unless it is a list of texts, or of lists.
fn prompts_of(value: &[u8]) -> u64 {
    let mut cursor = Cursor::new(value);
    if cursor.kind() != Ok(Kind::Array) {
        return 1;
    }
    let mut prompts = 0;
    let read = cursor.elements(|cursor| {
        prompts += u64::from(matches!(cursor.kind()?, Kind::String | Kind::Array));
        cursor.skip().map(drop)
    });
    read.map_or(1, |()| prompts.max(1))
}

/// The messages ahead, or the one text that stands for the user's.
fn messages(cursor: &mut Cursor<'_>, piece: &mut dyn FnMut(&[u8])) -> Result<(), Fault> {
    if cursor.kind()? != Kind::Array {
        return content(cursor, piece);
    }
    let (mut seen, mut is_over) = (0, false);
    cursor.elements(|cursor| {
        seen += 1;
        if is_over || seen > MOST {
            return cursor.skip().map(drop);
        }
        is_over = message(cursor, piece)?;
        Ok(())
    })
}

/// One message; true if it is the user's.
fn message(cursor: &mut Cursor<'_>, piece: &mut dyn FnMut(&[u8])) -> Result<bool, Fault> {
    if cursor.kind()? != Kind::Object {
        return content(cursor, piece).map(|()| false);
    }
    let (mut role, mut said) = (None, None);
    cursor.members(|cursor, name| {
        match (name.decode().as_deref(), cursor.kind()?) {
            (Some(b"role"), Kind::String) => role = Some(cursor.string()?),
            (Some(b"content"), _) => {
                let range = cursor.skip()?;
                said = Some(cursor.passed(range));
            }
            _ => {
                cursor.skip()?;
            }
        }
        Ok::<_, Fault>(())
    })?;
    let role = role.map_or(&b""[..], |role| role.raw());
    show(role, piece);
    if let Some(said) = said {
        content(&mut Cursor::new(said), piece)?;
    }
    Ok(role == b"user")
}

/// A text, or the parts of one.
fn content(cursor: &mut Cursor<'_>, piece: &mut dyn FnMut(&[u8])) -> Result<(), Fault> {
    if cursor.kind()? != Kind::Array {
        return value(cursor, piece);
    }
    let mut seen = 0;
    cursor.elements(|cursor| {
        seen += 1;
        if seen > MOST {
            return cursor.skip().map(drop);
        }
        if cursor.kind()? != Kind::Object {
            return value(cursor, piece);
        }
        cursor.members(|cursor, name| match name.decode().as_deref() {
            Some(b"type" | b"cache_control") => cursor.skip().map(drop),
            _ => value(cursor, piece),
        })
    })
}

/// A value as it is written, a text without its quotes.
fn value(cursor: &mut Cursor<'_>, piece: &mut dyn FnMut(&[u8])) -> Result<(), Fault> {
    let raw = if cursor.kind()? == Kind::String {
        cursor.string()?.raw()
    } else {
        let range = cursor.skip()?;
        cursor.passed(range)
    };
    show(raw, piece);
    Ok(())
}

/// Shows a text, or the two ends of a longer one and how long it is.
fn show(raw: &[u8], piece: &mut dyn FnMut(&[u8])) {
    if raw.len() <= 2 * END {
        piece(raw);
    } else {
        // Of one width everywhere: every instance must come to the same.
        piece(&(raw.len() as u64).to_le_bytes());
        piece(&raw[..END]);
        piece(&raw[raw.len() - END..]);
    }
}

/// The bytes of the texts in the value ahead.
fn texts_of(cursor: &mut Cursor<'_>) -> Result<u64, Fault> {
    let mut sum = 0;
    visit(cursor, &mut |text| sum += len(text))?;
    Ok(sum)
}

/// The same, with tokens that are given by their numbers.
fn texts_and_ids_of(cursor: &mut Cursor<'_>) -> Result<u64, Fault> {
    const BYTES_PER_TOKEN: u64 = 4;
    match cursor.kind()? {
        Kind::Number => cursor.skip().map(|_| BYTES_PER_TOKEN),
        Kind::Array => {
            let mut sum = 0;
            cursor.elements(|cursor| {
                sum += texts_and_ids_of(cursor)?;
                Ok::<_, Fault>(())
            })?;
            Ok(sum)
        }
        _ => texts_of(cursor),
    }
}

/// Shows the texts in the value ahead.
fn visit<'a>(cursor: &mut Cursor<'a>, each: &mut impl FnMut(Text<'a>)) -> Result<(), Fault> {
    match cursor.kind()? {
        Kind::String => each(cursor.string()?),
        Kind::Array => cursor.elements(|cursor| visit(cursor, each))?,
        Kind::Object => cursor.members(|cursor, name| {
            match name.decode().as_deref() {
                // Of messages, of their parts, of calls and their results.
                Some(
                    b"content" | b"text" | b"thinking" | b"summary" | b"function" | b"tool_calls"
                    | b"arguments" | b"input" | b"output",
                ) => visit(cursor, each)?,
                _ => {
                    cursor.skip()?;
                }
            }
            Ok::<_, Fault>(())
        })?,
        Kind::Number | Kind::Boolean | Kind::Null => {
            cursor.skip()?;
        }
    }
    Ok(())
}

fn len(text: Text<'_>) -> u64 {
    text.decoded_len() as u64
}

#[cfg(test)]
mod tests;
