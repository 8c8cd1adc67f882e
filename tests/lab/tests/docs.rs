//! `docs/lab.md` is what the lab says.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks_lab::{SCENARIOS, Scenario, Told};
use headworks_simulation::docs;
use std::fs;

const ANEW: &str = "docs/lab.md is out of date; `cargo xtask lab` writes it anew";

fn page() -> String {
    fs::read_to_string(docs().join("lab.md")).unwrap()
}

/// One scenario, which has a bit of all strategies in it and is the quickest; the others take too long here.
#[test]
fn the_page_shows_what_the_lab_finds_now_of_one_scenario() {
    let told = Told::new(SCENARIOS.read("saturated").unwrap()).unwrap();
    assert!(
        page().contains(&told.section()),
        "{ANEW}:\n{}",
        told.section()
    );
    for (path, picture) in told.pictures() {
        assert_eq!(
            fs::read_to_string(docs().join(path)).unwrap(),
            picture,
            "{ANEW}"
        );
    }
}

#[test]
fn the_page_tells_of_every_scenario_and_strategy() {
    let page = page();
    for name in SCENARIOS.names() {
        let Scenario {
            title,
            about,
            seed,
            strategies,
            ..
        } = SCENARIOS.read(name).unwrap();
        let opening = format!("## {title}\n\n`{name}`, seed {seed}. {about}\n");
        assert!(page.contains(&opening), "{ANEW}: {opening}");
        for choice in strategies {
            let path = format!("lab/{name}-{}.svg", choice.name().replace(' ', "-"));
            assert!(
                page.contains(&path) && docs().join(&path).exists(),
                "{ANEW}: {path}"
            );
        }
    }
}
