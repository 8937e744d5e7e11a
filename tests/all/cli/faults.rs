//! `serve --fault`, and how `register` ends against each of them (the table of exit codes).

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use provision_sim::service::{FaultPlace, FaultTransport};
use serde_json::json;

use crate::support::cli::{HUB, Machine, Ran, Serve, TUTORIAL_KEY};
use crate::support::faults::{deeds_at, is_of_certificates, samples};

const TOASTER: &str = "contoso-toaster-007";
/// Another than that of the sample's groups, which are asked first.
const PUMPS_KEY: &str = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";

fn register(machine: &Machine, transport: &str, timeout: &str) -> Ran {
    let device = ["register", "--local", "--reg-id", TOASTER, "--transport", transport];
    machine.run(&[&device[..], &["--timeout", timeout, "-q"]].concat())
}

/// Ends against a service with this fault, over MQTT and over HTTPS.
fn ends(rule: &str, timeout: &str) -> [i32; 2] {
    ["mqtt", "https"].map(|transport| {
        let machine = Machine::new();
        let _serve = machine.serve(&["--retry-after", "0s", "--fault", rule]);
        register(&machine, transport, timeout).exit
    })
}

#[test]
fn register_copes_with_what_passes() {
    for rule in [
        "register status=429 times=1 retry-after=1",
        "register close times=1",
        "register reset times=1",
        "register duplicate",
        "poll close times=1",
        "poll assigning=2",
        "poll forget-operation times=1",
        "poll retry-after=abc times=1",
        "poll duplicate",
        "register delay=50ms",
        "connect connack=3 times=1",
        "subscribe close times=1",
        "webhook status=503 times=1",
        "accept slow=20000/s",
        "register clock=-2h",
    ] {
        assert_eq!(ends(rule, "1m"), [0, 0], "{rule}");
    }
}

#[test]
fn register_ends_as_the_table_of_exit_codes_says() {
    for (rule, exits) in [
        ("register status=401", [4, 4]),
        ("register status=400", [5, 5]),
        ("poll status=404", [5, 5]),
        ("register broken-json", [5, 5]),
        ("register no-operation-id", [5, 5]),
        ("register unknown-status", [5, 5]),
        ("poll forget-operation", [5, 5]),
        // Over HTTPS it is no service of this kind that answers.
        ("register html", [5, 3]),
        // What is for MQTT alone leaves HTTPS alone.
        ("connect connack=5", [4, 0]),
        ("connect close", [3, 0]),
        ("subscribe suback=128", [5, 0]),
        ("webhook hub=unknown", [5, 5]),
        ("webhook broken-json", [5, 5]),
        ("register clock=+2h", [4, 4]),
    ] {
        assert_eq!(ends(rule, "1m"), exits, "{rule}");
    }
}

#[test]
fn register_trusts_no_bad_certificate_and_tells_a_broken_wire() {
    for rule in [
        "tls certificate=expired",
        "tls certificate=wrong-name",
        "tls certificate=untrusted",
        "tls tls-alert=handshake-failure",
        "tls close",
        "accept close",
        "accept reset",
        "accept truncate=100",
    ] {
        assert_eq!(ends(rule, "1m"), [3, 3], "{rule}");
    }
}

#[test]
fn register_gives_up_at_its_deadline_where_nothing_comes() {
    for (rule, exits) in [
        ("register silence", [6, 6]),
        ("accept silence", [6, 6]),
        ("connect silence", [6, 0]),
        ("register status=503", [6, 6]),
        ("register delay=1h", [6, 6]),
        // A transport without the fault has nothing of it.
        ("register wrong-rid", [6, 0]),
        ("register late", [6, 0]),
        ("register lose-answer times=1 transport=mqtt", [6, 0]),
    ] {
        assert_eq!(ends(rule, "1500ms"), exits, "{rule}");
    }
}

#[test]
fn j_260_a_rule_that_is_none_is_bad_input_and_told_why() {
    let machine = Machine::new();
    for (rule, told) in [
        ("poll statsu=503", "no rule has a word \"statsu\"; did you mean status?"),
        ("pol status=503", "did you mean poll?"),
        (
            "register hub=unknown",
            "hub can never strike at register; it is for poll, lookup and webhook",
        ),
        ("", "the rule is empty"),
    ] {
        let ran = machine.run(&[
            "serve",
            "--mqtt-port",
            "0",
            "--https-port",
            "0",
            "--amqp-port",
            "0",
            "--fault",
            rule,
        ]);

        assert!(ran.stderr.contains(told), "{rule}: {ran:?}");
        assert_eq!(ran.exit, 2, "{rule}");
    }
    let config = machine.file(
        "faults.toml",
        "idScope = \"0ne00002193\"\n[[faults]]\nwhere = \"poll\"\nstatsu = 503\n",
    );
    let path = config.display().to_string();
    let ran = machine.run(&[
        "serve",
        "--mqtt-port",
        "0",
        "--https-port",
        "0",
        "--amqp-port",
        "0",
        "--config",
        &path,
    ]);
    assert!(ran.exit == 2 && ran.stderr.contains("did you mean status?"), "{ran:?}");
}

#[test]
fn each_strike_is_in_the_log_the_journal_and_the_events() {
    let machine = Machine::new();
    let mut serve = machine.serve(&[
        "--retry-after",
        "0s",
        "--fault",
        "register status=429 retry-after=1 times=1",
    ]);

    register(&machine, "mqtt", "1m").assert_exit(0);

    let event = serve.event();
    assert_eq!((&event["status"], &event["failedCheck"]), (&"refused".into(), &"fault".into()));
    assert_eq!(serve.event()["status"], "assigned");
    let log = machine.run(&["log", "-v"]).assert_exit(0).stdout;
    assert!(
        log.contains("has fault 1 strike, as was asked for: register times=1 status=429"),
        "{log}"
    );
    serve.log_with(
        "contoso-toaster-007: fault 1 strikes (1): register times=1 status=429 retry-after=1",
    );
}

/// How `register` ends against each fault, as a transport's column of `docs/faults.md` has it: what is asked
/// for is what stands before the place, and twins and hubs are for a device that goes on to its hub.
struct Column {
    transport: FaultTransport,
    machine: Machine,
    serve: Serve,
}

impl Column {
    fn new(transport: FaultTransport) -> Self {
        let machine = Machine::new();
        let webhook = ["--webhook-timeout", "300ms", "--webhook-retry", "none"];
        // The sample, and devices that may have certificates.
        let sample = include_str!("../../../fixtures/contoso/world.toml");
        let pumps = format!(
            "{sample}\n[[enrollmentGroups]]\nenrollmentGroupId = \"pumps\"\nallocationPolicy = \"hashed\"\n\
             iotHubs = [\"{HUB}\"]\ncertificatePolicyName = \"default\"\nattestation = {{ type = \"symmetricKey\", symmetricKey = \
             {{ primaryKey = \"{PUMPS_KEY}\" }} }}\n"
        );
        let config = machine.file("world.toml", &pumps);
        let config = ["--config", config.to_str().unwrap()];
        let options = [&["--retry-after", "0s"][..], &config, &webhook].concat();
        let serve = machine.serve_without_events(&options);
        let column = Self { transport, machine, serve };
        // What it is issued is there for `hub renew`.
        column
            .machine
            .run(&[&["register", "--local", "-q"][..], &words(&column.asks("own"))].concat());
        column
    }

    /// What a device says that wants a certificate, kept by this name.
    fn asks(&self, name: &str) -> Vec<String> {
        let key = self.machine.path(&format!("{name}.key")).display().to_string();
        ["--reg-id", "pump-0042", "--group-key", PUMPS_KEY, "--new-key", &key]
            .map(Into::into)
            .into()
    }

    /// The same, of its hub.
    fn renews(&self) -> Vec<String> {
        let [cert, key] = ["own.crt", "own.key"].map(|it| self.machine.path(it));
        let (cert, key) = (cert.display().to_string(), key.display().to_string());
        let of = ["--hub", HUB, "--cert", &cert, "--cert-key", &key, "--replace", "*"];
        of.map(Into::into).into()
    }

    fn ask(&self, request: &str, body: &str) -> String {
        let admin = self.serve.ready["admin"].as_str().unwrap();
        let length = body.len();
        let head = format!("{request} HTTP/1.1\r\nHost: {admin}\r\nContent-Length: {length}\r\n");
        let mut stream = TcpStream::connect(admin).unwrap();
        write!(stream, "{head}Connection: close\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The exit code against this rule.
    fn end(&self, place: FaultPlace, rule: &str, timeout: &str) -> i32 {
        let transport = self.transport.as_str();
        let deed = rule.split([' ', '=']).nth(1).unwrap_or_default();
        let whose = match place {
            FaultPlace::Renew | FaultPlace::Issue => self.renews(),
            _ if is_of_certificates(place, deed) => self.asks("struck"),
            _ => ["--reg-id", TOASTER, "--group-key", TUTORIAL_KEY].map(Into::into).into(),
        };
        let run = |command: &[&str]| {
            let device = ["--local", "--transport", transport, "-q"];
            self.machine.run(&[command, &device, &words(&whose)].concat())
        };
        if place == FaultPlace::Lookup {
            run(&["register"]).assert_exit(0);
        }
        let answer = self.ask("POST /faults", &json!({ "rule": rule }).to_string());
        assert!(answer.starts_with("HTTP/1.1 201 "), "{rule}: {answer}");
        let command: &[&str] = match place {
            FaultPlace::Lookup => &["status"],
            FaultPlace::HubConnect | FaultPlace::Twin => &["register", "--connect"],
            FaultPlace::Renew | FaultPlace::Issue => &["hub", "renew"],
            // It is at the hub that it tells.
            _ if deed == "connection-profile" => &["register", "--connect"],
            _ => &["register"],
        };
        let ran = run(&[command, &["--timeout", timeout]].concat());
        let answer = self.ask("GET /faults", "");
        assert!(!answer.contains("\"struck\":0"), "{rule} over {transport}: {answer} {ran:?}");
        self.ask("DELETE /faults", "");
        ran.exit
    }
}

fn words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// The rows of the table: each fault at each place, and the exit code for each transport.
fn rows() -> Vec<(FaultPlace, String)> {
    let mut rows = Vec::new();
    for place in FaultPlace::ALL {
        let mut deeds: Vec<&str> = Vec::new();
        for deed in FaultTransport::ALL.iter().flat_map(|it| deeds_at(place, *it)) {
            if !deeds.contains(&deed) {
                deeds.push(deed);
            }
        }
        for deed in deeds {
            rows.extend(
                samples(place, deed).into_iter().map(|it| (place, format!("{place} {it}"))),
            );
        }
    }
    rows
}

/// The exit codes of a transport, one for each row at which the fault can occur there.
fn column(transport: FaultTransport, written: &HashMap<String, String>) -> Vec<String> {
    let column = Column::new(transport);
    let mut exits = Vec::new();
    for (place, rule) in rows() {
        // The port of HTTPS is that of MQTT over WebSocket.
        let can_strike = match (place, transport) {
            (FaultPlace::Accept | FaultPlace::Tls, _) => true,
            _ => {
                let (_, deed) = rule.split_once(' ').unwrap();
                let deed = deed.split(['=', ' ']).next().unwrap();
                // A message needs a status.
                let deed = if rule.contains("message=") { "message" } else { deed };
                deeds_at(place, transport).contains(&deed)
            }
        };
        if !can_strike {
            exits.push("–".to_owned());
            continue;
        }
        // Whoever is to give up need not be waited for.
        let timeout = match (place, written.get(&rule).map(String::as_str)) {
            (_, Some("6")) => "800ms",
            // A hub that is busy, or hangs up, is asked again for so long.
            (FaultPlace::Renew | FaultPlace::Issue, Some("3" | "5")) => "6s",
            (_, Some(_)) => "1m",
            (_, None) => "10s",
        };
        exits.push(column.end(place, &rule, timeout).to_string());
    }
    exits
}

fn table(columns: &[Vec<String>]) -> String {
    let names: Vec<_> = FaultTransport::ALL.iter().map(|it| format!(" `{it}` |")).collect();
    let mut table = format!("| rule |{}\n|---|{}\n", names.concat(), "---|".repeat(names.len()));
    for (n, (_, rule)) in rows().iter().enumerate() {
        let cells: Vec<_> = columns.iter().map(|column| column[n].as_str()).collect();
        table.push_str(&format!("| `{rule}` | {} |\n", cells.join(" | ")));
    }
    table
}

#[test]
fn register_ends_against_each_fault_as_its_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/faults.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (begin, end) = ("<!-- ends: begin -->\n", "<!-- ends: end -->");
    let (before, rest) = page.split_once(begin).unwrap();
    let (written, after) = rest.split_once(end).unwrap();
    let cells = |n: usize| {
        let cell = |row: &str| {
            let cells: Vec<_> = row.trim_matches(['|', ' ']).split(" | ").collect();
            Some((cells.first()?.trim_matches('`').to_owned(), (*cells.get(n)?).to_owned()))
        };
        written.lines().skip(2).filter_map(cell).collect::<HashMap<_, _>>()
    };
    let is_renewed = std::env::var_os("UPDATE_DOCS").is_some();
    let columns: Vec<_> = std::thread::scope(|scope| {
        let run = |(n, transport)| {
            let cells = cells(n + 1);
            scope.spawn(move || column(transport, &cells))
        };
        let running: Vec<_> = FaultTransport::ALL.into_iter().enumerate().map(run).collect();
        running.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let made = table(&columns);
    if is_renewed {
        std::fs::write(path, format!("{before}{begin}{made}{end}{after}")).unwrap();
        return;
    }
    for (made, written) in made.lines().zip(written.lines()) {
        assert_eq!(
            made, written,
            "docs/faults.md; UPDATE_DOCS=1 cargo test --test all cli::faults"
        );
    }
    assert_eq!(made.lines().count(), written.lines().count());
}
