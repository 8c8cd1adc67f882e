use super::*;
use proptest::prelude::*;

/// The tree in a notation of its own, to compare trees by eye.
fn show(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => scalar.text().to_owned(),
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(show).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(map) => {
            let show = |entry: &Entry| format!("{}={}", entry.key, show(&entry.value));
            let entries: Vec<_> = map.entries.iter().map(show).collect();
            format!("{{{}}}", entries.join(" "))
        }
    }
}

fn tree(text: &str) -> String {
    let document = parse(text, 0);
    assert!(document.faults.is_empty(), "{:?}", document.faults);
    document.root.as_ref().map(show).unwrap_or_default()
}

fn fault(text: &str) -> String {
    let document = parse(text, 0);
    let fault = &document.faults[0];
    let Mark { line, column, .. } = fault.mark;
    format!("{}:{} {}", line + 1, column + 1, fault.message)
}

#[test]
fn keys_and_values_know_where_they_stand() {
    let document = parse("a:\n  - ü: [1, 'two']\n", 3);
    let root = document.root.unwrap();
    let list = &root.as_map().unwrap().entries[0].value;
    let Value::List(items) = &list.value else {
        panic!("a list")
    };
    let entry = &items[0].as_map().unwrap().entries[0];
    let Value::List(items) = &entry.value.value else {
        panic!("a list")
    };
    assert_eq!((entry.key_mark.line, entry.key_mark.column), (1, 4));
    let two = items[1].mark;
    assert_eq!(
        (two.file, two.line, two.column, two.end_column),
        (3, 1, 11, 16)
    );
}

#[test]
fn anchors_and_merge_keys_work_and_own_keys_win() {
    assert_eq!(
        tree("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}"),
        "{base={x=1 y=2} use={y=3 x=1}}"
    );
    assert_eq!(
        tree("a: &a {x: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b]}"),
        "{a={x=1} b={x=2 z=2} c={x=1 z=2}}"
    );
    assert_eq!(tree("a: {'<<': 1}"), "{a={<<=1}}");
}

#[test]
fn what_is_not_a_configuration_is_refused_where_it_goes_wrong() {
    for (text, expected) in [
        (
            "a: 1\nb: 2\na: 3",
            "3:1 the key `a` stands here a second time, first on line 1",
        ),
        ("a: 1\n---\nb: 2", "2:1 a second document begins here"),
        (
            "? [a]\n: 1",
            "1:3 a key must be a word, found a list or a mapping",
        ),
        ("a: &x [*x]", "1:8 an anchor is used inside of itself"),
        ("a: !env HOME", "1:4 the tag `!env` means nothing here"),
        (
            "a: {<<: 1}",
            "1:9 `<<` takes a mapping or a list of mappings",
        ),
    ] {
        assert_eq!(fault(text), expected);
    }
    assert!(fault("a: b: c").contains("this is not YAML"));
}

#[test]
fn depth_and_expansion_are_bounded() {
    assert!(fault(&"- ".repeat(10_000)).contains("nested deeper"));
    assert!(fault(&"[".repeat(100)).contains("nested deeper"));
    // The parser has a limit of its own, which it reaches while it looks ahead.
    assert!(fault(&"[".repeat(10_000)).contains("limit"));
    let mut laughs = "a0: &a0 [x, x]\n".to_owned();
    for level in 1..60 {
        let below = level - 1;
        laughs += &format!("a{level}: &a{level} [*a{below}, *a{below}]\n");
    }
    assert!(fault(&laughs).contains("values here"), "{}", fault(&laughs));
    let mut tower = "a0: &a0 [x]\n".to_owned();
    for level in 1..1_000 {
        tower += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
    }
    assert!(fault(&tower).contains("nested deeper"));
}

#[test]
fn an_empty_file_has_no_root_and_no_fault() {
    for text in ["", "# nothing\n", "---\n", "~"] {
        let document = parse(text, 0);
        assert!(document.root.is_none() && document.complete, "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[-a:&*!|> \\[\\]{}<,'\"#?%@`~\t\r\n\u{feff}ü]{0,80}") {
        let document = parse(&text, 0);
        prop_assert!(document.complete || !document.faults.is_empty());
    }
}
