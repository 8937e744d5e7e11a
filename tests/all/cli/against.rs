//! `run --against`: scenarios at a service that is there already, which is left as it was.
//!
//! The second instance is reached as one on Azure is: by its host name, an ID scope, a CA and a connection
//! string. Nothing of it is on the machine that plays.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::cli::{HUB, Machine, Ran, Serve, get};

const SCENARIO: &str = "fixtures/contoso/scenario.toml";
const NAME: &str = "second.azure-devices-provisioning.net";
const SCOPE: &str = "0ne00002193";
const HERE: &str = "http://127.0.0.1:{port}";

/// A service of the default world, and a machine that knows nothing of it but what it is told.
struct Second {
    serve: Serve,
    _there: Machine,
    here: Machine,
    flags: Vec<String>,
}

/// All that a service has: records with their keys, registrations, and devices on hubs.
#[derive(Debug, PartialEq)]
struct Had([Value; 4]);

impl Second {
    fn new(arguments: &[&str]) -> Self {
        let (there, here) = (Machine::new(), Machine::new());
        let quick = ["--retry-after", "0s"];
        let serve = there.serve_without_events(&[&quick, arguments].concat());
        let [mqtt, https] = [serve.mqtt(), serve.https()];
        let text = serve.ready["serviceConnectionString"].as_str().unwrap();
        let (_, key) = text.split_once("SharedAccessKey=").unwrap();
        let string = |host: &str, policy: &str| {
            format!("HostName={host};SharedAccessKeyName={policy};SharedAccessKey={key}\n")
        };
        let dps = here.file("dps.txt", &string(NAME, "provisioningserviceowner"));
        let hubs = here.file("hubs.txt", &string(HUB, "iothubowner"));
        let mut flags = vec![
            "--against".to_owned(),
            "azure".to_owned(),
            format!("--connection-string=@{}", dps.display()),
            format!("--hub-connection-string=@{}", hubs.display()),
            format!("--ca-file={}", serve.ca_file().display()),
            format!("--id-scope={SCOPE}"),
        ];
        let global = "global.azure-devices-provisioning.net";
        for rule in [
            format!("{NAME}:443:{https}"),
            format!("{global}:8883:{mqtt}"),
            format!("{global}:443:{https}"),
            format!("{HUB}:8883:{mqtt}"),
            format!("{HUB}:443:{https}"),
        ] {
            flags.push(format!("--connect-to={rule}"));
        }
        Self { serve, _there: there, here, flags }
    }

    fn with_functions(mut self) -> Self {
        self.flags.push(format!("--function-url={HERE}"));
        self
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["run"];
        arguments.extend(self.flags.iter().map(String::as_str));
        arguments.extend(more);
        arguments
    }

    fn run(&self, more: &[&str]) -> Ran {
        self.here.run(&self.arguments(more))
    }

    fn scenario(&self, text: &str) -> String {
        self.here.file("scenario.toml", text).display().to_string()
    }

    /// Asked behind the back of whoever plays.
    fn has(&self) -> Had {
        let admin = self.serve.ready["admin"].as_str().unwrap();
        let text = self.serve.ready["serviceConnectionString"].as_str().unwrap();
        let ca = format!("--ca-file={}", self.serve.ca_file().display());
        let export = self.here.run(&["export", "-l", text, &ca, "-"]).assert_exit(0).json();
        let [groups, enrollments] =
            ["enrollmentGroups", "enrollments"].map(|it| export[it].clone());
        Had([groups, enrollments, get(admin, "/registrations"), get(admin, "/twins")])
    }

    /// Begins to play, and is given up when the output has this line.
    #[cfg(unix)]
    fn begin(&self, scenario: &str, until: &str) -> Running {
        let mut command = self.here.command();
        command.args(self.arguments(&[scenario])).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains(until) {
            line.clear();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "no line has {until:?}");
        }
        Running(child)
    }
}

/// A process that is not left behind.
struct Running(Child);

#[cfg(unix)]
impl Running {
    fn send(&self, signal: &str) {
        let process = self.0.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &process]).status().unwrap().success());
    }

    /// Its exit code, if no signal has ended it, and what it said besides.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        let mut stderr = self.0.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
        (self.0.wait().unwrap().code(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// J-290, J-292, J-293.
#[test]
fn the_tutorial_passes_at_a_second_instance_and_leaves_nothing_behind() {
    let second = Second::new(&[]).with_functions();
    let before = second.has();

    let ran = second.run(&[SCENARIO]).assert_exit(0);

    let here = Machine::new().run(&["run", SCENARIO]).assert_exit(0);
    let verdicts = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with("PASS ")).map(str::to_owned).collect()
    };
    assert_eq!(verdicts(&ran.stdout), verdicts(&here.stdout), "as at a service of its own");
    assert_eq!(ran.stdout.lines().last(), here.stdout.lines().last());
    assert!(ran.stderr.contains(&format!("at {NAME}, all names begin with ps-")), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("removed from {NAME}: ")), "{}", ran.stderr);
    assert_eq!(second.has(), before);
}

const STEPS: &str = r#"
[service]
idScope = "0ne00002193"
linkedHubs = ["contoso-toasters-hub-1098.azure-devices.net"]

[[service.enrollmentGroups]]
enrollmentGroupId = "pumps"
allocationPolicy = "custom"
iotHubs = ["contoso-toasters-hub-1098.azure-devices.net"]
attestation.type = "symmetricKey"
initialTwin = { tags = { site = "a" }, properties = { desired = { level = 1 } } }
customAllocationDefinition = { webhookUrl = "function:allocate", apiVersion = "2021-10-01" }

[[service.enrollments]]
registrationId = "boiler-1"
deviceId = "boiler"
attestation.type = "symmetricKey"

[[function]]
name = "allocate"
answers = [
    { when = { registrationId = "pump-*", enrollment = "pumps" }, hub = "contoso-toasters-hub-1098.azure-devices.net", payload = { hello = "pump" } },
]

[[device]]
registrationId = "pump-1"
group = "pumps"
expect = { status = "assigned", deviceId = "pump-1", payload = { hello = "pump" } }

[[device]]
registrationId = "boiler-1"
transport = "https"
expect = { status = "assigned", deviceId = "boiler" }

[[step]]
register = ["pump-1", "boiler-1"]

[[step]]
connect = "pump-1"

[[step]]
report = "pump-1"
properties = { fw = "1.0" }

[[step]]
name = "change the twin"
twin = "pump-1"
desired = { level = 2 }
expect = { tags = { site = "a" }, desired = { level = 2 }, reported = { fw = "1.0" } }

[[step]]
fault = "poll status=503"

[[step]]
name = "one register"
journal = "pump-1"
expect = { registers = 1 }

[[step]]
enrollment = "pumps"
disable = true

[[step]]
register = "pump-1"
expect = "disabled"

[[step]]
record = "pump-1"
delete = true
"#;

/// J-290, J-291.
#[test]
fn steps_have_the_names_of_the_file_and_what_cannot_be_is_skipped_aloud() {
    let second = Second::new(&[]).with_functions();
    let before = second.has();
    let scenario = second.scenario(STEPS);

    let ran = second.run(&[&scenario]).assert_exit(0);

    for reason in [
        "poll status=503: cannot be done here: only a service of the scenario's own goes wrong as it is asked",
        "one register: cannot be done here: the service does not show its journal",
    ] {
        let is_told = |line: &&str| line.starts_with("SKIP ") && line.ends_with(reason);
        assert!(ran.stdout.lines().any(|line| is_told(&line)), "{reason}: {}", ran.stdout);
    }
    let last = ran.stdout.lines().last().unwrap();
    assert!(last.contains("2 skipped") && last.contains("0 failed"), "{last}");
    assert_eq!(second.has(), before);

    let strict = second.scenario(&format!("onAzure = \"fail\"\n{STEPS}"));
    let ran = second.run(&[&strict]).assert_exit(5);
    assert!(ran.stdout.contains("FAIL "), "{}", ran.stdout);
    assert_eq!(second.has(), before, "after a step that failed too");
}

/// J-293.
#[test]
fn a_function_that_the_service_cannot_call_is_told_and_its_devices_are_skipped() {
    let second = Second::new(&[]);
    let before = second.has();

    let ran = second.run(&[SCENARIO]).assert_exit(0);

    let why = "is on this machine, where the service cannot call it";
    assert!(ran.stdout.contains(why) && !ran.stdout.contains("PASS"), "{}", ran.stdout);
    assert!(ran.stdout.lines().last().unwrap().contains("3 skipped"), "{}", ran.stdout);
    assert_eq!(second.has(), before);
}

#[test]
fn a_device_that_is_not_as_expected_fails_and_nothing_is_left() {
    let second = Second::new(&[]).with_functions();
    let before = second.has();
    let text = std::fs::read_to_string(SCENARIO).unwrap().replace("400207", "400208");
    let scenario = second.scenario(&text);

    let ran = second.run(&[&scenario]).assert_exit(5);

    let verdict = "FAIL contoso-heatpump-088: expected errorCode 400208, got 400207";
    assert!(ran.stdout.contains(verdict), "{}", ran.stdout);
    assert_eq!(second.has(), before);
}

/// J-292.
#[cfg(unix)]
#[test]
fn ctrl_c_in_the_middle_leaves_nothing_behind() {
    for signal in ["INT", "TERM"] {
        let fault = "poll silence device=*heatpump*";
        let second = Second::new(&["--assigning-polls", "1", "--fault", fault]).with_functions();
        let before = second.has();
        let run = second.begin(SCENARIO, "--- contoso-heatpump-088");

        run.send(signal);
        let (exit, said) = run.end();

        assert_eq!(exit, Some(130), "{said}");
        assert!(said.contains(&format!("removed from {NAME}: ")), "{said}");
        assert_eq!(second.has(), before);
    }
}

/// J-294.
#[cfg(unix)]
#[test]
fn what_a_killed_run_has_left_is_removed_by_its_prefix() {
    let fault = "poll silence device=*heatpump*";
    let second = Second::new(&["--assigning-polls", "1", "--fault", fault]).with_functions();
    let before = second.has();
    let run = second.begin(SCENARIO, "--- contoso-heatpump-088");
    run.send("KILL");
    let (_, said) = run.end();
    let (_, rest) = said.split_once("all names begin with ").expect("it is told");
    let prefix = rest.lines().next().unwrap();
    assert_ne!(second.has(), before, "a run that is killed can tidy up nothing");

    let ran = second.run(&["--clean", prefix]).assert_exit(0);

    assert!(ran.stderr.contains(&format!("removed from {NAME}: ")), "{}", ran.stderr);
    assert_eq!(second.has(), before);
    let again = second.run(&["--clean", prefix]).assert_exit(0);
    assert!(again.stderr.contains("nothing there has a name"), "{}", again.stderr);
}

/// J-291.
#[test]
fn a_device_of_somebody_else_is_not_touched() {
    let second = Second::new(&[]);
    let key = second.here.run(&[
        "derive-key",
        "--reg-id",
        "meter-1",
        "--group-key",
        "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==",
    ]);
    let key = key.assert_exit(0).stdout;
    let host = second.serve.mqtt().to_owned();
    let ca = format!("--ca-file={}", second.serve.ca_file().display());
    let register = ["register", "--host", &host, "--id-scope", SCOPE, "--reg-id", "meter-1"];
    let credential = [&*ca, "--device-key", key.trim()];
    second.here.run(&[&register[..], &credential].concat()).assert_exit(0);
    let before = second.has();
    let scenario = second.scenario(&format!(
        "[[device]]\nregistrationId = \"meter-1\"\ndeviceKey = \"{}\"\n\
         [service]\nidScope = \"{SCOPE}\"\nlinkedHubs = [\"{HUB}\"]\n",
        key.trim()
    ));

    let ran = second.run(&[&scenario]);

    let why = "registration meter-1 is there already, and not of this run";
    assert!(ran.exit != 0 && ran.stdout.contains(why), "{ran:?}");
    assert_eq!(second.has(), before);
}

#[test]
fn h_3_a_service_that_is_busy_is_waited_for() {
    let second = Second::new(&["--quota", "operations=5/1s"]).with_functions();
    let admin = second.serve.ready["admin"].as_str().unwrap();
    // The management listener has no quota.
    let has = || [get(admin, "/registrations"), get(admin, "/twins")];
    let before = has();

    let ran = second.run(&[SCENARIO]).assert_exit(0);

    assert!(ran.stderr.contains(&format!("removed from {NAME}: ")), "{}", ran.stderr);
    assert!(ran.stderr.contains("enrollment group ps-"), "{}", ran.stderr);
    assert_eq!(has(), before);
}

#[test]
fn a_service_of_this_machine_is_named_and_needs_nothing_else() {
    let machine = Machine::new();
    let serve = machine.serve_without_events(&["--name", "ci"]);
    let admin = serve.ready["admin"].as_str().unwrap();
    let had = || [get(admin, "/registrations"), get(admin, "/twins")];
    let before = had();

    for name in ["local", "ci"] {
        let ran = machine.run(&["run", SCENARIO, "--against", name]).assert_exit(0);
        assert!(ran.stdout.contains("2 passed"), "{}", ran.stdout);
    }

    assert_eq!(had(), before);
    let none = machine.run(&["run", SCENARIO, "--against", "nobody"]).assert_exit(2);
    assert!(none.stderr.contains("no such service is running"), "{}", none.stderr);
}

#[test]
fn what_is_missing_or_wrong_is_told_before_anything_is_sent() {
    let machine = Machine::new();
    let wrong = |arguments: &[&str], told: &str| {
        let ran = machine.run(&[&["run", SCENARIO], arguments].concat()).assert_exit(2);
        assert!(ran.stderr.contains(told), "{told:?}: {}", ran.stderr);
    };
    let string = "HostName=a.azure-devices-provisioning.net;SharedAccessKeyName=p;SharedAccessKey=AAAAAAAAAAAAAAAAAAAAAA==";

    wrong(&["--against", "azure"], "give --connection-string");
    wrong(&["--against", "azure", "-l", string], "give --id-scope");
    wrong(&["--against", "azure", "-l", "s3cret"], "it has no HostName");
    wrong(&["--connection-string", string], "--against");
    wrong(&["--against", "local", "-l", string], "it tells its connection string itself");
    let hub = string.replace("azure-devices-provisioning.net", "azure-devices-provisioning.net;x");
    wrong(
        &[
            "--against",
            "azure",
            "-l",
            string,
            "--id-scope",
            "0ne1",
            "--hub-connection-string",
            &hub,
        ],
        "not of an IoT hub",
    );
    wrong(&["--against", "azure", "-l", string, "--function-url", "here"], "{port}");
    wrong(&["--against", "azure", "-l", string, "--clean", "pumps"], "ps-");
}
