//! Temporary names that must not outlive the process.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The temporary names that exist now. Whoever holds them puts off the end of the process by a signal.
static NAMES: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

pub(super) struct Names(MutexGuard<'static, BTreeSet<PathBuf>>);

pub(super) fn names() -> Names {
    Names(NAMES.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Names {
    pub(super) fn add(&mut self, path: &Path) -> Temporary {
        self.0.insert(path.to_owned());
        Temporary(path.to_owned())
    }
}

/// A temporary name, known until this is dropped.
pub(super) struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        names().0.remove(&self.0);
    }
}

/// From now on a request to stop (INT, TERM, HUP) removes what has a temporary name, and then ends the process as it
/// would have. A signal that is ignored, as under nohup, stays so.
pub(crate) fn clean_up_on_signals() {
    #[cfg(target_os = "linux")]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        use signal_hook::iterator::Signals;
        use signal_hook::low_level::emulate_default_handler;

        let ignored = ignored_signals();
        let watched = [SIGINT, SIGTERM, SIGHUP].map(|signal| (signal, ignored >> (signal - 1) & 1));
        let watched = watched.iter().filter(|(_, ignored)| *ignored == 0);
        // Without a handler the process ends all the same.
        let Ok(mut signals) = Signals::new(watched.map(|(signal, _)| signal)) else {
            return;
        };
        std::thread::spawn(move || {
            for signal in signals.forever() {
                let names = names();
                for path in names.0.iter() {
                    let _ = std::fs::remove_file(path);
                }
                let _ = emulate_default_handler(signal);
            }
        });
    }
}

/// A bit for each signal that the process was started to ignore; all of them when the kernel does not tell.
#[cfg(target_os = "linux")]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(u64::MAX)
}
