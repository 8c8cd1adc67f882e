//! Against plain references: `serde_json` for what is JSON and for what a body says, multer for forms.

use super::*;
use proptest::prelude::*;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The members of an object in their order, repeated ones too, each value as it is written.
#[derive(Debug, PartialEq)]
struct Members(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    members.push((name, value.get().to_owned()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

fn blank() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(""), 2 => Just(" "), 1 => Just("\r\n\t")]
}

/// A name as JSON: as it is, or with every character escaped.
fn name(name: String) -> impl Strategy<Value = String> {
    any::<bool>().prop_map(move |escape| {
        if !escape {
            return serde_json::to_string(&name).unwrap();
        }
        let units = name.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
        format!("\"{}\"", units.collect::<String>())
    })
}

fn other_value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just("1.0e+2".to_owned()),
        Just(r#"[{"model":"x","timeout":[1]} , "}{\"\\"]"#.to_owned()),
        Just(r#"{ "tags" : [ ] }"#.to_owned()),
        any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
    ]
}

fn own_value(key: OwnKey) -> BoxedStrategy<String> {
    use OwnKey as K;
    match key {
        K::NumRetries => any::<u32>().prop_map(|n| n.to_string()).boxed(),
        K::Timeout | K::RequestTimeout | K::StreamTimeout | K::MockDelay => {
            (0.0..1e6).prop_map(|s: f64| s.to_string()).boxed()
        }
        K::EnableTagFiltering => any::<bool>().prop_map(|b| b.to_string()).boxed(),
        K::MockResponse | K::AllowedModelRegion => any::<String>()
            .prop_map(|s| serde_json::to_string(&s).unwrap())
            .boxed(),
        _ if key.is_mock_testing() => any::<bool>().prop_map(|b| b.to_string()).boxed(),
        _ => other_value().boxed(),
    }
}

/// One member, name and value as JSON.
fn member() -> impl Strategy<Value = (String, String)> {
    let tops: Vec<OwnKey> = OwnKey::ALL
        .iter()
        .copied()
        .filter(|k| *k != OwnKey::MetadataTags)
        .collect();
    let own = prop::sample::select(tops)
        .prop_flat_map(|key| (name(key.as_str().to_owned()), own_value(key)));
    let other = ("[a-zé\"\\\\]{0,6}".prop_flat_map(name), other_value());
    let seen = (
        prop::sample::select(vec![
            "user", "messages", "input", "system", "tools", "prompt",
        ])
        .prop_flat_map(|seen| name(seen.to_owned())),
        other_value(),
    );
    let model = (
        name("model".to_owned()),
        any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
    );
    let stream = (
        name("stream".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
    );
    let limit = (
        name("max_tokens".to_owned()),
        any::<u64>().prop_map(|n| n.to_string()),
    );
    prop_oneof![4 => other, 2 => seen, 3 => own, 1 => model, 1 => stream, 1 => limit]
}

/// An object with whitespace everywhere, in which what is read comes once.
fn object() -> impl Strategy<Value = String> {
    let members = prop::collection::vec((blank(), member(), blank(), blank(), blank()), 0..9);
    (members, blank(), blank()).prop_map(|(members, before, inside)| {
        let mut seen = std::collections::HashSet::new();
        let members = members.into_iter().filter(|(_, (name, _), ..)| {
            let name: String = serde_json::from_str(name).unwrap();
            !is_read(&name) || seen.insert(name)
        });
        let members: Vec<String> = members
            .map(|(a, (name, value), b, c, d)| format!("{a}{name}{b}:{c}{value}{d}"))
            .collect();
        format!("{before}{{{inside}{}}}{before}", members.join(","))
    })
}

fn is_own(name: &str) -> bool {
    OwnKey::ALL
        .iter()
        .any(|key| key.as_str() == name && *key != OwnKey::MetadataTags)
}

fn is_read(name: &str) -> bool {
    is_own(name) || ["model", "stream", "max_tokens"].contains(&name)
}

/// What goes out, by way of values: own members left out, the model set where it stood or in front.
fn plainly_spliced(members: Members, model: &str) -> Members {
    let model = serde_json::to_string(model).unwrap();
    let mut members = members.0;
    members.retain(|(name, _)| !is_own(name));
    match members.iter_mut().find(|(name, _)| name == "model") {
        Some((_, value)) => *value = model,
        None => members.insert(0, ("model".to_owned(), model)),
    }
    Members(members)
}

proptest! {
    #[test]
    fn a_splice_is_the_original_but_for_the_model_and_what_is_ours(
        came in object(),
        model in any::<String>(),
    ) {
        let members: Members = serde_json::from_str(&came).unwrap();
        let body = json_body(&came);
        let find = |wanted: &str| {
            let mut all = members.0.iter();
            all.find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
        };
        let named = find("model").map(|m| serde_json::from_str::<String>(m).unwrap());
        prop_assert_eq!(body.model(), named.as_deref());
        prop_assert_eq!(body.stream(), find("stream") == Some("true"));
        prop_assert_eq!(body.max_tokens().map(|n| n.to_string()), find("max_tokens").map(str::to_owned));

        let user = find("user").and_then(|u| serde_json::from_str::<String>(u).ok());
        let user = user.filter(|user| !user.is_empty());
        prop_assert_eq!(body.text(Member::User).map(Cow::into_owned), user);
        prop_assert!(body.prompt_len() <= body.len() as u64);

        let goes: Members = serde_json::from_str(&spliced(&body, &model)).unwrap();
        prop_assert_eq!(goes, plainly_spliced(members, &model));
    }

    #[test]
    fn a_text_is_as_long_as_it_is_without_its_escapes(
        (text, written) in any::<String>().prop_flat_map(|text| (Just(text.clone()), name(text))),
    ) {
        let body = json_body(&format!(r#"{{"input":{written}}}"#));
        prop_assert_eq!(body.prompt_len(), text.len() as u64);
        let mut shown = 0;
        body.opening(|piece| shown += piece.len());
        prop_assert!(shown <= written.len());
    }

    #[test]
    fn a_splice_read_again_says_the_same_and_has_nothing_of_ours(
        came in object(),
        model in any::<String>(),
    ) {
        let body = json_body(&came);
        let again = json_body(&spliced(&body, &model));
        prop_assert_eq!(again.model(), Some(model.as_str()));
        prop_assert_eq!(again.stream(), body.stream());
        prop_assert_eq!(again.params().keys().count(), 0);
        prop_assert_eq!(spliced(&again, &model).into_bytes(), again.bytes().to_vec());
    }

    #[test]
    fn any_bytes_at_all_are_taken_or_refused(bytes in any::<Vec<u8>>(), boundary in "[a-z]{1,3}") {
        if RequestBody::json(bytes.clone().into()).is_ok() {
            prop_assert!(serde_json::from_slice::<Members>(&bytes).is_ok());
        }
        if RequestBody::multipart(bytes.clone().into(), boundary.as_bytes()).is_ok() {
            let close = format!("--{boundary}--").into_bytes();
            prop_assert!(bytes.windows(close.len()).any(|window| window == close));
        }
    }

    #[test]
    fn a_form_is_what_another_parser_says_it_is(
        fields in prop::collection::vec(("model|timeout|x|fi le", "[0-9a\\-b\\r\\n]{0,12}"), 0..5),
        model in "[a-z0-9/-]{1,9}",
    ) {
        let mut seen = std::collections::HashSet::new();
        let fields: Vec<_> = fields
            .into_iter()
            .filter(|(name, value)| name != "timeout" || value.parse::<f64>().is_ok_and(|s| s >= 0.0))
            .filter(|(name, _)| *name == "x" || seen.insert(name.clone()))
            .filter(|(_, value)| !format!("\r\n{value}").contains("\r\n--b"))
            .collect();
        let mut came = String::new();
        for (name, value) in &fields {
            came += &format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        came += "--b--\r\n";
        let body = RequestBody::multipart(came.into(), b"b").unwrap();

        let mut wanted: Vec<(String, String)> =
            fields.into_iter().filter(|(name, _)| name != "timeout").collect();
        match wanted.iter_mut().find(|(name, _)| name == "model") {
            Some((_, value)) => value.clone_from(&model),
            None => wanted.insert(0, ("model".to_owned(), model.clone())),
        }
        prop_assert_eq!(parts(&spliced(&body, &model)), wanted);
    }
}

fn parts(body: &str) -> Vec<(String, String)> {
    let body = Ok::<_, Infallible>(Bytes::copy_from_slice(body.as_bytes()));
    let mut form = multer::Multipart::new(futures_util::stream::iter([body]), "b");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut parts = Vec::new();
        while let Some(part) = form.next_field().await.unwrap() {
            let name = part.name().unwrap().to_owned();
            parts.push((name, part.text().await.unwrap()));
        }
        parts
    })
}
