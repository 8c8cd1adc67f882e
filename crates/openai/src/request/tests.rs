mod forms;
mod json;
mod properties;
mod usage;

use super::*;
use http_body_util::BodyExt;
use std::time::Duration;

/// The bytes that go out to a deployment whose model is `model`, checked to be slices of what came in.
fn spliced(body: &RequestBody, model: &str) -> String {
    goes_out(body, model, 1)
}

/// The same, and it is to ask for usage; whether it asks for what the client did not.
fn asking(body: &RequestBody, model: &str) -> (String, bool) {
    let mut body = body.clone();
    let asks = body.ask_usage();
    (goes_out(&body, model, 1 + usize::from(asks)), asks)
}

fn goes_out(body: &RequestBody, model: &str, written: usize) -> String {
    let original = body.bytes().as_ptr_range();
    let mut out = body.clone().with_model(model);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let (mut bytes, mut copied) = (Vec::new(), 0);
    let promised = out.size_hint().exact().unwrap();
    while !out.is_end_stream() {
        let left = out.size_hint().exact().unwrap();
        let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut out).poll_frame(&mut cx) else {
            panic!("{left} bytes were promised still");
        };
        let data = frame.into_data().unwrap();
        assert!(!data.is_empty());
        assert_eq!(out.size_hint().exact(), Some(left - data.len() as u64));
        if !original.contains(&data.as_ptr()) {
            copied += 1;
        }
        bytes.extend(data);
    }
    assert!(matches!(
        Pin::new(&mut out).poll_frame(&mut cx),
        Poll::Ready(None)
    ));
    assert_eq!(bytes.len() as u64, promised);
    assert_eq!(copied, written, "all else are slices of the original");
    String::from_utf8(bytes).unwrap()
}

fn json_body(text: &str) -> RequestBody {
    RequestBody::json(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

fn refused(text: &str) -> InvalidRequest {
    RequestBody::json(Bytes::copy_from_slice(text.as_bytes())).unwrap_err()
}

#[tokio::test]
async fn as_a_body_it_is_the_bytes_that_came_in() {
    let body = json_body(r#"{"model":"a", "num_retries":1}"#);
    assert_eq!(body.size_hint().exact(), Some(30));
    assert!(!body.is_end_stream());
    let collected = body.clone().collect().await.unwrap().to_bytes();
    assert_eq!(collected, body.bytes());
    assert_eq!(collected.as_ptr(), body.bytes().as_ptr());

    let mut sent = body;
    assert!(sent.frame().await.is_some());
    assert!(sent.is_end_stream());
    assert_eq!(sent.size_hint().exact(), Some(0));
    assert!(sent.frame().await.is_none());
}

#[test]
fn the_content_type_decides_between_a_form_and_json() {
    let json = Bytes::from_static(br#"{"model":"a"}"#);
    let form = Bytes::from_static(
        b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\na\r\n--b--\r\n",
    );
    let parse = |content_type: &'static str, bytes: &Bytes| {
        RequestBody::parse(Some(&HeaderValue::from_static(content_type)), bytes.clone())
    };
    assert_eq!(
        RequestBody::parse(None, json.clone()).unwrap().model(),
        Some("a")
    );
    for content_type in [
        "application/json; charset=utf-8",
        "application/x-www-form-urlencoded",
    ] {
        assert_eq!(
            parse(content_type, &json).unwrap().model(),
            Some("a"),
            "{content_type}"
        );
    }
    for content_type in [
        "multipart/form-data; boundary=b",
        "Multipart/Form-Data;charset=utf-8 ; Boundary=\"b\"",
        "multipart/form-data; boundary=\"\\b\"",
        "multipart/form-data; boundary=b;",
    ] {
        let expected = if content_type.contains("\\b") {
            None
        } else {
            Some("a")
        };
        let model = parse(content_type, &form).ok();
        assert_eq!(
            model.as_ref().and_then(RequestBody::model),
            expected,
            "{content_type}"
        );
    }
    for content_type in [
        "multipart/form-data",
        "multipart/form-data; boundary",
        "multipart/form-data; boundary=",
    ] {
        assert_eq!(
            parse(content_type, &form).unwrap_err().code(),
            "invalid_multipart"
        );
    }
}

#[test]
fn debug_tells_nobody_what_a_client_wrote() {
    let body = json_body(r#"{"model":"a","api_key":"sk-secret","messages":"private"}"#);
    let shown = format!("{body:?}");
    assert!(shown.contains("ApiKey"));
    assert!(
        !shown.contains("secret") && !shown.contains("private"),
        "{shown}"
    );
}

#[test]
fn it_crosses_threads_and_a_clone_shares_the_bytes() {
    fn assert<T: Clone + Send + Sync + 'static>(_: &T) {}
    let body = json_body(r#"{"model":"a"}"#);
    assert(&body);
    assert(&body.clone().with_model("b"));
    assert_eq!(body.clone().bytes().as_ptr(), body.bytes().as_ptr());
}
