//! The matrix, played out.

use headworks_matrix::{BOUND, Cell, TABLE, canary, document};
use std::{env, fmt::Write, fs, path::Path, sync::Arc};
use tokio::{sync::Semaphore, task::JoinSet};

/// How many cells are played at a time: enough that those which wait cost nothing.
const AT_A_TIME: usize = 48;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_provider_does_the_client_gets_the_answer_or_an_honest_error() {
    canary::watch_logs();
    // For a look at a few: the words of their names, such as `429` or `chat_completions, streamed`.
    let only = env::var("HEADWORKS_MATRIX").unwrap_or_default();
    let turn = Arc::new(Semaphore::new(AT_A_TIME));
    let mut cells = JoinSet::new();
    for (number, cell) in Cell::all(TABLE).into_iter().enumerate() {
        if !cell.to_string().contains(&only) {
            continue;
        }
        let turn = turn.clone();
        cells.spawn(async move {
            let _turn = turn.acquire_owned().await;
            let played = tokio::spawn(tokio::time::timeout(BOUND * 4, cell.run()));
            let wrong = match played.await {
                Ok(Ok(wrong)) => wrong,
                Ok(Err(_)) => vec!["it does not end".into()],
                Err(panicked) => vec![format!("it broke: {panicked}")],
            };
            (number, cell, wrong)
        });
    }
    let mut played = cells.join_all().await;
    played.sort_by_key(|(number, ..)| *number);
    let mut report = String::new();
    let mut failed = 0;
    for (_, cell, wrong) in played.iter().filter(|(.., wrong)| !wrong.is_empty()) {
        failed += 1;
        writeln!(report, "\n{cell}").unwrap();
        for line in wrong {
            writeln!(report, "    {line}").unwrap();
        }
    }
    assert_eq!(failed, 0, "of {} cells:\n{report}", played.len());

    let (searched, logged) = canary::searched();
    assert!(searched > 10_000 && logged > 10_000, "{searched} {logged}");
    assert!(canary::found().is_empty(), "{:#?}", canary::found());
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
