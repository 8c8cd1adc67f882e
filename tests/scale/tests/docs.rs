//! `docs/scale.md` is what the simulation says.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks_scale::{SCENARIOS, Scenario, Told};
use headworks_simulation::{Report, docs};
use std::fs;

const ANEW: &str = "docs/scale.md is out of date; `cargo xtask scale` writes it anew";

fn shown() -> String {
    fs::read_to_string(docs().join("scale.md")).unwrap()
}

/// One scenario, which is the quickest; the others take too long here.
#[test]
fn the_page_shows_what_is_found_now_of_one_scenario() {
    let told = Told::new(SCENARIOS.read("small").unwrap()).unwrap();
    let section = told.section();
    assert!(shown().contains(&section), "{ANEW}:\n{section}");
    let (path, picture) = told.picture();
    let drawn = fs::read_to_string(docs().join(path)).unwrap();
    assert_eq!(drawn, picture, "{ANEW}");
}

#[test]
fn the_page_tells_of_every_scenario() {
    let shown = shown();
    for name in SCENARIOS.names() {
        let Scenario {
            title, about, seed, ..
        } = SCENARIOS.read(name).unwrap();
        let opening = format!("### {title}\n\n`{name}`, seed {seed}. {about}\n");
        assert!(shown.contains(&opening), "{ANEW}: {opening}");
        let path = format!("scale/{name}.svg");
        let is_there = shown.contains(&path) && docs().join(&path).exists();
        assert!(is_there, "{ANEW}: {path}");
    }
}

#[test]
fn what_the_page_says_in_words_is_what_it_says_now() {
    let shown = shown();
    let without_runs = Told::page(&[]);
    // The words before the first table, and the formula with what follows it.
    for part in without_runs
        .split("\n\n")
        .filter(|part| !part.starts_with('|'))
    {
        assert!(shown.contains(part.trim()), "{ANEW}: {part}");
    }
}
