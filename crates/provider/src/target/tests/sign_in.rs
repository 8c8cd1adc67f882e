//! Keys and headers.

use super::*;

#[test]
fn every_provider_is_signed_in_to_as_it_wants_and_the_value_is_sensitive() {
    let bearer = format!("Bearer {CANARY}");
    for provider in Provider::ALL {
        let target = anywhere(provider);
        for endpoint in Endpoint::ALL {
            let credential = target.credential(Some(endpoint));
            let native = endpoint.is_anthropic();
            let wanted = match provider.auth() {
                Auth::None => None,
                Auth::ApiKey if provider.name() == "azure_ai" => Some(("authorization", &*bearer)),
                Auth::ApiKey => Some(("api-key", CANARY)),
                Auth::Anthropic if native => Some(("x-api-key", CANARY)),
                Auth::Anthropic | Auth::Bearer => Some(("authorization", &*bearer)),
            };
            let found = credential.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
            assert_eq!(found, wanted, "{} {endpoint}", provider.name());
            assert!(credential.is_none_or(|(_, value)| value.is_sensitive()));
        }
    }
}

#[test]
fn headers_that_cannot_be_sent_are_refused() {
    let build = |name: &str, value: &str| {
        let built = Target::builder("gpt-4o").header(name, value).build();
        built.unwrap_err().to_string()
    };
    assert!(build("a b", "v").contains("\"a b\" is not a header's name"));
    assert!(build("Content-Length", "1").contains("framed"));
    assert!(build("connection", "close").contains("framed"));
    let error = build("x-key", "sk-canary-7f3a\n");
    assert!(error.contains("no header can hold") && !error.contains(CANARY));

    let error = Target::builder("gpt-4o")
        .api_key(Secret::from("sk-canary-7f3a\n"))
        .build()
        .unwrap_err();
    assert_eq!(error, TargetError::ApiKey);
}

#[test]
fn keys_and_headers_do_not_print() {
    let builder = Target::builder("gpt-4o")
        .api_base("https://h/v1?sig=sk-canary-7f3a")
        .api_key(Secret::from(CANARY))
        .header("x-other-key", CANARY)
        .organization("org");
    let printed = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    assert!(!printed.contains(CANARY), "{printed}");
}
