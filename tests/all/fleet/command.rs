//! Fleets as a user runs them, against a service whose delays are known.

use std::collections::BTreeSet;
use std::path::Path;

use provision_sim::attestation::GroupKey;
use provision_sim::pki::{TestAuthority, Validity};
use provision_sim::tutorial::SIMULATED_KEY;
use serde_json::Value;

use crate::support::cli::{HUB, Machine, Ran, TUTORIAL_KEY};

/// A service that makes nobody wait, with these flags besides.
fn quick(machine: &Machine, flags: &[&str]) -> crate::support::cli::Serve {
    machine.serve_without_events(&[&["--retry-after", "0s"], flags].concat())
}

fn fleet(machine: &Machine, flags: &[&str]) -> Ran {
    machine.run(&[&["fleet", "--local", "-o", "json"], flags].concat())
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(lines: &[Value]) -> BTreeSet<String> {
    lines.iter().map(|line| line["registrationId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_device_of_a_fleet_is_assigned_once_and_told_in_a_line_of_its_own() {
    let machine = Machine::new();
    let _serve = quick(&machine, &[]);
    let results = machine.path("results.jsonl");

    let flags = ["--count", "300", "--concurrency", "40", "--results", results.to_str().unwrap()];
    let report = fleet(&machine, &flags).assert_exit(0).json();

    assert_eq!((&report["devices"], &report["assigned"]), (&300.into(), &300.into()));
    assert_eq!(report["failed"], 0);
    assert!(report["registrationsPerSecond"].as_f64().unwrap() > 0.0);
    for phase in ["dns", "tcp", "tls", "connect", "subscribe", "register", "assigned"] {
        let [p50, p90, p99, max] =
            ["p50Ms", "p90Ms", "p99Ms", "maxMs"].map(|name| report["phases"][phase][name].as_f64());
        assert!(p50 <= p90 && p90 <= p99 && p99 <= max && p50.is_some(), "{phase}: {report}");
    }
    let lines = lines(&results);
    let expected: BTreeSet<_> = (0..300).map(|number| format!("sim-{number:06}")).collect();
    assert_eq!((lines.len(), names(&lines)), (300, expected));
    for line in &lines {
        assert_eq!((&line["status"], &line["assignedHub"]), (&"assigned".into(), &HUB.into()));
        assert_eq!(
            (&line["tries"], &line["throttled"], &line["lost"]),
            (&1.into(), &0.into(), &0.into())
        );
        assert!(line["intendedMs"].as_f64() <= line["beganMs"].as_f64(), "{line}");
        assert!(line["beganMs"].as_f64() < line["endedMs"].as_f64(), "{line}");
    }
}

#[test]
fn a_wait_of_a_second_that_the_service_asks_for_is_in_the_phase_of_waits() {
    let machine = Machine::new();
    let _serve = machine.serve_without_events(&["--retry-after", "1s"]);
    let results = machine.path("results.jsonl");

    let flags = ["--count", "100", "--start", "boot-storm", "--results", results.to_str().unwrap()];
    let report = fleet(&machine, &flags).assert_exit(0).json();

    assert!(report["phases"]["waiting"]["p50Ms"].as_f64().unwrap() >= 1000.0, "{report}");
    for line in lines(&results) {
        let phase = |name: &str| line["phases"][name].as_f64().unwrap();
        // On a busy machine some of the second goes by before the wait is noted, and counts as register.
        assert!(phase("waitingMs") >= 900.0, "{line}");
        assert!(phase("waitingMs") + phase("registerMs") >= 1000.0, "{line}");
        assert!(phase("assignedMs") >= phase("waitingMs") + phase("tlsMs"), "{line}");
        assert_eq!(line["intendedMs"], 0.0, "all were meant to begin at once: {line}");
    }
}

#[test]
fn h_3_a_fleet_that_is_throttled_is_assigned_in_the_end() {
    let machine = Machine::new();
    let _serve = quick(&machine, &["--quota", "registrations=20/1s"]);
    let results = machine.path("results.jsonl");

    let flags = ["--count", "80", "--concurrency", "50", "--results", results.to_str().unwrap()];
    let ran = fleet(&machine, &flags).assert_exit(0);

    assert_eq!(ran.json()["assigned"], 80);
    // 20 in any second, which any machine can: the last of 80 cannot be taken before the third has gone by.
    assert!(ran.json()["elapsedSeconds"].as_f64().unwrap() >= 3.0, "{ran:?}");
    assert!(ran.stderr.contains("no devices began"), "{ran:?}");
    let throttled: Vec<_> =
        lines(&results).into_iter().filter(|line| line["throttled"] != 0).collect();
    assert!(!throttled.is_empty() && throttled.len() < 80);
    assert!(throttled.iter().all(|line| line["phases"]["waitingMs"].as_f64().unwrap() > 0.0));
}

#[test]
fn a_device_that_is_refused_counts_by_its_code_and_makes_the_exit_code_5() {
    let machine = Machine::new();
    let _serve = quick(&machine, &[]);
    let list = "registrationId,deviceKey,expectedHub\n\
                pump-1,,\n\
                pump-2,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,\n\
                pump-3,,other.azure-devices.net\n\
                pump-4,,CONTOSO-toasters-hub-1098.azure-devices.net\n";
    let list = machine.file("list.csv", list);
    let results = machine.path("results.jsonl");
    let flags = ["--reg-ids", list.to_str().unwrap(), "--results", results.to_str().unwrap()];

    let report = fleet(&machine, &flags).assert_exit(5).json();

    assert_eq!((&report["devices"], &report["assigned"]), (&4.into(), &2.into()));
    let lines = lines(&results);
    let line = |id: &str| lines.iter().find(|line| line["registrationId"] == id).unwrap();
    assert_eq!(line("pump-2")["code"], "401000", "{lines:?}");
    assert_eq!(line("pump-3")["code"], "other-hub", "{lines:?}");
    assert_eq!(report["outcomes"].to_string().matches("401000").count(), 1, "{report}");
    fleet(&machine, &[&flags[..], &["--fail-if", "failed>50%"]].concat()).assert_exit(0);
    fleet(&machine, &[&flags[..], &["--fail-if", "failed>49%"]].concat()).assert_exit(5);
}

/// J-231, J-237: without a key, `--local` has that of the group that lets each device in.
#[test]
fn a_mixed_fleet_passes_where_its_list_expects_the_failures() {
    let machine = Machine::new();
    let _serve = quick(&machine, &[]);
    let list = machine.file(
        "list.csv",
        "registrationId,expectedErrorCode\n\
         contoso-toaster-1,\n\
         contoso-heatpump-2,400207\n\
         pump-3,\n",
    );
    let results = machine.path("results.jsonl");
    let flags = ["--reg-ids", list.to_str().unwrap(), "--results", results.to_str().unwrap()];

    let report = fleet(&machine, &flags).assert_exit(0).json();

    assert_eq!((&report["assigned"], &report["failed"]), (&2.into(), &0.into()), "{report}");
    assert_eq!(report["refused"], 1);
    assert_eq!(report["expected"], serde_json::json!({ "400207": 1 }));
    let told = lines(&results);
    let line = |id: &str| told.iter().find(|line| line["registrationId"] == id).unwrap();
    assert_eq!(line("contoso-toaster-1")["status"], "assigned");
    assert_eq!(line("contoso-heatpump-2")["status"], "refused");
    assert_eq!(line("contoso-heatpump-2")["code"], "400207");
    fleet(&machine, &[&flags[..], &["--fail-if", "failed>0"]].concat()).assert_exit(0);

    machine.file("list.csv", "registrationId,expectedErrorCode\npump-3,400207\n");
    let other = fleet(&machine, &flags).assert_exit(5).json();
    assert_eq!(other["outcomes"]["not-refused"], 1, "{other}");
}

/// J-232.
#[test]
fn devices_of_a_pattern_have_keys_of_their_own_in_files() {
    let machine = Machine::new();
    let _serve = quick(&machine, &[]);
    let group: GroupKey = SIMULATED_KEY.parse().unwrap();
    for number in 0..3 {
        let key = group.derive(&format!("pump-{number}").parse().unwrap()).to_base64();
        machine.file(&format!("pump-{number}.key"), &key);
    }
    let file = |name: &str| format!("@{}", machine.path(name).display());
    let run = |count: &str, key: &str| {
        let flags = ["--count", count, "--reg-id-pattern", "pump-{n}", "--device-key", key];
        fleet(&machine, &flags)
    };

    assert_eq!(run("3", &file("{reg_id}.key")).assert_exit(0).json()["assigned"], 3);
    assert_eq!(run("3", &file("pump-{n}.key")).assert_exit(0).json()["assigned"], 3);
    let fourth = run("4", &file("{reg_id}.key")).assert_exit(5).json();
    assert_eq!(fourth["outcomes"]["input"], 1, "{fourth}");
    assert!(fourth["examples"]["input"].to_string().contains("pump-3.key: cannot be read"));
    for (key, said) in [
        (file("none/{reg_id}.key"), "pump-0.key: cannot be read"),
        (file("pump-0.key"), "all devices would have the same file"),
        ("s3cret==".to_owned(), "expected the name of a file"),
    ] {
        let ran = run("3", &key).assert_exit(2);
        assert!(ran.stdout.contains(said), "{ran:?}");
    }
}

/// J-233.
#[test]
fn the_report_says_what_was_run_without_the_key() {
    let machine = Machine::new();
    let serve = quick(&machine, &[]);
    let page = machine.path("report.html");
    let flags = ["--count", "2", "--group-key", SIMULATED_KEY, "--report", page.to_str().unwrap()];

    let report = fleet(&machine, &flags).assert_exit(0).json();

    let run = &report["runs"][0];
    let command = run["command"].as_str().unwrap();
    assert!(command.starts_with("provision-sim fleet --local -o json --count 2 --group-key **** "));
    assert_eq!(run["service"], serve.mqtt(), "{run}");
    assert_eq!((&run["idScope"], &run["transport"]), (&"0ne00002193".into(), &"mqtt".into()));
    assert!(run["program"].as_str().unwrap().starts_with("provision-sim "), "{run}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(&format!("{}, ", run["began"].as_str().unwrap())), "{page}");
    assert!(!page.contains(SIMULATED_KEY) && !report.to_string().contains(SIMULATED_KEY));
}

/// J-234.
#[test]
fn nobody_is_late_where_all_begin_at_once_by_order() {
    let machine = Machine::new();
    let _serve = quick(&machine, &[]);

    for flags in [&["--concurrency", "60"][..], &["--start", "boot-storm"]] {
        let report = fleet(&machine, &[&["--count", "60"], flags].concat()).assert_exit(0).json();
        let generator = &report["generator"];
        // The first does not know yet that others begin with it.
        assert!(generator["lateStarts"].as_u64().unwrap() <= 1, "{generator}");
        assert!(generator["steadyLagMs"].as_f64() <= generator["maxLagMs"].as_f64());
    }
}

#[test]
fn j_160_shards_share_the_devices_without_talking_to_each_other() {
    let machine = Machine::new();
    let _serve = quick(&machine, &[]);
    let mut all = BTreeSet::new();
    let mut devices = 0;

    for index in 0..3 {
        let results = machine.path(&format!("results-{index}.jsonl"));
        let path = results.to_str().unwrap();
        let arguments = ["fleet", "--local", "--count", "40", "--results", path];
        let index = index.to_string();
        let variables = [("JOB_COMPLETION_INDEX", index.as_str()), ("JOB_COMPLETIONS", "3")];
        machine.run_with(&arguments, &variables, "").assert_exit(0);
        let lines = lines(&results);
        devices += lines.len();
        all.extend(names(&lines));
    }

    assert_eq!((devices, all.len()), (40, 40));
}

/// The manifest of `fixtures/kubernetes`, as a pod runs it that finds no service.
#[test]
fn j_160_the_job_of_kubernetes_says_what_the_command_understands() {
    let machine = Machine::new();
    let key = machine.file("group.key", TUTORIAL_KEY);
    let key = format!("--group-key=@{}", key.display());
    let manifest = include_str!("../../../fixtures/kubernetes/fleet-job.yaml");
    let arguments = manifest.lines().map(str::trim).skip_while(|line| *line != "args:").skip(1);
    let arguments = arguments.take_while(|line| line.starts_with(['-', '#']));
    let mut arguments: Vec<_> = arguments
        .filter_map(|line| line.strip_prefix("- "))
        .map(|argument| match argument.split_once('=') {
            Some(("--count", _)) => "--count=40".to_owned(),
            Some(("--group-key", path)) if path.starts_with('@') => key.clone(),
            _ => argument.replace("$(JOB_COMPLETION_INDEX)", "3"),
        })
        .collect();
    arguments.extend(["--host=127.0.0.1:1", "--timeout=1s"].map(str::to_owned));
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();

    let ran = machine.run_with(&arguments, &[("JOB_COMPLETION_INDEX", "3")], "").assert_exit(0);

    assert!(arguments.contains(&key.as_str()) && arguments.contains(&"--shard=3/10"));
    assert_eq!(
        ran.json()["outcomes"],
        serde_json::json!({ "assigned": 0, "connect": 4 }),
        "a tenth of the devices"
    );
    assert_eq!((ran.stdout.lines().count(), ran.stderr.as_str()), (1, ""), "a line for the log");
}

#[test]
fn lists_bring_payloads_and_come_from_standard_input_too() {
    let machine = Machine::new();
    let _serve = machine.serve_without_events(&["--retry-after", "0s"]);
    let list = "{\"registrationId\":\"contoso-toaster-1\"}\n\
                {\"registrationId\":\"contoso-heatpump-2\",\"payload\":{\"a\":1}}\n\
                {\"registrationId\":\"contoso-toaster-3\"}\n";
    let arguments =
        ["fleet", "--local", "-o", "jsonl", "--reg-ids", "-", "--group-key", TUTORIAL_KEY];
    let flags = ["--payload", "{\"id\":\"{reg_id}\",\"n\":{n}}", "--rate", "50/s"];

    let ran = machine.run_with(&[&arguments[..], &flags].concat(), &[], list).assert_exit(5);

    let lines: Vec<Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let device = |id: &str| lines.iter().find(|line| line["registrationId"] == id).unwrap();
    assert_eq!(lines.len(), 4, "{ran:?}");
    assert_eq!(device("contoso-toaster-1")["status"], "assigned");
    assert_eq!(device("contoso-heatpump-2")["code"], "400207");
    assert_eq!(device("contoso-toaster-3")["intendedMs"], 40.0);
    assert_eq!((&lines[3]["event"], &lines[3]["failed"]), (&"report".into(), &1.into()));
}

#[test]
fn a_list_that_is_wrong_further_down_is_refused_before_anything_is_sent() {
    let machine = Machine::new();
    let _serve = quick(&machine, &[]);
    let list = machine.file("list.txt", "pump-1\n\npump 2\n");

    let ran = machine.run(&["fleet", "--local", "--reg-ids", list.to_str().unwrap()]);

    let ran = ran.assert_exit(2);
    assert!(ran.stderr.contains("list.txt, line 3: \"pump 2\" is no registration ID"), "{ran:?}");
    let streamed = machine
        .run_with(&["fleet", "--local", "-o", "json", "--reg-ids", "-"], &[], "pump-1\n\npump 2\n")
        .assert_exit(2);
    let report: Value = serde_json::from_str(streamed.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(report["assigned"], 1, "{streamed:?}");
    assert!(streamed.stdout.contains("--reg-ids: standard input, line 3: "), "{streamed:?}");
}

#[test]
fn what_cannot_work_is_refused_with_a_remedy() {
    let machine = Machine::new();
    let _serve = quick(&machine, &[]);
    let empty = machine.file("empty.txt", "\n");

    for (flags, said) in [
        (&["--count", "5", "--reg-id-pattern", "pump"][..], "it has no {n}"),
        (&["--count", "5", "--payload", "{"], "--payload: for sim-000000 it makes not valid JSON"),
        (&["--count", "5", "--source", "192.0.2.1"], "cannot connect from 192.0.2.1"),
        (&["--count", "5", "--shard", "5/5"], "there is no shard 5 of 5"),
        (&["--count", "5", "--results", "/nonexistent/a"], "cannot write /nonexistent/a"),
        (&["--count", "5", "--report", "/nonexistent/a"], "cannot write /nonexistent/a"),
        (&["--count", "5", "--rate", "fast"], "expected DEVICES/TIME"),
        (&["--count", "5", "--group-key", "-", "--payload", "-"], "cannot both be read"),
        (&["--reg-ids", empty.to_str().unwrap()], "names no device"),
        (&["--reg-ids", "-", "--rounds", "2"], "can be read once only"),
        (&["--reg-ids", "-", "--start", "random:1m"], "must be known beforehand"),
        (&[], "--count"),
    ] {
        let ran = machine.run(&[&["fleet", "--local"], flags].concat()).assert_exit(2);
        assert!(ran.stderr.contains(said), "{flags:?}: {ran:?}");
    }
    let azure = machine.run(&["fleet", "--id-scope", "0ne00012345", "--count", "5"]).assert_exit(2);
    assert!(azure.stderr.contains("no credential for sim-000000: give --group-key"), "{azure:?}");
}

#[test]
fn j_164_a_device_that_finds_no_service_tries_again_to_its_deadline_unless_it_cannot_help() {
    let machine = Machine::new();
    let serve = quick(&machine, &[]);
    let address = serve.mqtt().to_owned();
    let other = machine.path("other-ca");
    let own = ["fleet", "--id-scope", "0ne00002193", "--group-key", TUTORIAL_KEY, "-o", "json"];
    let ca = serve.ca_file().to_str().unwrap().to_owned();
    let results = machine.path("results.jsonl");
    let flags = ["--count", "2", "--results", results.to_str().unwrap()];
    let pki = machine.run(&["pki", "--out", other.to_str().unwrap()]).assert_exit(0);
    let untrusted = other.join("root-cert.pem");
    assert!(untrusted.exists(), "{pki:?}");

    let trust = ["--host", &address, "--ca-file", untrusted.to_str().unwrap()];
    machine.run(&[&own[..], &flags, &trust].concat()).assert_exit(5);
    for line in lines(&results) {
        assert_eq!((&line["code"], &line["tries"]), (&"tls".into(), &1.into()), "{line}");
    }

    serve.end();
    let gone = ["--host", &address, "--ca-file", &ca, "--timeout", "2s"];
    machine.run(&[&own[..], &flags, &gone].concat()).assert_exit(5);
    for line in lines(&results) {
        assert_eq!(line["code"], "connect", "{line}");
        assert!(line["tries"].as_u64().unwrap() > 1, "{line}");
        assert!(line["phases"]["waitingMs"].as_f64().unwrap() >= 250.0, "{line}");
    }
}

#[test]
fn d_5_certificates_are_made_for_each_device_by_a_test_ca_or_stand_in_the_list() {
    let machine = Machine::new();
    let out = machine.path("pki");
    machine.run(&["pki", "--out", out.to_str().unwrap()]).assert_exit(0);
    let root = std::fs::read_to_string(out.join("root-cert.pem")).unwrap();
    let world = format!(
        "idScope = \"0ne00002193\"\nlinkedHubs = [\"{HUB}\"]\n\
         [[enrollmentGroups]]\nenrollmentGroupId = \"by-certificate\"\n\
         [enrollmentGroups.attestation]\ntype = \"x509\"\n\
         x509.signingCertificates.primary.certificate = \"\"\"\n{root}\"\"\"\n\
         [[certificates]]\nname = \"root\"\ncertificate = \"\"\"\n{root}\"\"\"\n"
    );
    let config = machine.file("config.toml", &world);
    let _serve = quick(&machine, &["--config", config.to_str().unwrap()]);

    let (ca, key) = (out.join("intermediate-cert.pem"), out.join("intermediate-key.pem"));
    let authority = ["--test-ca", ca.to_str().unwrap(), "--test-ca-key", key.to_str().unwrap()];
    let report =
        fleet(&machine, &[&["--count", "20"], &authority[..]].concat()).assert_exit(0).json();

    assert_eq!(report["assigned"], 20);
    // Or each brings its own, in a file beside the list.
    let signing = |path: &Path| std::fs::read_to_string(path).unwrap();
    let authority = TestAuthority::from_pem(signing(&ca), signing(&key)).unwrap();
    let mut list = "registrationId,certificate,certificateKey\n".to_owned();
    for id in ["pump-1", "pump-2"] {
        let made = authority.device(id, Validity::TenYears).unwrap();
        machine.file(&format!("{id}.pem"), made.chain_pem());
        machine.file(&format!("{id}.key"), &made.key_pem());
        list += &format!("{id},{id}.pem,{id}.key\n");
    }
    let path = machine.file("list.csv", &list);
    let report = fleet(&machine, &["--reg-ids", path.to_str().unwrap()]).assert_exit(0).json();
    assert_eq!(report["assigned"], 2);
    // Or in files whose names a pattern makes (J-232).
    let names = machine.file("names.txt", "pump-1\npump-2\n");
    let [cert, key] = ["{reg_id}.pem", "{reg_id}.key"].map(|name| machine.path(name));
    let pattern = ["--cert", cert.to_str().unwrap(), "--cert-key", key.to_str().unwrap()];
    let flags = [&["--reg-ids", names.to_str().unwrap()], &pattern[..]].concat();
    assert_eq!(fleet(&machine, &flags).assert_exit(0).json()["assigned"], 2);
    machine.file("list.csv", &list.replace("pump-2.key", "pump-1.key"));
    let refused = fleet(&machine, &["--reg-ids", path.to_str().unwrap()]).assert_exit(2);
    assert!(refused.stdout.contains("list.csv, line 3: certificate: "), "{refused:?}");
}

#[test]
fn other_ways_and_addresses_lead_there_too() {
    let machine = Machine::new();
    let _serve = quick(&machine, &[]);

    for flags in [
        &["--transport", "https"][..],
        &["--transport", "mqtt-ws"],
        &["--transport", "amqp"],
        &["--transport", "amqp-ws"],
        &["--tls-resume"],
        #[cfg(target_os = "linux")]
        &["--source", "127.0.0.2-127.0.0.4", "--source", "127.0.0.9"],
    ] {
        let report = fleet(&machine, &[&["--count", "20"], flags].concat()).assert_exit(0).json();
        assert_eq!(report["assigned"], 20, "{flags:?}");
    }
}

/// J-166.
#[test]
fn rounds_go_through_the_devices_again_and_the_duration_ends_the_launches() {
    let machine = Machine::new();
    let _serve = quick(&machine, &[]);

    let rounds = fleet(&machine, &["--count", "10", "--rounds", "5"]).assert_exit(0).json();
    assert_eq!((&rounds["devices"], &rounds["assigned"]), (&50.into(), &50.into()));

    let stages = ["--stage", "100ms:50/s", "--stage", "1h:1/h", "--duration", "2s"];
    let cut = fleet(&machine, &[&["--count", "1000"], &stages[..]].concat()).assert_exit(0).json();
    assert_eq!(cut["assigned"], 6, "five in the first stage, one at the beginning of the second");
}

/// J-166.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_launches_and_everything_is_still_written() {
    use std::process::{Command, Stdio};
    let machine = Machine::new();
    let _serve = machine.serve_without_events(&["--retry-after", "1s"]);
    let (results, page) = (machine.path("results.jsonl"), machine.path("report.html"));
    let mut child = machine
        .command()
        .args(["fleet", "--local", "--count", "100000", "--rate", "50/s", "-o", "jsonl"])
        .args(["--results".as_ref(), results.as_os_str(), "--report".as_ref(), page.as_os_str()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id().to_string();
    // The first result comes a second after the first device has begun; by then others are open.
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut output = String::new();
    std::io::BufRead::read_line(&mut stdout, &mut output).unwrap();

    let status = Command::new("kill").args(["-s", "INT", &id]).status().unwrap();
    std::io::Read::read_to_string(&mut stdout, &mut output).unwrap();
    let ended = child.wait().unwrap();

    assert!(status.success());
    assert_eq!(ended.code(), Some(5), "not all were assigned");
    let events: Vec<Value> =
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let report = events.last().unwrap();
    let devices = lines(&results);
    assert_eq!(report["event"], "report");
    assert_eq!(report["devices"], devices.len());
    assert_eq!(report["failed"], 0, "the open ones ended: {report}");
    assert!(devices.len() > 1 && devices.len() < 100_000);
    assert!(std::fs::read_to_string(&page).unwrap().contains("<!doctype html>"));
}
