//! `hub renew`: a device gets the next certificate from its hub; what may go wrong with that, and what is wrong
//! before anything is sent.

use provision_sim::pki::{TestCertificate, new_request};
use serde_json::Value;

use crate::support::cli::{HUB, Machine, Ran};
use crate::support::issuing::{Desk, ID, ISSUED};

/// A desk with another device, `heater-1`, whose certificate nobody has issued.
fn desk(serve: &[&str]) -> Desk {
    let own = TestCertificate::self_signed("heater-1").unwrap();
    let members = format!(
        r#"
            {ISSUED}
            [[enrollments]]
            registrationId = "heater-1"
            [enrollments.attestation]
            type = "x509"
            x509.clientCertificates.primary.certificate = """{}"""
        "#,
        own.pem()
    );
    let desk = Desk::with(&members, serve);
    std::fs::write(desk.path("heater.crt"), own.pem()).unwrap();
    std::fs::write(desk.path("heater.key"), own.key_pem()).unwrap();
    desk
}

/// One with a device that has registered and was issued its first certificate.
fn provisioned(serve: &[&str]) -> Desk {
    let desk = Desk::with(ISSUED, serve);
    desk.register(&["--new-key", &desk.path("pump.key")]).assert_exit(0);
    desk
}

/// With the certificate in `name.crt`, the key of which is in `name.key`.
fn renew_with(desk: &Desk, name: &str, more: &[&str]) -> Ran {
    let (cert, key) = (desk.path(&format!("{name}.crt")), desk.path(&format!("{name}.key")));
    let base = ["hub", "renew", "--local", "--hub", HUB, "--cert", &cert, "--cert-key", &key];
    desk.machine.run(&[&base[..], more].concat())
}

fn renew(desk: &Desk, more: &[&str]) -> Ran {
    renew_with(desk, "pump", more)
}

/// A device that waits in vain behind the 202 of its hub, and is still the only one to have asked. A machine that is
/// too busy to come so far soon is given more time.
fn left_waiting() -> (Desk, Ran) {
    let silence = ["--fault", "issue silence times=1"];
    let tries = ["4s", "1m"].into_iter().map(|timeout| {
        let desk = provisioned(&silence);
        let ran = renew(&desk, &["--timeout", timeout]);
        (desk, ran)
    });
    let mut waited = tries.filter(|(_, ran)| ran.stdout.contains("Request accepted"));
    waited.next().expect("a request that is accepted")
}

/// The name in `Certificate asked for, request: …`.
fn request_id(ran: &Ran) -> String {
    let (_, rest) = ran.stdout.split_once("request: ").unwrap_or_else(|| panic!("{ran:?}"));
    rest.lines().next().unwrap().to_owned()
}

#[test]
fn i_4_a_certificate_for_a_new_key_is_kept_lets_the_device_in_and_asks_for_the_next_one() {
    let desk = provisioned(&[]);
    let first = desk.text("pump.crt");
    for (transport, by) in [("mqtt", "mqtt"), ("mqtt-ws", "mqtt-ws"), ("auto", "mqtt")] {
        let key = desk.path(&format!("{transport}.key"));

        let ran = renew(&desk, &["--new-key", &key, "--transport", transport]).assert_exit(0);

        let lines: Vec<_> = ran.stdout.lines().collect();
        let connected = format!("Connected to hub {HUB}, deviceId: {ID} (by {by})");
        assert_eq!(lines[0], connected, "{ran:?}");
        assert!(lines[1].starts_with("Certificate asked for, request: "), "{ran:?}");
        assert!(lines[2].starts_with("Request accepted, operation: "), "{ran:?}");
        assert_eq!(lines[3], "");
        assert!(lines[4].starts_with("Issued certificate: CN=pump-0042, by CN=line-1"), "{ran:?}");
        let kept = desk.path(&format!("{transport}.crt"));
        assert_eq!(lines[5..], [format!("Kept in: {kept}")]);
        desk.issued(&format!("{transport}.crt"), &format!("{transport}.key"));
        // The old one is good until it ends, and the new one is good.
        let again = desk.path(&format!("{transport}-2.key"));
        renew_with(&desk, transport, &["--new-key", &again]).assert_exit(0);
    }
    assert_eq!(desk.text("pump.crt"), first);
}

#[test]
fn j_478_the_key_that_is_there_asks_and_the_new_certificate_may_take_the_place_of_the_old_one() {
    let desk = provisioned(&[]);
    let (cert, key) = (desk.path("pump.crt"), desk.text("pump.key"));
    let first = desk.issued("pump.crt", "pump.key");

    let ran = renew(&desk, &["--issued-cert", &cert]).assert_exit(0);
    let printed = renew(&desk, &[]).assert_exit(0);

    assert_ne!(desk.issued("pump.crt", "pump.key").leaf(), first.leaf());
    assert_eq!(desk.text("pump.key"), key);
    assert!(ran.stdout.ends_with(&format!("Kept in: {cert}\n")), "{ran:?}");
    assert_eq!(printed.stdout.matches("-----BEGIN CERTIFICATE-----").count(), 3, "{printed:?}");
    let secret = key.lines().nth(1).unwrap();
    for text in [&ran.stdout, &ran.stderr, &printed.stdout, &printed.stderr] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn j_479_programs_read_an_object_with_the_chain_and_lines_before_it_say_what_happens() {
    let desk = provisioned(&[]);
    let key = desk.path("new.key");
    let name = ["--request-id", "0c2f-4a"];

    let json = renew(&desk, &[&name[..], &["--new-key", &key, "-o", "json"]].concat());
    let lines = renew(&desk, &["--replace", "*", "-o", "jsonl"]).assert_exit(0);

    let json = json.assert_exit(0).json();
    assert_eq!(json["status"], "renewed");
    assert_eq!((&json["hub"], &json["deviceId"]), (&HUB.into(), &ID.into()));
    assert_eq!(json["requestId"], "0c2f-4a");
    assert_eq!(json["subjectName"], "CN=pump-0042");
    assert_eq!(json["issuedCertificateChain"].as_array().map(Vec::len), Some(3));
    assert_eq!(json["file"], desk.path("new.crt"));
    let lines: Vec<Value> =
        lines.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap_or("")).collect();
    assert_eq!(events, ["hubConnected", "certificateAsked", "certificateAccepted", ""]);
    assert_eq!(lines[3]["status"], "renewed");
    assert_eq!(lines[3].get("file"), None);
}

#[test]
fn i_4_one_at_a_time_the_second_is_told_of_the_first_and_may_take_its_place() {
    let (desk, first) = left_waiting();
    let first = first.assert_exit(6);

    let second = renew(&desk, &[]).assert_exit(5);
    let stale = renew(&desk, &["--replace", "0c2f-4a"]).assert_exit(5);
    let third = renew(&desk, &["--replace", &request_id(&first)]).assert_exit(0);

    let rid = request_id(&first);
    assert!(first.stderr.contains("accepted the request and did not issue the certificate"));
    assert!(first.stderr.contains(&format!("--request-id {rid}")), "{}", first.stderr);
    assert!(second.stderr.contains("409005"), "{}", second.stderr);
    let told = format!("{ID} has asked {HUB} as {rid}, which holds until ");
    assert!(second.stderr.contains(&told), "{}", second.stderr);
    assert!(second.stderr.contains(&format!("--replace {rid}")), "{}", second.stderr);
    assert!(stale.stderr.contains("412001"), "{}", stale.stderr);
    assert!(third.stdout.contains("Issued certificate: "), "{}", third.stdout);
}

#[test]
fn j_476_a_connection_that_is_lost_after_the_202_is_opened_again_and_the_certificate_comes() {
    let desk = provisioned(&["--fault", "issue close times=1"]);

    let ran = renew(&desk, &[]).assert_exit(0);

    let lines: Vec<_> = ran.stdout.lines().collect();
    assert!(lines[3].starts_with("Connection lost (the hub closed the connection)"), "{ran:?}");
    assert!(lines[4].starts_with("Connected to hub"), "{ran:?}");
    assert_eq!(ran.stdout.matches("Certificate asked for").count(), 1, "{ran:?}");
}

#[test]
fn j_477_a_hub_that_is_busy_is_asked_again_and_a_failure_after_the_202_is_told() {
    let busy = provisioned(&["--fault", "renew status=429 retry-after=1 times=1"]);
    let failed = provisioned(&["--fault", "issue code=400040 times=1"]);

    let busy = renew(&busy, &[]).assert_exit(0);
    let failed = renew(&failed, &["-o", "json"]).assert_exit(5).json();

    assert!(busy.stdout.contains("Hub busy (429002"), "{busy:?}");
    assert_eq!(busy.stdout.matches("Certificate asked for").count(), 2, "{busy:?}");
    assert_eq!(failed["error"]["kind"], "hub-not-issued");
    assert_eq!(failed["error"]["code"], 400_040);
    assert_eq!(failed["error"].get("name"), None);
}

#[test]
fn i_4_who_has_no_authority_and_who_is_a_stranger_are_told_so() {
    let desk = desk(&[]);
    let (cert, key) = (desk.path("heater.crt"), desk.path("heater.key"));
    let register = ["register", "--local", "--cert", &cert, "--cert-key", &key];
    desk.machine.run(&register).assert_exit(0);
    let stranger = TestCertificate::self_signed("heater-1").unwrap();
    std::fs::write(desk.path("stranger.crt"), stranger.pem()).unwrap();
    std::fs::write(desk.path("stranger.key"), stranger.key_pem()).unwrap();
    let new = desk.path("new.key");

    let none = renew_with(&desk, "heater", &["--new-key", &new]).assert_exit(5);
    let refused = renew_with(&desk, "stranger", &["--new-key", &new]).assert_exit(4);

    assert!(none.stderr.contains("412005"), "{}", none.stderr);
    assert!(none.stderr.contains("register --new-key"), "{}", none.stderr);
    assert!(refused.stderr.contains("CONNACK 5"), "{}", refused.stderr);
    assert!(!desk.machine.path("new.crt").exists());
}

#[test]
fn j_478_what_cannot_be_asked_for_or_kept_is_said_before_anything_is_sent() {
    let machine = Machine::new();
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(machine.path(name), bytes).unwrap();
        machine.path(name).to_str().unwrap().to_owned()
    };
    let own = TestCertificate::self_signed(ID).unwrap();
    let (cert, key) =
        (write("own.crt", own.pem().as_bytes()), write("own.key", own.key_pem().as_bytes()));
    let other = write("other.der", new_request("pump-0043").unwrap().der());
    let none = machine.path("none/new.crt").to_str().unwrap().to_owned();
    let new = machine.path("new.key").to_str().unwrap().to_owned();
    // Where nothing listens: whatever is sent ends in another exit code.
    let base = ["hub", "renew", "--hub-gateway", "127.0.0.1:1"];
    let hub = ["--hub", "my-hub.azure-devices.net"];
    let certificate = ["--cert", &cert, "--cert-key", &key];
    let all = [&hub[..], &certificate].concat();

    for (arguments, parts) in [
        (&hub[..], &["no certificate (--cert)", "register --new-key"][..]),
        (&certificate, &["no hub (--hub)", "`register` prints it"]),
        (&[&all[..], &["--csr", &other]].concat(), &["--csr", "\"pump-0043\"", "\"pump-0042\""]),
        (&[&all[..], &["--csr", &key]].concat(), &["`PRIVATE KEY`, and no certificate request"]),
        (&[&all[..], &["--issued-cert", &key]].concat(), &["--issued-cert", "not overwritten"]),
        (
            &[&all[..], &["--new-key", &new, "--issued-cert", &none]].concat(),
            &["cannot write", "none/new.crt"],
        ),
        (
            &[&all[..], &["--transport", "amqp"]].concat(),
            &["--transport amqp", "over MQTT alone", "mqtt-ws"],
        ),
        (&[&all[..], &["--request-id", "abc"]].concat(), &["--request-id", "4 to 36 letters"]),
        (&[&all[..], &["--replace", "a b"]].concat(), &["--replace", "4 to 36 letters"]),
        (&[&all[..], &["--device-id", "a#"]].concat(), &["--device-id", "\"a#\""]),
        (&[&["--hub", "a b"], &certificate[..]].concat(), &["--hub"]),
        (
            &[&all[..], &["--csr", "-", "--cert-key-passphrase", "-"]].concat(),
            &["cannot both be read from standard input"],
        ),
    ] {
        let ran = machine.run(&[&base[..], arguments].concat()).assert_exit(2);
        for part in parts {
            assert!(ran.stderr.contains(part), "{arguments:?}: {part:?} not in {}", ran.stderr);
        }
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
    assert!(!machine.path("new.key").exists(), "no key is made for nothing");
    machine.run(&[&base[..], &all].concat()).assert_exit(3);
}
