use super::*;
use proptest::prelude::*;
use serde::de::IgnoredAny;

fn is_json(text: &str) -> bool {
    let mut cursor = Cursor::new(text.as_bytes());
    cursor.skip().and_then(|_| cursor.end()).is_ok()
}

fn nested(depth: usize) -> String {
    format!(
        "{}{}",
        "[{\"a\":".repeat(depth / 2) + "[",
        "]".to_owned() + &"}]".repeat(depth / 2)
    )
}

/// Text that is nearly JSON.
fn nearly_json() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just(" "),
        Just("\n"),
        Just("\"a\""),
        Just("\"\\u00e9\\n\""),
        Just("\"\\ud83d\""),
        Just("\"\\x\""),
        Just("\"\t\""),
        Just("\"é\""),
        Just("\""),
        Just("\\"),
        Just("0"),
        Just("01"),
        Just("-"),
        Just("-1.5e+3"),
        Just("1."),
        Just("2E"),
        Just("true"),
        Just("fals"),
        Just("null"),
        Just("\u{7f}"),
    ];
    prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
}

/// JSON with whitespace wherever it may stand.
fn json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("false".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>()
            .prop_filter("finite", |n| n.is_finite())
            .prop_map(|n| format!("{n:e}")),
        any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
        Just(r#""\u00e9 \/ \ud83d\ude00""#.to_owned()),
    ];
    scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|v| format!("[ {}\n]", v.join(" ,\t"))),
            prop::collection::vec((any::<String>(), inner), 0..4).prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| {
                    format!("{} :\r{value} ", serde_json::to_string(&name).unwrap())
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn it_accepts_what_another_parser_accepts(text in prop_oneof![nearly_json(), json()]) {
        prop_assert_eq!(is_json(&text), serde_json::from_str::<IgnoredAny>(&text).is_ok());
    }

    #[test]
    fn json_with_a_piece_missing_is_judged_alike(text in json(), at in any::<prop::sample::Index>()) {
        let mut cut: Vec<char> = text.chars().collect();
        cut.remove(at.index(cut.len()));
        let cut = String::from_iter(cut);
        prop_assert_eq!(is_json(&cut), serde_json::from_str::<IgnoredAny>(&cut).is_ok());
    }

    #[test]
    fn strings_mean_what_they_mean_elsewhere(text in any::<String>()) {
        for quoted in [serde_json::to_string(&text).unwrap(), escape_all(&text)] {
            let string = Cursor::new(quoted.as_bytes()).string().unwrap();
            prop_assert_eq!(string.to_text().unwrap(), text.as_str());
            prop_assert_eq!(&*string.decode().unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn a_run_of_plain_bytes_ends_where_a_reader_byte_by_byte_ends_it(
        plain in prop::collection::vec(any::<u8>().prop_filter("plain", |b| !is_special(*b)), 0..200),
        special in any::<u8>(),
        rest in any::<Vec<u8>>(),
    ) {
        let bytes = [&*plain, &[special], &*rest].concat();
        let end = bytes.iter().position(|b| is_special(*b)).unwrap_or(bytes.len());
        prop_assert_eq!(plain_len(&bytes), end);
    }

    #[test]
    fn any_bytes_at_all_are_read_without_a_panic(bytes in any::<Vec<u8>>()) {
        let mut cursor = Cursor::new(&bytes);
        if let Ok(range) = cursor.skip() {
            prop_assert_eq!(range.end, cursor.at());
        }
    }
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..b' ')
}

fn escape_all(text: &str) -> String {
    let units = text.encode_utf16().map(|unit| format!("\\u{unit:04X}"));
    format!("\"{}\"", units.collect::<String>())
}

#[test]
fn nesting_is_bounded() {
    assert!(is_json(&nested(127)));
    assert!(!is_json(&nested(129)));
    let mut cursor = Cursor::new(b"[[[");
    cursor.depth = MAX_DEPTH - 2;
    assert_eq!(
        cursor.skip().unwrap_err().at,
        3,
        "what lies around counts too"
    );
}

#[test]
fn a_fault_tells_where_it_is() {
    for (text, at) in [
        ("{\"a\" 1}", 5),
        ("[1,]", 3),
        ("[1 2]", 3),
        ("\"a\u{1}b\"", 2),
        ("\"a\\n\u{1}b\"", 4),
        ("\"\\u12g4\"", 2),
        ("\"never closed", 13),
        ("-", 1),
        ("", 0),
        ("1 1", 2),
        ("{1:2}", 1),
    ] {
        let mut cursor = Cursor::new(text.as_bytes());
        let fault = cursor.skip().and_then(|_| cursor.end()).unwrap_err();
        assert_eq!(fault.at, at, "{text}: {fault:?}");
    }
}
