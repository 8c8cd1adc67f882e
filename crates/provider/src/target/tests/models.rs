//! Where models are listed.

use super::*;

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
