//! The official Python SDKs, against the program.

use crate::group_at;
use headworks_e2e::{BOUND, Headworks};
use headworks_upstream::Upstream;
use std::process::Stdio;
use tokio::process::Command;

#[tokio::test]
async fn openai_and_langchain_notice_nothing() {
    let python = std::env::var_os("HEADWORKS_PYTHON").expect(
        "HEADWORKS_PYTHON: a Python interpreter with what tests/e2e/python/requirements.txt names; \
         `cargo xtask test` makes one",
    );
    let upstreams = Upstream::start_many(2).await;
    let key = "general_settings: { master_key: sk-sdk }";
    let headworks = Headworks::start(&group_at(&upstreams, key)).await;

    let run = Command::new(python)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/python"))
        .args(["-B", "-m", "unittest", "-v", "test_sdk"])
        .env("HEADWORKS_URL", headworks.base_url())
        .env("HEADWORKS_KEY", "sk-sdk")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    // Importing the SDKs takes seconds on a busy machine.
    let run = tokio::time::timeout(4 * BOUND, run).await;
    let run = run.expect("within its time").expect("Python can be run");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    assert!(said.contains("Ran ") && !said.contains("Ran 0"), "{said}");
    for upstream in &upstreams {
        assert!(upstream.seen().answered > 0, "{:?}", upstream.seen());
    }
}
