//! Scopes that do not end well: nothing of what they return is lost.

mod support;

use std::error::Error;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use async_tempdir::{AsyncTempDir, Builder, Cleanup, ScopeError, cleanup};
use support::Sandbox;

fn builder(sandbox: &Sandbox) -> Builder {
    Builder::new().parent(sandbox.path())
}

/// Makes the removal of the directory fail: another file is in its place.
fn replace(dir: &AsyncTempDir) -> PathBuf {
    fs::remove_dir(dir.path()).unwrap();
    fs::write(dir.path(), "a file").unwrap();
    dir.path().to_path_buf()
}

fn no() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "no")
}

#[tokio::test]
async fn the_builder_decides_where_and_what_it_is_called() {
    let sandbox = Sandbox::new();
    let path = builder(&sandbox)
        .prefix("named")
        .random_len(0)
        .scope(async |dir| {
            dir.write("a/b", "x").await?;
            io::Result::Ok(dir.path().to_path_buf())
        })
        .await
        .unwrap();
    assert_eq!(path, sandbox.join("named"));
    assert!(!path.exists(), "removed before it returns");
    sandbox.check();
}

#[tokio::test]
async fn a_removal_that_fails_keeps_the_value() {
    let sandbox = Sandbox::new();
    let scope = || builder(&sandbox).scope(async |dir| io::Result::Ok(replace(dir)));
    let Err(ScopeError::Remove { result, error }) = scope().await else {
        panic!("the removal fails");
    };
    let path = result.unwrap();
    assert_eq!(error.path(), path);
    fs::remove_file(path).unwrap();

    let whole = io::Error::from(scope().await.unwrap_err());
    let inner = whole.get_ref().unwrap();
    assert!(inner.is::<async_tempdir::RemoveError>(), "{whole}");
    for path in sandbox.leftovers() {
        assert!(whole.to_string().contains(&format!("{path:?}")), "{whole}");
        fs::remove_file(path).unwrap();
    }
    sandbox.check();
}

#[tokio::test]
async fn a_removal_that_fails_keeps_the_functions_error() {
    let sandbox = Sandbox::new();
    let scope = || {
        builder(&sandbox).scope(async |dir| {
            replace(dir);
            io::Result::<PathBuf>::Err(no())
        })
    };
    let error = scope().await.unwrap_err();
    let message = error.to_string();
    let path = sandbox.leftovers().remove(0);
    let expected = format!("no (also, cannot remove {path:?}: ");
    assert!(message.starts_with(&expected), "{message}");
    let ScopeError::Remove { result, error } = error else {
        panic!("both fail");
    };
    assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!(error.path(), path);
    fs::remove_file(path).unwrap();

    let both = io::Error::from(scope().await.unwrap_err());
    assert_eq!(both.kind(), ErrorKind::InvalidData);
    assert!(both.to_string().starts_with("no (also, cannot remove"));
    let inner = both.into_inner().unwrap();
    let inner = inner.downcast::<ScopeError<(), io::Error>>().unwrap();
    assert!(matches!(*inner, ScopeError::Remove { result: Err(_), .. }));
    fs::remove_file(sandbox.leftovers().remove(0)).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn the_functions_error_comes_out_as_it_is() {
    let sandbox = Sandbox::new();
    let scoped = builder(&sandbox).scope(async |_| io::Result::<()>::Err(no()));
    let error = scoped.await.unwrap_err();
    assert!(matches!(&error, ScopeError::Function(own) if own.kind() == ErrorKind::InvalidData));
    assert_eq!(error.to_string(), "no");
    assert!(error.source().is_none());
    assert_eq!(io::Error::from(error).kind(), ErrorKind::InvalidData);

    // Of any kind: also of one that has an `io::Error` in it, which comes out again.
    type Boxed = Box<dyn Error + Send + Sync>;
    let scoped = builder(&sandbox).scope(async |_| Err::<(), Boxed>(no().into()));
    let error = io::Error::from(scoped.await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let scoped = builder(&sandbox).scope(async |_| Err::<(), _>("text"));
    let error = io::Error::from(scoped.await.unwrap_err());
    assert_eq!(
        (error.kind(), &*error.to_string()),
        (ErrorKind::Other, "text")
    );
    sandbox.check();
}

#[tokio::test]
async fn without_a_directory_the_function_is_not_called() {
    let sandbox = Sandbox::new();
    let scoped = Builder::new()
        .parent(sandbox.join("missing"))
        .scope(async |_| -> io::Result<()> { panic!("there is no directory") });
    let error = scoped.await.unwrap_err();
    assert!(matches!(&error, ScopeError::Create(_)), "{error}");
    assert_eq!(io::Error::from(error).kind(), ErrorKind::NotFound);
    sandbox.check();
}

#[tokio::test]
async fn a_question_mark_is_enough() {
    async fn of_io(parent: &Path) -> io::Result<usize> {
        async fn write(dir: &AsyncTempDir) -> io::Result<usize> {
            dir.write("a", "x").await?;
            Ok(dir.list().await?.len())
        }
        let builder = Builder::new().parent(parent);
        let counted = builder.clone().scope(write).await?;
        let again = builder.scope(async |dir| write(dir).await).await?;
        Ok(counted + again)
    }
    async fn of_any(parent: &Path) -> Result<(), Box<dyn Error>> {
        let scoped = Builder::new()
            .parent(parent)
            .scope(async |_| Err::<(), _>(no()));
        Ok(scoped.await?)
    }
    let sandbox = Sandbox::new();
    assert_eq!(of_io(sandbox.path()).await.unwrap(), 2);
    let error = of_any(sandbox.path()).await.unwrap_err();
    assert_eq!(error.to_string(), "no");
    sandbox.check();
}

/// How the function of a scope ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Ok,
    Err,
    Panic,
    Cancelled,
}

#[tokio::test]
async fn the_policy_decides_for_each_end() {
    use End::{Cancelled, Err, Ok, Panic};

    for (policy, kept) in [
        (Cleanup::Always, &[][..]),
        (Cleanup::OnSuccess, &[Panic]),
        (Cleanup::OnClose, &[Err, Panic, Cancelled]),
        (Cleanup::Never, &[Ok, Err, Panic, Cancelled]),
    ] {
        for end in [Ok, Err, Panic, Cancelled] {
            let sandbox = Sandbox::new();
            let builder = builder(&sandbox).cleanup(policy);
            let (begun, has_begun) = tokio::sync::oneshot::channel();
            let scope = tokio::spawn(builder.scope(async move |dir| {
                dir.write("a", "x").await?;
                begun.send(()).unwrap();
                match end {
                    Ok => io::Result::Ok(()),
                    Err => io::Result::Err(no()),
                    Panic => panic!("on purpose"),
                    Cancelled => std::future::pending().await,
                }
            }));
            has_begun.await.unwrap();
            if end == Cancelled {
                scope.abort();
            }
            let ended = scope.await;
            assert_eq!(ended.is_err(), matches!(end, Panic | Cancelled));
            cleanup::idle().await;
            let left = sandbox.leftovers();
            let is_kept = usize::from(kept.contains(&end));
            assert_eq!(left.len(), is_kept, "{policy:?}, {end:?}");
            for path in left {
                assert!(path.join("a").exists());
                fs::remove_dir_all(path).unwrap();
            }
            sandbox.check();
        }
    }
}
