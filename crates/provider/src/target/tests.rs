use super::*;
use crate::{Auth, Paths};
use headworks_core::Secret;
use proptest::prelude::*;

const CANARY: &str = "sk-canary-7f3a";

fn uri(target: &Target, endpoint: Endpoint) -> String {
    target.uri(endpoint).to_string()
}

/// A deployment of `provider`, at an address of its own where there is no other.
fn anywhere(provider: &Provider) -> Target {
    let builder = Target::builder(format!("{}/m", provider.name()));
    let builder = builder.api_key(Secret::from(CANARY));
    let builder = match provider.default_api_base() {
        Some(_) => builder,
        None => builder.api_base("https://own.example/base"),
    };
    builder.build().unwrap()
}

#[test]
fn every_provider_has_a_url_for_every_endpoint() {
    for provider in Provider::ALL {
        let target = anywhere(provider);
        let base = provider
            .default_api_base()
            .unwrap_or("https://own.example/base");
        assert_eq!(target.provider(), provider);
        assert_eq!(target.model(), "m");
        assert_eq!(target.api_base(), base);
        for endpoint in Endpoint::ALL {
            let below = match provider.paths() {
                Paths::Versioned | Paths::Foundry => endpoint.unversioned().to_owned(),
                Paths::Root => endpoint.path().to_owned(),
                Paths::Azure if endpoint == Endpoint::Responses => {
                    "/openai/v1/responses?api-version=preview".to_owned()
                }
                Paths::Azure => format!(
                    "/openai/deployments/m{}?api-version=2025-02-01-preview",
                    endpoint.unversioned()
                ),
            };
            let name = provider.name();
            assert_eq!(
                uri(&target, endpoint),
                format!("{base}{below}"),
                "{name} {endpoint}"
            );
        }
    }
}

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
fn a_base_url_leads_where_litellm_or_its_provider_would_go() {
    for (model, base, version, chat) in [
        // As it is, with and without a version.
        (
            "hosted_vllm/m",
            "http://h:8000/v1",
            "",
            "http://h:8000/v1/chat/completions",
        ),
        (
            "hosted_vllm/m",
            "http://h:8000/v1/",
            "",
            "http://h:8000/v1/chat/completions",
        ),
        (
            "hosted_vllm/m",
            "http://h:8000",
            "",
            "http://h:8000/chat/completions",
        ),
        (
            "openai/m",
            " http://h/v1 ",
            "",
            "http://h/v1/chat/completions",
        ),
        (
            "openai/m",
            "http://[::1]:9/v1",
            "",
            "http://[::1]:9/v1/chat/completions",
        ),
        // A setting of Azure's says nothing elsewhere.
        (
            "openai/m",
            "http://h/v1",
            "2024-10-21",
            "http://h/v1/chat/completions",
        ),
        // Copied with its endpoint, with a query.
        (
            "openai/m",
            "http://h/v1/chat/completions",
            "",
            "http://h/v1/chat/completions",
        ),
        (
            "openai/m",
            "http://h/v1?tenant=a&x=%20",
            "",
            "http://h/v1/chat/completions?tenant=a&x=%20",
        ),
        // Addressed by the root, with and without a version.
        (
            "ollama/m",
            "http://h:11434",
            "",
            "http://h:11434/v1/chat/completions",
        ),
        (
            "ollama_chat/m",
            "http://h:11434/v1",
            "",
            "http://h:11434/v1/chat/completions",
        ),
        (
            "anthropic/m",
            "http://h/v1/messages",
            "",
            "http://h/v1/chat/completions",
        ),
        // Azure: the resource, with and without what people copy along.
        (
            "azure/gpt 35",
            "https://r.openai.azure.com/",
            "2024-10-21",
            "https://r.openai.azure.com/openai/deployments/gpt%2035/chat/completions?api-version=2024-10-21",
        ),
        (
            "azure/m",
            "https://r.openai.azure.com/openai",
            "2024-10-21",
            "https://r.openai.azure.com/openai/deployments/m/chat/completions?api-version=2024-10-21",
        ),
        (
            "azure/m",
            "https://r.openai.azure.com/openai/deployments/",
            "2024-10-21",
            "https://r.openai.azure.com/openai/deployments/m/chat/completions?api-version=2024-10-21",
        ),
        (
            "azure/m",
            "https://r.openai.azure.com/openai/deployments/d",
            "2024-10-21",
            "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
        ),
        (
            "azure/m",
            "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-06-01",
            "",
            "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-06-01",
        ),
        (
            "azure/m",
            "https://gw.example/apim",
            "2024-10-21",
            "https://gw.example/apim/openai/deployments/m/chat/completions?api-version=2024-10-21",
        ),
        // Azure: settings win over the base, odd versions are encoded.
        (
            "azure/m",
            "https://r.openai.azure.com?a=1&api-version=2023-05-15",
            "2024&x=1",
            "https://r.openai.azure.com/openai/deployments/m/chat/completions?a=1&api-version=2024%26x%3D1",
        ),
        // Azure: the newer form, by base and by version.
        (
            "azure/m",
            "https://r.openai.azure.com/openai/v1/",
            "",
            "https://r.openai.azure.com/openai/v1/chat/completions",
        ),
        (
            "azure/m",
            "https://r.openai.azure.com/openai/v1",
            "preview",
            "https://r.openai.azure.com/openai/v1/chat/completions?api-version=preview",
        ),
        (
            "azure/m",
            "https://r.openai.azure.com",
            "latest",
            "https://r.openai.azure.com/openai/v1/chat/completions",
        ),
        (
            "azure/m",
            "https://r.openai.azure.com/openai/deployments/d",
            "v1",
            "https://r.openai.azure.com/openai/v1/chat/completions",
        ),
        // Foundry: a hub and a serverless endpoint.
        (
            "azure_ai/m",
            "https://r.services.ai.azure.com/",
            "2024-05-01-preview",
            "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
        ),
        (
            "azure_ai/m",
            "https://s.models.ai.azure.com/v1",
            "",
            "https://s.models.ai.azure.com/v1/chat/completions",
        ),
    ] {
        let target = Target::builder(model).api_base(base).api_version(version);
        let target = target.build().unwrap();
        assert_eq!(uri(&target, Endpoint::ChatCompletions), chat, "{base}");
    }
}

#[test]
fn azure_keeps_responses_beside_the_deployments() {
    let responses = |base: &str, version: &str| {
        let target = Target::builder("azure/m")
            .api_base(base)
            .api_version(version);
        uri(&target.build().unwrap(), Endpoint::Responses)
    };
    assert_eq!(
        responses("https://r.openai.azure.com", "2025-03-01-preview"),
        "https://r.openai.azure.com/openai/responses?api-version=2025-03-01-preview"
    );
    assert_eq!(
        responses("https://r.openai.azure.com", ""),
        "https://r.openai.azure.com/openai/v1/responses?api-version=preview"
    );
    assert_eq!(
        responses("https://r.openai.azure.com/openai/v1", ""),
        "https://r.openai.azure.com/openai/v1/responses"
    );
}

#[test]
fn the_list_of_models_is_where_each_provider_keeps_it() {
    for (model, base, version, models) in [
        (
            "hosted_vllm/m",
            "http://h:8000/v1",
            "",
            "http://h:8000/v1/models",
        ),
        (
            "openai/m",
            "http://h/v1?tenant=a",
            "",
            "http://h/v1/models?tenant=a",
        ),
        ("ollama/m", "http://h:11434", "", "http://h:11434/v1/models"),
        ("anthropic/m", "", "", "https://api.anthropic.com/v1/models"),
        (
            "azure/m",
            "https://r.openai.azure.com",
            "2024-10-21",
            "https://r.openai.azure.com/openai/models?api-version=2024-10-21",
        ),
        (
            "azure/m",
            "https://r.openai.azure.com/openai/deployments/d",
            "2024-10-21",
            "https://r.openai.azure.com/openai/models?api-version=2024-10-21",
        ),
        (
            "azure/m",
            "https://r.openai.azure.com",
            "",
            "https://r.openai.azure.com/openai/v1/models?api-version=preview",
        ),
        (
            "azure/m",
            "https://r.openai.azure.com/openai/v1",
            "",
            "https://r.openai.azure.com/openai/v1/models",
        ),
        (
            "azure_ai/m",
            "https://r.services.ai.azure.com/",
            "2024-05-01-preview",
            "https://r.services.ai.azure.com/models/info?api-version=2024-05-01-preview",
        ),
        (
            "azure_ai/m",
            "https://s.models.ai.azure.com/v1",
            "",
            "https://s.models.ai.azure.com/v1/info",
        ),
    ] {
        let target = Target::builder(model).api_base(base).api_version(version);
        let request = target.build().unwrap().models_request();
        assert_eq!(request.method(), http::Method::GET);
        assert_eq!(request.uri().to_string(), models, "{model} {base}");
    }
}

#[test]
fn the_list_of_models_is_asked_for_as_each_provider_wants() {
    for provider in Provider::ALL {
        let target = anywhere(provider);
        let request = target.models_request();
        let headers = request.headers();
        let anthropic = provider.auth() == Auth::Anthropic;
        let usual = Some(if anthropic {
            Endpoint::Messages
        } else {
            Endpoint::ChatCompletions
        });
        let signed = target.credential(usual);
        assert_eq!(provider.auth() == Auth::None, signed.is_none());
        if let Some((name, value)) = signed {
            assert_eq!(headers.get(name), Some(value), "{}", provider.name());
            assert!(headers[name].is_sensitive());
        }
        assert_eq!(headers.contains_key("anthropic-version"), anthropic);
        assert!(!format!("{request:?}").contains(CANARY));
    }
    let target = Target::builder("gpt-4o")
        .header("x-team", "a")
        .organization("org");
    let request = target.build().unwrap().models_request();
    assert_eq!(request.headers()["x-team"], "a");
    assert_eq!(request.headers()["openai-organization"], "org");
}

#[test]
fn what_cannot_be_an_address_is_refused_with_what_is_wrong() {
    for (base, problem) in [
        ("<your-azure-endpoint>", "placeholder"),
        ("r.openai.azure.com", "no scheme"),
        ("localhost:8000/v1", "no scheme"),
        ("ftp://h/v1", "neither http nor https"),
        ("http://", "not a URL"),
        ("http:///v1", "not a URL"),
        ("http://user:sk-canary-7f3a@h/v1", "password"),
        ("http://h:99999/v1", "port"),
        ("http://h:0/v1", "port"),
        ("http://h/v1#x", "fragment"),
        ("http://h/a b", "not a URL"),
        (" ", "empty"),
    ] {
        let built = Target::builder("azure/m").api_base(base).build();
        let error = built.unwrap_err().to_string();
        assert!(error.contains(problem), "{base}: {error}");
        assert!(!error.contains(CANARY), "{error}");
    }
    let error = Target::builder("azure/m").build().unwrap_err();
    assert_eq!(error, TargetError::NoApiBase("azure"));
    assert_eq!(
        Target::builder("openai/").build().unwrap_err(),
        TargetError::NoModel
    );
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
fn the_callers_query_goes_along_without_keys_and_versions() {
    let target = Target::builder("azure/m")
        .api_base("https://r.openai.azure.com?tenant=ours")
        .api_version("2024-10-21");
    let azure = target.build().unwrap();
    let anthropic = Target::builder("anthropic/m").build().unwrap();
    let azure_chat = "https://r.openai.azure.com/openai/deployments/m/chat/completions\
                      ?tenant=ours&api-version=2024-10-21";
    for (target, path, query, wanted) in [
        (
            &anthropic,
            "/v1/messages",
            Some("beta=true"),
            "https://api.anthropic.com/v1/messages?beta=true".to_owned(),
        ),
        (
            &anthropic,
            "/messages",
            Some("a=1&key=sk&%61pi_key=sk&b=%2F"),
            "https://api.anthropic.com/v1/messages?a=1&b=%2F".to_owned(),
        ),
        (
            &azure,
            "/v1/chat/completions",
            Some("api-version=2020&api%2Dversion=2020&tenant=theirs"),
            azure_chat.to_owned(),
        ),
        (
            &azure,
            "/v1/chat/completions",
            Some("x"),
            format!("{azure_chat}&x"),
        ),
        (&azure, "/chat/completions", None, azure_chat.to_owned()),
        // No endpoint of the table, but a path all the same.
        (
            &anthropic,
            "/v1/messages/batches",
            None,
            "https://api.anthropic.com/v1/messages/batches".to_owned(),
        ),
    ] {
        assert_eq!(target.uri_for(path, query).to_string(), wanted);
    }
}

#[test]
fn a_url_that_grows_too_long_is_sent_without_its_query() {
    let target = Target::builder("gpt-4o").build().unwrap();
    let query = "q".repeat(65_530);
    assert_eq!(
        &target.uri_for("/v1/embeddings", Some(&query)),
        target.uri(Endpoint::Embeddings)
    );
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

proptest! {
    #[test]
    fn any_base_is_refused_or_is_where_every_request_goes(
        scheme in prop_oneof![Just("http://"), Just("https://"), Just("")],
        host in "[ -~]{0,20}",
        path in "(/[!-~]{0,8}){0,4}",
        query in proptest::option::of("[!-~]{0,12}"),
    ) {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let base = format!("{scheme}{host}{path}{query}");
        // Empty is not set.
        prop_assume!(!base.is_empty());
        for model in ["openai/m", "ollama/m", "azure/m", "azure_ai/m"] {
            let Ok(target) = Target::builder(model).api_base(&base).build() else {
                continue;
            };
            let first: Uri = base.trim().parse().unwrap();
            for endpoint in Endpoint::ALL {
                let uri = target.uri(endpoint);
                prop_assert_eq!(uri.authority(), first.authority());
                prop_assert_eq!(uri.scheme(), first.scheme());
                prop_assert!(uri.path().ends_with(endpoint.unversioned()));
            }
            prop_assert!(!target.api_base().contains('?'));
        }
    }

    #[test]
    fn of_any_query_what_is_kept_stands_as_it_stood(
        kept in proptest::collection::vec("[a-d]{1,3}(=[!$-%'-;=?-Z_a-z~]{0,4})?", 0..6),
        dropped in proptest::collection::vec(
            "(key|api[-_]key|api-version|access_token|token|subscription-key|%6bey)(=[a-z]{0,3})?",
            0..6,
        ),
        order in any::<u64>(),
    ) {
        let mut both = kept.iter().map(|pair| (pair, true)).collect::<Vec<_>>();
        let mut rng = fastrand::Rng::with_seed(order);
        for pair in &dropped {
            both.insert(rng.usize(0..=both.len()), (pair, false));
        }
        let pairs = both.iter().map(|(pair, _)| pair.as_str());
        let query = pairs.collect::<Vec<_>>().join("&");
        let target = Target::builder("gpt-4o").build().unwrap();
        let sent = target.uri_for("/v1/embeddings", Some(&query));
        let kept = kept.join("&");
        prop_assert_eq!(sent.query().unwrap_or_default(), kept);
    }
}

#[test]
fn who_may_be_asked_for_the_usage_of_a_stream_is_known_by_provider_address_and_version() {
    let reports = |model: &str, base: Option<&str>, version: Option<&str>| {
        let mut target = Target::builder(model);
        if let Some(base) = base {
            target = target.api_base(base);
        }
        if let Some(version) = version {
            target = target.api_version(version);
        }
        let target = target.build().unwrap();
        assert!(!target.reports_stream_usage(Endpoint::Responses));
        assert!(!target.reports_stream_usage(Endpoint::Messages));
        let chat = target.reports_stream_usage(Endpoint::ChatCompletions);
        assert_eq!(chat, target.reports_stream_usage(Endpoint::Completions));
        chat
    };
    for (model, base, expected) in [
        ("gpt-4o", None, true),
        ("openai/gpt-4o", Some("https://eu.api.openai.com/v1"), true),
        ("openai/gpt-4o", Some("http://127.0.0.1:8000/v1"), false),
        ("openai/gpt-4o", Some("https://notapi.openai.com/v1"), false),
        ("hosted_vllm/llama", Some("http://127.0.0.1:8000/v1"), true),
        ("groq/llama", None, true),
        ("mistral/small", None, false),
        ("openrouter/llama", None, false),
        ("custom_openai/llama", Some("http://127.0.0.1:8000"), false),
    ] {
        assert_eq!(reports(model, base, None), expected, "{model} {base:?}");
    }
    for (base, version, expected) in [
        ("https://paris.openai.azure.com", None, true),
        ("https://paris.openai.azure.com", Some("2024-06-01"), false),
        (
            "https://paris.openai.azure.com",
            Some("2024-08-01-preview"),
            false,
        ),
        (
            "https://paris.openai.azure.com",
            Some("2024-09-01-preview"),
            true,
        ),
        ("https://paris.openai.azure.com", Some("2024-10-21"), true),
        ("https://paris.openai.azure.com", Some("preview"), true),
        (
            "https://paris.openai.azure.com/openai/v1",
            Some("2024-02-01"),
            true,
        ),
        (
            "https://paris.openai.azure.com?api-version=2024-02-01",
            None,
            false,
        ),
    ] {
        let said = reports("azure/gpt-35", Some(base), version);
        assert_eq!(said, expected, "{base} {version:?}");
    }
}
