//! Run it with: cargo run --example publish -- [TARGET]
//!
//! Builds a small site in a temporary directory and publishes it by one rename, so that no reader
//! ever sees half of it.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use async_tempdir::{AsyncTempDir, Builder, remove_dir_all};

const HELP: &str = "\
Builds a small site in a temporary directory and publishes it by one rename.

Usage: cargo run --example publish -- [TARGET]

  TARGET  The directory to publish the site as. It stays. A directory that is already there is
          replaced and removed. Without TARGET, the example publishes two versions of the site
          in a temporary directory and removes them.
";

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
            publish_once(target.as_ref()).await
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

async fn publish_once(target: &Path) -> io::Result<()> {
    let published = publish(build(target, 1).await?, target).await?;
    println!("published {}", published.display());
    Ok(())
}

/// Publishes in a temporary directory, and what else can happen then.
async fn demonstrate() -> io::Result<()> {
    let www = AsyncTempDir::with_prefix("www-").await?;
    let target = www.path().join("site");

    let published = publish(build(&target, 1).await?, &target).await?;
    println!("published {}", published.display());
    println!(
        "its index: {}",
        www.read_to_string("site/index.html").await?
    );

    // The second version finds the first in its way.
    let published = publish(build(&target, 2).await?, &target).await?;
    println!("published {}", published.display());
    println!(
        "its index: {}",
        www.read_to_string("site/index.html").await?
    );

    // The error returns the site, which may be published elsewhere.
    let site = build(&target, 3).await?;
    let refused = site.persist(www.path().join("missing/site")).await;
    let site = refused.expect_err("its parent is missing");
    println!("refused: {site}");
    let elsewhere = www.path().join("elsewhere");
    let published = site.into_dir().persist(&elsewhere).await?;
    println!("published {}", published.display());

    for path in www.list().await? {
        println!("  {}", path.display());
    }
    www.close().await?;
    Ok(())
}

/// Builds a version of the site, for `target`.
async fn build(target: &Path, version: u32) -> io::Result<AsyncTempDir> {
    let builder = Builder::new().prefix(".site-");
    // A rename cannot cross filesystems: so the site is built beside its target.
    let builder = match target.parent() {
        Some(parent) if parent != Path::new("") => builder.parent(parent),
        _ => builder.parent("."),
    };
    // Makes the published site readable for all users, such as that of a web server.
    #[cfg(unix)]
    let builder = builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755));
    let site = builder.create().await?;
    site.populate([
        ("index.html", format!("<h1>Version {version}</h1>")),
        ("css/site.css", "h1 { color: teal }".to_owned()),
    ])
    .await?;
    Ok(site)
}

/// Puts `site` at `target`, and replaces a directory that is already there.
async fn publish(site: AsyncTempDir, target: &Path) -> io::Result<PathBuf> {
    let error = match site.persist(target).await {
        Ok(published) => return Ok(published),
        Err(error) => error,
    };
    if !matches!(
        error.error().kind(),
        // Windows reports the latter.
        ErrorKind::DirectoryNotEmpty | ErrorKind::PermissionDenied
    ) {
        // The drop of the error removes the site.
        return Err(error.into());
    }
    println!("replacing {}", target.display());
    // A task continues when this future is dropped: between its two renames there is no site. To
    // avoid that gap, publish each version under a name of its own and switch a symlink.
    let replacing = tokio::spawn(replace(error.into_dir(), target.to_path_buf()));
    replacing.await?
}

async fn replace(site: AsyncTempDir, target: PathBuf) -> io::Result<PathBuf> {
    let beside = site.path().parent().expect("it is in a directory");
    // Kept, so that the old site is never removed before the new one is in its place.
    let old = AsyncTempDir::with_prefix_in(".old-", beside).await?.keep();
    let moved = old.join("site");
    if let Err(error) = tokio::fs::rename(&target, &moved).await {
        tokio::fs::remove_dir(&old).await?;
        let message = format!("cannot replace {}: {error}", target.display());
        return Err(io::Error::new(error.kind(), message));
    }
    let published = match site.persist(&target).await {
        Ok(published) => published,
        Err(error) => {
            tokio::fs::rename(&moved, &target).await.map_err(|second| {
                let moved = moved.display();
                let message = format!("{error}; the old site is at {moved}: {second}");
                io::Error::new(second.kind(), message)
            })?;
            tokio::fs::remove_dir(&old).await?;
            return Err(error.into());
        }
    };
    // The new site is published, even if the old one cannot be removed.
    if let Err(error) = remove_dir_all(&old).await {
        eprintln!("warning: {error}");
    }
    Ok(published)
}
