//! A JSON body is taken if and only if `serde_json` takes it, but for the refusals that are documented; and
//! what goes out is what came in, with the model set and our own members left out.

#![no_main]

use headworks_fuzz::spliced;
use headworks_openai::{Member, OwnKey, RequestBody, WithModel};
use libfuzzer_sys::fuzz_target;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

const MODEL: &str = "a \"new\" model\\";

fuzz_target!(|data: &[u8]| {
    let came = RequestBody::json(data.to_vec().into());
    let plain = str::from_utf8(data)
        .ok()
        .and_then(|text| serde_json::from_str::<Members>(text).ok());
    match (came, plain) {
        (Ok(body), Some(members)) => {
            assert_eq!(body.model(), members.model().as_deref());
            let user = members.text("user");
            assert_eq!(body.text(Member::User).as_deref(), user.as_deref());
            // It is walked over again, and must hold still for that.
            assert!(body.prompt_len() <= body.len() as u64);
            body.opening(|piece| assert!(piece.len() <= 2048));
            let goes = spliced(&body, MODEL);
            let mut goes: Members = serde_json::from_slice(&goes).expect("what goes out is JSON");
            let mut wanted = members.with_model();
            assert_eq!(goes.take_metadata(), wanted.take_metadata());
            assert_eq!(goes, wanted);

            let mut asking = body.clone();
            if asking.ask_usage() {
                assert!(body.stream() && body.include_usage().is_none());
                let goes = RequestBody::json(spliced(&asking, MODEL));
                let goes = goes.expect("what goes out is taken");
                assert!(goes.stream() && goes.include_usage() == Some(true));
            }
        }
        (Err(refused), Some(_)) => {
            let documented = refused.code() != "invalid_json" || depth(data) > 128;
            assert!(documented, "{refused}");
        }
        (Ok(_), None) => panic!("taken, and it is no JSON object"),
        (Err(_), None) => {}
    }
});

/// The members of an object in order, with values as they are written.
#[derive(Debug, PartialEq)]
struct Members(Vec<(Name, String)>);

/// A name, or what is written if that is no text (half a surrogate pair).
#[derive(Debug, PartialEq)]
enum Name {
    Text(String),
    Odd(String),
}

impl Members {
    fn model(&self) -> Option<String> {
        let model = self.0.iter().find(|(name, _)| name.is("model"))?;
        serde_json::from_str(&model.1).expect("a string or null")
    }

    /// The text of a member, if it is one and not empty.
    fn text(&self, name: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(other, _)| other.is(name))?;
        let text: String = serde_json::from_str(value).ok()?;
        (!text.is_empty()).then_some(text)
    }

    fn with_model(self) -> Self {
        let model = serde_json::to_string(MODEL).expect("a string");
        let mut members = self.0;
        members.retain(|(name, _)| {
            !OwnKey::ALL
                .iter()
                .any(|key| name.is(key.as_str()) && *key != OwnKey::MetadataTags)
        });
        match members.iter_mut().find(|(name, _)| name.is("model")) {
            Some((_, value)) => *value = model,
            None => members.insert(0, (Name::Text("model".to_owned()), model)),
        }
        Self(members)
    }

    /// Takes the metadata out, without a list of tags.
    fn take_metadata(&mut self) -> Option<Self> {
        let (_, value) = self.0.iter_mut().find(|(name, _)| name.is("metadata"))?;
        let mut metadata: Self = serde_json::from_str(value).ok()?;
        metadata
            .0
            .retain(|(name, value)| !(name.is("tags") && value.starts_with('[')));
        value.clear();
        Some(metadata)
    }
}

impl Name {
    fn is(&self, name: &str) -> bool {
        matches!(self, Self::Text(text) if text == name)
    }
}

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
                while let Some((name, value)) = map.next_entry::<Box<RawValue>, Box<RawValue>>()? {
                    let name = match serde_json::from_str(name.get()) {
                        Ok(text) => Name::Text(text),
                        Err(_) => Name::Odd(name.get().to_owned()),
                    };
                    members.push((name, value.get().to_owned()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// How deep arrays and objects nest in what is known to be JSON.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut string, mut escape) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escape => escape = false,
            b'\\' if string => escape = true,
            b'"' => string = !string,
            b'{' | b'[' if !string => depth += 1,
            b'}' | b']' if !string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
