use crate::{
    canary,
    client::Saw,
    events,
    fault::{After, Client, Fault, Next, Topology, Want},
    kind::{GROUP, Kind},
    play::keys,
    stage::{FALLBACK, OTHER, SICK, Stage},
};
use headworks::{breaker::Phase, core::Outcome};
use headworks_upstream::openai;
use std::fmt;
use tokio::time::Instant;

/// One cell: a fault, at one endpoint, with one topology.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// The row.
    pub fault: &'static Fault,
    /// The endpoint, streamed or not.
    pub kind: Kind,
    /// Who else there is.
    pub topology: Topology,
}

/// Where what happened is not what was expected, one line each.
type Differences = Vec<String>;

// ===== impl Cell =====

impl Cell {
    /// Every cell of a table.
    #[must_use]
    pub fn all(table: &'static [Fault]) -> Vec<Self> {
        let kinds = Kind::all();
        let mut cells = Vec::new();
        for fault in table {
            for kind in kinds.iter().copied().filter(|kind| kind.is(fault.on)) {
                cells.extend(Topology::ALL.map(|topology| Self {
                    fault,
                    kind,
                    topology,
                }));
            }
        }
        cells
    }

    /// Plays it out, and tells in which ways it did not go as expected.
    pub async fn run(self) -> Differences {
        let stage = Stage::of(self.fault, self.kind, self.topology).await;
        let want = self.fault.want(self.topology);
        let began = Instant::now();
        let mut saw = Vec::new();
        let mut wrong = Differences::new();
        for _ in 0..self.fault.asks {
            let answer = stage.ask().await;
            let answered = self.answered(&stage, want.client, &answer);
            for how in [
                answered,
                advised(want.next, &answer),
                self.fell_back(want, &answer),
            ] {
                wrong.extend(how.err().map(|how| format!("{how}; saw {answer:?}")));
            }
            saw.push(answer);
        }
        wrong.extend(stage.settle().await.err());
        self.counted(&stage, want, &saw, &mut wrong);
        wrong.extend(spaced(&stage, want));
        wrong.extend(stands(&stage, want.after, began).err());
        // What there is to look at is the same whoever else there is.
        if self.topology == Topology::Lone {
            stage.look_around().await;
        }
        wrong
    }

    /// Whether the client got what it should.
    fn answered(self, stage: &Stage, want: Client, saw: &Saw) -> Result<(), String> {
        let status = saw.status.as_u16();
        let own_error = saw.header("x-headworks-error");
        let complete = |wanted: u16, code: Option<&str>| {
            check("status", &wanted, &status)?;
            check("x-headworks-error", &code, &own_error)?;
            check("complete", &true, &saw.complete)
        };
        match want {
            Client::Whole => {
                complete(200, None)?;
                check("body", &self.whole(stage, saw)?, &saw.text())
            }
            Client::Theirs(wanted) => {
                complete(wanted, None)?;
                check("body", &self.theirs(stage)?, &saw.text())
            }
            Client::InBand(wanted) => {
                complete(wanted, None)?;
                events::is_error(self.kind, &saw.body)
            }
            Client::Ours(wanted, code) => {
                complete(wanted, Some(code))?;
                events::is_own_error(self.kind, &saw.body, code)
            }
            Client::Told(_) | Client::Passed | Client::Broken => {
                check("status", &200, &status)?;
                check("x-headworks-error", &None, &own_error)?;
                check("complete", &false, &saw.complete)?;
                self.broke_off(stage, want, saw)
            }
        }
    }

    /// What whoever answered says when it is well; or as the play has it, when that is an answer too.
    fn whole(self, stage: &Stage, saw: &Saw) -> Result<String, String> {
        let id = saw.header("x-litellm-model-id").unwrap_or_default();
        let Some(request) = stage.last(id) else {
            return Err(format!("{id:?} answered, who was not asked"));
        };
        let group = if id == OTHER && self.topology == Topology::Fallback {
            FALLBACK
        } else {
            GROUP
        };
        check("group", &Some(group), &saw.header("x-litellm-model-group"))?;
        let mut good = openai::good(&request);
        if id == SICK && self.fault.play.answers() {
            good = self.fault.play.answer(self.kind, &request, 0);
        }
        Ok(text(good.chunks()))
    }

    /// The sick deployment's own words, without the keys it was sent.
    fn theirs(self, stage: &Stage) -> Result<String, String> {
        let request = stage.last(SICK).ok_or("the sick one was not asked")?;
        let answer = self.fault.play.answer(self.kind, &request, 0);
        let said = text(answer.chunks());
        let keys = keys(&request).into_iter();
        Ok(keys.fold(said, |said, key| {
            said.replace(&key, &canary::overwritten(&key))
        }))
    }

    /// Whether an answer that broke off says so, and looks like nothing else.
    fn broke_off(self, stage: &Stage, want: Client, saw: &Saw) -> Result<(), String> {
        let request = stage.last(SICK).ok_or("the sick one was not asked")?;
        let said = saw.text();
        let good = text(openai::good(&request).chunks());
        if want == Client::Broken {
            let begins = good.starts_with(&said) && said.len() < good.len();
            return begins
                .then_some(())
                .ok_or_else(|| "it is no beginning of the answer".into());
        }
        let begun = text(&openai::good(&request).chunks()[..self.kind.begun()]);
        let Some(rest) = said.strip_prefix(&begun) else {
            return Err(format!("it does not begin with {begun:?}"));
        };
        match want {
            Client::Told(code) => events::is_told(self.kind, rest, code),
            _ => match self.fault.play.own_event() {
                Some(words) => check(
                    "event",
                    &text(&[self.kind.error_event(words)]),
                    &rest.to_owned(),
                ),
                None => Err("the play has no event of its own".into()),
            },
        }
    }

    /// Whether the client is told why its group was left, where one failure was the reason.
    fn fell_back(self, want: &Want, saw: &Saw) -> Result<(), String> {
        let outcome = self.fault.outcome_of(want);
        let Some(outcome) = outcome.filter(|_| self.fault.asks == 1) else {
            return Ok(());
        };
        let left = self.topology == Topology::Fallback && want.other > 0;
        let why = left.then_some(outcome.as_str());
        check(
            "x-headworks-fallback-reason",
            &why,
            &saw.header("x-headworks-fallback-reason"),
        )
    }

    /// Whether everybody counted right: upstreams, headers and metrics.
    fn counted(self, stage: &Stage, want: &Want, saw: &[Saw], wrong: &mut Differences) {
        let listens = self.fault.play.listens();
        let seen = |id| stage.upstream(id).seen().requests;
        let sick = if listens { want.sick } else { 0 };
        let of = |id: &str| format!("deployment=\"{id}\"");
        let attempts = |id| stage.metric("headworks_deployment_attempts_total", &[of(id)]);
        let sum = |header: &str| saw.iter().map(|saw| saw.count(header)).sum::<usize>();

        let fallbacks = match self.topology {
            Topology::Fallback => want.other,
            Topology::Sibling | Topology::Lone => 0,
        };
        // Each request begins once, and once more in the group it falls back to; what is left are retries.
        let calls = want.sick + want.other;
        let retries = calls.saturating_sub(self.fault.asks + fallbacks);
        let retries = want.retries.unwrap_or(retries);
        let told = saw
            .iter()
            .filter_map(|saw| saw.header("x-headworks-attempts"));
        let told: usize = told.map(|attempts| attempts.split(", ").count()).sum();
        let mut counts = vec![
            check("x-headworks-attempts", &calls, &told),
            check("calls of the sick one", &sick, &seen(SICK)),
            check("calls of the other", &want.other, &seen(OTHER)),
            check(
                "attempts at the sick one",
                &(want.sick as f64),
                &attempts(SICK),
            ),
            check(
                "attempts at the other",
                &(want.other as f64),
                &attempts(OTHER),
            ),
            check(
                "x-litellm-attempted-retries",
                &retries,
                &sum("x-litellm-attempted-retries"),
            ),
            check(
                "x-litellm-attempted-fallbacks",
                &fallbacks,
                &sum("x-litellm-attempted-fallbacks"),
            ),
        ];
        let outcomes = |id: &str, outcome: Outcome| {
            let labels = [of(id), format!("outcome=\"{}\"", outcome.as_str())];
            stage.metric("headworks_deployment_outcomes_total", &labels)
        };
        if let Some(outcome) = self.fault.outcome_of(want) {
            let name = format!("attempts that ended in {}", outcome.as_str());
            counts.push(check(&name, &(want.sick as f64), &outcomes(SICK, outcome)));
        }
        let successes = outcomes(OTHER, Outcome::Success);
        counts.push(check(
            "successes of the other",
            &(want.other as f64),
            &successes,
        ));
        wrong.extend(counts.into_iter().filter_map(Result::err));
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            fault,
            kind,
            topology,
        } = self;
        write!(f, "{} × {kind} × {}", fault.name, topology.as_str())
    }
}

/// Whether the client is told what it should do next.
fn advised(want: Next, saw: &Saw) -> Result<(), String> {
    let (retry_after, should_retry) = match want {
        Next::Untold => (None, None),
        Next::After(seconds) => (Some(seconds.to_string()), None),
        Next::Never => (None, Some("false")),
    };
    check(
        "retry-after",
        &retry_after.as_deref(),
        &saw.header("retry-after"),
    )?;
    check(
        "x-should-retry",
        &should_retry,
        &saw.header("x-should-retry"),
    )
}

/// Where the sick one was not left alone as long as it asked for.
fn spaced(stage: &Stage, want: &Want) -> Differences {
    let received = stage.sick.received();
    let apart = received.windows(2).map(|pair| pair[1].at - pair[0].at);
    apart
        .filter(|apart| *apart < want.apart)
        .map(|apart| format!("called again after {apart:?}, wanted {:?}", want.apart))
        .collect()
}

/// How the sick deployment's breaker stands, whose last failure came after `began`.
fn stands(stage: &Stage, want: After, began: Instant) -> Result<(), String> {
    let Some(standing) = stage.gateway.standing(SICK) else {
        return Err("the sick one is gone".into());
    };
    let right = match (want, standing.phase) {
        (After::Closed, Phase::Closed) => true,
        (After::OneAtATime, Phase::HalfOpen { probing }) => !probing,
        (After::Rests(rest), Phase::Open { until }) => {
            let latest = Instant::now() + rest.mul_f64(1.1);
            began + rest <= until && until <= latest
        }
        _ => false,
    };
    let wanted = format!(
        "breaker: wanted {want:?}, saw {:?} at {:?}",
        standing.phase,
        Instant::now()
    );
    right.then_some(()).ok_or(wanted)
}

/// All chunks as one text. Those that are none, such as audio, are compared as they would be shown.
fn text<T: AsRef<[u8]>>(chunks: &[T]) -> String {
    let bytes: Vec<u8> = chunks.iter().flat_map(AsRef::as_ref).copied().collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn check<T: PartialEq + fmt::Debug>(
    what: &str,
    wanted: &T,
    saw: &T,
) -> Result<(), String> {
    if wanted == saw {
        return Ok(());
    }
    Err(format!("{what}: wanted {wanted:?}, saw {saw:?}"))
}
