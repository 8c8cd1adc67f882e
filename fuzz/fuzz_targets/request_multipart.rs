//! A form that is taken is, to another parser, the same form when it goes out: with the model set and our own
//! fields left out.

#![no_main]

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use headworks_fuzz::spliced;
use headworks_openai::{OwnKey, RequestBody};
use libfuzzer_sys::fuzz_target;
use std::convert::Infallible;

const MODEL: &str = "m";

fuzz_target!(|data: &[u8]| {
    let data = Bytes::copy_from_slice(data);
    let Ok(body) = RequestBody::multipart(data.clone(), b"b") else {
        return;
    };
    let goes = spliced(&body, MODEL);

    let again = RequestBody::multipart(goes.clone(), b"b").expect("what goes out is a form");
    assert_eq!(again.model(), Some(MODEL));
    assert_eq!(again.stream(), body.stream());
    assert_eq!(again.params().keys().count(), 0);
    assert_eq!(spliced(&again, MODEL), goes);

    // The other parser is stricter about headers in places; where it reads a form it must read ours.
    let Some(mut wanted) = parts(data) else {
        return;
    };
    wanted.retain(|(name, _)| !OwnKey::ALL.iter().any(|key| key.as_str() == name));
    match wanted.iter_mut().find(|(name, _)| name == "model") {
        Some((_, value)) => *value = MODEL.into(),
        None => wanted.insert(0, ("model".to_owned(), MODEL.into())),
    }
    assert_eq!(parts(goes), Some(wanted));
});

fn parts(body: Bytes) -> Option<Vec<(String, Bytes)>> {
    let mut form = multer::Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), "b");
    let mut parts = Vec::new();
    while let Some(part) = form.next_field().now_or_never()?.ok()? {
        let name = part.name()?.to_owned();
        parts.push((name, part.bytes().now_or_never()?.ok()?));
    }
    Some(parts)
}
