//! `tpm show`, and devices with a TPM, as a user runs them.

use std::net::TcpListener;

use provision_sim::attestation::TpmPublic;
use serde_json::Value;

use crate::support::cli::{Machine, Ran, Serve, TUTORIAL_KEY};
use crate::support::tpm::{ScriptedTpm, Swtpm};

/// What the configuration has besides the enrollment.
const INSTANCE: &str = "idScope = \"0ne00002193\"\nlinkedHubs = [\"a.azure-devices.net\"]\n";

fn shown(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

#[test]
fn j_429_a_tpm_in_a_file_is_made_shown_and_the_same_one_later() {
    let machine = Machine::new();
    let path = machine.path("pump.tpm");
    let arguments = ["tpm", "show", "--tpm-state", path.to_str().unwrap()];

    let first = machine.run(&arguments).assert_exit(0);
    let again = machine.run(&[&arguments[..], &["-o", "json"]].concat()).assert_exit(0);

    assert_eq!(first.stderr, "a new TPM; its keys are in the file\n");
    assert_eq!(again.stderr, "");
    let shown = shown(&again);
    let text = |member: &str| shown[member].as_str().unwrap().to_owned();
    let key = TpmPublic::from_base64(&text("endorsementKey")).unwrap();
    assert_eq!(text("registrationId"), key.registration_id().as_str());
    assert_eq!(shown["enrollment"]["attestation"]["tpm"]["endorsementKey"], text("endorsementKey"));
    let lines: Vec<_> = first.stdout.lines().collect();
    assert_eq!(lines[0], format!("Registration ID:   {}", text("registrationId")));
    assert_eq!(lines[1], format!("Endorsement key:   {}", text("endorsementKey")));
    assert_eq!(lines[2], format!("Storage root key:  {}", text("storageRootKey")));
    assert!(first.stdout.contains(&text("enrollmentToml")), "{}", first.stdout);
    assert!(first.stdout.contains(&text("command")), "{}", first.stdout);
}

#[test]
fn what_is_shown_enrolls_the_tpm_in_each_form() {
    let machine = Machine::new();
    let path = machine.path("pump.tpm");
    let path = path.to_str().unwrap();
    let show = |id: &str| {
        let arguments = ["tpm", "show", "--tpm-state", path, "--reg-id", id, "-o", "json"];
        shown(&machine.run(&arguments).assert_exit(0))
    };
    let toml = show("pump-1")["enrollmentToml"].as_str().unwrap().to_owned();
    let config = machine.file("dps.toml", &format!("{INSTANCE}\n{toml}"));
    let _serve = machine.serve(&["--config", config.to_str().unwrap()]);

    let by_command = show("pump-2");
    let words: Vec<_> = by_command["command"].as_str().unwrap().split(' ').skip(1).collect();
    let created = machine.run(&[&words[..], &["--local", "-o", "json"]].concat()).assert_exit(0);

    assert_eq!(self::shown(&created)["attestation"], by_command["enrollment"]["attestation"]);
    for id in ["pump-1", "pump-2"] {
        let found = ["enrollment", "show", "--enrollment-id", id, "--local", "-o", "json"];
        let found = self::shown(&machine.run(&found).assert_exit(0));
        assert_eq!(
            found["attestation"]["tpm"]["endorsementKey"], by_command["endorsementKey"],
            "{id}"
        );
    }
}

#[test]
fn what_names_no_tpm_is_told_before_anything_is_sent() {
    let machine = Machine::new();
    let no_tpm = machine.file("no.tpm", "hello");
    let nowhere = machine.path("no folder").join("pump.tpm");
    for (flags, said) in [
        (&[][..], "no TPM (--tpm-state or --tpm)"),
        (
            &["--tpm-state", "a", "--tpm", "localhost"],
            "--tpm-state and --tpm are both given; a device has one TPM",
        ),
        (&["--tpm-state", no_tpm.to_str().unwrap()], "it has no keys of a TPM"),
        (&["--tpm-state", nowhere.to_str().unwrap()], "a new TPM cannot be written"),
        (&["--tpm-state", "."], "it is no regular file"),
        (&["--tpm", "localhost:99999"], "invalid value 'localhost:99999'"),
    ] {
        let ran = machine.run(&[&["tpm", "show"], flags].concat()).assert_exit(2);
        assert!(ran.stderr.contains(said), "{flags:?}: {}", ran.stderr);
    }
    assert!(!machine.path("a").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn j_425_who_is_no_tpm_at_an_address_is_told_what_it_said() {
    let machine = Machine::new();
    let show = |address: String| {
        let ran = machine.run(&["tpm", "show", "--tpm", &address]).assert_exit(4);
        assert!(ran.stdout.is_empty(), "{ran:?}");
        ran.stderr
    };
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let http = ScriptedTpm::stranger(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n")).await;

    let refused = show(nobody.to_string());
    let stranger = show(http.address().to_string());

    assert!(refused.contains(&format!("--tpm: {nobody}: ")), "{refused}");
    assert!(refused.contains("is it running?") && refused.contains("swtpm socket"), "{refused}");
    assert!(stranger.contains("its answer is none of a TPM"), "{stranger}");
}

#[tokio::test(flavor = "multi_thread")]
async fn j_427_a_real_software_tpm_is_shown_the_same_each_time() {
    let Some(swtpm) = Swtpm::start().await else { return };
    let machine = Machine::new();
    let address = swtpm.address().to_string();

    let [one, other] = [(); 2].map(|()| {
        let ran = machine.run(&["tpm", "show", "--tpm", &address, "-o", "json"]);
        shown(&ran.assert_exit(0))
    });

    assert_eq!(one, other);
    TpmPublic::from_base64(one["storageRootKey"].as_str().unwrap()).unwrap();
}

/// A machine with a service at which the TPM of a file is enrolled, as the registration ID that goes with it.
struct Desk {
    machine: Machine,
    path: String,
    id: String,
    _serve: Serve,
}

impl Desk {
    fn new() -> Self {
        let machine = Machine::new();
        let path = machine.path("pump.tpm").to_str().unwrap().to_owned();
        let show = ["tpm", "show", "--tpm-state", &path, "-o", "json"];
        let tpm = shown(&machine.run(&show).assert_exit(0));
        let toml = tpm["enrollmentToml"].as_str().unwrap();
        let config = machine.file("dps.toml", &format!("{INSTANCE}\n{toml}"));
        let _serve = machine.serve(&["--config", config.to_str().unwrap(), "--retry-after", "0s"]);
        let id = tpm["registrationId"].as_str().unwrap().to_owned();
        Self { machine, path, id, _serve }
    }

    fn run(&self, command: &str, more: &[&str]) -> Ran {
        let base = [command, "--local", "--tpm-state", &self.path];
        self.machine.run(&[&base[..], more].concat())
    }
}

#[test]
fn b_5_a_device_with_a_tpm_registers_and_goes_to_its_hub() {
    let desk = Desk::new();

    let registered = desk.run("register", &["--connect"]).assert_exit(0);
    let over_amqp = desk.run("register", &["--transport", "amqp", "--connect"]).assert_exit(0);
    let status = desk.run("status", &["-o", "json"]).assert_exit(0);
    let diagnosed = desk.run("diagnose", &[]).assert_exit(0);

    let id = &desk.id;
    let told = format!(
        "as {id}, the hash of the TPM's key (another: --reg-id ID)\n\
         over https, as there is none for TPMs over MQTT (another: --transport amqp)\n"
    );
    assert!(registered.stderr.starts_with(&told), "{}", registered.stderr);
    assert!(registered.stdout.contains("a.azure-devices.net"), "{}", registered.stdout);
    assert!(!over_amqp.stderr.contains("over https"), "{}", over_amqp.stderr);
    assert_eq!(shown(&status)["registrationId"], **id);
    assert!(diagnosed.stdout.contains("the hash of its endorsement key"), "{}", diagnosed.stdout);
}

#[test]
fn b_5_another_registration_id_than_the_own_one_is_another_device() {
    let desk = Desk::new();

    let refused = desk.run("register", &["--reg-id", "pump-0042"]).assert_exit(5);

    assert!(refused.stderr.contains("404201"), "{}", refused.stderr);
}

#[test]
fn what_does_not_go_with_a_tpm_is_refused_before_anything_is_sent() {
    let machine = Machine::new();
    let base = ["register", "--host", "127.0.0.1:1", "--id-scope", "0ne1"];
    let path = machine.path("pump.tpm").to_str().unwrap().to_owned();
    let tpm = ["--tpm-state", &path];
    for (flags, said) in [
        (&["--device-key", TUTORIAL_KEY][..], "--device-key and --tpm-state are both given"),
        (&["--group-key", TUTORIAL_KEY], "--group-key and --tpm-state are both given"),
        (&["--cert", "pump.pem"], "--cert and --tpm-state are both given"),
        (&["--tpm", "localhost"], "--tpm-state and --tpm are both given"),
        (&["--transport", "mqtt"], "a device with a TPM cannot prove itself over mqtt"),
        (&["--transport", "mqtt-ws"], "give --transport https, amqp, amqp-ws or auto"),
    ] {
        let ran = machine.run(&[&base[..], &tpm, flags].concat()).assert_exit(2);
        assert!(ran.stderr.contains(said), "{flags:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{flags:?}: {}", ran.stdout);
    }
    let none = machine.run(&[&base[..], &["--reg-id", "pump-0042"]].concat()).assert_exit(2);
    assert!(none.stderr.contains("--tpm-state or --tpm)"), "{}", none.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn b_5_a_device_with_a_real_software_tpm_registers_and_goes_to_its_hub() {
    let Some(swtpm) = Swtpm::start().await else { return };
    let desk = Desk::new();
    let address = swtpm.address().to_string();
    let tpm = ["--tpm", &address];
    let show = desk.machine.run(&[&["tpm", "show", "-o", "json"], &tpm[..]].concat());
    let command = shown(&show.assert_exit(0))["command"].as_str().unwrap().to_owned();
    let words: Vec<_> = command.split(' ').skip(1).chain(["--local"]).collect();
    desk.machine.run(&words).assert_exit(0);

    for transport in ["https", "amqp", "auto"] {
        let more = ["register", "--local", "--connect", "--transport", transport];
        let ran = desk.machine.run(&[&more[..], &tpm].concat()).assert_exit(0);
        assert!(ran.stdout.contains("a.azure-devices.net"), "{transport}: {}", ran.stdout);
    }
}
