use super::{
    InvalidRequest, OwnKey, Params,
    anatomy::{Anatomy, Asking, Form, Known, Limits, Once},
    members::Members,
};
use crate::json::{Cursor, Kind, Text};
use bytes::Bytes;
use std::ops::Range;

/// Reads the body of a request in one pass.
pub(super) fn read(bytes: &Bytes) -> Result<Anatomy, InvalidRequest> {
    if let Err(error) = str::from_utf8(bytes) {
        return Err(InvalidRequest::not_utf8(error.valid_up_to()));
    }
    let mut cursor = Cursor::new(bytes);
    let kind = cursor.kind()?;
    let open = cursor.at();
    if kind != Kind::Object {
        return Err(InvalidRequest::not_an_object(kind, open));
    }
    let mut reader = Reader {
        bytes,
        once: Once::default(),
        cuts: Vec::new(),
        model: None,
        model_at: None,
        stream: false,
        include_usage: None,
        asking: None,
        data_sources: false,
        limits: Limits::default(),
        params: Params::default(),
        members: Members::default(),
    };
    let kept = reader.object(&mut cursor, Known::of, Reader::value)?;
    cursor.end()?;
    let (site, form) = match reader.model_at {
        Some(site) => (site, Form::Value),
        None => (open + 1..open + 1, Form::Member { comma: kept }),
    };
    let asks = !reader.stream || reader.include_usage.is_some() || reader.data_sources;
    let asking = (!asks).then(|| {
        // There is at least one more member, by which it is a stream.
        reader.asking.unwrap_or(Asking {
            site: open + 1..open + 1,
            text: r#""stream_options":{"include_usage":true},"#,
        })
    });
    Ok(Anatomy {
        model: reader.model,
        stream: reader.stream,
        include_usage: reader.include_usage,
        asking,
        limits: reader.limits,
        params: reader.params,
        members: reader.members,
        cuts: reader.cuts,
        site,
        form,
    })
}

struct Reader<'a> {
    bytes: &'a Bytes,
    once: Once,
    cuts: Vec<Range<usize>>,
    model: Option<Box<str>>,
    model_at: Option<Range<usize>>,
    stream: bool,
    include_usage: Option<bool>,
    /// How to ask for usage where there are `stream_options`.
    asking: Option<Asking>,
    data_sources: bool,
    limits: Limits,
    params: Params,
    members: Members,
}

/// Takes members out of one object, each with one comma, so that what is left is an object still.
#[derive(Default)]
struct Cutter {
    /// A member stays, and ended here or one that was cut behind it did.
    kept: bool,
    end: usize,
    /// The last cut reaches to the next member, wherever that begins.
    open: bool,
}

/// What becomes of a member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Cut,
}

// ===== impl Reader =====

impl Reader<'_> {
    /// Passes the object ahead. `known` tells which members are read, `value` reads and passes one. True if
    /// any member stays.
    fn object(
        &mut self,
        cursor: &mut Cursor<'_>,
        known: fn(&[u8]) -> Option<Known>,
        value: fn(&mut Self, &mut Cursor<'_>, Known) -> Result<Fate, InvalidRequest>,
    ) -> Result<bool, InvalidRequest> {
        let mut cutter = Cutter::default();
        cursor.members(|cursor, name: Text<'_>| {
            cutter.begin(name.start(), &mut self.cuts);
            let fate = match name.decode().and_then(|name| known(&name)) {
                None => {
                    cursor.skip()?;
                    Fate::Kept
                }
                Some(known) => {
                    self.once.came(known, name.start())?;
                    value(self, cursor, known)?
                }
            };
            cutter.finish(fate, name.start(), cursor.at(), &mut self.cuts);
            Ok::<_, InvalidRequest>(())
        })?;
        Ok(cutter.kept)
    }

    fn value(&mut self, cursor: &mut Cursor<'_>, known: Known) -> Result<Fate, InvalidRequest> {
        match known {
            Known::Model => self.model(cursor)?,
            Known::Stream => self.stream |= boolean(cursor, known)?.unwrap_or(false),
            Known::StreamFormat => {
                if cursor.kind()? == Kind::String {
                    self.stream |= cursor.string()?.decode().as_deref() == Some(b"sse");
                } else {
                    cursor.skip()?;
                }
            }
            Known::StreamOptions => self.stream_options(cursor)?,
            Known::IncludeUsage => {
                self.include_usage = boolean(cursor, known)?;
                if self.include_usage.is_none() {
                    self.asking = Some(Asking {
                        site: null_before(cursor),
                        text: "true",
                    });
                }
            }
            Known::DataSources => {
                cursor.skip()?;
                self.data_sources = true;
            }
            Known::MaxTokens | Known::MaxCompletionTokens | Known::MaxOutputTokens => {
                if present(cursor, known, Kind::Number)? {
                    let at = cursor.at();
                    self.limits.set(known, cursor.number()?, at)?;
                }
            }
            Known::Metadata => {
                if cursor.kind()? == Kind::Object {
                    self.object(cursor, Known::of_metadata, Self::value)?;
                } else {
                    cursor.skip()?;
                }
            }
            Known::Seen(member) => {
                let value = cursor.skip()?;
                self.members.came(member, value);
            }
            // What is no list is a string of the client's for the provider to keep.
            Known::Own(OwnKey::MetadataTags) if cursor.kind()? != Kind::Array => {
                cursor.skip()?;
            }
            Known::Own(key) => {
                cursor.kind()?;
                let at = cursor.at();
                if let Some(value) = key.read(cursor)? {
                    let raw = self.bytes.slice(at..cursor.at());
                    self.params.push(key, raw, value);
                }
                return Ok(Fate::Cut);
            }
        }
        Ok(Fate::Kept)
    }

    fn model(&mut self, cursor: &mut Cursor<'_>) -> Result<(), InvalidRequest> {
        let there = present(cursor, Known::Model, Kind::String)?;
        if !there {
            self.model_at = Some(null_before(cursor));
            return Ok(());
        }
        let at = cursor.at();
        let Some(model) = cursor.string()?.to_text() else {
            return Err(InvalidRequest::wrong_value("model", "Unicode text", at));
        };
        self.model = Some(model.into());
        self.model_at = Some(at..cursor.at());
        Ok(())
    }

    fn stream_options(&mut self, cursor: &mut Cursor<'_>) -> Result<(), InvalidRequest> {
        if !present(cursor, Known::StreamOptions, Kind::Object)? {
            self.asking = Some(Asking {
                site: null_before(cursor),
                text: r#"{"include_usage":true}"#,
            });
            return Ok(());
        }
        let inside = cursor.at() + 1;
        let include_usage = |name: &[u8]| (name == b"include_usage").then_some(Known::IncludeUsage);
        let has_members = self.object(cursor, include_usage, Self::value)?;
        self.asking.get_or_insert(Asking {
            site: inside..inside,
            text: if has_members {
                r#""include_usage":true,"#
            } else {
                r#""include_usage":true"#
            },
        });
        Ok(())
    }
}

// ===== impl Cutter =====

impl Cutter {
    fn begin(&mut self, name: usize, cuts: &mut [Range<usize>]) {
        if let (true, Some(cut)) = (self.open, cuts.last_mut()) {
            cut.end = name;
            self.open = false;
        }
    }

    fn finish(&mut self, fate: Fate, name: usize, end: usize, cuts: &mut Vec<Range<usize>>) {
        if fate == Fate::Kept {
            self.kept = true;
        } else {
            // Behind a member that stays, the comma before goes; in front of the first, the comma after.
            let start = if self.kept { self.end } else { name };
            self.open = !self.kept;
            match cuts.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => cuts.push(start..end),
            }
        }
        self.end = end;
    }
}

/// False if the value ahead is `null`, which is passed; refused if it is not what was wanted.
fn present(cursor: &mut Cursor<'_>, known: Known, wanted: Kind) -> Result<bool, InvalidRequest> {
    let found = cursor.kind()?;
    if found == Kind::Null {
        cursor.skip()?;
        return Ok(false);
    }
    if found != wanted {
        let (param, at) = (known.as_str(), cursor.at());
        return Err(InvalidRequest::wrong_type(param, wanted.a(), found.a(), at));
    }
    Ok(true)
}

/// Where the `null` stands that has just been passed.
fn null_before(cursor: &Cursor<'_>) -> Range<usize> {
    let end = cursor.at();
    end - "null".len()..end
}

fn boolean(cursor: &mut Cursor<'_>, known: Known) -> Result<Option<bool>, InvalidRequest> {
    let there = present(cursor, known, Kind::Boolean)?;
    Ok(if there { Some(cursor.boolean()?) } else { None })
}
