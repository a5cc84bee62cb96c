//! Run it with: cargo run --example publish -- [TARGET]
//!
//! Builds a small site in a temporary directory and puts it in the place of the one before, so that no
//! reader ever sees half of it, or nothing.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use async_tempdir::AsyncTempDir;

const HELP: &str = "\
Builds a small site in a temporary directory and publishes it in one step.

Usage: cargo run --example publish -- [TARGET]

  TARGET  The directory to publish the site as. It stays. A directory that is already there is
          replaced and removed. Without TARGET, the example publishes two versions of the site
          in a temporary directory and removes them.
";

// Such an error drops the handle that a `PersistError` contains, which removes the site.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let done = match &args[..] {
        [arg, ..] if arg == "-h" || arg == "--help" => {
            print!("{HELP}");
            Ok(())
        }
        [] => demonstrate().await,
        [target] if !target.as_encoded_bytes().starts_with(b"-") => {
            publish(target.as_ref(), 1).await
        }
        [.., arg] => {
            eprintln!("error: unexpected argument {}; see --help", arg.display());
            return ExitCode::from(2);
        }
    };
    if let Err(error) = done {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Publishes in a temporary directory, and what else can happen then.
async fn demonstrate() -> Result<()> {
    let www = AsyncTempDir::with_prefix("www-").await?;
    let target = www.path().join("site");
    for version in 1..=2 {
        publish(&target, version).await?;
        println!(
            "its index: {}",
            www.read_to_string("site/index.html").await?
        );
    }

    // The error returns the site, which may be published elsewhere.
    let site = build(&target, 3).await?;
    let refused = site.replace(www.path().join("missing/site")).await;
    let error = refused.expect_err("its parent is missing");
    println!("refused: {error}");
    let elsewhere: PathBuf = www.path().join("elsewhere");
    error.into_dir().persist(&elsewhere).await?;
    println!("published {}", elsewhere.display());

    for path in www.list().await? {
        println!("  {}", path.display());
    }
    www.close().await?;
    Ok(())
}

/// Builds a version of the site, and puts it at `target`, in the place of one that is there.
async fn publish(target: &Path, version: u32) -> Result<()> {
    let site = build(target, version).await?;
    // Readable for other users, such as that of a web server.
    let old = site.replace(target).default_permissions().await?;
    println!("published {}", target.display());
    if let Some(old) = old {
        println!("replaced the one before");
        // Or drop it: removed in the background.
        old.close().await?;
    }
    Ok(())
}

/// Builds a version of the site, beside `target`: on the same filesystem, it is moved, not copied.
async fn build(target: &Path, version: u32) -> Result<AsyncTempDir> {
    let parent = target.parent().unwrap_or(target);
    let site = AsyncTempDir::with_prefix_in(".site-", parent).await?;
    site.populate([
        ("index.html", format!("<h1>Version {version}</h1>")),
        ("css/site.css", "h1 { color: teal }".to_owned()),
    ])
    .await?;
    Ok(site)
}
