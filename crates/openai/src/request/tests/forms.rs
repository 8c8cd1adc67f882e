use super::*;

const AUDIO: &str = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;\\\"b.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\nID3\r\n-b\r\n--\r\n\r\n";

fn field(name: &str, value: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn form(text: &str) -> Result<RequestBody, InvalidRequest> {
    RequestBody::multipart(Bytes::copy_from_slice(text.as_bytes()), b"b")
}

#[test]
fn a_model_is_replaced_in_its_field() {
    let came = format!(
        "{AUDIO}{}{}--b--\r\n",
        field("model", "whisper-1"),
        field("language", "en")
    );
    let body = form(&came).unwrap();
    assert_eq!(body.model(), Some("whisper-1"));
    assert!(!body.stream());
    assert_eq!(spliced(&body, "w"), came.replace("whisper-1", "w"));
}

#[test]
fn a_model_is_added_in_front_where_no_field_has_it() {
    let came = format!("\r\n{AUDIO}--b--");
    let goes = format!("\r\n{}{AUDIO}--b--", field("model", "w"));
    let body = form(&came).unwrap();
    assert_eq!(body.model(), None);
    assert_eq!(spliced(&body, "w"), goes);
    assert_eq!(
        spliced(&form("--b--").unwrap(), "w"),
        format!("{}--b--", field("model", "w"))
    );
}

#[test]
fn an_empty_model_is_filled() {
    let came = format!("{}{AUDIO}--b--\r\n", field("model", ""));
    let body = form(&came).unwrap();
    assert_eq!(body.model(), None);
    assert_eq!(
        spliced(&body, "w"),
        format!("{}{AUDIO}--b--\r\n", field("model", "w"))
    );
}

#[test]
fn our_own_fields_are_taken_out() {
    let own = [
        ("timeout", "2.5"),
        ("num_retries", "0"),
        ("tags", "a,b"),
        ("mock_response", ""),
        ("mock_delay", ""),
    ];
    let own = own.map(|(name, value)| field(name, value)).concat();
    let came = format!(
        "{own}{AUDIO}{}{}--b--\r\n",
        field("stream", "true"),
        field("timeout2", "1")
    );
    let body = form(&came).unwrap();
    assert!(body.stream());
    assert_eq!(body.params().timeout(), Some(Duration::from_millis(2500)));
    assert_eq!(body.params().num_retries(), Some(0));
    assert_eq!(body.params().raw(OwnKey::Tags).unwrap(), "a,b");
    assert_eq!(body.params().mock_response(), None);
    let goes = came.replace(&own, &field("model", "w"));
    assert_eq!(spliced(&body, "w"), goes);
}

#[test]
fn headers_are_read_in_any_spelling() {
    for head in [
        "content-disposition:form-data;name=model",
        "CONTENT-DISPOSITION: Form-Data; Name=\"model\"",
        "X-Note: 1\r\nContent-Disposition: form-data ; name=\"mod\\el\\\"\" ",
    ] {
        let name = if head.starts_with("X-Note") {
            None
        } else {
            Some("w")
        };
        let body = form(&format!("--b \t\r\n{head}\r\n\r\nw\r\n--b--")).unwrap();
        assert_eq!(body.model(), name, "{head}");
    }
}

#[test]
fn what_is_ambiguous_or_broken_is_refused() {
    let model = field("model", "a");
    let head = "--b\r\nContent-Disposition: form-data; name=";
    for (body, code) in [
        (format!("{model}{model}--b--"), "duplicate_parameter"),
        (
            format!("{head}\"model\"; filename=\"x\"\r\n\r\na\r\n--b--"),
            "invalid_type",
        ),
        (format!("{}--b--", field("stream", "yes")), "invalid_value"),
        (
            format!("{}--b--", field("num_retries", "-1")),
            "invalid_value",
        ),
        (
            format!("{head}\"a\"; name=\"model\"\r\n\r\na\r\n--b--"),
            "invalid_multipart",
        ),
        (format!("{head}\"a\r\n\r\na\r\n--b--"), "invalid_multipart"),
        (
            format!(
                "{head}\"a\"\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\na\r\n--b--"
            ),
            "invalid_multipart",
        ),
        (
            "--b\r\n\r\nno headers\r\n--b--".to_owned(),
            "invalid_multipart",
        ),
        (
            "--b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\na\r\n--b--".to_owned(),
            "invalid_multipart",
        ),
        ("--bx\r\n".to_owned(), "invalid_multipart"),
        (
            format!("{head}\"a\"\nContent-Disposition: form-data; name=\"b\"\r\n\r\na\r\n--b--"),
            "invalid_multipart",
        ),
        (
            format!("{head}\"a\"\r\n folded\r\n\r\na\r\n--b--"),
            "invalid_multipart",
        ),
        (
            format!("{head}\"a\"\r\n\r\n{model}--b--"),
            "invalid_multipart",
        ),
        (
            format!("{head}\"a\"\r\n--b: c\r\n\r\na\r\n--b--"),
            "invalid_multipart",
        ),
        (
            format!("{head}a filename=b\r\n\r\na\r\n--b--"),
            "invalid_multipart",
        ),
        (format!("{head}a\"b\r\n\r\na\r\n--b--"), "invalid_multipart"),
        (
            format!("{head}\"a\" x; y=z\r\n\r\na\r\n--b--"),
            "invalid_multipart",
        ),
        (format!("preamble\r\n{model}--b--"), "invalid_multipart"),
        (model, "invalid_multipart"),
        (format!("{head}\"a\"\r\n"), "invalid_multipart"),
        (String::new(), "invalid_multipart"),
    ] {
        assert_eq!(form(&body).unwrap_err().code(), code, "{body}");
    }
    let long = RequestBody::multipart(Bytes::from_static(b"--"), &[b'b'; 71]).unwrap_err();
    assert_eq!(long.code(), "invalid_multipart");
    let not_text = b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\xff\r\n--b--";
    let invalid = RequestBody::multipart(Bytes::from_static(not_text), b"b").unwrap_err();
    assert_eq!(
        (invalid.code(), invalid.param()),
        ("invalid_value", Some("model"))
    );
}
