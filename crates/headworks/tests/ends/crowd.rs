//! Ten thousand requests at once, while half of the deployments fail every third of what they are sent. Each asks
//! for an answer of its own, and is to get that one.

use crate::{ask, post, rig::run};
use bytes::Bytes;
use futures_util::{StreamExt, stream::FuturesUnordered};
use headworks::{Gateway, config::Config};
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::fmt::Write;

const REQUESTS: usize = 10_000;

/// How many lengths of answers there are.
const LENGTHS: usize = 16;

/// What a request asks for, and no other does: an answer of so many tokens above ten, to a prompt of so many
/// tokens more than the shortest.
#[derive(Clone, Copy)]
struct Own {
    length: usize,
    prompt: usize,
}

/// What an answer says, streamed or not: its text, why it ended, and how long the prompt was.
#[derive(Debug, PartialEq)]
struct Said {
    text: String,
    finish: String,
    prompt: u64,
}

/// Ten deployments, every other of which fails at random 30 % of the time, in its own way.
fn half_sick(seed: usize, settings: &str) -> String {
    const FAULTS: [&str; 5] = [
        r#""500": 0.3"#,
        r#""503": 0.3"#,
        r#""502": 0.15, "529": 0.15"#,
        r#""500": 0.3"#,
        r#""503": 0.3"#,
    ];
    let mut text = String::from("model_list:\n");
    for at in 0..10 {
        let faults = if at % 2 == 0 { FAULTS[at / 2] } else { "" };
        writeln!(
            text,
            "- {{ model_name: m, litellm_params: {{ model: simulated/x, simulated: {{ latency_ms: 400, jitter_ms: 200, \
             answer_tokens: 1000, seed: {}, errors: {{ {faults} }} }} }}, model_info: {{ id: d{at} }} }}",
            seed + at,
        )
        .unwrap();
    }
    writeln!(text, "router_settings: {{ num_retries: 3, {settings} }}").unwrap();
    text
}

impl Own {
    const fn of(number: usize) -> Self {
        Self {
            length: 1 + number % LENGTHS,
            prompt: number / LENGTHS,
        }
    }

    fn request(self, stream: bool) -> Request<Full<Bytes>> {
        // Four bytes to a token.
        let prompt = "word".repeat(self.prompt);
        let body = json!({
            "model": "m",
            "messages": [{ "role": "user", "content": prompt }],
            // Two digits each, so that the prompt alone makes the body longer.
            "max_tokens": 10 + self.length,
            "stream": stream,
            "stream_options": { "include_usage": stream },
        });
        post("/v1/chat/completions", &body.to_string())
    }
}

impl Said {
    fn of(answer: &[u8], stream: bool) -> Option<Self> {
        if !stream {
            let answer: Value = serde_json::from_slice(answer).ok()?;
            return Some(Self {
                text: answer["choices"][0]["message"]["content"].as_str()?.into(),
                finish: answer["choices"][0]["finish_reason"].as_str()?.into(),
                prompt: answer["usage"]["prompt_tokens"].as_u64()?,
            });
        }
        let answer = std::str::from_utf8(answer).ok()?.trim_end();
        let events = answer.strip_suffix("data: [DONE]")?;
        let (mut text, mut finish, mut prompt) = (String::new(), None, None);
        for event in events.split_terminator("\n\n") {
            let event: Value =
                serde_json::from_str(event.trim_start().strip_prefix("data: ")?).ok()?;
            let choice = &event["choices"][0];
            text.push_str(choice["delta"]["content"].as_str().unwrap_or(""));
            finish = finish.or(choice["finish_reason"].as_str().map(str::to_owned));
            prompt = prompt.or(event["usage"]["prompt_tokens"].as_u64());
        }
        Some(Self {
            text,
            finish: finish?,
            prompt: prompt?,
        })
    }
}

/// What the gateway answers, if it is an answer and whole.
async fn said(gateway: &Gateway, own: Own, stream: bool) -> Option<Said> {
    let response = ask(gateway, own.request(stream)).await;
    let is_well = response.status() == 200;
    let answer = response.into_body().collect().await.ok()?.to_bytes();
    Said::of(&answer, stream).filter(|_| is_well)
}

/// The right answers to the shortest prompt, by their length: those of a deployment that is well.
async fn right_answers(stream: bool) -> Vec<Said> {
    let config = "model_list: [{model_name: m, litellm_params: {model: simulated/x, simulated: {answer_tokens: 1000}}}]";
    let config = Config::parse(config, "config.yaml").unwrap().config;
    let gateway = Gateway::new(&config).unwrap();
    let mut answers = Vec::new();
    for number in 0..LENGTHS {
        answers.push(said(&gateway, Own::of(number), stream).await.unwrap());
    }
    let first = &answers[0];
    assert!(first.text.starts_with("Hello from x"), "{first:?}");
    assert!(
        answers
            .windows(2)
            .all(|two| two[1].text.len() > two[0].text.len())
    );
    assert!(answers.iter().all(|answer| answer.prompt == first.prompt));
    answers
}

/// Sends them all and gives how many were answered right, and how many attempts there were for each.
fn crowd(config: &str, stream: bool) -> (usize, f64) {
    run(config, async |gateway, mut rig| {
        let right = right_answers(stream).await;
        let ask = async |number: usize| {
            let own = Own::of(number);
            let expected = &right[number % LENGTHS];
            let said = said(&gateway, own, stream).await;
            said.is_some_and(|said| {
                let prompt = expected.prompt + own.prompt as u64;
                said.text == expected.text
                    && said.finish == expected.finish
                    && said.prompt == prompt
            })
        };
        let mut asked: FuturesUnordered<_> = (0..REQUESTS).map(ask).collect();
        let mut right = 0;
        while let Some(is_right) = asked.next().await {
            right += usize::from(is_right);
        }
        rig.read();
        assert_eq!(rig.in_flight, 0.0);
        let sent = rig.sent();
        (right, sent as f64 / REQUESTS as f64)
    })
}

/// All are answered right, with fewer than 1.6 attempts each; what is found in fact is 1.16.
fn holds(seed: usize, settings: &str, stream: bool) {
    fastrand::seed(seed as u64);
    let (right, each) = crowd(&half_sick(seed, settings), stream);
    assert_eq!(right, REQUESTS);
    assert!((1.0..1.6).contains(&each), "{each} attempts each");
}

#[test]
fn ten_thousand_at_once_all_get_the_right_answer_though_half_the_deployments_are_sick() {
    holds(1, "", false);
}

#[test]
fn so_are_ten_thousand_streams() {
    holds(2, "", true);
}

/// Without rests it is the retries alone that keep away from the sick. By chance alone two in ten thousand
/// would meet nobody else.
#[test]
fn so_are_they_where_nobody_rests() {
    holds(3, "disable_cooldowns: true", false);
}
