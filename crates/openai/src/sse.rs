//! Follows an event stream while it passes: what matters in it, and where its events end.
//!
//! The framing is that of the [HTML standard, section 9.2.6][html]: lines end in LF, CR or CRLF, a blank line
//! ends an event, several `data` lines make one text, a line that begins with a colon is a comment. What is
//! looked for in the text of an event is what chat completions, completions, Responses, images, audio and
//! Anthropic messages put there.
//!
//! [html]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

mod event;
mod lines;

#[cfg(test)]
mod tests;

use crate::usage::{Counts, Usage};
use event::Facts;
use lines::Lines;

/// The most bytes of one event that are kept to be looked at. Nearly every event is below 1 KiB; a final
/// `response.completed` repeats the whole answer, and an image comes in one piece.
pub const MAX_EVENT: usize = 1024 * 1024;

/// Something that matters to a load balancer, seen in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// An event that carries a piece of the answer: text, a tool call, reasoning, a refusal, audio, an image.
    Content,
    /// An event that says an answer, or one choice of it, is finished and why.
    Finish,
    /// The tokens used, as far as the stream has told by now.
    Usage(Usage),
    /// The provider says that it failed.
    Error,
    /// `[DONE]`: nothing follows.
    Done,
    /// An event above [`MAX_EVENT`]. It was not looked into; that much can only be content.
    Oversized,
}

/// An event as it ends, for who must judge the events one by one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    /// The offset behind it in the chunk that ended it.
    pub(crate) end: usize,
    /// Its data; nothing of an event above [`MAX_EVENT`].
    pub(crate) data: &'a [u8],
    pub(crate) says: Says,
    /// It carries a piece of the answer.
    pub(crate) content: bool,
    /// It tells the usage of a chat completion or a completion, and nothing else.
    pub(crate) usage_alone: bool,
    /// The answer is finished, by this event or an earlier one.
    pub(crate) finished: bool,
    /// This event says that the content policy withheld the answer, or the rest of it.
    pub(crate) withheld: bool,
}

/// What an event says: the first of these that is true of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// The provider failed.
    Error,
    /// Nothing that can be read.
    Malformed,
    Done,
    /// A piece of the answer, or its finish.
    Content,
    /// Something beside the answer.
    Other,
}

/// Follows an event stream, chunk by chunk, however the chunks are cut.
///
/// It looks beside the bytes: the caller forwards each chunk as it came. It keeps at most [`MAX_EVENT`] bytes.
/// An event whose data is not JSON says nothing, and nor does one that the end of the stream cuts off.
///
/// ```
/// use headworks_openai::sse::{Scanner, Signal};
///
/// let mut scanner = Scanner::new();
/// let mut signals = Vec::new();
/// for chunk in [
///     &b"data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\nda"[..],
///     b"ta: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n",
///     b"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
/// ] {
///     scanner.feed(chunk, |_end, signal| signals.push(signal));
/// }
/// assert_eq!(signals, [Signal::Content, Signal::Finish, Signal::Done]);
/// assert!(scanner.is_finished());
/// ```
#[derive(Debug, Default)]
pub struct Scanner {
    lines: Lines,
    seen: Seen,
}

/// What has been seen of a stream so far.
#[derive(Debug, Default)]
struct Seen {
    content: bool,
    error: bool,
    done: bool,
    ended: bool,
    /// One bit for each choice that has begun, and for each that has told its `finish_reason`.
    begun: u128,
    finished: u128,
    counts: Counts,
}

// ===== impl Scanner =====

impl Scanner {
    /// A scanner at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at the next bytes of the stream. `signal` is called for each thing seen, in order, with the
    /// offset in `chunk` at which the event that told it ends.
    pub fn feed(&mut self, chunk: &[u8], mut signal: impl FnMut(usize, Signal)) {
        let Self { lines, seen } = self;
        lines.feed(chunk, |end, event| {
            if matches!(event, lines::Event::Oversized) {
                seen.content = true;
                return signal(end, Signal::Oversized);
            }
            seen.take(&event.judge(), |s| signal(end, s));
        });
    }

    /// Looks at the next bytes of the stream as [`feed`](Self::feed) does; `event` is shown every event that
    /// ends in them.
    pub(crate) fn feed_events(&mut self, chunk: &[u8], mut event: impl FnMut(Told<'_>)) {
        let Self { lines, seen } = self;
        lines.feed(chunk, |end, ended| {
            let facts = ended.judge();
            let says = facts.says();
            let (content, usage_alone) = (facts.content, facts.is_usage_alone());
            let withheld = facts.withheld;
            seen.take(&facts, |_| {});
            let data = match ended {
                lines::Event::Whole { data, .. } => data,
                lines::Event::Oversized => &[],
            };
            let finished = seen.is_finished();
            event(Told {
                end,
                data,
                says,
                content,
                usage_alone,
                finished,
                withheld,
            });
        });
    }

    /// True once the stream has said that the answer is complete: every choice that began has its
    /// `finish_reason`, or an event came that ends an answer (`response.completed`, `message_stop` …).
    ///
    /// A stream that ends without this was cut, `[DONE]` or not. `response.failed` is a finish as well as an
    /// error: the provider has said all that it will.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.seen.is_finished()
    }

    /// True once `[DONE]` has come.
    #[must_use]
    pub const fn saw_done(&self) -> bool {
        self.seen.done
    }

    /// True once a piece of the answer has come. From then on no other deployment can be tried.
    #[must_use]
    pub const fn saw_content(&self) -> bool {
        self.seen.content
    }

    /// True once the provider has said in the stream that it failed.
    #[must_use]
    pub const fn saw_error(&self) -> bool {
        self.seen.error
    }

    /// True between events: nothing but blank lines and comments since the last one ended.
    #[must_use]
    pub const fn is_between_events(&self) -> bool {
        self.lines.is_between_events()
    }

    /// The tokens used, as far as the stream has told.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.seen.counts.usage()
    }
}

// ===== impl Seen =====

impl Seen {
    const fn is_finished(&self) -> bool {
        self.ended || self.finished != 0 && self.begun & !self.finished == 0
    }

    fn take(&mut self, facts: &Facts, mut signal: impl FnMut(Signal)) {
        let &Facts {
            content,
            finish,
            ended,
            error,
            done,
            begun,
            finished,
            counts,
            malformed: _,
            no_choices: _,
            withheld: _,
        } = facts;
        self.begun |= begun;
        self.finished |= finished;
        self.ended |= ended;
        if content {
            self.content = true;
            signal(Signal::Content);
        }
        if finish || ended {
            signal(Signal::Finish);
        }
        if counts.usage().is_some() {
            self.counts.merge(counts);
            self.counts.usage().map(Signal::Usage).map(&mut signal);
        }
        if error {
            self.error = true;
            signal(Signal::Error);
        }
        if done {
            self.done = true;
            signal(Signal::Done);
        }
    }
}

// ===== impl Event =====

impl lines::Event<'_> {
    fn judge(&self) -> Facts {
        match *self {
            Self::Whole { name, data } => event::judge(name, data),
            Self::Oversized => Facts {
                content: true,
                ..Facts::default()
            },
        }
    }
}

// ===== impl Facts =====

impl Facts {
    const fn says(&self) -> Says {
        if self.error {
            Says::Error
        } else if self.malformed {
            Says::Malformed
        } else if self.done {
            Says::Done
        } else if self.content || self.finish || self.ended {
            Says::Content
        } else {
            Says::Other
        }
    }
}
