//! The id of a response is the same however the answer is cut. The usage of an answer is the same however the answer is cut, and is what a parser of values finds.

#![no_main]

use headworks_fuzz::chunkings;
use headworks_openai::{answer::Scanner, response_id::Finder};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let mut first = None;
    for chunks in chunkings(data) {
        let mut scanner = Scanner::new();
        chunks.into_iter().for_each(|chunk| scanner.feed(chunk));
        let usage = scanner.usage();
        assert_eq!(&usage, first.get_or_insert(usage));
    }
    let mut id = None;
    for chunks in chunkings(data) {
        let mut finder = Finder::new();
        chunks.into_iter().for_each(|chunk| finder.feed(chunk));
        finder.end();
        let found = finder.found().map(str::to_owned);
        assert_eq!(&found, id.get_or_insert_with(|| found.clone()));
    }
    let Ok(Value::Object(answer)) = serde_json::from_slice(data) else {
        return;
    };
    let total = |usage: Option<&Value>| usage?.get("total_tokens")?.as_u64();
    // A member that comes twice is the later one to this parser, and the higher one to ours.
    if let Some(total) = total(answer.get("usage")) {
        assert!(first.flatten().is_some_and(|usage| usage.total >= total));
    }
});
