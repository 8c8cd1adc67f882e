use crate::{
    Cell, Fault, Kind, SCENES,
    fault::{After, Client, Next, Topology, Want},
};
use std::time::Duration;

/// What stands above the table.
const OPENING: &str = "\
# The fault matrix

What a client gets, whatever its provider does: the whole answer, or an honest error, soon. Each row is a fault;
each is played at every endpoint it can befall, plain and streamed, in three situations. The table is what the tests
are made of (`tests/matrix/src/table.rs`) and is written from there by `cargo xtask matrix`; a test fails when this
page is not what the table says.

## How to read it

The group that is asked for has a deployment that is sick. *A sibling free*: another deployment of the group is well.
*Alone*: there is no other. *A fallback group*: there is no other in the group, and another group, which is well, is
its fallback for failures of every kind. Every request may be retried once.

| what the client gets | means |
|---|---|
| **whole** | the whole right answer, byte for byte, with status 200 and a complete body |
| **429 theirs** | the deployment's own error: status and body as they came, but for a key that it repeats |
| **429 from a 200** | the error that came with a 200, in a stream that had not begun or in place of a plain answer, as the error it would have been otherwise |
| **408 `timeout`** | an error of the gateway's own, in the protocol of the endpoint, with this code in `x-headworks-error` and, where the protocol has a place for it, in the body |
| **told `stream_cut`** | the events that came, then an error event in the protocol of the endpoint with this code, and the connection ended in mid-answer: no `[DONE]`, no finish |
| **their event, broken off** | the events that came, the deployment's own error event among them, and the connection ended in mid-answer |
| **broken off** | a plain answer that had begun, and the connection ended in mid-answer: shorter than its length says |

*Calls* are those of the sick deployment + those of the other, and *apart* is the least time between two of the sick
one. *Come back* is what `retry-after` says, in whole seconds, and *give up* is `x-should-retry: false`; where neither is
said neither header is there. *Rests* is what the sick deployment's breaker does afterwards, for at least so long and at
most a tenth longer; where nothing is said it is closed. *Counts as* is how the metrics count each attempt at it.

An answer that the content policy withheld is one, with a status of 200, and is *whole* as it came. Only where
`content_policy_fallbacks` are left is it found out before it is handed on, which for a plain answer means that it is held
to its end: there one that breaks off is tried elsewhere too.

Limits are kept in every cell, wide enough to refuse nothing. After it nothing is in flight or reserved anywhere: at the
upstreams, in the gateway's own counts and quotas, in its metrics. The
attempts in the metrics and the counts in `x-litellm-attempted-retries`, `x-litellm-attempted-fallbacks` and
`x-headworks-attempts` are those of the calls. No key, and no other header that signs in, has come out in an answer, a header, a log, a metric or an endpoint
that tells about the gateway.

Two things more are played on a paused clock, at every endpoint (`tests/matrix/tests/clock.rs`): that a hint is waited
out to the millisecond alone, and not at all where somebody else is free; and a minute of flapping, of which nobody
sees anything who has a sibling or a fallback.

";

/// The table as a page of Markdown.
#[must_use]
pub fn document(table: &'static [Fault]) -> String {
    let mut page = String::from(OPENING);
    let cells = Cell::all(table).len();
    page += &format!("## The table\n\n{cells} cells.\n\n");
    page += "| fault | what the sick deployment does | at | counts as |";
    for topology in Topology::ALL {
        page += &format!(" {} |", topology.as_str());
    }
    page += "\n|---|---|---|---|---|---|---|\n";
    for fault in table {
        let outcome = fault
            .outcome
            .map_or("each as it is", |outcome| outcome.as_str());
        let Fault { name, does, on, .. } = fault;
        page += &format!("| {name} | {does} | {} | {outcome} |", on.as_str());
        for topology in Topology::ALL {
            page += &format!(" {} |", wanted(fault, fault.want(topology)));
        }
        page.push('\n');
    }
    page += "\n## What takes more than one answer\n\n| what | what the sick deployment does |";
    for topology in Topology::ALL {
        page += &format!(" {} |", topology.as_str());
    }
    page += "\n|---|---|---|---|---|\n";
    for scene in SCENES {
        page += &format!("| {} | {} |", scene.name, scene.does);
        for topology in Topology::ALL {
            page += &format!(" {} |", scene.expects(topology));
        }
        page.push('\n');
    }
    page += "\n## Where it is played\n\n| endpoint | plain | streamed | told of a failure in mid-stream by |\n|---|---|---|---|\n";
    for kind in Kind::all().into_iter().filter(|kind| !kind.streamed) {
        let streamed = Kind {
            streamed: true,
            ..kind
        };
        let told = streamed.failure_event();
        let mark = if told.is_some() { "yes" } else { "–" };
        page += &format!(
            "| `{}` | yes | {mark} | {} |\n",
            kind.endpoint.path(),
            told.unwrap_or("–")
        );
    }
    page
}

fn wanted(fault: &Fault, want: &Want) -> String {
    let client = match want.client {
        Client::Whole => "**whole**".to_owned(),
        Client::Theirs(status) => format!("**{status} theirs**"),
        Client::InBand(status) => format!("**{status} from a 200**"),
        Client::Ours(status, code) => format!("**{status} `{code}`**"),
        Client::Told(code) => format!("**told `{code}`**"),
        Client::Passed => "**their event, broken off**".to_owned(),
        Client::Broken => "**broken off**".to_owned(),
    };
    let mut text = client;
    let each = if fault.asks > 1 { " each time" } else { "" };
    text += &format!("{each}; calls {} + {}", want.sick, want.other);
    if !want.apart.is_zero() {
        text += &format!(", {} apart", time(want.apart));
    }
    match want.next {
        Next::Untold => {}
        Next::After(seconds) => text += &format!("; come back after {seconds} s"),
        Next::Never => text += "; give up",
    }
    match want.after {
        After::Closed => {}
        After::Rests(rest) => text += &format!("; rests {}", time(rest)),
        After::OneAtATime => text += "; one at a time",
    }
    if let Some(outcome) = want.counts {
        text += &format!("; counts as {}", outcome.as_str());
    }
    text
}

fn time(time: Duration) -> String {
    match time.as_millis() {
        ms if ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
        ms if ms % 60_000 == 0 => format!("{} min", ms / 60_000),
        ms if ms % 1000 == 0 => format!("{} s", ms / 1000),
        ms => format!("{ms} ms"),
    }
}
