//! What the content policy withheld in a 200, where somebody else is left to be asked and where nobody is.

use crate::*;
use headworks_contract::Failure;
use headworks_core::{ContentFallback, Outcome, Verdict};
use headworks_openai::stream::StreamErrorKind;
use tokio_test::{assert_pending, assert_ready_ok, task};

const OPENS: &str = r#"{"id":"x","choices":[{"message":{"content":"So"},"#;
const FILTERED: &str = r#""finish_reason":"content_filter"}]}"#;
const STOPPED: &str = r#""finish_reason":"stop"}]}"#;

fn json(steps: impl IntoIterator<Item = Step>) -> Response<ScriptedBody> {
    let answer = Response::builder().header("content-type", "application/json");
    answer.body(ScriptedBody::new(steps)).unwrap()
}

fn with_fallback(path: &str) -> Request<String> {
    let mut request = request(path);
    request.extensions_mut().insert(ContentFallback);
    request
}

fn outcome(response: &Response<CommitBody<ScriptedBody>>) -> Option<Outcome> {
    let verdict: Option<&Verdict> = response.extensions().get();
    verdict.map(|verdict| verdict.outcome)
}

#[tokio::test]
async fn a_plain_answer_is_held_to_its_end_and_judged_by_it() {
    for (finish, judged) in [(FILTERED, Some(Outcome::ContentRefused)), (STOPPED, None)] {
        let steps = move || vec![data(OPENS), data(finish)];
        let service = commit(CommitLayer::default(), move || json(steps()));
        let mut call = task::spawn(service.oneshot(with_fallback("/v1/chat/completions")));
        for step in ["ready", "head", "first bytes", "last bytes", "end"] {
            assert_pending!(call.poll(), "{step}");
        }
        let response = assert_ready_ok!(call.poll());
        assert_eq!(
            (response.status().as_u16(), outcome(&response)),
            (200, judged)
        );
        let whole = [OPENS, finish].concat();
        assert_eq!(
            response.body().size_hint().exact(),
            Some(whole.len() as u64)
        );
        assert_eq!(read(response.into_body()).await.0, whole, "as it came");
    }
}

#[tokio::test]
async fn where_nobody_is_left_or_nothing_can_be_told_it_is_handed_on_with_its_first_bytes() {
    let gzip = ("content-encoding", "gzip");
    for (request, header) in [
        (chat(), None),
        (with_fallback("/v1/embeddings"), None),
        (with_fallback("/v1/images/generations"), None),
        (with_fallback("/v1/chat/completions"), Some(gzip)),
        (
            with_fallback("/v1/chat/completions"),
            Some(("content-type", "text/plain")),
        ),
    ] {
        let path = request.uri().path().to_owned();
        let answer = move || {
            let mut answer = json([data(OPENS), Step::Stall]);
            if let Some((name, value)) = header {
                answer.headers_mut().insert(name, value.parse().unwrap());
            }
            answer
        };
        let service = commit(CommitLayer::default(), answer);
        let mut call = task::spawn(service.oneshot(request));
        for step in ["ready", "head", "first bytes"] {
            assert_pending!(call.poll(), "{path}: {step}");
        }
        assert_eq!(outcome(&assert_ready_ok!(call.poll())), None, "{path}");
    }
}

#[tokio::test]
async fn a_plain_answer_that_breaks_while_it_is_held_has_failed() {
    let broken = || json([data(OPENS), Step::Fail(Failure::reset())]);
    let service = commit(CommitLayer::default(), broken);
    let error = service.oneshot(with_fallback("/v1/chat/completions")).await;
    assert_eq!(kind(&error.unwrap_err()), StreamErrorKind::Cut);
    for empty in [(|| json([])) as fn() -> _, || {
        json([Step::Trailers(Default::default())])
    }] {
        let service = commit(CommitLayer::default(), empty);
        let error = service.oneshot(with_fallback("/v1/messages")).await;
        assert_eq!(kind(&error.unwrap_err()), StreamErrorKind::Empty);
    }
}

#[tokio::test]
async fn an_error_in_a_200_is_one_there_too() {
    let error = || {
        json([
            data(r#"{"error":{"message":"slow down","#),
            data(r#""code":"rate_limit_exceeded"}}"#),
        ])
    };
    let service = commit(CommitLayer::default(), error);
    let response = service
        .oneshot(with_fallback("/v1/responses"))
        .await
        .unwrap();
    assert_eq!(
        (response.status().as_u16(), outcome(&response)),
        (429, None)
    );
}

#[tokio::test]
async fn what_says_that_it_is_more_than_is_held_is_not_held_at_all() {
    let chunk = Bytes::from(vec![b' '; 1024 * 1024]);
    let chunks = move || json((0..9).map(|_| Step::Data(chunk.clone())));
    let service = commit(CommitLayer::default(), chunks);
    let request = with_fallback("/v1/chat/completions");
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(outcome(&response), None);
    let mut body = Box::pin(response.into_body());
    let first = body.frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap().len(), 1024 * 1024);
}

#[tokio::test]
async fn a_stream_is_judged_by_what_it_says_before_it_is_handed_on() {
    const WITHHELD: &str =
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\n";
    let refused = Some(Outcome::ContentRefused);
    let (first, complete) = (CommitPoint::FirstToken, CommitPoint::Complete);
    for (point, events, fallback, judged) in [
        (complete, [ROLE, HELLO, WITHHELD], true, refused),
        (complete, [ROLE, HELLO, WITHHELD], false, None),
        (complete, [ROLE, HELLO, STOP], true, None),
        (first, [ROLE, WITHHELD, DONE], true, refused),
        (first, [ROLE, HELLO, WITHHELD], true, None),
    ] {
        let answer = move || stream(events.map(data));
        let service = commit(CommitLayer::new(point), answer);
        let request = match fallback {
            true => with_fallback("/v1/chat/completions"),
            false => chat(),
        };
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), outcome(&response)),
            (200, judged)
        );
        let told = read(response.into_body()).await.0;
        assert!(
            told.starts_with(&events.concat()) && told.ends_with(DONE),
            "{told}"
        );
    }
}
