//! The end of what does not come to one.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::record::lock;

/// How long a wait may take: many times what it takes on a slow disk.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Ends the process when a wait has taken too long.
#[derive(Clone, Debug)]
pub(crate) struct Watchdog(Arc<Mutex<(Instant, String)>>);

impl Watchdog {
    /// `bark` is called, once, with what was waited for.
    pub(crate) fn new(bark: impl FnOnce(&str) + Send + 'static) -> Self {
        let watched = Arc::new(Mutex::new((Instant::now() + PATIENCE, String::new())));
        let dog = Self(Arc::clone(&watched));
        std::thread::spawn(move || {
            let late = loop {
                std::thread::sleep(Duration::from_millis(200));
                let watched = lock(&watched);
                if Instant::now() > watched.0 {
                    break watched.1.clone();
                }
            };
            bark(&late);
        });
        dog
    }

    /// From now on, `what` is waited for.
    pub(crate) fn watch(&self, what: &str, for_at_most: Duration) {
        *lock(&self.0) = (Instant::now() + for_at_most, what.to_owned());
    }
}
