//! Ctrl-C and its kin: SIGINT, SIGTERM, SIGHUP; and SIGBUS, by which the system tells that it cannot give the
//! bytes of a mapped file.
//!
//! The first signal removes what is temporary ([`crate::scratch`]), clears the progress line, and ends
//! the process by that same signal, as if it had never been caught: the shell sees "killed by SIGINT"
//! (130), and a script that checks for it stops. A step that must not be left half done is finished
//! first, and the person is told so. A second signal ends the process at once.
//!
//! SIGBUS is no request: the thread that met it can go no further, and nobody can be asked to finish. What is
//! temporary is removed, the person is told how the bytes can be read all the same, and the exit code says that
//! nothing was judged.
//!
//! What the caller ignores stays ignored: `nohup`, and jobs that a shell puts into the background.

use crate::scratch;
use signal_hook::consts::{SIGBUS, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The signals that ask a process to end.
const SIGNALS: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// Meet signals from now on. `clear` takes the progress line away. Where no handler can be installed
/// the signals keep their usual effect.
pub(super) fn install(clear: impl Fn() + Clone + Send + 'static) {
    install_for_maps(clear.clone());
    let wanted: Vec<i32> = SIGNALS.into_iter().filter(|s| !is_ignored(*s)).collect();
    let second = Arc::new(AtomicBool::new(false));
    // Registered first, so it comes first: once armed, a signal has its usual effect in the handler itself.
    for signal in &wanted {
        if flag::register_conditional_default(*signal, Arc::clone(&second)).is_err() {
            return;
        }
    }
    let Ok(mut signals) = Signals::new(&wanted) else { return };
    let wait = move || {
        let Some(signal) = signals.forever().next() else { return };
        second.store(true, Ordering::SeqCst);
        clear();
        for line in scratch::end(tell) {
            tell(&line);
        }
        clear();
        let _ = low_level::emulate_default_handler(signal);
    };
    let started = std::thread::Builder::new().name("signals".into()).spawn(wait);
    // Without the thread nobody would act on a signal: let every one have its usual effect.
    if started.is_err() {
        for signal in wanted {
            let _ = flag::register_conditional_default(signal, Arc::new(AtomicBool::new(true)));
        }
    }
}

/// Meet SIGBUS: a bad place of the medium below a mapped file, or a file that became shorter. The thread that
/// reads meets it again and again until the process ends here.
#[allow(unsafe_code)]
fn install_for_maps(clear: impl Fn() + Send + 'static) {
    // SAFETY: no thread but this one runs yet, and the usual effect of a signal is sound to have. The runtime's own
    // handler must go: it would be asked first, and give the signal that effect before anybody is told.
    unsafe { libc::signal(SIGBUS, libc::SIG_DFL) };
    let Ok(mut signals) = Signals::new([SIGBUS]) else { return };
    let wait = move || {
        if signals.forever().next().is_none() {
            return;
        }
        clear();
        let told = scratch::drop_all();
        let _ = writeln!(
            std::io::stderr(),
            "wtcheck: the bytes of a mapped file could not be read: the disk is bad there, or the file was truncated \
             while it was read; wtcheck audit --no-mmap says which file, and reads the rest"
        );
        for line in told {
            let _ = writeln!(std::io::stderr(), "wtcheck: {}", crate::report::text::escape(&line));
        }
        std::process::exit(i32::from(crate::exit::INCOMPLETE));
    };
    // Without the thread the signal would be met for ever.
    if std::thread::Builder::new().name("maps".into()).spawn(wait).is_err() {
        let _ = flag::register_conditional_default(SIGBUS, Arc::new(AtomicBool::new(true)));
    }
}

/// One line on stderr; the terminal may be gone already.
fn tell(words: &str) {
    let _ = writeln!(std::io::stderr(), "wtcheck: interrupted; {}", crate::report::text::escape(words));
}

/// Whether the process was started with a signal ignored. Linux tells; elsewhere none is taken to be.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored_in(&status, signal)
}

pub fn ignored_in(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:")).map(str::trim);
    let mask = mask.and_then(|m| u64::from_str_radix(m, 16).ok()).unwrap_or(0);
    u32::try_from(signal - 1).ok().and_then(|bit| mask.checked_shr(bit)).is_some_and(|m| m & 1 == 1)
}
