//! `register --new-key`, `--csr` and `--issued-cert`: a device that asks for a certificate, keeps it, and goes
//! to its hub with it; and every way to ask wrongly.

use provision_sim::pki::new_request;
use serde_json::Value;

use crate::support::cli::{HUB, Machine, Ran, TUTORIAL_KEY};
use crate::support::issuing::{Desk, ID};

/// Against a port where nothing listens: whatever is sent ends in another exit code.
#[track_caller]
fn refuse(machine: &Machine, arguments: &[&str], parts: &[&str]) {
    let base = ["register", "--host", "127.0.0.1:1", "--id-scope", "0ne1", "--reg-id", ID];
    let key = ["--group-key", TUTORIAL_KEY];
    let ran = machine.run(&[&base[..], &key, arguments].concat()).assert_exit(2);
    for part in parts {
        assert!(ran.stderr.contains(part), "{arguments:?}: {part:?} not in {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "", "{arguments:?}");
}

#[test]
fn b_7_a_key_is_made_the_certificate_is_kept_and_the_hub_lets_the_device_in_with_it() {
    let desk = Desk::new();
    let key = desk.path("pump.key");

    for (transport, more) in [("mqtt", "mqtt"), ("https", "mqtt-ws, for a hub"), ("amqp", "amqp")] {
        let ran = desk
            .register(&["--new-key", &key, "--connect", "--transport", transport])
            .assert_exit(0);

        let issued = desk.issued("pump.crt", "pump.key");
        assert_eq!(issued.chain().len(), 3, "{transport}");
        assert_eq!(issued.leaf().common_name(), Some(ID));
        let told = "\n\nIssued certificate: CN=pump-0042, by CN=";
        assert!(ran.stdout.contains(told), "{}", ran.stdout);
        let kept = format!("\nKept in: {}\n\nConnected to hub {HUB}", desk.path("pump.crt"));
        assert!(ran.stdout.contains(&kept), "{}", ran.stdout);
        assert!(ran.stdout.contains(&format!("(by {more}")), "{}", ran.stdout);
    }
}

#[cfg(unix)]
#[test]
fn j_483_the_key_is_its_owners_alone_is_used_again_and_is_never_shown() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let (key, cert) = (desk.path("pump.key"), desk.path("other.pem"));
    let ask = ["--new-key", &key, "--issued-cert", &cert, "--explain", "-v"];
    let first = desk.register(&ask).assert_exit(0);
    let mode = std::fs::metadata(&key).unwrap().permissions().mode();
    let made = desk.text("pump.key");
    let certificate = desk.issued("other.pem", "pump.key");

    let second = desk.register(&ask).assert_exit(0);

    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(desk.text("pump.key"), made, "it is the same key");
    let again = desk.issued("other.pem", "pump.key");
    assert_ne!(certificate.leaf(), again.leaf(), "and another certificate");
    let told = format!("with the key that is in {key} already");
    assert!(!first.stderr.contains(&told) && second.stderr.contains(&told), "{}", second.stderr);
    let secret = made.lines().nth(1).unwrap();
    for text in [&first.stdout, &first.stderr, &second.stdout, &second.stderr] {
        assert!(!text.contains(secret), "{text}");
    }
    let ran = &first.stderr;
    assert!(ran.contains("It asks for a certificate"), "{ran}");
    assert!(ran.contains("CN=pump-0042"), "{ran}");
}

#[test]
fn b_7_programs_read_the_chain_in_the_answer_and_nothing_else_is_printed() {
    let desk = Desk::new();
    let key = desk.path("pump.key");

    let json = desk.register(&["--new-key", &key, "-o", "json"]).assert_exit(0).json();
    let lines = desk.register(&["--new-key", &key, "-o", "jsonl", "--connect"]).assert_exit(0);

    let last: Value = serde_json::from_str(lines.stdout.lines().last().unwrap()).unwrap();
    for answer in [json, last] {
        let chain = &answer["registrationState"]["issuedCertificateChain"];
        assert_eq!(chain.as_array().map(Vec::len), Some(3), "{answer}");
    }
}

#[test]
fn b_7_a_request_made_elsewhere_is_sent_in_any_form_and_the_chain_is_printed() {
    let desk = Desk::new();
    let request = new_request(ID).unwrap();
    std::fs::write(desk.path("csr.der"), request.der()).unwrap();
    let pem = pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", request.der()));
    std::fs::write(desk.path("csr.pem"), format!("Certificate Request:\n{pem}")).unwrap();
    std::fs::write(desk.path("pump.key"), &*request.key_pem()).unwrap();
    let base = ["register", "--local", "--reg-id", ID, "--group-key", TUTORIAL_KEY];

    let printed = [
        desk.register(&["--csr", &desk.path("csr.der")]),
        desk.register(&["--csr", &desk.path("csr.pem")]),
        desk.machine.run_with(&[&base[..], &["--csr", "-"]].concat(), &[], &pem),
    ];
    let cert = desk.path("pump.crt");
    desk.register(&["--csr", &desk.path("csr.der"), "--issued-cert", &cert]).assert_exit(0);

    for ran in printed {
        let ran = ran.assert_exit(0);
        assert_eq!(ran.stdout.matches("-----BEGIN CERTIFICATE-----").count(), 3, "{ran:?}");
    }
    assert_eq!(desk.issued("pump.crt", "pump.key").leaf().common_name(), Some(ID));
}

/// J-435: what the service judges is sent, and what it says is told.
#[test]
fn j_484_a_key_of_a_kind_that_the_service_may_not_take_is_sent_with_a_warning() {
    let desk = Desk::new();

    let ran = desk.register(&["--csr", "tests/data/csr/p521.der"]).assert_exit(5);

    for part in ["EC P-521; ask with", "for the service to judge", "does not grant the request"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
}

#[test]
fn j_482_without_a_certificate_the_device_is_told_and_goes_to_its_hub_with_its_key() {
    let desk = Desk::with("", &[]);
    let key = desk.path("pump.key");

    let ran = desk.register(&["--new-key", &key, "--connect"]).assert_exit(0);

    assert!(ran.stderr.contains("no certificate was issued"), "{}", ran.stderr);
    assert!(ran.stdout.contains("Connected to hub"), "{}", ran.stdout);
    assert!(!desk.machine.path("pump.crt").exists());
}

#[test]
fn j_485_with_a_kept_hub_the_certificate_of_the_last_time_is_shown_and_none_is_asked_for() {
    let desk = Desk::new();
    let (key, cache) = (desk.path("pump.key"), desk.path("cache.json"));
    let ask = ["--new-key", &key, "--connect", "--cache", &cache];
    desk.register(&ask).assert_exit(0);
    let certificate = desk.text("pump.crt");

    let again = desk.register(&ask).assert_exit(0);
    assert!(again.stdout.starts_with("Assignment kept in "), "{}", again.stdout);
    assert!(again.stdout.contains("Connected to hub"), "{}", again.stdout);
    assert_eq!(desk.text("pump.crt"), certificate);

    std::fs::remove_file(desk.path("pump.crt")).unwrap();
    let anew = desk.register(&ask).assert_exit(0);
    assert!(anew.stdout.contains("Issued certificate"), "{}", anew.stdout);
    assert_ne!(desk.text("pump.crt"), certificate);
}

#[test]
fn j_483_what_cannot_be_asked_for_or_kept_is_said_before_anything_is_sent() {
    let machine = Machine::new();
    let other = new_request("pump-0043").unwrap();
    let own = new_request(ID).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(machine.path(name), bytes).unwrap();
        machine.path(name).to_str().unwrap().to_owned()
    };
    let path = |name: &str| machine.path(name).to_str().unwrap().to_owned();
    let (other_csr, csr) = (write("other.der", other.der()), write("own.der", own.der()));
    let mut damaged = own.der().to_vec();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let damaged = write("damaged.der", &damaged);
    let key = write("own.key", own.key_pem().as_bytes());
    let text = write("text", b"hello");
    let sec1 =
        write("sec1.key", b"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n");
    let whole = own.key_pem();
    let cut_off = write("cut.key", &whole.as_bytes()[..whole.len() - 10]);
    let (new, none) = (path("new.key"), path("none/issued.pem"));

    let says = |arguments: &[&str], parts: &[&str]| refuse(&machine, arguments, parts);
    says(&["--csr", &other_csr], &["--csr", "\"pump-0043\"", "\"pump-0042\""]);
    says(&["--csr", &damaged], &["--csr", "signature"]);
    says(&["--csr", &text], &["--csr", "not a PKCS #10 request"]);
    says(&["--csr", &key], &["`PRIVATE KEY`, and no certificate request", "--new-key"]);
    says(&["--csr", &path("none")], &["--csr: cannot read", "no such file"]);
    says(&["--csr", &csr, "--new-key", &new], &["--new-key", "--csr"]);
    says(&["--csr", &csr, "--connect"], &["--connect is not possible with --csr", "--new-key"]);
    says(&["--csr", &csr, "--api-version", "2021-06-01"], &["2021-06-01", "2026-11-01"]);
    says(&["--csr", &csr, "--issued-cert", &csr], &["--issued-cert and --csr are both"]);
    says(&["--issued-cert", &path("a.pem")], &["no certificate is asked for"]);
    says(&["--new-key", &text], &["--new-key", "holds no private key"]);
    says(&["--new-key", &sec1], &["PKCS #8", "openssl pkcs8 -topk8"]);
    says(&["--new-key", &cut_off], &["cut.key: a section has no line `-----END"]);
    says(&["--new-key", &new, "--issued-cert", &none], &["cannot write", "none/issued.pem"]);
    says(&["--new-key", &new, "--issued-cert", &key], &["a private key", "not overwritten"]);
    says(&["--new-key", &new, "--issued-cert", &text], &["no certificate", "not overwritten"]);
    says(
        &["--new-key", &path("none/new.key"), "--issued-cert", &path("a.pem")],
        &["--new-key: cannot"],
    );

    assert!(!machine.path("new.key").exists(), "no key is made for nothing");
    assert_eq!(std::fs::read_to_string(&key).unwrap(), *own.key_pem());
}

#[test]
fn j_487_enrollments_name_who_issues_certificates_by_the_flags_of_az() {
    let desk = Desk::new();
    let enrollment = |words: &[&str]| {
        let all = [&["enrollment"], words, &["--local", "--enrollment-id", ID]].concat();
        desk.machine.run(&all)
    };
    let names = ["--adr-namespace", "fleet", "--adr-ca-name", "line-1"];
    let policy = ["--adr-cert-policy-name", "short"];
    let members = |ran: Ran| {
        let record = ran.assert_exit(0).json();
        ["namespaceName", "certificateAuthorityName", "certificatePolicyName"]
            .map(|member| record.get(member).and_then(Value::as_str).map(str::to_owned))
    };
    let given = ["fleet", "line-1", "short"].map(|name| Some(name.to_owned()));

    let create = [&["create", "-o", "json", "--attestation-type", "symmetricKey"], &names[..]];
    let created = enrollment(&[&create.concat()[..], &policy].concat());
    assert_eq!(members(created), given);
    assert_eq!(members(enrollment(&["update", "-o", "json", "--edge-enabled"])), given);
    let shown = enrollment(&["show"]).assert_exit(0).stdout;
    assert!(shown.contains("Issued by         fleet/line-1, policy short\n"), "{shown}");

    // The device is now of this enrollment, with a key that the service has made.
    let key = enrollment(&[
        "show",
        "--show-keys",
        "--query",
        "attestation.symmetricKey.primaryKey",
        "-o",
        "tsv",
    ]);
    let key = key.assert_exit(0).stdout;
    let (new_key, local) = (desk.path("pump.key"), ["register", "--local", "--reg-id", ID]);
    let ask = ["--device-key", key.trim(), "--new-key", &new_key];
    desk.machine.run(&[&local[..], &ask].concat()).assert_exit(0);
    assert_eq!(desk.issued("pump.crt", "pump.key").leaf().common_name(), Some(ID));

    let partly = enrollment(&[&["update"][..], &names].concat()).assert_exit(2);
    assert!(partly.stderr.contains("go together"), "{}", partly.stderr);
    let none = [
        "--namespace-name",
        "",
        "--certificate-authority-name",
        "",
        "--certificate-policy-name",
        "",
    ];
    assert_eq!(
        members(enrollment(&[&["update", "-o", "json"][..], &none].concat())),
        [None, None, None]
    );
    let of_2025 = enrollment(&["update", "-o", "json", "--cpn", "short"]).assert_exit(0).json();
    assert_eq!(of_2025["credentialPolicyName"], "short");
}
