//! Ctrl-C and SIGTERM: the first signal requests a stop with a partial result, a later one ends the
//! process at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use jwtbench_engine::real::clock::pause;

use super::Failure;

/// The difference between an exit code and the number of its signal, as in shells.
const BY_SIGNAL: i32 = 128;
/// A repeated signal within this time is the same request: `timeout` (GNU core utilities) signals
/// both the command and its process group.
const SAME: Duration = Duration::from_millis(500);

/// The flags that the signal handlers set.
struct SignalFlags {
    stop: Arc<AtomicBool>,
    /// The number of the last signal; 0 if none has arrived.
    signal: Arc<AtomicUsize>,
}

static FLAGS: OnceLock<SignalFlags> = OnceLock::new();

/// The flag that the first Ctrl-C or SIGTERM sets.
///
/// # Errors
/// If the system refuses to install the signal handlers.
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

/// Handles SIGXFSZ, so that a write beyond the limit on file sizes (`ulimit -f`) fails like a write
/// on a full disk. Otherwise it would end the process, and its figures would be lost.
///
/// # Errors
/// If the system refuses to install the signal handler.
pub fn outlive_file_limits() -> std::io::Result<()> {
    flag::register(SIGXFSZ, Arc::default()).map(|_| ())
}

/// The exit code of an interrupted command; `None` if it was not interrupted.
pub fn interrupted() -> Option<u8> {
    let flags = FLAGS.get().filter(|flags| flags.stop.load(Ordering::Relaxed))?;
    let signal = flags.signal.load(Ordering::Relaxed) as i32;
    u8::try_from(BY_SIGNAL + signal).ok()
}
