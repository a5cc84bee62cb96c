//! Run it with: cargo run --example publish
//!
//! Builds a small site in a temporary directory and publishes it by one rename, so that nobody ever
//! sees half of it. The target may be given as an argument, after `--`; it stays then, and the next
//! run replaces it, whatever it is.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use async_tempdir::{AsyncTempDir, Builder, remove_dir_all};

#[tokio::main]
async fn main() -> io::Result<()> {
    if let Some(target) = std::env::args_os().nth(1) {
        let published = publish(build(Path::new(&target), 1).await?, target.as_ref()).await?;
        println!("published {}", published.display());
        return Ok(());
    }

    // Otherwise, in a place that goes again.
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

    // What cannot be published comes back, and may go elsewhere.
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
    // A rename does not leave the filesystem: so, beside where it is to be.
    let builder = match target.parent() {
        Some(parent) if parent != Path::new("") => builder.parent(parent),
        _ => builder.parent("."),
    };
    // Published, it is for everybody to read.
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

/// Puts `site` at `target`. What is there already makes way.
async fn publish(site: AsyncTempDir, target: &Path) -> io::Result<PathBuf> {
    let error = match site.persist(target).await {
        Ok(published) => return Ok(published),
        Err(error) => error,
    };
    if !matches!(
        error.error().kind(),
        // The latter is Windows' word for it.
        ErrorKind::DirectoryNotEmpty | ErrorKind::PermissionDenied
    ) {
        // Dropped with the handle, the site is removed.
        return Err(error.into());
    }
    println!("in the way: {}", target.display());
    // A task, which goes on if this future is dropped: between its two renames there is no site.
    // Who cannot afford that has a symlink lead to the current one.
    let replacing = tokio::spawn(replace(error.into_dir(), target.to_path_buf()));
    replacing.await?
}

async fn replace(site: AsyncTempDir, target: PathBuf) -> io::Result<PathBuf> {
    let beside = site.path().parent().expect("it is in a directory");
    // Kept: whatever happens, the old one is not removed before the new one is in its place.
    let old = AsyncTempDir::with_prefix_in(".old-", beside).await?.keep();
    let moved = old.join("site");
    tokio::fs::rename(&target, &moved).await?;
    let published = match site.persist(&target).await {
        Ok(published) => published,
        Err(error) => {
            tokio::fs::rename(&moved, &target).await.map_err(|second| {
                let message = format!("{error}; the old one is at {}: {second}", moved.display());
                io::Error::new(second.kind(), message)
            })?;
            tokio::fs::remove_dir(&old).await?;
            return Err(error.into());
        }
    };
    // The site is published, whatever becomes of the old one.
    if let Err(error) = remove_dir_all(&old).await {
        eprintln!("{error}");
    }
    Ok(published)
}
