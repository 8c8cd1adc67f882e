//! Where requests go.

use super::*;
use proptest::prelude::*;

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
}
