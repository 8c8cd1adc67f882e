//! What a finding does to a circuit, as a table.

use super::*;
use crate::breaker::Phase;
use headworks_core::Verdict;

#[tokio::test(start_paused = true)]
async fn a_finding_changes_only_what_it_can_speak_for() {
    let now = Instant::now() + seconds(60);
    let (later, earlier) = (now + seconds(9), now - seconds(9));
    let success = Verdict::from(Outcome::Success);
    let fault = Verdict::from(Outcome::ServerFault);

    let seen = News::Well { vouches: true };
    let unseen = News::Well { vouches: false };
    let blamed = News::Sick {
        blamed: Some(fault),
    };
    let spared = News::Sick { blamed: None };

    let resting = Phase::Open { until: later };
    let rested = Phase::Open { until: earlier };
    let free = Phase::HalfOpen { probing: false };
    let probing = Phase::HalfOpen { probing: true };
    for (news, phase, effect) in [
        // A success makes up for nobody's failures, and closes what it can vouch for.
        (seen, Phase::Closed, None),
        (seen, resting, Some((later, success))),
        (seen, rested, Some((now, success))),
        (seen, free, Some((now, success))),
        (seen, probing, None),
        // What ails it is out of sight.
        (unseen, Phase::Closed, None),
        (unseen, resting, None),
        (unseen, rested, None),
        (unseen, free, None),
        // A failure counts unless the deployment rests.
        (blamed, Phase::Closed, Some((now, fault))),
        (blamed, resting, None),
        (blamed, rested, Some((now, fault))),
        (blamed, free, Some((now, fault))),
        (blamed, probing, None),
        // It is the last one.
        (spared, Phase::Closed, None),
        (spared, rested, None),
        (spared, free, None),
    ] {
        assert_eq!(news.effect(phase, now), effect, "{news:?} {phase:?}");
    }
}
