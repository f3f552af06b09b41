//! Ctrl-C and SIGTERM: the first asks for an end with a partial result, a later one ends at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use jwtbench_engine::real::clock::pause;

use super::Failure;

/// An exit code is this much above the number of the signal, as shells have it.
const BY_SIGNAL: i32 = 128;
/// A signal that comes again within so long is the same request: `timeout` (GNU core utilities)
/// sends one to the command and one to its process group.
const SAME: Duration = Duration::from_millis(500);

/// Set by the first signal.
struct SignalFlags {
    stop: Arc<AtomicBool>,
    /// The number of the signal; 0 before it.
    signal: Arc<AtomicUsize>,
}

static FLAGS: OnceLock<SignalFlags> = OnceLock::new();

/// What becomes true at the first Ctrl-C or SIGTERM.
///
/// # Errors
/// If the system refuses to tell.
pub fn stop_on_signal() -> Result<&'static AtomicBool, Failure> {
    let flags = match FLAGS.get() {
        Some(flags) => flags,
        None => {
            let flags = listen().map_err(|error| {
                Failure::Error(format!("cannot listen for Ctrl-C and SIGTERM: {error}"))
            })?;
            FLAGS.get_or_init(|| flags)
        }
    };
    Ok(&flags.stop)
}

fn listen() -> std::io::Result<SignalFlags> {
    let flags = SignalFlags { stop: Arc::default(), signal: Arc::default() };
    let ends_at_once = Arc::<AtomicBool>::default();
    for signal in [SIGINT, SIGTERM] {
        let code = BY_SIGNAL + signal;
        flag::register_conditional_shutdown(signal, code, Arc::clone(&ends_at_once))?;
        flag::register_usize(signal, Arc::clone(&flags.signal), signal as usize)?;
        flag::register(signal, Arc::clone(&flags.stop))?;
    }
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            pause(SAME);
            ends_at_once.store(true, Ordering::Relaxed);
        }
    });
    Ok(flags)
}

/// Lets a write beyond the limit on the size of files (`ulimit -f`) fail as one on a full disk
/// does, instead of ending the process with all its figures.
///
/// # Errors
/// If the system refuses.
pub fn outlive_file_limits() -> std::io::Result<()> {
    flag::register(SIGXFSZ, Arc::default()).map(|_| ())
}

/// The exit code of a command that was interrupted; `None` for one that was not.
pub fn interrupted() -> Option<u8> {
    let flags = FLAGS.get().filter(|flags| flags.stop.load(Ordering::Relaxed))?;
    let signal = flags.signal.load(Ordering::Relaxed) as i32;
    u8::try_from(BY_SIGNAL + signal).ok()
}
