use super::*;
use headworks_config::Config;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A directory of this test alone, with these files in it.
fn files(test: &str, files: &[(&str, &str)]) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    for (name, text) in files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

const MODEL: &str = "{model_name: g, litellm_params: {model: openai/g}, model_info: {id: I}}";

fn model(id: &str) -> String {
    format!("model_list: [{}]\n", MODEL.replace('I', id))
}

#[test]
fn lists_are_joined_and_other_values_are_replaced_by_the_included_file() {
    let root = format!(
        "{}include: [more/models.yaml]\nrouter_settings: {{timeout: 1, num_retries: 7}}\n",
        model("root")
    );
    // Beside the file that names it, each once, whatever way leads there.
    let models = format!(
        "{}include: [../models.yaml, ../config.yaml]\n",
        model("more")
    );
    let last = format!(
        "{}include: [more/../more/models.yaml]\nrouter_settings: {{timeout: 2}}\n",
        model("last")
    );
    let directory = files(
        "include",
        &[
            ("config.yaml", &root),
            ("more/models.yaml", &models),
            ("models.yaml", &last),
        ],
    );
    let loaded = Config::load(&directory.join("config.yaml")).unwrap();
    let ids: Vec<_> = loaded
        .config
        .deployments
        .iter()
        .map(|deployment| deployment.id.to_string())
        .collect();
    assert_eq!(ids, ["root", "more", "last"]);
    assert_eq!(loaded.config.timeout().as_secs(), 2);
    assert_eq!(
        loaded.config.num_retries(),
        2,
        "the whole section is replaced"
    );
    let notice = loaded.notices[0].to_string();
    assert!(
        notice.contains("models.yaml:3:1: `router_settings` here replaces all of that at")
            && notice.ends_with("config.yaml:3:1"),
        "{notice}"
    );
    let at = &loaded.config.deployments[1].at;
    assert!(at.file().ends_with("models.yaml") && at.line() == 1);
}

#[test]
fn a_file_that_cannot_be_included_is_shown_where_it_is_named() {
    let text = format!("{}include: [missing.yaml]\n", model("root"));
    let directory = files("missing", &[("config.yaml", &text)]);
    let error = Config::load(&directory.join("config.yaml")).unwrap_err();
    let [problem] = error.problems() else {
        panic!("one problem: {error}")
    };
    assert!(
        problem
            .message()
            .starts_with("cannot read `missing.yaml`: ")
    );
    let at = problem.location().unwrap();
    assert_eq!((at.line(), at.column()), (2, 11));
}

#[test]
fn a_mistake_in_an_included_file_is_shown_there() {
    let directory = files(
        "mistake",
        &[
            ("config.yaml", "include: [models.yaml]\n"),
            ("models.yaml", "model_list:\n  - model_name: g\n"),
        ],
    );
    let error = Config::load(&directory.join("config.yaml")).unwrap_err();
    let at = error.problems()[0].location().unwrap();
    assert!(at.file().ends_with("models.yaml"), "{at}");
    assert_eq!((at.line(), at.column()), (2, 5));
}

#[test]
fn include_takes_a_list_of_names() {
    for wrong in ["models.yaml", "[{a: 1}]", "{a: 1}"] {
        let error = load(&with_model(&format!("include: {wrong}\n"))).unwrap_err();
        let message = error.problems()[0].message();
        assert_eq!(message, "`include` must be a list of file names");
    }
    assert!(load(&with_model("include:\n")).is_ok());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("no/such/config.yaml")).unwrap_err();
    let message = error.problems()[0].message();
    assert!(message.starts_with("cannot read `no/such/config.yaml`: "));
    assert!(error.problems()[0].location().is_none());
}
