use super::*;

/// The ids of a list of deployments, by a word in their settings.
fn ids(entries: &[&str]) -> Vec<String> {
    let text = format!("model_list:\n{}", entries.concat());
    let loaded = load(&text).unwrap_or_else(|error| panic!("{error}"));
    let id = |deployment: &headworks_config::Deployment| deployment.id.to_string();
    loaded.config.deployments.iter().map(id).collect()
}

const PARIS: &str =
    "  - {model_name: g, litellm_params: {model: azure/g, api_base: https://paris, api_key: k}}\n";
const OSLO: &str =
    "  - {model_name: g, litellm_params: {model: azure/g, api_base: https://oslo, api_key: k}}\n";

#[test]
fn an_id_is_kept_over_restarts_and_over_the_order_of_list_and_keys() {
    // Pinned: a new release must not rename every deployment.
    assert_eq!(
        ids(&[PARIS, OSLO]),
        ["3ac55fcc652c72ac", "387c322ae1a9bb35"]
    );
    assert_eq!(
        ids(&[OSLO, PARIS]),
        ["387c322ae1a9bb35", "3ac55fcc652c72ac"]
    );
    let turned = "  - litellm_params: {api_key: k, api_base: https://paris, model: azure/g}\n    model_name: g\n";
    assert_eq!(ids(&[turned]), ["3ac55fcc652c72ac"]);
}

#[test]
fn settings_of_how_it_is_used_do_not_change_the_id() {
    let heavier = PARIS.replace(
        "api_key: k",
        "api_key: k, weight: 3, rpm: 60, timeout: 10, tags: [a]",
    );
    assert_eq!(ids(&[&heavier]), ids(&[PARIS]));
}

#[test]
fn what_and_where_it_is_does() {
    let paris = ids(&[PARIS]);
    for (from, to) in [
        ("model_name: g", "model_name: h"),
        ("azure/g", "azure/h"),
        ("https://paris", "https://lyon"),
        ("api_key: k", "api_key: l"),
        ("api_key: k", "api_key: k, organization: org-1"),
        ("api_key: k", "api_key: k, api_version: '2024-10-21'"),
        (
            "api_key: k",
            "api_key: k, extra_headers: {OpenAI-Project: p}",
        ),
        (", api_key: k", ""),
    ] {
        assert_ne!(ids(&[&PARIS.replace(from, to)]), paris, "{to}");
    }
}

#[test]
fn equal_entries_are_numbered_by_their_settings_and_told_of() {
    let light = PARIS.replace("api_key: k", "api_key: k, weight: 1");
    let heavy = PARIS.replace("api_key: k", "api_key: k, weight: 3");
    let [one, three] = ids(&[&light, &heavy]).try_into().unwrap();
    assert_eq!(three, format!("{one}-2"));
    assert_eq!(ids(&[&heavy, &light]), [three, one]);

    let text = format!("model_list:\n{PARIS}{PARIS}");
    let loaded = load(&text).unwrap();
    assert_eq!(
        notices(&loaded),
        [
            "config.yaml:3:6: this entry of `g` leads to the same place as another; it is known as \
             `3ac55fcc652c72ac-2`: set `model_info.id` to choose a name"
        ]
    );
}

#[test]
fn an_id_that_is_written_is_taken_and_never_taken_twice() {
    let derived = ids(&[PARIS]).remove(0);
    let named = OSLO.replace("}}\n", &format!("}}, model_info: {{id: '{derived}'}}}}\n"));
    assert_eq!(ids(&[PARIS, &named]), [format!("{derived}-2"), derived]);
    let number = PARIS.replace("}}\n", "}, model_info: {id: 17}}\n");
    assert_eq!(ids(&[&number]), ["17"]);
}

#[test]
fn each_organisation_is_a_deployment_with_an_id_of_its_own() {
    let several = PARIS.replace("api_key: k", "api_key: k, organization: [org-1, org-2]");
    let single = PARIS.replace("api_key: k", "api_key: k, organization: org-2");
    let both = ids(&[&several]);
    assert_eq!(both.len(), 2);
    assert_ne!(both[0], both[1]);
    assert_eq!(ids(&[&single]), both[1..]);

    let named = several.replace("}}\n", "}, model_info: {id: mine}}\n");
    assert_eq!(ids(&[&named]), ["mine-org-1", "mine-org-2"]);
}
