//! What `derive-key --reg-ids` costs for a million IDs, beside a loop that does nothing but the two
//! SHA-256 compressions that each key needs. `cargo bench --bench derive_key`.
//!
//! Times depend on the machine; the ratio, measured in turns within one run, says what reading,
//! checking, encoding and writing add. Where Linux tells it, it is one of processor time, which
//! other processes do not change. The memory of the process is read when a tenth of the IDs
//! has gone in and again at the end.

#![allow(clippy::print_stdout, reason = "a benchmark reports on standard output")]
#![allow(missing_docs, reason = "nothing of it is public")]

use std::hint::black_box;
use std::io::{BufWriter, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sha2::block_api::compress256;

const IDS: usize = 1_000_000;
const TURNS: u32 = 5;
const GROUP_KEY: &str =
    "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";

fn main() {
    let is_asked_for = |name| std::env::args().any(|argument| argument == name);
    if is_asked_for("--test") || !is_asked_for("--bench") {
        // Only to see that it still works.
        return assert_eq!(keys(10).1, 10);
    }
    let (mut bare, mut whole) = (Duration::ZERO, Duration::ZERO);
    let (mut bare_ticks, mut whole_ticks) = (0, 0);
    let mut memory = Vec::new();
    for _ in 0..TURNS {
        let before = ticks();
        bare += compressions();
        let between = ticks();
        let (took, lines) = keys(IDS);
        assert_eq!(lines, IDS);
        whole += took;
        let after = ticks();
        bare_ticks += between.own - before.own;
        whole_ticks += after.children - between.children;
        memory.push(peaks());
    }
    let each = |all: Duration| all.as_secs_f64() * 1e9 / f64::from(TURNS) / IDS as f64;
    println!(
        "derive-key --reg-ids: {:.0} ns a key, two bare compressions {:.0} ns: {:.2} times as long",
        each(whole),
        each(bare),
        each(whole) / each(bare)
    );
    if bare_ticks > 0 {
        println!(
            "of processor time {:.2} times as much",
            f64::from(whole_ticks) / f64::from(bare_ticks)
        );
    }
    println!("memory (VmHWM, KiB) after a tenth of {IDS} IDs, and after all: {memory:?}");
}

/// The time of two compressions for each key: all that HMAC-SHA256 needs for a short ID when the
/// key's own two are done.
fn compressions() -> Duration {
    let (inner, outer) = ([0x6a09_e667_u32; 8], [0xbb67_ae85_u32; 8]);
    let mut block = [0_u8; 64];
    let start = Instant::now();
    for n in 0..IDS {
        block[..8].copy_from_slice(&n.to_be_bytes());
        let mut state = inner;
        compress256(&mut state, &[block]);
        let mut digest = [0_u8; 64];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        let mut state = outer;
        compress256(&mut state, &[digest]);
        black_box(state);
    }
    start.elapsed()
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provision-sim"));
    command.args(["derive-key", "--group-key", GROUP_KEY, "--reg-ids"]);
    command
}

/// From a file into a file: the time of the whole process, and how many keys it wrote.
fn keys(count: usize) -> (Duration, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ids");
    let file = std::fs::File::create(&path).expect("a file");
    write_ids(&mut BufWriter::new(file), 0..count);
    let out = folder.path().join("keys");
    let start = Instant::now();
    let status = command()
        .arg(&path)
        .stdout(std::fs::File::create(&out).expect("a file"))
        .status()
        .expect("it runs");
    let took = start.elapsed();
    assert!(status.success());
    let written = std::fs::read(&out).expect("its output");
    (took, written.iter().filter(|byte| **byte == b'\n').count())
}

/// The most memory that it has held, in KiB, after a tenth of the IDs and after all; Linux only.
fn peaks() -> (u64, u64) {
    let mut child =
        command().arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut output = child.stdout.take().expect("its output");
    let drain = std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while output.read(&mut buffer).is_ok_and(|length| length > 0) {}
    });
    let mut input = BufWriter::new(child.stdin.take().expect("its input"));
    write_ids(&mut input, 0..IDS / 10);
    let tenth = peak(child.id());
    write_ids(&mut input, IDS / 10..IDS);
    let end = peak(child.id());
    drop(input);
    assert!(child.wait().expect("it ends").success());
    drain.join().expect("all was read");
    (tenth, end)
}

fn write_ids(out: &mut impl Write, numbers: std::ops::Range<usize>) {
    for n in numbers {
        writeln!(out, "sim-{n:06}").expect("room");
    }
    out.flush().expect("room");
}

/// Processor time in ticks of the clock, of this process and of its children that have ended.
#[derive(Default)]
struct Ticks {
    own: u32,
    children: u32,
}

/// Zero where there is no `/proc`.
fn ticks() -> Ticks {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the process, in parentheses, may contain anything.
    let Some((_, fields)) = stat.rsplit_once(") ") else { return Ticks::default() };
    let field = |number: usize| -> u32 {
        fields.split(' ').nth(number - 3).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
    };
    Ticks { own: field(14) + field(15), children: field(16) + field(17) }
}

fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
