//! What must not be left behind when a signal ends the process: temporary files and directories,
//! unfinished copies, and steps that must not be left half done. Known to every layer, and knows none:
//! only the command line (`cli::interrupt`) meets signals, and calls [`end`].
//!
//! Who makes something temporary makes it through [`hold`], under the lock of the one list that there
//! is: a signal finds it listed, or it was never made. What must be finished once it is begun is a
//! [`Step`]; [`end`] waits for it. Once [`end`] was called nothing new is made and no step begins: who
//! asks for that waits for the end of the process.

use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;
use tempfile::TempDir;

/// Another thread may put something into a directory while it is emptied, once or twice.
const ATTEMPTS: u32 = 100;
/// Random letters in the name of a directory.
const RANDOM: usize = 12;
/// A directory as young as this may not be locked yet.
const YOUNG: Duration = Duration::from_secs(60);
/// So many attempts that find nothing, one after the other, are the end.
const QUIET: u32 = 15;
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(2);

/// Something that ends with the process.
#[derive(Debug)]
pub struct Entry {
    number: u64,
    pub path: Option<PathBuf>,
    pub words: String,
}

#[derive(Debug)]
pub struct State {
    pub entries: Vec<Entry>,
    next: u64,
    /// Steps under way; only one at a time in practice.
    pub steps: u64,
    /// What [`end`] tells while it waits for a step.
    pub waiting: String,
    ending: bool,
}

static STATE: Mutex<State> =
    Mutex::new(State { entries: Vec::new(), next: 0, steps: 0, waiting: String::new(), ending: false });
static CHANGED: Condvar = Condvar::new();

pub fn state() -> MutexGuard<'static, State> {
    // A panic with the lock held leaves the list as good as it was.
    STATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The list, to put something on it. Never returns once the process is ending.
fn open_state() -> MutexGuard<'static, State> {
    let mut state = state();
    while state.ending {
        state = CHANGED.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
    }
    state
}

/// Returns at once, or never if a signal is ending the process: nothing is told of what went wrong
/// because its files were removed.
pub fn wait_if_ending() {
    drop(open_state());
}

/// A line of the list; taken off when dropped.
#[derive(Debug)]
pub struct Listed(u64);

impl Listed {
    fn add(state: &mut State, path: Option<PathBuf>, words: String) -> Self {
        let number = state.next;
        state.next += 1;
        state.entries.push(Entry { number, path, words });
        Self(number)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut state = state();
        // Once the process is ending what lies somewhere stays on the list until it is seen to be gone.
        let ending = state.ending;
        state.entries.retain(|e| e.number != self.0 || (ending && e.path.is_some()));
    }
}

/// Something temporary and its line in the list.
#[derive(Debug)]
pub struct Held<T> {
    // Dropped first: it is on the list until it is gone.
    inner: T,
    listed: Listed,
}

impl<T> Held<T> {
    /// The thing, to keep it or give it a name, and its line, to drop when that is done.
    pub fn into_parts(self) -> (T, Listed) {
        (self.inner, self.listed)
    }
}

impl<T> Deref for Held<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for Held<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

/// Make something temporary that lies at a path, and list it. `words` are told when a signal removes
/// it; none if they are empty.
pub fn hold<T>(
    make: impl FnOnce() -> io::Result<T>,
    path: impl FnOnce(&T) -> &Path,
    words: impl Into<String>,
) -> io::Result<Held<T>> {
    let mut state = open_state();
    let inner = make()?;
    // The directory the process works in does not change, but a line must not depend on that.
    let path = std::path::absolute(path(&inner))?;
    let listed = Listed::add(&mut state, Some(path), words.into());
    Ok(Held { inner, listed })
}

/// The directory that a path lies in.
pub fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A directory for the work of a process, for its user only. It is locked as long as the process lives: one that is
/// not was left behind by a process that was killed.
#[derive(Debug)]
pub struct Work {
    dir: TempDir,
    _lock: File,
}

impl Work {
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    fn make(parent: &Path, prefix: &str) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix(prefix).rand_bytes(RANDOM).tempdir_in(parent)?;
        let lock = File::open(dir.path())?;
        // Where there are no such locks, nothing is swept either.
        let _ = flock(&lock, FlockOperation::NonBlockingLockShared);
        Ok(Self { dir, _lock: lock })
    }
}

/// A directory beside what it will become, for the work of a verb.
pub fn beside(path: &Path, verb: &str) -> io::Result<Held<Work>> {
    work_in(directory_of(path), verb)
}

/// A directory in the system's temporary one, for the work of a verb.
pub fn temporary(verb: &str) -> io::Result<Held<Work>> {
    work_in(&temporary_directory(), verb)
}

/// Where private copies are made. A `TMPDIR` that is set and empty names the current directory, which may be the
/// evidence: it counts as unset.
pub fn temporary_directory() -> PathBuf {
    let named = std::env::temp_dir();
    if named.as_os_str().is_empty() { PathBuf::from("/tmp") } else { named }
}

fn work_in(parent: &Path, verb: &str) -> io::Result<Held<Work>> {
    let prefix = format!(".wtcheck-{verb}-");
    sweep(parent, &prefix);
    hold(|| Work::make(parent, &prefix), Work::path, "")
}

/// Remove what killed processes of this user left of the same kind: there may be data of others in it.
fn sweep(parent: &Path, prefix: &str) {
    let user = rustix::process::geteuid().as_raw();
    for entry in std::fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        let random = name.to_str().and_then(|name| name.strip_prefix(prefix));
        if !random.is_some_and(|r| r.len() == RANDOM && r.bytes().all(|b| b.is_ascii_alphanumeric())) {
            continue;
        }
        let Some(meta) = entry.metadata().ok().filter(std::fs::Metadata::is_dir) else { continue };
        let young = meta.modified().ok().and_then(|t| t.elapsed().ok()).is_none_or(|age| age < YOUNG);
        let Ok(left) = File::open(entry.path()) else { continue };
        if meta.uid() == user && !young && flock(&left, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = remove(&entry.path());
        }
    }
}

/// A path that comes to nothing unless it is kept: removed when dropped, whatever lies there.
#[derive(Debug)]
pub struct Unfinished {
    path: PathBuf,
    kept: bool,
}

impl Unfinished {
    /// Nothing may lie there yet: what does is none of ours.
    pub fn hold(path: &Path, words: impl Into<String>) -> io::Result<Held<Self>> {
        let make = || match std::fs::symlink_metadata(path) {
            Ok(_) => Err(rustix::io::Errno::EXIST.into()),
            Err(_) => Ok(Self { path: path.to_path_buf(), kept: false }),
        };
        hold(make, |u| &u.path, words)
    }

    /// It is finished, or has another name now.
    pub fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.kept {
            let _ = remove(&self.path);
        }
    }
}

/// A step that is finished once it is begun: a signal waits for its end, and a second one does not.
#[derive(Debug)]
pub struct Step(());

impl Step {
    /// Begin. `waiting` is told to who interrupts. What was unfinished up to here is kept: from the
    /// list to the step there is no moment between.
    pub fn begin(waiting: impl Into<String>, keep: Option<Held<Unfinished>>) -> Self {
        let mut state = open_state();
        if let Some(held) = keep {
            let (mut unfinished, listed) = held.into_parts();
            unfinished.keep();
            state.entries.retain(|e| e.number != listed.0);
            // Its drop would ask for the lock; the line is gone.
            std::mem::forget(listed);
        }
        state.steps += 1;
        state.waiting = waiting.into();
        Self(())
    }

    /// It is done; what is told from here on is listed before a signal gets its turn.
    pub fn end(self, words: impl Into<String>) -> Listed {
        let listed = Listed::add(&mut state(), None, words.into());
        drop(self);
        listed
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        let mut state = state();
        state.steps = state.steps.saturating_sub(1);
        let ending = state.ending;
        drop(state);
        CHANGED.notify_all();
        // Whoever was interrupted goes no further.
        if ending && !std::thread::panicking() {
            wait_if_ending();
        }
    }
}

/// A signal ends the process: wait for a step that is under way, after telling so, and remove what is
/// listed. Gives back what to tell in the end. From here on nothing new is made.
pub fn end(tell: impl FnOnce(&str)) -> Vec<String> {
    let mut state = state();
    state.ending = true;
    if state.steps > 0 {
        tell(&state.waiting);
    }
    while state.steps > 0 {
        state = CHANGED.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
    }
    remove_listed(state)
}

/// The process ends where it stands, as no step under way can be finished: remove what is listed, and give back
/// what to tell.
pub fn drop_all() -> Vec<String> {
    let mut state = state();
    state.ending = true;
    remove_listed(state)
}

fn remove_listed(mut state: MutexGuard<'_, State>) -> Vec<String> {
    let entries = std::mem::take(&mut state.entries);
    drop(state);
    let paths: Vec<PathBuf> = entries.iter().filter_map(|e| e.path.clone()).collect();
    let told = |entry: Entry| match entry.path.as_deref().map(remove) {
        None => Some(entry.words).filter(|w| !w.is_empty()),
        Some(Ok(true)) => Some(entry.words).filter(|w| !w.is_empty()),
        Some(Ok(false)) => None,
        Some(Err(e)) => {
            let path = entry.path.unwrap_or_default();
            Some(format!("{} is left over and could not be removed: {e}", path.display()))
        }
    };
    let told = entries.into_iter().filter_map(told).collect();
    // A thread that was about to make a file may have made its directory again, with all parents; on a machine that
    // is busy it comes to that late.
    let mut quiet = 0;
    for _ in 0..ATTEMPTS {
        std::thread::sleep(PAUSE);
        let again = paths.iter().filter(|path| remove(path).unwrap_or(false)).count();
        quiet = if again == 0 { quiet + 1 } else { 0 };
        if quiet >= QUIET {
            break;
        }
    }
    told
}

/// Remove a file, or a directory with all that is in it. Was there one?
pub fn remove(path: &Path) -> io::Result<bool> {
    let mut found = false;
    for attempt in 1.. {
        let gone = match std::fs::symlink_metadata(path) {
            Err(e) => Err(e),
            Ok(meta) => {
                found = true;
                if meta.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
            }
        };
        match gone {
            Ok(()) => return Ok(found),
            Err(e) if e.kind() == io::ErrorKind::NotFound && std::fs::symlink_metadata(path).is_err() => {
                return Ok(found);
            }
            Err(e) if attempt >= ATTEMPTS => return Err(e),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
    Ok(found)
}
