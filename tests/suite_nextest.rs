//! A suite to copy if you use cargo-nextest, which runs each test in a process of its own. A setup script
//! creates a shared fixture once.
//!
//! `.cargo/config.toml`, which also applies to `cargo test`:
//!
//! ```toml
//! [env]
//! ASYNC_TEMPDIR_ROOT = { value = "target/tmp", relative = true }
//! ASYNC_TEMPDIR_CLEANUP = "on-success"
//! ```
//!
//! `.config/nextest.toml`, with a [setup script], and a time-out that kills tests that hang:
//!
//! ```toml
//! experimental = ["setup-scripts"]
//!
//! [scripts.setup.fixture]
//! command = ["sh", "-c", '''
//! mkdir -p target/fixture
//! seq 1000 >target/fixture/numbers
//! echo "SUITE_FIXTURE=$PWD/target/fixture" >>"$NEXTEST_ENV"
//! ''']
//!
//! [[profile.default.scripts]]
//! filter = "binary(suite_nextest)"
//! setup = "fixture"
//!
//! [profile.default]
//! slow-timeout = { period = "60s", terminate-after = 2 }
//! ```
//!
//! [setup script]: https://nexte.st/docs/configuration/setup-scripts/

use std::env;
use std::io;

use async_tempdir::AsyncTempDir;

/// Copies the fixture for a test, which may change its copy.
///
/// Without the setup script, as under `cargo test`, each test creates its own.
async fn numbers() -> AsyncTempDir {
    let dir = AsyncTempDir::new().await.unwrap();
    match env::var_os("SUITE_FIXTURE") {
        Some(fixture) => _ = dir.copy_from(fixture).await.unwrap(),
        None => {
            let numbers: String = (1..=1000).map(|n| format!("{n}\n")).collect();
            dir.write("numbers", numbers).await.unwrap();
        }
    }
    dir
}

/// The code under test: writes the sum of the numbers to a file beside them.
async fn sum(dir: &AsyncTempDir) -> io::Result<()> {
    let numbers = dir.read_to_string("numbers").await?;
    let numbers = numbers.lines().map(str::parse::<u64>);
    let sum = numbers.sum::<Result<u64, _>>().map_err(io::Error::other)?;
    dir.write("sum", sum.to_string()).await?;
    Ok(())
}

#[tokio::test]
async fn the_sum_is_written() {
    let dir = numbers().await;
    sum(&dir).await.unwrap();
    assert_eq!(dir.read_to_string("sum").await.unwrap(), "500500");
}

#[tokio::test]
async fn the_sum_of_no_numbers_is_zero() {
    let dir = numbers().await;
    dir.write("numbers", "").await.unwrap();
    sum(&dir).await.unwrap();
    assert_eq!(dir.tree().await.unwrap(), [("numbers", ""), ("sum", "0")]);
}

#[tokio::test]
async fn a_line_that_is_not_a_number_is_an_error() {
    let dir = numbers().await;
    dir.write("numbers", "1\ntwo\n").await.unwrap();
    let before = dir.tree().await.unwrap();
    sum(&dir).await.unwrap_err();
    assert_eq!(dir.tree().await.unwrap(), before, "nothing is written");
}
