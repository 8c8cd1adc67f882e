use super::*;
use bytes::Bytes;
use http::{StatusCode, header};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;
use tower::ServiceExt;

fn request(path: &str, body: &Value) -> Request<Full<Bytes>> {
    Request::post(path)
        .body(Full::from(body.to_string()))
        .unwrap()
}

fn chat(fields: &Value) -> Request<Full<Bytes>> {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "Hi" }] });
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    request("/v1/chat/completions", &body)
}

async fn call(
    simulated: &Simulated,
    request: Request<Full<Bytes>>,
) -> (StatusCode, http::HeaderMap, Bytes) {
    let response = simulated.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let data = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, data)
}

async fn json_of(params: Params, request: Request<Full<Bytes>>) -> Value {
    let (status, headers, data) = call(&Simulated::new(params), request).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers[header::CONTENT_TYPE], "application/json");
    serde_json::from_slice(&data).unwrap()
}

/// The events of a stream: name, data.
async fn events_of(params: Params, request: Request<Full<Bytes>>) -> Vec<(String, String)> {
    let (_, headers, data) = call(&Simulated::new(params), request).await;
    assert_eq!(headers[header::CONTENT_TYPE], "text/event-stream");
    let text = String::from_utf8(data.to_vec()).unwrap();
    let events = text.split_terminator("\n\n").map(|event| {
        let field = |name: &str| {
            let mut lines = event.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.unwrap_or_default().to_owned()
        };
        (field("event"), field("data"))
    });
    events.collect()
}

fn parsed(events: &[(String, String)]) -> Vec<Value> {
    let data = events.iter().map(|(_, data)| data);
    data.filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

#[tokio::test]
async fn a_chat_is_answered_by_name_with_usage() {
    let answer = json_of(Params::default().answer_tokens(6), chat(&json!({}))).await;
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "m");
    let choice = &answer["choices"][0];
    assert_eq!(
        choice["message"]["content"],
        "Hello from m, a simulated deployment."
    );
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(answer["usage"]["completion_tokens"], 6);
}

#[tokio::test]
async fn a_request_may_ask_for_less() {
    let request = chat(&json!({ "max_completion_tokens": 2 }));
    let answer = json_of(Params::default(), request).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello from");
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    let exact = chat(&json!({ "max_tokens": 2 }));
    let answer = json_of(Params::default().answer("two words"), exact).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn a_streamed_chat_adds_up_to_the_whole_one() {
    let whole = json_of(Params::default(), chat(&json!({}))).await;
    let streamed = chat(&json!({ "stream": true, "stream_options": { "include_usage": true } }));
    let events = events_of(Params::default(), streamed).await;
    assert_eq!(events.last().unwrap().1, "[DONE]");
    let chunks = parsed(&events);
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, whole["choices"][0]["message"]["content"]);
    let [.., finish, usage] = chunks.as_slice() else {
        panic!("a finish and usage end the stream")
    };
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["completion_tokens"], 16);
    assert_eq!(finish["usage"], Value::Null);
}

#[tokio::test]
async fn usage_is_streamed_to_who_asks_for_it_only() {
    let events = events_of(Params::default(), chat(&json!({ "stream": true }))).await;
    assert!(
        parsed(&events)
            .iter()
            .all(|chunk| chunk.get("usage").is_none())
    );
}

#[tokio::test]
async fn completions_are_answered_whole_and_streamed() {
    let body = json!({ "model": "m", "prompt": "Hi" });
    let answer = json_of(Params::default(), request("/v1/completions", &body)).await;
    assert_eq!(answer["object"], "text_completion");
    let body = json!({ "model": "m", "prompt": "Hi", "stream": true });
    let events = events_of(Params::default(), request("/v1/completions", &body)).await;
    let chunks = parsed(&events);
    let texts = chunks
        .iter()
        .map(|chunk| chunk["choices"][0]["text"].as_str().unwrap());
    assert_eq!(texts.collect::<String>(), answer["choices"][0]["text"]);
    assert_eq!(
        chunks.last().unwrap()["choices"][0]["finish_reason"],
        "stop"
    );
    assert_eq!(events.last().unwrap().1, "[DONE]");
}

#[tokio::test]
async fn responses_are_answered_whole_and_streamed_in_sequence() {
    let body = json!({ "model": "m", "input": "Hi" });
    let answer = json_of(Params::default(), request("/v1/responses", &body)).await;
    assert_eq!(answer["status"], "completed");
    let text = answer["output"][0]["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("Hello from m,"));
    assert_eq!(answer["usage"]["output_tokens"], 16);

    let body = json!({ "model": "m", "input": "Hi", "stream": true });
    let events = events_of(Params::default(), request("/v1/responses", &body)).await;
    let data = parsed(&events);
    for (index, ((name, _), data)) in events.iter().zip(&data).enumerate() {
        assert_eq!(data["type"], name.as_str());
        assert_eq!(data["sequence_number"], index);
    }
    let deltas = data.iter().filter_map(|data| data["delta"].as_str());
    assert_eq!(deltas.collect::<String>(), text);
    let last = data.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"]["output"], answer["output"]);
}

#[tokio::test]
async fn messages_are_answered_in_anthropics_shapes() {
    let body = json!({ "model": "m", "max_tokens": 3, "messages": [] });
    let answer = json_of(Params::default(), request("/v1/messages", &body)).await;
    assert_eq!(answer["type"], "message");
    assert_eq!(answer["content"][0]["text"], "Hello from m,");
    assert_eq!(answer["stop_reason"], "max_tokens");

    let body = json!({ "model": "m", "max_tokens": 3, "messages": [], "stream": true });
    let events = events_of(Params::default(), request("/v1/messages", &body)).await;
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    let data = parsed(&events);
    let texts = data
        .iter()
        .filter_map(|data| data["delta"]["text"].as_str());
    assert_eq!(texts.collect::<String>(), "Hello from m,");
    assert_eq!(data[7]["delta"]["stop_reason"], "max_tokens");
    assert_eq!(data[7]["usage"]["output_tokens"], 3);

    let body = json!({ "model": "m", "messages": [] });
    let request = request("/v1/messages/count_tokens", &body);
    let count = json_of(Params::default(), request).await;
    assert!(count["input_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn embeddings_come_as_numbers_and_as_the_sdk_asks_for_them() {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let body = json!({ "model": "m", "input": ["a", "b"], "dimensions": 4 });
    let answer = json_of(Params::default(), request("/v1/embeddings", &body)).await;
    assert_eq!(answer["data"].as_array().unwrap().len(), 2);
    let numbers: Vec<f32> = serde_json::from_value(answer["data"][1]["embedding"].clone()).unwrap();
    assert_eq!(numbers.len(), 4);

    let body = json!({
        "model": "m", "input": ["a", "b"], "dimensions": 4, "encoding_format": "base64",
    });
    let answer = json_of(Params::default(), request("/v1/embeddings", &body)).await;
    let encoded = answer["data"][1]["embedding"].as_str().unwrap();
    let bytes = BASE64_STANDARD.decode(encoded).unwrap();
    let decoded: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    assert_eq!(decoded, numbers);
}

#[tokio::test]
async fn the_other_endpoints_answer_in_their_shapes() {
    let moderation = request(
        "/v1/moderations",
        &json!({ "model": "m", "input": ["a", "b"] }),
    );
    let answer = json_of(Params::default(), moderation).await;
    assert_eq!(answer["results"].as_array().unwrap().len(), 2);
    assert_eq!(answer["results"][0]["flagged"], false);

    let body = json!({ "model": "m", "query": "q", "documents": ["a", "b", "c"], "top_n": 2 });
    let answer = json_of(Params::default(), request("/v1/rerank", &body)).await;
    assert_eq!(answer["results"].as_array().unwrap().len(), 2);
    assert_eq!(answer["results"][0]["index"], 0);

    let body = json!({ "model": "m", "prompt": "p", "n": 2 });
    let answer = json_of(Params::default(), request("/v1/images/generations", &body)).await;
    assert_eq!(answer["data"].as_array().unwrap().len(), 2);

    let body = json!({ "model": "m", "input": "Hi", "voice": "alloy" });
    let speech = request("/v1/audio/speech", &body);
    let (_, headers, data) = call(&Simulated::new(Params::default()), speech).await;
    assert_eq!(headers[header::CONTENT_TYPE], "audio/wav");
    assert!(data.starts_with(b"RIFF"));

    let form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n";
    let transcription = Request::post("/v1/audio/transcriptions")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
        .body(Full::from(form))
        .unwrap();
    let answer = json_of(Params::default(), transcription).await;
    assert!(
        answer["text"]
            .as_str()
            .unwrap()
            .starts_with("Hello from m,")
    );
}

#[tokio::test]
async fn azures_path_is_understood_and_an_unknown_one_is_not_found() {
    let path = "/openai/deployments/m/chat/completions?api-version=1";
    let answer = json_of(Params::default(), request(path, &json!({ "model": "m" }))).await;
    assert_eq!(answer["object"], "chat.completion");

    let simulated = Simulated::new(Params::default());
    let (status, _, _) = call(&simulated, request("/v1/nothing", &json!({}))).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_body_that_names_no_model_is_a_bad_request() {
    let simulated = Simulated::new(Params::default());
    for body in ["{}", "[]", "nonsense", ""] {
        let request = Request::post("/v1/chat/completions")
            .body(Full::from(body))
            .unwrap();
        let (status, _, data) = call(&simulated, request).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let error: Value = serde_json::from_slice(&data).unwrap();
        assert_eq!(error["error"]["type"], "invalid_request_error");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_answer_takes_as_long_as_its_tokens() {
    let params = Params::default()
        .latency(Duration::from_secs(1))
        .first_token(Duration::from_secs(2))
        .tokens_per_second(10.0)
        .answer_tokens(11);
    let began = Instant::now();
    let (status, _, _) = call(&Simulated::new(params), chat(&json!({}))).await;
    assert_eq!(status, StatusCode::OK);
    // One second to the head, two to the first token, ten more tokens at ten a second.
    assert_eq!(began.elapsed().as_secs(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_stream_begins_at_once_and_goes_on_token_by_token() {
    let params = Params::default()
        .latency(Duration::from_secs(1))
        .first_token(Duration::from_secs(2))
        .tokens_per_second(1.0)
        .answer_tokens(3);
    let began = Instant::now();
    let response = Simulated::new(params)
        .oneshot(chat(&json!({ "stream": true })))
        .await
        .unwrap();
    assert_eq!(began.elapsed().as_secs(), 1);
    let mut body = response.into_body();
    let mut times = Vec::new();
    while let Some(frame) = body.frame().await {
        frame.unwrap();
        times.push(began.elapsed().as_secs());
    }
    // The role; three tokens; the finish and `[DONE]` with the last.
    assert_eq!(times, [1, 3, 4, 5, 5, 5]);
    assert!(http_body::Body::is_end_stream(&body));
}

#[tokio::test(start_paused = true)]
async fn jitter_strays_to_both_sides_and_follows_the_seed() {
    let run = async |seed| {
        let simulated = Simulated::new(
            Params::default()
                .latency(Duration::from_secs(100))
                .jitter(Duration::from_secs(20))
                .seed(seed),
        );
        let mut times = Vec::new();
        for _ in 0..50 {
            let began = Instant::now();
            call(&simulated, chat(&json!({}))).await;
            times.push(began.elapsed().as_millis());
        }
        times
    };
    let times = run(7).await;
    assert!(times.iter().all(|time| (80_000..=120_001).contains(time)));
    assert!(times.iter().any(|time| *time < 95_000));
    assert!(times.iter().any(|time| *time > 105_000));
    assert_eq!(times, run(7).await);
    assert_ne!(times, run(8).await);
}

#[tokio::test(start_paused = true)]
async fn a_minute_has_as_many_requests_as_it_has_and_says_so() {
    let simulated = Simulated::new(Params::default().rpm(2).latency(Duration::from_secs(1)));
    for remaining in ["1", "0"] {
        let (status, headers, _) = call(&simulated, chat(&json!({}))).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["x-ratelimit-limit-requests"], "2");
        assert_eq!(headers["x-ratelimit-remaining-requests"], remaining);
    }
    let refused = Instant::now();
    let (status, headers, data) = call(&simulated, chat(&json!({}))).await;
    assert_eq!(refused.elapsed(), Duration::ZERO);
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    // Each answer took a second, rounded up to the timer's next millisecond.
    let reset = headers["x-ratelimit-reset-requests"].to_str().unwrap();
    assert!(reset.starts_with("57.9") || reset == "58.000s", "{reset}");
    assert_eq!(headers[header::RETRY_AFTER], "58");
    let error: Value = serde_json::from_slice(&data).unwrap();
    assert_eq!(error["error"]["code"], "rate_limit_exceeded");

    tokio::time::advance(Duration::from_secs(58)).await;
    let (status, _, _) = call(&simulated, chat(&json!({}))).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn errors_come_at_their_rates_in_the_endpoints_protocol() {
    let params = Params::default()
        .error_rate(StatusCode::SERVICE_UNAVAILABLE, 0.2)
        .error_rate(StatusCode::INTERNAL_SERVER_ERROR, 0.1);
    let simulated = Simulated::new(params);
    let mut counts = [0, 0, 0];
    for _ in 0..1_000 {
        let (status, _, _) = call(&simulated, chat(&json!({}))).await;
        counts[match status.as_u16() {
            200 => 0,
            503 => 1,
            500 => 2,
            other => panic!("{other} was not asked for"),
        }] += 1;
    }
    // Four standard deviations to each side.
    assert!((150..=250).contains(&counts[1]), "{counts:?}");
    assert!((62..=138).contains(&counts[2]), "{counts:?}");

    let always = Params::default().error_rate(StatusCode::SERVICE_UNAVAILABLE, 1.0);
    let request = request("/v1/messages", &json!({ "model": "m" }));
    let (_, _, data) = call(&Simulated::new(always), request).await;
    let error: Value = serde_json::from_slice(&data).unwrap();
    assert_eq!(error["type"], "error");
    assert_eq!(error["error"]["type"], "overloaded_error");
}

#[tokio::test]
async fn a_cut_answer_ends_with_an_error_before_its_end() {
    for streamed in [false, true] {
        for seed in 0..20 {
            let simulated = Simulated::new(Params::default().cut_rate(1.0).seed(seed));
            let request = chat(&json!({ "stream": streamed }));
            let mut body = simulated.oneshot(request).await.unwrap().into_body();
            let announced = http_body::Body::size_hint(&body).exact();
            assert_eq!(announced.is_some(), !streamed);
            let mut read = 0;
            let error = loop {
                match body.frame().await.expect("an error, not an end") {
                    Ok(frame) => read += frame.into_data().unwrap().len() as u64,
                    Err(error) => break error,
                }
            };
            assert_eq!(error, Cut);
            assert!(announced.is_none_or(|announced| read < announced));
            assert!(body.frame().await.is_none());
        }
    }
}

#[tokio::test]
async fn a_mock_response_is_the_answer_or_the_error_it_names() {
    let long = "one two three four five six seven eight nine ten ".repeat(3);
    let answer = json_of(Params::mock_response(&long), chat(&json!({}))).await;
    assert_eq!(answer["choices"][0]["message"]["content"], long.trim_end());

    let limited = Simulated::new(Params::mock_response("litellm.RateLimitError"));
    let (status, _, _) = call(&limited, chat(&json!({}))).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);

    let context = Simulated::new(Params::mock_response("litellm.ContextWindowExceededError"));
    let (status, _, data) = call(&context, chat(&json!({}))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let error: Value = serde_json::from_slice(&data).unwrap();
    assert_eq!(error["error"]["code"], "context_length_exceeded");

    let gone = Simulated::new(Params::mock_response("litellm.APIConnectionError"));
    let error = gone.oneshot(chat(&json!({}))).await.unwrap_err();
    assert!(error.is::<std::io::Error>());
}

#[tokio::test]
async fn an_answer_says_how_long_it_is_and_what_is_left_of_it() {
    use http_body::Body as _;
    let response = Simulated::new(Params::default())
        .oneshot(chat(&json!({})))
        .await;
    let mut body = response.unwrap().into_body();
    assert!(!body.is_end_stream());
    let announced = body.size_hint().exact().unwrap();
    let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(data.len() as u64, announced);
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(body.is_end_stream());
}
