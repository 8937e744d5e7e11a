//! What a large fleet costs and how long it takes, `fleet` against `serve`, each in a process of its
//! own on this machine.
//!
//! ```text
//! cargo bench --bench fleet                        # all of it, a quarter of an hour
//! cargo bench --bench fleet -- connected many      # some of it
//! ```
//!
//! - `connected`: 15,000 devices boot at once and are told to wait for ten seconds, so that nearly all
//!   are connected together; the memory of both processes, for each of them.
//! - `many`: 50,000 devices, 10,000 at a time, that wait for three seconds each.
//! - `soak`: 300,000 registrations of a pool of 20,000 devices; the memory of both processes.
//! - `throttled`: 3,000 devices under Azure's limits, at the pace of the plan and at none.
//! - `webhook`: the rate with a group whose hub a webhook chooses, beside that of a hashed one.
//! - `identities`: 1,000 devices with TPMs and 1,000 that ask for certificates, beside 1,000 with keys, over
//!   HTTPS and AMQP: the rate, and the processor time of both processes. TPMs are made first, in a minute or two.
//!
//! Memory is told by Linux alone. Times depend on the machine.

#![allow(clippy::print_stdout, reason = "a benchmark reports on standard output")]
#![allow(missing_docs, reason = "a benchmark has nothing public")]

mod support;

use std::io::Read;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use support::{ServiceProcess, processor_seconds, resident_mebibytes};

/// How often the processes are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Key of the default world's group whose hub the tutorial's function chooses.
const TUTORIAL_KEY: &str =
    "oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==";

type Part = (&'static str, fn());
const PARTS: [Part; 6] = [
    ("connected", connected),
    ("many", many),
    ("soak", soak),
    ("throttled", throttled),
    ("webhook", webhook),
    ("identities", identities),
];

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs this too, and wants no measurement.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let wanted: Vec<_> = arguments.iter().filter(|it| !it.starts_with('-')).collect();
    let unknown = wanted.iter().find(|name| !PARTS.iter().any(|(part, _)| part == **name));
    assert!(unknown.is_none(), "there is no part {unknown:?}");
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|it| *it == name) {
            println!("== {name}");
            part();
        }
    }
}

/// A fleet that has ended.
struct Ran {
    report: Value,
    /// When each look was, and the memory of generator and service then.
    looks: Vec<Look>,
    /// Seconds that generator and service have used of all processors.
    processor: (f64, f64),
}

#[derive(Clone, Copy)]
struct Look {
    at: Duration,
    generator: f64,
    service: f64,
}

/// Runs a fleet to its end, and looks at both processes meanwhile.
fn fleet(service: &ServiceProcess, flags: &[&str]) -> Ran {
    let used = processor_seconds(service.process());
    let mut child = service
        .client()
        .args(["fleet", "--local", "-q", "-o", "json"])
        .args(flags)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary");
    let mut stdout = child.stdout.take().expect("its output");
    let report = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).expect("a report");
        text
    });
    let (start, mut looks, mut generator) = (Instant::now(), Vec::new(), 0.0);
    let status = loop {
        generator = processor_seconds(child.id()).max(generator);
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status;
        }
        looks.push(Look {
            at: start.elapsed(),
            generator: resident_mebibytes(child.id()),
            service: resident_mebibytes(service.process()),
        });
        thread::sleep(LOOK_EVERY);
    };
    assert!(status.success(), "all devices are assigned: {status}");
    let report = report.join().expect("its output was read");
    let report = serde_json::from_str(&report).expect("JSON");
    let processor = (generator, processor_seconds(service.process()) - used);
    Ran { report, looks, processor }
}

impl Ran {
    fn number(&self, pointer: &str) -> f64 {
        self.report.pointer(pointer).and_then(Value::as_f64).expect("a number")
    }

    /// The most memory that generator and service have had, in MiB.
    fn peaks(&self) -> (f64, f64) {
        let most = |of: fn(&Look) -> f64| self.looks.iter().map(of).fold(0.0, f64::max);
        (most(|look| look.generator), most(|look| look.service))
    }

    fn print(&self) {
        println!(
            "{} of {} assigned in {:.1} s, {:.0}/s; {} connected at most; p50 {:.0} ms, p99 {:.0} ms; \
             throttled {}, lost {}, retries {}; processor time: generator {:.1} s, service {:.1} s",
            self.report["assigned"],
            self.report["devices"],
            self.number("/elapsedSeconds"),
            self.number("/registrationsPerSecond"),
            self.report["generator"]["openPeak"],
            self.number("/phases/assigned/p50Ms"),
            self.number("/phases/assigned/p99Ms"),
            self.report["throttled"],
            self.report["lost"],
            self.report["retries"],
            self.processor.0,
            self.processor.1,
        );
    }
}

fn connected() {
    let service = ServiceProcess::start(&["--retry-after", "10s"]);
    let before = resident_mebibytes(service.process());
    let ran = fleet(&service, &["--count", "15000", "--start", "boot-storm"]);
    ran.print();
    let (generator, with_devices) = ran.peaks();
    let each = |mebibytes: f64| mebibytes * 1024.0 / ran.number("/generator/openPeak");
    println!(
        "for each device connected at once: generator {:.1} KiB (its whole process: {generator:.0} MiB), \
         service {:.1} KiB ({before:.0} MiB before, {with_devices:.0} MiB at the peak)",
        each(generator),
        each(with_devices - before),
    );
}

fn many() {
    let service = ServiceProcess::start(&["--retry-after", "3s"]);
    let ran = fleet(&service, &["--count", "50000", "--concurrency", "10000"]);
    ran.print();
    let (generator, service) = ran.peaks();
    println!("memory at the peak: generator {generator:.0} MiB, service {service:.0} MiB");
}

fn soak() {
    let service = ServiceProcess::start(&["--retry-after", "0s"]);
    let ran = fleet(&service, &["--count", "20000", "--rounds", "15", "--concurrency", "200"]);
    ran.print();
    println!("{:>6} {:>14} {:>12}", "s", "generator MiB", "service MiB");
    let row = |look: Look| {
        println!("{:>6.0} {:>14.1} {:>12.1}", look.at.as_secs_f64(), look.generator, look.service);
    };
    let tens = |look: &Look| look.at.as_secs() / 10;
    ran.looks.chunk_by(|one, other| tens(one) == tens(other)).for_each(|chunk| row(chunk[0]));
    // The last look may be at a process that is about to end.
    let last = ran.looks[ran.looks.len().saturating_sub(2)];
    row(last);
    let minute = ran.looks.iter().find(|look| look.at >= Duration::from_secs(60));
    if let Some(minute) = minute {
        println!(
            "from the first minute to the end: generator {:+.1} %, service {:+.1} %",
            (last.generator / minute.generator - 1.0) * 100.0,
            (last.service / minute.service - 1.0) * 100.0,
        );
    }
}

fn throttled() {
    const COUNT: &str = "3000";
    let limited = || ServiceProcess::start(&["--retry-after", "0s", "--quotas", "azure"]);
    let service = limited();
    let plan = service.client().args(["fleet", "plan", "--count", COUNT, "-o", "json"]).output();
    let plan: Value = serde_json::from_slice(&plan.expect("a plan").stdout).expect("JSON");
    let rate = plan["rate"].as_str().expect("a rate");
    let paced = ["--count", COUNT, "--rate", rate];
    let unpaced = ["--count", COUNT, "--concurrency", "200", "--timeout", "10m"];
    // Each against a service of its own; they mostly wait.
    let (paced, unpaced) = thread::scope(|scope| {
        let paced = scope.spawn(|| fleet(&service, &paced));
        let unpaced = scope.spawn(|| fleet(&limited(), &unpaced));
        (paced.join().expect("it runs"), unpaced.join().expect("it runs"))
    });
    for (name, ran, planned) in [
        (format!("at {rate}"), paced, &plan["takesSeconds"]),
        ("at no pace".to_owned(), unpaced, &plan["limits"][0]["atLeastSeconds"]),
    ] {
        ran.print();
        let (took, planned) = (ran.number("/elapsedSeconds"), planned.as_f64().expect("a time"));
        let off = (took / planned - 1.0) * 100.0;
        println!("{name}: {took:.1} s, planned {planned:.1} s ({off:+.1} %)");
    }
}

fn webhook() {
    const COUNT: [&str; 4] = ["--count", "5000", "--concurrency", "200"];
    const ASKED: [&str; 4] =
        ["--group-key", TUTORIAL_KEY, "--reg-id-pattern", "contoso-toaster-{n:06}"];
    const ROUNDS: usize = 3;
    let service = ServiceProcess::start(&["--retry-after", "0s"]);
    let (mut hashed, mut asked) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        hashed += fleet(&service, &COUNT).number("/elapsedSeconds");
        asked += fleet(&service, &[&COUNT[..], &ASKED].concat()).number("/elapsedSeconds");
    }
    let rate = |seconds: f64| (ROUNDS * 5000) as f64 / seconds;
    println!(
        "hashed {:.0} registrations/s, through the webhook {:.0}, ratio {:.2} ({ROUNDS} rounds of 5000 each in turn)",
        rate(hashed),
        rate(asked),
        hashed / asked
    );
}

/// A group whose devices are issued certificates if they ask for one.
const ISSUING: &str = r#"
idScope = "0ne00002193"
linkedHubs = ["hub-1.azure-devices.net"]
[[certificateAuthorities]]
namespaceName = "fleet"
name = "line-1"
policies = [{ name = "short", validity = "30d" }]
[[enrollmentGroups]]
enrollmentGroupId = "line"
attestation.type = "symmetricKey"
namespaceName = "fleet"
certificateAuthorityName = "line-1"
certificatePolicyName = "short"
"#;

fn identities() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config.toml");
    std::fs::write(&config, ISSUING).expect("it can be written");
    let tpms = folder.path().join("{reg_id}.pem").display().to_string();
    let service =
        ServiceProcess::start(&["--retry-after", "0s", "--config", &config.display().to_string()]);
    let key = vec!["--group", "line"];
    let issued = vec!["--group", "line", "--new-keys"];
    let tpm = vec!["--tpm-state", &tpms, "--reg-id-pattern", "tpm-{n:06}"];
    let began = Instant::now();
    // Devices of its own count, so that what follows finds all TPMs and enrollments there.
    let enrolled = [&tpm[..], &["--count", "1000", "--enroll", "--transport", "https"]].concat();
    fleet(&service, &enrolled);
    println!("1000 TPMs made, enrolled and registered once in {:.1?}", began.elapsed());
    for transport in ["https", "amqp"] {
        compare(&service, transport, &[("key", &key), ("issued", &issued), ("TPM", &tpm)]);
    }
}

/// 1,000 devices of each kind in turn, some times; the first is what the others are held against.
fn compare(service: &ServiceProcess, transport: &str, kinds: &[(&str, &Vec<&str>)]) {
    const ROUNDS: usize = 3;
    const DEVICES: f64 = 1000.0;
    let common = ["--count", "1000", "--concurrency", "100", "--transport", transport];
    let mut sums = vec![[0.0; 5]; kinds.len()];
    for _ in 0..ROUNDS {
        for ((_, flags), sums) in kinds.iter().zip(&mut sums) {
            let ran = fleet(service, &[&common[..], flags].concat());
            let (generator, service) = ran.processor;
            let times = ["/phases/assigned/p50Ms", "/phases/assigned/p99Ms"];
            let [p50, p99] = times.map(|at| ran.number(at));
            let all = [ran.number("/elapsedSeconds"), generator, service, p50, p99];
            sums.iter_mut().zip(all).for_each(|(sum, one)| *sum += one / ROUNDS as f64);
        }
    }
    let of_key = sums[0];
    for ((name, _), sums) in kinds.iter().zip(&sums) {
        let [elapsed, generator, service, p50, p99] = *sums;
        println!(
            "{transport}, {name}: {:.0}/s (of a key's: {:.2}); p50 {p50:.0} ms, p99 {p99:.0} ms (x {:.2}, {:.2}); processor \
             time of a device: generator {:.2} ms (x {:.2}), service {:.2} ms (x {:.2})",
            DEVICES / elapsed,
            of_key[0] / elapsed,
            p50 / of_key[3],
            p99 / of_key[4],
            generator * 1e3 / DEVICES,
            generator / of_key[1],
            service * 1e3 / DEVICES,
            service / of_key[2],
        );
    }
}
