//! What every verb promises, each promise a test of its own, named verb::promise: help, usage errors,
//! quiet pipes, colour on a terminal only, one-line errors for input that cannot be read, exit codes that
//! its help documents, a source that is left exactly as it was, and nothing left behind by Ctrl-C.
//!
//! A new verb takes a line in the table below; [`every_verb_has_a_line`] fails without.

use crate::common;
use crate::common::faults;
use crate::common::faults::{Faults, Mode};
use crate::common::scene;
use crate::common::scene::{Line, Scene, left_over};
use crate::common::schema::assert_valid;
use crate::common::terminal;
use crate::widths::{self, WIDTHS};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Ctrl-C, a polite kill, and a terminal that was closed.
const SIGNALS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];
/// A command that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// name: verb, arguments; exit code; coloured or plain; what the first {…} of the arguments is: a store
/// (a directory), a file, a block file in its home, a stream (a file or a pipe), piped (that, or - for
/// stdin), or nothing.
///
/// What a verb promises whatever its arguments is tested once. `first`: the first line of its verb.
/// `other`: a verb that has a line above already, with another kind of input or other results: without what
/// the verb alone decides. `again`: the input is of the same kind, too: without what stands where it should be.
macro_rules! contract {
    ($($name:ident: $verb:literal, $args:literal => $code:literal, $colour:ident, $line:ident $input:ident;)+) => {
        const LINES: &[(&str, Line)] = &[$((stringify!($line), line!($verb, $args, $code, $colour)),)+];
        $(mod $name {
            use super::*;
            const LINE: Line = line!($verb, $args, $code, $colour);
            verb!($line);
            promises!(runs_as_documented leaves_its_source_alone colour_on_a_terminal_only fits_every_width
                reader_gone reader_goes_after_a_byte full_disk_at_stdout interrupted_at_the_output
                interrupted_at_files);
            inputs!($line $input);
        })+
    };
}

macro_rules! line {
    ($verb:literal, $args:literal, $code:literal, $colour:ident) => {
        Line { verb: $verb, args: $args, code: $code, coloured: line!(@ $colour) }
    };
    (@ coloured) => { true };
    (@ plain) => { false };
}

macro_rules! promises {
    ($($promise:ident)+) => { $(#[test] fn $promise() { super::$promise(&LINE); })+ };
}

macro_rules! verb {
    (first) => { promises!(help unknown_option); };
    ($line:ident) => {};
}

macro_rules! inputs {
    (again store) => { promises!(no_permission a_fifo); };
    ($line:ident store) => {
        inputs!(again store);
        promises!(missing dangling_link a_file_for_a_directory an_empty_directory);
    };
    ($line:ident file) => {
        promises!(missing dangling_link no_permission a_directory_for_a_file an_empty_file a_fifo);
    };
    ($line:ident block) => {
        promises!(missing dangling_link unreadable_in_its_home a_directory_for_a_file an_empty_file a_fifo);
    };
    ($line:ident stream) => {
        promises!(missing dangling_link no_permission a_directory_for_a_file an_empty_file a_pipe);
    };
    ($line:ident piped) => {
        inputs!($line stream);
        promises!(empty_stdin interrupted_waiting_for_stdin);
    };
    ($line:ident nothing) => {};
}

contract! {
    audit_palite: "audit", "{palite}" => 1, coloured, first store;
    audit_wal: "audit", "{wal} --deep" => 0, coloured, again store;
    audit_palm: "audit", "{palm}" => 0, coloured, again store;
    audit_home: "audit", "{home}" => 0, coloured, again store;
    audit_file: "audit", "{lost}" => 1, coloured, other block;
    map_palite: "map", "{palite}" => 1, coloured, first store;
    map_wal: "map", "{wal} --by lsn" => 0, coloured, again store;
    map_svg: "map", "{palite} --table 25 --svg {out}/picture.svg" => 1, coloured, other store;
    map_tree: "map", "{palite} --by tree --svg {out}/tree.svg" => 1, coloured, other store;
    map_home: "map", "{home}" => 0, coloured, again store;
    map_file: "map", "{lost}" => 1, coloured, other block;
    dump_palite: "dump", "{palite} -o {out}/dumped" => 0, coloured, first store;
    dump_wal: "dump", "{wal} --list" => 0, plain, again store;
    dump_home: "dump", "{home} -o {out}/dumped" => 0, coloured, again store;
    dump_file: "dump", "{lost} -o {out}/dumped" => 0, coloured, other block;
    orphans_palite: "orphans", "{palite}" => 1, coloured, first store;
    orphans_wal: "orphans", "{wal}" => 0, coloured, again store;
    orphans_file: "orphans", "{lost}" => 1, plain, other block;
    history_palite: "history", "{palite}" => 1, coloured, first store;
    history_wal: "history", "{wal} -v" => 0, coloured, again store;
    history_palm: "history", "{palm}" => 0, coloured, again store;
    history_svg: "history", "{palite} --svg {out}/sizes.svg" => 1, coloured, other store;
    history_file: "history", "{lost}" => 1, coloured, other block;
    diff_palite: "diff", "{palite} {wal}" => 1, coloured, first store;
    diff_checkpoints: "diff", "{wal} --checkpoint 185 -v" => 1, coloured, again store;
    diff_home: "diff", "{home} {lost}" => 1, coloured, again store;
    page_palite: "page", "{palite} 25 110" => 0, coloured, first store;
    page_wal: "page", "{wal} 25 110" => 0, coloured, again store;
    page_block: "page", "{lost} --offset 4096" => 0, coloured, other file;
    decode_cookie: "decode cookie", "@{cookie}" => 0, plain, first piped;
    decode_checkpoint: "decode checkpoint", "@{checkpoint}" => 0, plain, first piped;
    decode_completion: "decode completion", "@{completion}" => 0, plain, first piped;
    decode_turtle: "decode turtle", "@{turtle}" => 0, coloured, first piped;
    decode_config: "decode config", "@{completion}" => 0, plain, first piped;
    decode_keystore: "decode keystore", "@{keystore}" => 0, plain, first piped;
    decode_page: "decode page", "@{page}" => 0, coloured, first piped;
    decode_cell: "decode cell", "@{cell}" => 0, plain, first piped;
    decode_log: "decode", "--from-log {log}" => 0, plain, first piped;
    pickup_replay: "pickup replay", "{palite}" => 0, coloured, first store;
    pickup_replay_wal: "pickup replay", "{wal}" => 0, coloured, again store;
    pickup_run: "pickup run", "{scenario} --svg {out}/picture.svg" => 1, coloured, first stream;
    pickup_explore: "pickup explore", "{leader} --policy abort --depth 8 -o {out}/example.yaml" => 1, coloured, first stream;
    pickup_explain: "pickup explain", "{log} --home {stale}" => 1, coloured, first piped;
    log_pickup: "log", "{log}" => 1, coloured, first piped;
    log_home: "log", "{faulty} --home {home}" => 1, coloured, other piped;
    repair_plan: "repair plan", "{palite}" => 1, plain, first store;
    repair_plan_wal: "repair plan", "{wal} -o {out}/plan.yaml" => 0, coloured, other store;
    repair_apply: "repair apply", "{plan} --output {out}/mended -j 1" => 4, coloured, first file;
    repair_apply_journal: "repair apply", "{plan} --output {out}/mended --journal {out}/undo" => 4, coloured, other file;
    repair_undo: "repair undo", "{journal}" => 0, coloured, first file;
    simulate_accounting: "simulate accounting", "{accounting} -o {out}/leaky" => 1, coloured, first stream;
    gather_table: "gather", "{dump} -o {out}/gathered" => 0, plain, first file;
    pack_wal: "pack", "{wal} {out}/image" => 0, plain, first store;
    pack_home: "pack", "{home} {out}/image" => 0, plain, again store;
    unpack: "unpack", "{image} {out}/home" => 0, plain, first file;
    export_palite: "export", "{palite} --out {out}/tables" => 0, plain, first store;
    export_wal: "export", "{wal} --out {out}/tables --shard 2/3" => 0, plain, other store;
    export_palm: "export", "{palm} --out {out}/tables --table *" => 0, plain, again store;
    explain_all: "explain", "" => 0, plain, first nothing;
    explain_code: "explain", "size-inflated" => 0, coloured, other nothing;
    explain_causes: "explain", "--causes" => 0, plain, other nothing;
    explain_cause: "explain", "block-zeros" => 0, coloured, other nothing;
    explain_word: "explain", "WT_PANIC" => 0, coloured, other nothing;
    explain_cause_pages: "explain", "--cause-pages {out}/pages" => 0, plain, other nothing;
    explain_pages: "explain", "--pages {out}/pages" => 0, plain, other nothing;
    schema: "schema", "" => 0, plain, first nothing;
    schema_list: "schema", "--list" => 0, plain, other nothing;
    man: "man", "" => 0, plain, first nothing;
    man_pages: "man", "{out}/man" => 0, plain, other nothing;
    completions: "completions", "zsh" => 0, plain, first nothing;
    completions_file: "completions", "bash {out}/scripts" => 0, plain, other nothing;
}

#[test]
fn every_verb_has_a_line() {
    let lines: BTreeSet<&str> = LINES.iter().map(|(_, line)| line.verb).collect();
    let mut verbs = Vec::new();
    let mut stack = vec![(String::new(), wtcheck::cli::command())];
    while let Some((name, command)) = stack.pop() {
        let below: Vec<_> = command.get_subcommands().filter(|s| s.get_name() != "help").cloned().collect();
        if below.is_empty() {
            verbs.push(name.clone());
        }
        stack.extend(below.into_iter().map(|c| (format!("{name} {}", c.get_name()).trim().to_string(), c)));
    }
    assert!(verbs.len() >= 20, "{verbs:?}");
    for verb in verbs {
        assert!(lines.contains(verb.as_str()), "the contract has no line for wtcheck {verb}");
    }
    for verb in lines {
        let marks: Vec<_> = LINES.iter().filter(|(_, line)| line.verb == verb).map(|(mark, _)| *mark).collect();
        assert!(marks[0] == "first" && !marks[1..].contains(&"first"), "wtcheck {verb}: {marks:?}");
    }
}

// ---- What every verb does ----

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn has_escapes(bytes: &[u8]) -> bool {
    bytes.contains(&0x1b)
}

/// The exit codes that the help of a verb documents, or that of wtcheck where it has none of its own.
fn documented(line: &Line) -> BTreeSet<i32> {
    let help = |words: &str| {
        text(&wtcheck().args(words.split(' ').filter(|w| !w.is_empty())).arg("--help").output().unwrap().stdout)
    };
    let own = help(line.verb);
    let whole = if own.contains("Exit codes:") { own } else { help("") };
    let (_, table) = whole.split_once("Exit codes:").unwrap();
    let first = |part: &str| part.split_whitespace().next().and_then(|w| w.parse().ok());
    let mut codes: BTreeSet<i32> = table.lines().flat_map(|l| l.split(';')).filter_map(first).collect();
    // Clap's own, and the one for bugs, hold everywhere.
    codes.insert(2);
    assert!(codes.len() >= 3, "{codes:?} in {whole}");
    codes
}

fn wtcheck() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
    command.env_remove("NO_COLOR").env("TERM", "xterm").stdin(Stdio::null());
    command
}

fn help(line: &Line) {
    for flag in ["--help", "-h"] {
        let out = wtcheck().args(line.verb.split(' ')).arg(flag).output().unwrap();
        assert_eq!(out.status.code(), Some(0));
        assert!(text(&out.stdout).contains(&format!("wtcheck {}", line.verb)), "{}", text(&out.stdout));
        assert!(out.stderr.is_empty() && !has_escapes(&out.stdout));
    }
}

fn unknown_option(line: &Line) {
    let scene = Scene::new(line);
    let out = scene.command(line).arg("--no-such-option").output().unwrap();
    let stderr = text(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{stderr}");
    assert!(out.stdout.is_empty());
    assert!(stderr.lines().next().unwrap().contains("--no-such-option"), "{stderr}");
    assert!(!has_escapes(&out.stderr));
    assert_eq!(left_over(scene.out()), Vec::<String>::new());
}

fn runs_as_documented(line: &Line) {
    let scene = Scene::new(line);
    let out = scene.command(line).output().unwrap();
    assert_eq!(out.status.code(), Some(line.code), "{}{}", text(&out.stdout), text(&out.stderr));
    assert!(documented(line).contains(&line.code));
    // Not a terminal: no escapes, and nothing on stderr but what was written where.
    assert!(!has_escapes(&out.stdout) && !has_escapes(&out.stderr), "{}", text(&out.stdout));
    let notes = text(&out.stderr);
    assert!(notes.lines().all(|l| l.starts_with("wtcheck: wrote ")), "{notes}");
    assert!(!out.stdout.is_empty() || line.args.contains("{out}"), "nothing was printed");
    assert_eq!(left_over(scene.tmp()), Vec::<String>::new());
}

/// Verbs whose text is for programs: it is not folded.
const FOR_PROGRAMS: [&str; 3] = ["schema", "man", "completions"];

fn fits_every_width(line: &Line) {
    let yaml = line.verb == "repair plan" && !line.args.contains("-o");
    if FOR_PROGRAMS.contains(&line.verb) || yaml {
        return;
    }
    let shown = |width: Option<usize>| {
        let scene = Scene::new(line);
        let mut command = scene.command(line);
        command.args(["--color", "always"]).env_remove("COLUMNS").env("LC_ALL", "C.UTF-8");
        if let Some(width) = width {
            command.env("COLUMNS", width.to_string());
        }
        text(&command.output().unwrap().stdout)
    };
    let whole = shown(None);
    for width in WIDTHS {
        // Names of temporary directories differ, a picture is drawn for its width.
        let compare = !["map", "repair apply", "pack", "unpack"].contains(&line.verb);
        widths::holds(&shown(Some(width)), &whole, width, compare, line.verb);
    }
}

fn leaves_its_source_alone(line: &Line) {
    let scene = Scene::new(line);
    let before = scene.source();
    let writes = line.verb == "repair undo";
    for more in [&[][..], &["--format", "json"], &["-vv"], &["--help"], &["--no-such-option"]] {
        let fresh = writes.then(|| Scene::new(line));
        let _ = fs::remove_dir_all(scene.out());
        fs::create_dir(scene.out()).unwrap();
        let out = fresh.as_ref().unwrap_or(&scene).command(line).args(more).output().unwrap();
        let code = out.status.code();
        assert!(matches!(code, Some(0 | 2)) || code == Some(line.code), "{more:?}: {}", text(&out.stderr));
        if more.contains(&"json") {
            assert_valid(line.verb, &out.stdout);
        }
        assert!(scene.source() == before, "{more:?} touched the source");
        assert_eq!(left_over(scene.tmp()), Vec::<String>::new(), "{more:?}");
    }
}

fn colour_on_a_terminal_only(line: &Line) {
    // Of what is printed: that it can be told where the colour may be.
    let always = Scene::new(line).command(line).args(["--color", "always"]).output().unwrap();
    assert_eq!(has_escapes(&always.stdout), line.coloured, "--color always: {}", text(&always.stdout));
    for (name, value, escapes) in [("TERM", "xterm", line.coloured), ("NO_COLOR", "1", false), ("TERM", "dumb", false)]
    {
        let scene = Scene::new(line);
        let (code, shown) = terminal::run(scene.command(line).env(name, value));
        assert_eq!(code, Some(line.code), "{}", text(&shown));
        assert_eq!(has_escapes(&shown), escapes, "{name}={value}: {}", text(&shown));
    }
}

/// Run with a reader that reads so many bytes and goes away.
fn with_short_reader(line: &Line, bytes: usize) {
    let scene = Scene::new(line);
    let mut child = scene.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut seen = vec![0; bytes];
    let _ = stdout.read_exact(&mut seen);
    drop(stdout);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(line.code), "{stderr}");
    assert!(stderr.lines().all(|l| l.starts_with("wtcheck: wrote ")), "{stderr}");
}

fn reader_gone(line: &Line) {
    with_short_reader(line, 0);
}

fn reader_goes_after_a_byte(line: &Line) {
    with_short_reader(line, 1);
}

fn full_disk_at_stdout(line: &Line) {
    let scene = Scene::new(line);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let out = scene.command(line).stdout(full).output().unwrap();
    let stderr = text(&out.stderr);
    let prints = !scene.command(line).arg("--help").output().unwrap().stdout.is_empty();
    assert!(prints);
    if stderr.is_empty() {
        // Nothing to print: everything went to a file.
        assert!(line.args.contains("{out}") && line.code == 0, "{stderr}");
        assert_eq!(out.status.code(), Some(0));
        return;
    }
    let complaints: Vec<&str> = stderr.lines().filter(|l| !l.starts_with("wtcheck: wrote ")).collect();
    assert!(
        matches!(&complaints[..], [one] if one.contains("No space left on device") && one.contains("; ")),
        "{stderr}"
    );
    // Whoever asked for the verdict did not get it; what was repaired is repaired.
    let code = if line.code >= 4 { line.code } else { 6 };
    assert_eq!(out.status.code(), Some(code), "{stderr}");
    assert!(documented(line).contains(&code));
}

// ---- Input that cannot be read ----

/// A failure: one line on stderr with a way on, nothing on stdout, a documented code; for programs one
/// object that says the same.
fn fails(line: &Line, run: impl Fn(&mut Command) -> Output, scene: &Scene, input: &Path, words: &str) {
    let out = run(&mut scene.command_on(line, input));
    let stderr = text(&out.stderr);
    let code = out.status.code().unwrap_or_else(|| panic!("{}: {stderr}", out.status));
    assert!(code >= 2 && documented(line).contains(&code), "{code}: {stderr}");
    assert!(out.stdout.is_empty(), "{}", text(&out.stdout));
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("wtcheck: ") && stderr.contains("; ") && stderr.contains(words), "{stderr}");
    let json = run(scene.command_on(line, input).args(["--format", "json"]));
    assert_eq!(json.status.code(), Some(code));
    let object: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(object["exit_code"], code);
    for key in ["error", "hint"] {
        assert!(object[key].as_str().is_some_and(|s| !s.is_empty() && stderr.contains(s)), "{object}: {stderr}");
    }
    assert_eq!(left_over(scene.out()), Vec::<String>::new());
    assert_eq!(left_over(scene.tmp()), Vec::<String>::new());
}

fn plainly(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn missing(line: &Line) {
    let scene = Scene::new(line);
    fails(line, plainly, &scene, &scene.path("nothing"), "nothing");
}

fn dangling_link(line: &Line) {
    let scene = Scene::new(line);
    let link = scene.path("link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    fails(line, plainly, &scene, &link, "link");
}

/// Run without the right to read everything. Root has it by a capability, which is taken out of what a
/// program that is started by this thread can have.
fn restricted(command: &mut Command) -> Output {
    use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
    let run = || {
        for capability in [CapabilitySet::DAC_OVERRIDE, CapabilitySet::DAC_READ_SEARCH] {
            let dropped = remove_capability_from_bounding_set(capability);
            assert!(dropped.is_ok() || !rustix::process::geteuid().is_root(), "{dropped:?}");
        }
        command.output().unwrap()
    };
    std::thread::scope(|s| s.spawn(run).join().unwrap())
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn no_permission(line: &Line) {
    let scene = Scene::new(line);
    let input = scene.input(line);
    let closed = if input.join("kv_home").is_dir() { input.join("kv_home") } else { input.clone() };
    set_mode(&closed, 0);
    fails(line, restricted, &scene, &input, "ermission denied");
    set_mode(&closed, 0o700);
}

/// The home around it can be read, so there is something to say; but there is no verdict.
fn unreadable_in_its_home(line: &Line) {
    let scene = Scene::new(line);
    let input = scene.input(line);
    set_mode(&input, 0);
    let out = restricted(&mut scene.command(line));
    let (stdout, stderr) = (text(&out.stdout), text(&out.stderr));
    assert_eq!(out.status.code(), Some(6), "{stdout}{stderr}");
    assert!(stderr.lines().count() <= 1 && !stdout.is_empty() | !stderr.is_empty(), "{stdout}{stderr}");
}

fn a_file_for_a_directory(line: &Line) {
    let scene = Scene::new(line);
    fs::write(scene.path("file"), "no store").unwrap();
    fails(line, plainly, &scene, &scene.path("file"), "is a file");
}

fn a_directory_for_a_file(line: &Line) {
    let scene = Scene::new(line);
    fs::create_dir(scene.path("directory")).unwrap();
    fails(line, plainly, &scene, &scene.path("directory"), "directory");
}

/// Nothing at all is either refused in one line, or judged: never a panic, never silence.
fn judged_or_refused(line: &Line, out: &Output) {
    let (stdout, stderr) = (text(&out.stdout), text(&out.stderr));
    let code = out.status.code().unwrap_or_else(|| panic!("{}: {stderr}", out.status));
    assert!(documented(line).contains(&code), "{code}: {stderr}");
    assert!(stderr.lines().count() <= 1 && !stderr.contains("bug"), "{stderr}");
    assert!(!stdout.is_empty() || stderr.starts_with("wtcheck: "), "{code}: silence");
    assert!(code != 0 || !stdout.is_empty());
}

fn an_empty_directory(line: &Line) {
    let scene = Scene::new(line);
    fs::create_dir(scene.path("empty")).unwrap();
    fails(line, plainly, &scene, &scene.path("empty"), "empty");
}

fn an_empty_file(line: &Line) {
    let scene = Scene::new(line);
    let input = scene.path("empty").join(scene.input(line).file_name().unwrap());
    fs::create_dir(scene.path("empty")).unwrap();
    fs::write(&input, "").unwrap();
    judged_or_refused(line, &scene.command_on(line, &input).output().unwrap());
}

fn empty_stdin(line: &Line) {
    let scene = Scene::new(line);
    judged_or_refused(line, &scene.command_from_stdin(line).output().unwrap());
}

/// Nobody writes into it: whoever opens it waits for ever.
fn a_fifo(line: &Line) {
    let scene = Scene::new(line);
    let in_time = |command: &mut Command| {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        finished(child, "hangs on a FIFO")
    };
    // As the thing itself, with its name, and as each file of a store in turn.
    let input = scene.path("fifo");
    common::fifo(&input);
    fails(line, in_time, &scene, &input, "fifo");
    let store = scene.input(line);
    if !store.is_dir() {
        return;
    }
    for file in scene::files(&store) {
        let aside = scene.path("aside");
        fs::rename(&file, &aside).unwrap();
        common::fifo(&file);
        let out = in_time(&mut scene.command_on(line, &store));
        let code = out.status.code();
        assert!(code.is_some_and(|c| documented(line).contains(&c)), "{}: {}", file.display(), text(&out.stderr));
        fs::remove_file(&file).unwrap();
        fs::rename(&aside, &file).unwrap();
        let _ = fs::remove_dir_all(scene.out());
        fs::create_dir(scene.out()).unwrap();
    }
}

/// What `<(…)` of a shell gives: the same as from the file; and a writer that goes away without a byte
/// is an empty file.
fn a_pipe(line: &Line) {
    let scene = Scene::new(line);
    let bytes = fs::read(scene.input(line)).unwrap();
    let pipe = scene.path("pipe");
    common::fifo(&pipe);
    for (bytes, code) in [(bytes, Some(line.code)), (Vec::new(), None)] {
        let child = scene.command_on(line, &pipe).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        fs::OpenOptions::new().write(true).open(&pipe).unwrap().write_all(&bytes).unwrap();
        let out = finished(child, "hangs on a pipe");
        match code {
            Some(code) => assert_eq!(out.status.code(), Some(code), "{}", text(&out.stderr)),
            None => judged_or_refused(line, &out),
        }
    }
}

/// The output of a child that must end by itself.
fn finished(child: Child, what: &str) -> Output {
    let id = Pid::from_child(&child);
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    match receiver.recv_timeout(PATIENCE) {
        Ok(out) => out.unwrap(),
        Err(_) => {
            let _ = kill_process(id, Signal::KILL);
            panic!("{what}");
        }
    }
}

// ---- Signals ----

/// Ended by the signal itself, silently unless there is something to say, and nothing left behind.
fn ended_by(signal: Signal, out: &Output, scene: &Scene, before: &scene::Tree, what: &str) {
    let stderr = text(&out.stderr);
    assert_eq!(out.status.signal(), Some(signal.as_raw()), "{what}: {} {stderr}", out.status);
    assert!(
        stderr.lines().all(|l| l.starts_with("wtcheck: interrupted; ") || l.starts_with("wtcheck: wrote ")),
        "{what}: {stderr}"
    );
    assert_eq!(left_over(scene.tmp()), Vec::<String>::new(), "{what}");
    whole(scene, what);
    assert!(scene.source() == *before, "{what}: the source was touched");
}

/// Nothing unfinished where results go: no temporary name, and what has its name is all there.
fn whole(scene: &Scene, what: &str) {
    for name in left_over(scene.out()) {
        assert!(!name.contains("wtcheck-partial") && !name.starts_with(".wtcheck"), "{what}: {name} is left");
        let path = scene.out().join(&name);
        if ["mended", "leaky"].contains(&name.as_str()) {
            let audit = wtcheck().args(["audit", common::path(&path)]).output().unwrap();
            let code = i32::from(name == "leaky");
            assert_eq!(audit.status.code(), Some(code), "{what}: half of {name}");
        } else if name == "undo" {
            assert!(scene.out().join("mended").is_dir(), "{what}: a journal of nothing");
        } else if name.ends_with(".svg") {
            assert!(fs::read_to_string(&path).unwrap().trim_end().ends_with("</svg>"), "{what}: half of {name}");
        }
    }
}

/// Nobody reads its output, and there is room for none of it: it waits there when the signal comes.
fn interrupted_at_the_output(line: &Line) {
    common::signals_arrive();
    for signal in SIGNALS {
        let scene = Scene::new(line);
        let before = scene.source();
        let (reader, writer) = scene::full_pipe();
        let mut command = scene.command(line);
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        drop(command);
        match scene::wait_for_output(&child) {
            scene::Waits::AtOutput => {}
            // It has nothing to print.
            scene::Waits::Ended => {
                let out = finished(child, "it ended");
                assert!(line.args.contains("{out}"), "it ended without printing: {}", text(&out.stderr));
                return;
            }
        }
        kill_process(Pid::from_child(&child), signal).unwrap();
        let out = finished(child, "a signal does not end it");
        drop(reader);
        if line.verb == "repair undo" {
            // Its work is done; what is told of it is not.
            assert_eq!(out.status.signal(), Some(signal.as_raw()));
            continue;
        }
        ended_by(signal, &out, &scene, &before, "at the output");
    }
}

/// A signal at calls that open, make, write or remove a file: at the first and the last, and some
/// between; each of the signals.
fn interrupted_at_files(line: &Line) {
    if line.verb == "repair undo" {
        // Its calls are steps of the undo: tests/it/interrupt.rs.
        return;
    }
    common::signals_arrive();
    const POINTS: usize = 12;
    let faults = Faults::build();
    let run = |scene: &Scene, mode, at| {
        let mut command = scene.command(line);
        command.env("WTFAULT_READS", "1");
        faults.run(&mut command, &[&scene.src(), scene.out(), scene.tmp()], mode, at)
    };
    let counted = run(&Scene::new(line), Mode::Count, 0);
    assert_eq!(counted.code, Some(line.code), "{}", counted.stderr);
    if counted.calls.is_empty() {
        assert!(!line.args.contains('{'), "no call is counted");
        return;
    }
    let copies = counted.calls.iter().any(|c| c.kind == "mkdir" && c.file_name().starts_with(".wtcheck-copy-"));
    assert!(copies || !line.args.contains("{wal}"), "no private copy");
    let last = counted.calls.len() - 1;
    // What makes or removes something is where something can be left behind.
    let makes = |c: &faults::Call| c.kind != "look";
    let made: Vec<usize> = (0..=last).filter(|n| makes(&counted.calls[*n])).collect();
    let some = |of: &[usize]| -> Vec<usize> {
        let step = of.len().div_ceil(POINTS).max(1);
        of.iter().copied().step_by(step).chain(of.last().copied()).collect()
    };
    let points: BTreeSet<usize> = [0, last / 2, last].into_iter().chain(some(&made)).collect();
    let mut ended = 0;
    for (turn, at) in points.into_iter().enumerate() {
        let signal = SIGNALS[turn % SIGNALS.len()];
        let scene = Scene::new(line);
        let before = scene.source();
        let outcome = run(&scene, Mode::Signal(signal.as_raw()), at as u64 + 1);
        let what = format!("signal {} at {}", signal.as_raw(), counted.calls[at]);
        if !outcome.hit() {
            // Threads: there were fewer calls this time.
            continue;
        }
        ended += 1;
        assert_eq!(outcome.signal, Some(signal.as_raw()), "{what}: {:?} {}", outcome.code, outcome.stderr);
        let told = |l: &str| l.starts_with("wtcheck: interrupted; ") || l.starts_with("wtcheck: wrote ");
        assert!(outcome.stderr.lines().all(told), "{what}: {}", outcome.stderr);
        assert_eq!(left_over(scene.tmp()), Vec::<String>::new(), "{what}");
        whole(&scene, &what);
        assert!(scene.source() == before, "{what}: the source was touched");
    }
    assert!(ended > 0);
}

fn interrupted_waiting_for_stdin(line: &Line) {
    common::signals_arrive();
    for signal in SIGNALS {
        let scene = Scene::new(line);
        let before = scene.source();
        let mut command = scene.command_from_stdin(line);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // More than a pipe holds: when the last byte is in, it has begun to read.
        let stdin = child.stdin.take().unwrap();
        let sent = (&stdin).write_all(&vec![b' '; 200_000]);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let out = finished(child, "a signal does not end it");
        drop(stdin);
        assert!(sent.is_ok(), "{sent:?}");
        ended_by(signal, &out, &scene, &before, "at stdin");
    }
}

/// The progress line is taken away, the cursor is as it was, and the screen belongs to the shell again.
#[test]
fn an_interrupted_progress_line_is_cleared() {
    common::signals_arrive();
    for signal in SIGNALS {
        let mut command = wtcheck();
        command.args(["pickup", "explore", common::path(&common::fixture("scenarios/rapid_seal_burst.yaml"))]);
        command.args(["--states", "1000000000", "--format", "json"]);
        let mut screen = terminal::Screen::open(&mut command, true);
        screen.read_until(|seen| seen.windows(6).any(|w| w == b"states"));
        kill_process(screen.pid(), signal).unwrap();
        let (status, shown) = screen.finish();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{}", text(&shown));
        assert_eq!(terminal::visible(&shown), "", "{:?}", text(&shown));
        let hidden = text(&shown).rfind("\u{1b}[?25l");
        assert!(hidden.is_none_or(|at| text(&shown)[at..].contains("\u{1b}[?25h")), "the cursor is hidden");
    }
}

/// `nohup`, and jobs that a shell puts into the background.
#[test]
fn a_signal_that_the_caller_ignores_stays_ignored() {
    let (reader, writer) = scene::full_pipe();
    let script = format!("trap '' HUP INT; exec {} man", env!("CARGO_BIN_EXE_wtcheck"));
    let child = Command::new("sh").args(["-c", &script]).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    assert!(matches!(scene::wait_for_output(&child), scene::Waits::AtOutput));
    for signal in [Signal::HUP, Signal::INT] {
        kill_process(Pid::from_child(&child), signal).unwrap();
    }
    let from = Instant::now();
    scene::drain(reader);
    let out = finished(child, "it does not go on");
    assert_eq!(out.status.code(), Some(0), "after {:?}: {}", from.elapsed(), out.status);
}

// ---- Where the result goes ----

/// Commands without an input fail where their result cannot go, or their word is unknown.
#[test]
fn results_that_cannot_be_written() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("file"), "x").unwrap();
    let below = temp.path().join("file/below");
    for args in [
        vec!["man", common::path(&below)],
        vec!["completions", "bash", common::path(&below)],
        vec!["explain", "nonsense"],
    ] {
        let out = wtcheck().args(&args).output().unwrap();
        let stderr = text(&out.stderr);
        let code = out.status.code().unwrap();
        assert!([2, 6].contains(&code) && out.stdout.is_empty(), "{args:?}: {code}");
        assert!(stderr.lines().count() == 1 && stderr.starts_with("wtcheck: ") && stderr.contains("; "), "{stderr}");
        let json = wtcheck().args(&args).args(["--format", "json"]).output().unwrap();
        let object: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(object["exit_code"], code);
    }
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for flag in ["--help", "--version"] {
        let out = wtcheck().arg(flag).stdout(full()).output().unwrap();
        assert_eq!((out.status.code(), text(&out.stderr).lines().count()), (Some(6), 1), "{flag}");
    }
}
