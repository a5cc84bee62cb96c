//! A suite to copy if you use cargo-nextest, where each test is a process. All processes of a run have
//! one root, and a setup script makes what takes long, once.
//!
//! `.cargo/config.toml`, which `cargo test` reads, too:
//!
//! ```toml
//! [env]
//! ASYNC_TEMPDIR_ROOT = { value = "target/tmp", relative = true }
//! ASYNC_TEMPDIR_CLEANUP = "on-success"
//! ```
//!
//! `.config/nextest.toml`, for [setup scripts] and for tests that hang, which are killed:
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
//! [setup scripts]: https://nexte.st/docs/configuration/setup-scripts/

use std::env;
use std::io;

use async_tempdir::AsyncTempDir;

/// A copy of the fixture that a test may change.
///
/// Where no setup script has made one, as under `cargo test`, the test makes its own.
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

/// What is tested: writes the sum of the numbers into a file beside theirs.
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
async fn no_numbers_have_a_sum() {
    let dir = numbers().await;
    dir.write("numbers", "").await.unwrap();
    sum(&dir).await.unwrap();
    assert_eq!(dir.tree().await.unwrap(), [("numbers", ""), ("sum", "0")]);
}

#[tokio::test]
async fn what_is_no_number_is_an_error() {
    let dir = numbers().await;
    dir.write("numbers", "1\ntwo\n").await.unwrap();
    let before = dir.tree().await.unwrap();
    sum(&dir).await.unwrap_err();
    assert_eq!(dir.tree().await.unwrap(), before, "nothing is written");
}

/// With the root, the name of a directory tells which test has left it. Your suite needs no such test.
#[tokio::test]
async fn a_directory_tells_its_test() {
    let dir = numbers().await;
    if env::var_os("ASYNC_TEMPDIR_ROOT").is_some() && env::var_os("NEXTEST_TEST_NAME").is_some() {
        let name = dir.file_name().to_str().unwrap();
        assert!(
            name.starts_with("tmp-a_directory_tells_its_test-"),
            "{name}"
        );
    }
}
