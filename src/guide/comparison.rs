//! A comparison with the peers.
//!
//! ✓: it does; ✗: it does not; n/a: it has nothing of the kind.
//!
//! | | async-tempdir | `tempfile` | `async-tempfile` | home-made |
//! |---|---|---|---|---|
//! | dropping 20,000 files on an async thread | microseconds | blocks it for 0.1 s | blocks it for 0.1 s | `spawn_blocking`, lost at shutdown |
//! | a cancelled creation | leaves nothing | n/a | can leave a directory | can leave a directory |
//! | the runtime is shutting down or gone | ✓ removed | ✓ removed | ✓ removed | can be left |
//! | 5,000 dropped at once | at most 4 threads | n/a | n/a | hundreds of threads |
//! | mode | 0700 | 0755 with the usual umask | 0755 with the usual umask | 0755 with the usual umask |
//! | its path refers to something else by now | left alone, reported | ✗ deleted | ✗ deleted | ✗ deleted |
//! | a path that leads out (`..`, a symlink) | ✓ refused | n/a | n/a | ✗ |
//! | an interrupted upload | no file | n/a | n/a | ✗ a partial file |
//! | a path that is a FIFO | ✓ refused | n/a | n/a | ✗ blocks a thread |
//! | a failed removal on drop | hook, counter, log | ✗ silent | ✗ silent | ✗ silent |
//! | a killed process | reclaimed by the next one (`TempRoot`, `ASYNC_TEMPDIR_ROOT`) | ✗ left | ✗ left | ✗ left |
//! | freeing the name of a directory that exists, deleting later | `adopt` | n/a | n/a | a rename and `spawn_blocking`, left by a kill |
//! | comparing a whole tree with the expected one | ✓ `tree` | ✗ | ✗ | ✗ |
//! | waiting for background cleanup | `cleanup::idle().await` | n/a | n/a | ✗ |
//! | keeping the directory of a failing test | ✓ with its path printed | ✗ | ✗ | ✗ |
//!
//! `tempfile` 3 and `async-tempfile` 0.8. The mode is that of their `TempDir::new`.
