//! The matrix, played out.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks_matrix::{BOUND, Cell, Kind, SCENES, Scene, TABLE, Topology, canary, document};
use std::{env, fmt::Write, fs, path::Path, sync::Arc};
use tokio::{sync::Semaphore, time::timeout};

/// How many cells are played at a time: enough that those which wait cost nothing.
const AT_A_TIME: usize = 48;

/// How many bytes are searched for keys at least, for each cell there is: half of the 5 730 that were measured, so
/// that words may change.
const SEARCHED_A_CELL: u64 = 2_800;

/// How many of them are logs at least: half of the 790 that were measured.
const LOGGED_A_CELL: u64 = 390;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_provider_does_the_client_gets_the_answer_or_an_honest_error() {
    canary::watch_logs();
    let cells = Cell::all(TABLE);
    let count = cells.len() as u64;
    let plays = cells.into_iter();
    all_go_well(plays.map(|cell| (cell.to_string(), cell.run()))).await;

    // A search of little finds little.
    let (searched, logged) = canary::searched();
    let all = searched >= count * SEARCHED_A_CELL && logged >= count * LOGGED_A_CELL;
    assert!(all || only().is_some(), "{searched} {logged} in {count}");
    assert!(canary::found().is_empty(), "{:#?}", canary::found());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_that_is_cancelled_gives_its_place_to_the_next() {
    canary::watch_logs();
    let mut scenes = Vec::new();
    for kind in Kind::all() {
        for topology in Topology::ALL {
            let name = format!("{} × {kind} × {}", SCENES[0].name, topology.as_str());
            let scene = Scene::cancel_a_probe(kind, topology);
            scenes.push((name, async { Vec::from_iter(scene.await.err()) }));
        }
    }
    all_go_well(scenes).await;
    assert!(canary::found().is_empty(), "{:#?}", canary::found());
}

/// For a look at a few: the words of their names, such as `429` or `chat_completions, streamed`.
fn only() -> Option<String> {
    env::var("HEADWORKS_MATRIX").ok()
}

/// Plays what has a name, many at a time, and tells of all that did not go as expected.
async fn all_go_well<F>(plays: impl IntoIterator<Item = (String, F)>)
where
    F: Future<Output = Vec<String>> + Send + 'static,
{
    let only = only().unwrap_or_default();
    let turn = Arc::new(Semaphore::new(AT_A_TIME));
    let mut playing = Vec::new();
    for (name, play) in plays.into_iter().filter(|(name, _)| name.contains(&only)) {
        let turn = turn.clone();
        let played = tokio::spawn(async move {
            let _turn = turn.acquire_owned().await;
            timeout(BOUND * 4, play).await
        });
        playing.push((name, played));
    }
    let all = playing.len();
    let (mut report, mut failed) = (String::new(), 0);
    for (name, played) in playing {
        let wrong = match played.await {
            Ok(Ok(wrong)) => wrong,
            Ok(Err(_)) => vec!["it does not end".into()],
            Err(panicked) => vec![format!("it broke: {panicked}")],
        };
        if wrong.is_empty() {
            continue;
        }
        failed += 1;
        writeln!(report, "\n{name}").unwrap();
        for line in wrong {
            writeln!(report, "    {line}").unwrap();
        }
    }
    assert_eq!(failed, 0, "of {all} cells:\n{report}");
}

/// With `HEADWORKS_MATRIX_WRITE` set, as `cargo xtask matrix` does, the page is written instead.
#[test]
fn the_page_is_what_the_table_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fault-matrix.md");
    let wanted = document(TABLE);
    if env::var_os("HEADWORKS_MATRIX_WRITE").is_some() {
        fs::write(&page, &wanted).unwrap();
    }
    let written = fs::read_to_string(&page).unwrap_or_default();
    assert!(
        written == wanted,
        "docs/fault-matrix.md is not what the table says: `cargo xtask matrix` writes it anew"
    );
}
