use crate::{
    BOUND,
    cell::check,
    client::{Client, Saw},
    events,
    fault::Topology,
    kind::{Kind, Words},
    play::Play,
    stage::{OTHER, SICK, Stage},
};
use headworks::breaker::Phase;
use headworks_upstream::{Answer, openai};
use std::time::Duration;
use tokio::time::sleep_until;

/// One row of what takes more than a fault of one answer.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// Its name.
    pub name: &'static str,
    /// What happens to the sick deployment.
    pub does: &'static str,
    /// What is expected where another deployment of the group is well.
    pub sibling: &'static str,
    /// What is expected where there is no other.
    pub lone: &'static str,
    /// What is expected where another group, which is well, is its fallback.
    pub fallback: &'static str,
}

/// How many failures in a row open a circuit, by the breaker's own default.
const FAILURES: usize = 5;

// ===== impl Scene =====

impl Scene {
    /// What is expected there, in words.
    #[must_use]
    pub const fn expects(&self, topology: Topology) -> &'static str {
        match topology {
            Topology::Sibling => self.sibling,
            Topology::Lone => self.lone,
            Topology::Fallback => self.fallback,
        }
    }

    /// Plays the only scene there is, and tells how it did not go as expected.
    ///
    /// # Errors
    ///
    /// What was not as expected first; what follows depends on it.
    pub async fn cancel_a_probe(kind: Kind, topology: Topology) -> Result<(), String> {
        let cooldown = Duration::from_millis(100);
        let always = Play::Always(500, Words::Failed, &[]);
        let stage = Stage::with(kind, topology, always, cooldown, "num_retries: 0", "").await;
        stage
            .sick
            .answer_with(move |request| always.answer(kind, request, 0));
        for _ in 0..FAILURES {
            stage.ask().await;
        }
        match phase(&stage) {
            Phase::Open { until } if topology != Topology::Lone => sleep_until(until).await,
            Phase::HalfOpen { probing: false } if topology == Topology::Lone => {}
            other => return Err(format!("after {FAILURES} failures it is {other:?}")),
        }

        stage.sick.answer(Answer::silence());
        let mut client = Client::of(&stage.gateway).await;
        let request = stage.request();
        let probe = tokio::spawn(async move { client.open(request).await.status() });
        let under_way = stage.sick.wait_for(BOUND, |seen| seen.in_flight == 1).await;
        under_way.map_err(|error| format!("no probe came: {error}"))?;
        check("phase", &Phase::HalfOpen { probing: true }, &phase(&stage))?;
        let standing = stage.gateway.standing(SICK);
        let held = standing.map(|standing| (standing.in_flight, standing.reserved));
        check("in flight and reserved", &Some((1, 1)), &held)?;

        let meanwhile = stage.ask().await;
        match topology {
            Topology::Sibling | Topology::Fallback => answered_by(&stage, OTHER, &meanwhile)?,
            Topology::Lone => {
                check("status", &429, &meanwhile.status.as_u16())?;
                events::is_own_error(kind, &meanwhile.body, "rate_limited")?;
            }
        }
        let asked = FAILURES + 1;
        check("calls of the sick one", &asked, &stage.sick.seen().requests)?;

        probe.abort();
        let left = stage
            .sick
            .wait_for(BOUND, |seen| seen.clients_left == 1)
            .await;
        left.map_err(|error| format!("the client's leaving is not told: {error}"))?;
        stage.settle().await?;
        check("phase", &Phase::HalfOpen { probing: false }, &phase(&stage))?;

        stage.sick.answer_with(openai::good);
        let next = stage.ask().await;
        answered_by(&stage, SICK, &next)?;
        stage.settle().await?;
        check("phase", &Phase::Closed, &phase(&stage))?;
        check(
            "calls of the sick one",
            &(asked + 1),
            &stage.sick.seen().requests,
        )
    }
}

fn phase(stage: &Stage) -> Phase {
    let standing = stage.gateway.standing(SICK);
    standing.expect("a deployment of the configuration").phase
}

/// Whether this is the whole answer of a deployment that is well.
fn answered_by(stage: &Stage, id: &str, saw: &Saw) -> Result<(), String> {
    check("status", &200, &saw.status.as_u16())?;
    check("complete", &true, &saw.complete)?;
    check(
        "x-litellm-model-id",
        &Some(id),
        &saw.header("x-litellm-model-id"),
    )?;
    let request = stage.last(id).ok_or("it was not asked")?;
    let good = openai::good(&request).chunks().concat();
    check(
        "body",
        &String::from_utf8_lossy(&good).into_owned(),
        &saw.text(),
    )
}
