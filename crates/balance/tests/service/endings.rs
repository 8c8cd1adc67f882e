//! How a request ends, and for how long it counts.

use crate::*;
use http_body::Frame;
use http_body_util::StreamBody;

#[tokio::test]
async fn a_success_is_one_when_its_body_has_ended() {
    let (mut balance, mut handle) = lone();
    let attempts = Attempts::new(0);
    let mut future = task::spawn(balance.call(request(&attempts)));
    assert_eq!(in_flight(&balance), 1);
    assert_pending!(future.poll());
    handle
        .next_request()
        .await
        .unwrap()
        .1
        .send_response(Response::new("abc".into()));
    let response = assert_ready_ok!(future.poll());
    assert_eq!((in_flight(&balance), verdict(&attempts)), (1, None));
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "abc"
    );
    assert_eq!(
        (in_flight(&balance), verdict(&attempts)),
        (0, Some(Outcome::Success))
    );
}

#[tokio::test]
async fn a_failure_is_one_at_the_head_and_counts_until_the_end() {
    let (mut balance, mut handle) = lone();
    let attempts = Attempts::new(0);
    let mut future = task::spawn(balance.call(request(&attempts)));
    assert_pending!(future.poll());
    let answer = Response::builder().status(529).body("busy".into()).unwrap();
    handle.next_request().await.unwrap().1.send_response(answer);
    let response = assert_ready_ok!(future.poll());
    assert_eq!(
        (in_flight(&balance), verdict(&attempts)),
        (1, Some(Outcome::Capacity))
    );
    drop(response);
    assert_eq!(
        (in_flight(&balance), verdict(&attempts)),
        (0, Some(Outcome::Capacity))
    );
}

#[tokio::test]
async fn an_error_of_the_endpoint_passes_and_ends_the_attempt() {
    let (mut balance, mut handle) = lone();
    let attempts = Attempts::new(0);
    let mut future = task::spawn(balance.call(request(&attempts)));
    assert_pending!(future.poll());
    handle.next_request().await.unwrap().1.send_error("reset");
    assert_eq!(assert_ready_err!(future.poll()).to_string(), "reset");
    assert_eq!(
        (in_flight(&balance), verdict(&attempts)),
        (0, Some(Outcome::Transport))
    );
}

#[tokio::test]
async fn a_readiness_error_of_the_endpoint_is_its_answer() {
    let (mut balance, mut handle) = lone();
    let attempts = Attempts::new(0);
    handle.send_error("closed");
    let mut future = task::spawn(balance.call(request(&attempts)));
    assert_eq!(assert_ready_err!(future.poll()).to_string(), "closed");
    assert_eq!(
        (in_flight(&balance), verdict(&attempts)),
        (0, Some(Outcome::Transport))
    );
}

#[tokio::test]
async fn dropped_at_any_point_it_is_cancelled_and_counts_no_more() {
    // Before it was polled, while the endpoint is not ready, and while the answer is awaited.
    for ready in [None, Some(0), Some(1)] {
        let (mut balance, mut handle) = lone();
        let attempts = Attempts::new(0);
        let mut future = task::spawn(balance.call(request(&attempts)));
        if let Some(ready) = ready {
            handle.allow(ready);
            assert_pending!(future.poll());
        }
        assert_eq!((in_flight(&balance), verdict(&attempts)), (1, None));
        drop(future);
        assert_eq!(
            (in_flight(&balance), verdict(&attempts)),
            (0, Some(Outcome::Cancelled))
        );
    }
}

#[tokio::test]
async fn a_body_left_early_is_cancelled_and_one_that_breaks_is_a_transport_failure() {
    for (frames, outcome) in [(1, Outcome::Cancelled), (2, Outcome::Transport)] {
        let service = service_fn(|_: Request<()>| {
            let frames = [Ok(Frame::data(Bytes::from("abc"))), Err("cut")];
            let body = StreamBody::new(stream(frames));
            std::future::ready(Ok::<_, Infallible>(Response::new(body)))
        });
        let endpoint = Endpoint::new("a", service);
        let mut balance = Balance::new("g", &Strategy::LeastBusy, [endpoint]);
        let attempts = Attempts::new(0);
        let mut body = balance.call(request(&attempts)).await.unwrap().into_body();
        for _ in 0..frames {
            assert!(body.frame().await.is_some());
        }
        drop(body);
        assert_eq!(
            (in_flight(&balance), verdict(&attempts)),
            (0, Some(outcome))
        );
    }
}

fn stream<T: Unpin>(items: impl IntoIterator<Item = T>) -> impl futures_core::Stream<Item = T> {
    futures_util::stream::iter(items)
}
