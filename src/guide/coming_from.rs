//! Migrating from `tempfile`, `async-tempfile`, `assert_fs` or Python: the old call and the new call.
//!
//! # From `tempfile`
//!
//! | old | new |
//! |---|---|
//! | `tempdir()?`, `TempDir::new()?` | `AsyncTempDir::new().await?`; where nothing is async, `new_blocking()?` |
//! | `tempdir_in(p)?`, `TempDir::new_in(p)?` | `AsyncTempDir::new_in(p).await?` |
//! | `with_prefix`, `with_suffix`, `…_in` | the same, and `.await` |
//! | `Builder::new().prefix("p").tempdir()?` | `Builder::new().prefix("p").create().await?` |
//! | `Builder::new().prefix("n").rand_bytes(0)…` | `Builder::new().prefix("n").random_len(0)…` |
//! | `Builder::new().rand_bytes(6).tempdir()?` | `Builder::new().random_len(6).create().await?` |
//! | `Builder::new().tempdir_in(p)?` | `Builder::new().parent(p).create().await?` |
//! | `dir.path()` | `dir.path()` |
//! | `dir.close()?` | `dir.close().await?`; [`retry`](crate::RemoveError::retry) of its error tries again |
//! | `dir.keep()`, `into_path()` | `dir.keep()` |
//! | `dir.disable_cleanup(true)` | `dir.set_cleanup(Cleanup::Never)` |
//! | `Builder::new().disable_cleanup(true)` | `Builder::new().cleanup(Cleanup::Never)` |
//! | `NamedTempFile::new_in(&dir)?` | `dir.temp_file().await?`, a [`TempFile`](crate::TempFile) |
//! | its `path()`, `keep()?`, `persist(p)?` | `file_path()`, `keep()`, `persist(p).await` |
//! | `Builder::new().suffix(".png").tempfile_in(&dir)?` | `dir.temp_file_with("tmp", ".png").await?` |
//! | `Builder::new().permissions(p)` | the same |
//! | `TempDir::new_in(&outer)?` | `outer.temp_dir().await?` |
//! | `Builder::new().prefix("p").tempdir_in(&outer)?` | `Builder::new().prefix("p").inside(&outer).create().await?` |
//! | `fs::write(dir.path().join("a"), x)?` | `dir.write("a", x).await?` |
//! | `io::copy(&mut reader, &mut File::create(dir.path().join("a"))?)?` | `dir.write_reader("a", reader).await?`, with a [`tokio::io::AsyncRead`] |
//! | `File::options().read(true)….open(dir.path().join("a"))?` | `dir.open_with("a", OpenOptions::new().read(true)…).await?`, with [`OpenOptions`](crate::OpenOptions) of this crate |
//! | `fs::rename`, `copy`, `hard_link`, `metadata`, `set_permissions` in it | the same as methods of `dir`, with paths inside |
//! | `os::unix::fs::symlink("a", dir.path().join("b"))?` | `dir.symlink("a", "b").await?`, on Windows too |
//! | `fs_extra::dir::copy(src, &dir, &options)?`, `cp -r src/. "$dir"` | `dir.copy_from(src).await?` |
//! | `fs::read_dir(dir.path())?` | `dir.read_dir(".").await?`, a stream |
//! | the sum of `metadata()?.len()` in `walkdir::WalkDir::new(&dir)` | `dir.usage().await?.len` |
//! | `fs::rename(dir.keep(), target)?` | `dir.persist(target).await?`, also across filesystems |
//! | `fs::remove_dir_all(target)?`, then `fs::rename(dir.keep(), target)?` | `dir.replace(target).await?`, without a moment of nothing |
//! | `Command::new("c").current_dir(&dir)` | the same |
//! | `fs::rename(p, hidden)?`, then `fs::remove_dir_all(hidden)` on a thread | `drop(AsyncTempDir::adopt(p).await?)` |
//! | `env::override_temp_dir(p)` | `TMPDIR`, or [`Builder::parent`](crate::Builder::parent) |
//!
//! **Look for tests that drop a directory and then assert that its path is gone.** A drop returns
//! before the directory is gone, so such a test fails, or passes by chance. Use
//! `dir.close().await?`, or await after the drop what [`removed`](crate::AsyncTempDir::removed)
//! returned before it.
//!
//! Methods that take a path inside, such as `read`, take a relative one, or one that begins with
//! `dir.path()`. A temporary file is one of the crate `async-tempfile`, and its methods have an
//! error of their own, [`TempFileError`](crate::TempFileError).
//!
//! Other differences: names begin with `tmp`, not `.tmp`, and have ten random characters, not six. The
//! mode is 0700, regardless of the umask. `&dir` and `&mut dir` implement `AsRef<Path>`, `dir`
//! does not; with an `&Arc<AsyncTempDir>`, use `path()`. A directory that has replaced yours is not
//! removed. Operations need a Tokio runtime; `new_blocking`, `create_blocking`, `close` and a drop do not.
//!
//! # From `async-tempfile`
//!
//! | old | new |
//! |---|---|
//! | `TempDir::new().await?` | `AsyncTempDir::new().await?` |
//! | `TempDir::new_in(p).await?` | `AsyncTempDir::new_in(p).await?` |
//! | `TempDir::new_with_name("n").await?` | `Builder::new().prefix("n").random_len(0).create().await?` |
//! | `TempDir::builder().prefix("p").dir(p).create().await?` | `Builder::new().prefix("p").parent(p).create().await?` |
//! | `dir.dir_path()` | `dir.path()` |
//! | `dir.try_clone().await?` | `Arc::new(dir)`, cloned |
//! | `dir.drop_async().await`, `dir.close()?` | `dir.close().await?` |
//! | `dir.keep()`, `dir.persist(target).await?` | the same |
//! | `Ownership::Borrowed` | a path |
//! | `from_existing(…)` | [`AsyncTempDir::adopt`](crate::AsyncTempDir::adopt)`(p).await?`, which renames the directory |
//! | `TempFile::new_in(dir.dir_path().clone()).await?` | `dir.temp_file().await?`, which returns the same type |
//!
//! Differences: a drop does not delete on the dropping thread. The mode is 0700. A cancelled
//! creation leaves nothing. Errors are [`std::io::Error`]s.
//!
//! # From `assert_fs`
//!
//! See [side by side with `assert_fs`](super::tests#side-by-side-with-assert_fs).
//!
//! # From Python
//!
//! | old | new |
//! |---|---|
//! | `TemporaryDirectory()` | `AsyncTempDir::new().await?` |
//! | `TemporaryDirectory(prefix="p", suffix="s", dir=d)` | `Builder::new().prefix("p").suffix("s").parent(d).create().await?` |
//! | `with TemporaryDirectory() as d:` | <code>AsyncTempDir::scope(async \|d\| { …; Ok::<_, io::Error>(()) }).await?</code> |
//! | `with TemporaryDirectory(prefix="p") as d:` | <code>Builder::new().prefix("p").scope(async \|d\| …).await?</code> |
//! | `d.name`, `os.path.basename(d.name)` | `d.path()`, `d.file_name()` |
//! | `d.cleanup()` | `d.close().await?` |
//! | `TemporaryDirectory(delete=False)`, `mkdtemp()` | `Builder::new().cleanup(Cleanup::Never)`, or `d.keep()` |
//! | `ignore_cleanup_errors=True` | `let _ = d.close().await;` |
//! | `NamedTemporaryFile(dir=d.name)` | `d.temp_file().await?` |
//! | `NamedTemporaryFile(prefix="p", suffix="s", dir=d.name)` | `d.temp_file_with("p", "s").await?` |
//! | `NamedTemporaryFile(delete=False)` | `TempFile::new().await?.keep()` |
//! | `gettempdir()` | [`std::env::temp_dir`] |
//! | `Path(d.name, "a").write_text("x")` | `d.write("a", "x").await?` |
//! | `shutil.copyfileobj(f, Path(d.name, "a").open("wb"))` | `d.write_reader("a", f).await?` |
//! | `Path(d.name, "a").read_text()` | `d.read_to_string("a").await?` |
//! | `os.mkdir`, `os.makedirs(…, exist_ok=True)` | `d.create_dir("a").await?`, `d.create_dir_all("a/b").await?` |
//! | `sorted(Path(d.name).rglob("*"))` | `d.list().await?` |
//! | `subprocess.check_output(["du", "-sb", d.name])` | `d.usage().await?` |
//! | `os.scandir(d.name)` | `d.read_dir(".").await?` |
//! | `os.rename`, `shutil.copy`, `os.symlink`, `os.link` | `d.rename`, `d.copy`, `d.symlink`, `d.hard_link` |
//! | `os.stat`, `os.lstat`, `os.chmod` | `d.metadata`, `d.symlink_metadata`, `d.set_permissions` |
//! | `shutil.rmtree(p)` | `remove_dir_all(p).await?` |
//! | `shutil.rmtree(p, ignore_errors=True)` | `let _ = remove_dir_all(p).await;` (without `await`, nothing happens) |
//! | `os.rename(p, trash)`, then `shutil.rmtree(trash)` in a thread; `send2trash(p)` with nothing kept | `drop(AsyncTempDir::adopt(p).await?)` |
//! | `shutil.copytree(src, Path(d.name, "a"), symlinks=True)` | `d.copy_from(src).to("a").await?`; without `symlinks=True`, Python copies what they lead to |
//! | `ignore=shutil.ignore_patterns("target")`, `copy_function=os.link` | `.filter(\|path\| !path.ends_with("target"))`, `.hard_links()` |
//! | `shutil.rmtree(p, onexc=f)` | the same, and [`RemoveError::failures`](crate::RemoveError::failures) |
//! | `shutil.move(d.name, target)` | `d.persist(target).await?` |
//! | `shutil.rmtree(target)`, then `shutil.move(d.name, target)` | `d.replace(target).await?` |
//! | `filecmp.dircmp(d.name, e.name)` | `d.tree().await? == e.tree().await?` |
//! | pytest's `tmp_path` | [`ASYNC_TEMPDIR_ROOT=target/tmp`](super::tests) |
//! | its `tmp_path_retention_count`, `tmp_path_retention_policy = "failed"` | `ASYNC_TEMPDIR_RETAIN`, `ASYNC_TEMPDIR_CLEANUP=on-success` |
//!
//! Differences: Python's garbage collector warns about a directory that it had to clean up; here a
//! drop is the intended way. Missing parents of a written file are created. Names have ten random
//! characters, not eight. If `TMPDIR` names no directory, creation fails, where Python tries others.
//! `remove_dir_all`, `close` and a drop remove what `rmtree` reports for want of the owner's rights.
