//! `register --cert`: a device with a certificate, and every way to give a wrong one.

use provision_sim::pki::{Flaw, TestCertificate, TestPki};

use crate::support::cli::{Machine, Ran, Serve};
use crate::support::x509::forms::{encrypted, legacy_encrypted};
use crate::support::x509::{group, pem_fixture, signed_by};

const ID: &str = "pump-0042";
const PASSPHRASE: &str = "correct horse";

/// A machine on which nothing listens: whatever is sent ends in exit code 3.
struct Desk {
    machine: Machine,
    pki: TestPki,
    device: TestCertificate,
}

impl Desk {
    fn new() -> Self {
        let (machine, pki) = (Machine::new(), TestPki::new().unwrap());
        let device = pki.device(&ID.parse().unwrap()).unwrap();
        let desk = Self { machine, pki, device };
        desk.file("chain.pem", desk.device.chain_pem());
        desk.file("key.pem", &desk.device.key_pem());
        desk
    }

    fn file(&self, name: &str, content: &str) -> String {
        self.machine.file(name, content).to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> String {
        self.machine.path(name).to_str().unwrap().to_owned()
    }

    /// The service with a group for the devices of `pki`.
    fn serve(&self) -> Serve {
        let world = "idScope = \"0ne00002193\"\nlinkedHubs = [\"hub-west.azure-devices.net\"]\n";
        let enrolled = group("pumps", &signed_by(self.pki.root().pem()));
        let config = self.file("world.toml", &format!("{world}{enrolled}"));
        self.machine.serve(&["--config", &config, "--retry-after", "0s"])
    }

    /// Against a port where nothing listens.
    fn refuse(&self, arguments: &[&str]) -> String {
        let base = ["register", "--host", "127.0.0.1:1", "--id-scope", "0ne1"];
        let ran = self.machine.run(&[&base[..], arguments].concat()).assert_exit(2);
        assert_eq!(ran.stdout, "", "nothing is begun");
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran.stderr
    }

    fn local(&self, arguments: &[&str]) -> Ran {
        self.machine.run(&[&["register", "--local"], arguments].concat())
    }
}

#[track_caller]
fn assert_says(stderr: &str, parts: &[&str]) {
    for part in parts {
        assert!(stderr.contains(part), "no {part:?} in {stderr}");
    }
}

/// J-111.
#[test]
fn d_5_the_registration_id_may_be_left_out_or_given_in_another_case() {
    let desk = Desk::new();
    let _serve = desk.serve();
    let (chain, key) = (desk.path("chain.pem"), desk.path("key.pem"));
    let base = ["--cert", &chain, "--cert-key", &key];

    let by_name = desk.local(&base).assert_exit(0);
    let in_capitals = desk.local(&[&base[..], &["--reg-id", "PUMP-0042"]].concat()).assert_exit(0);

    assert!(by_name.stdout.ends_with("deviceId: pump-0042\n"), "{}", by_name.stdout);
    assert_eq!(by_name.stderr, "");
    assert!(in_capitals.stdout.contains("PROV_DEVICE_REG_STATUS_CONNECTED"));
}

#[test]
fn the_key_may_stand_beside_the_certificates_and_the_flag_beats_keys_in_variables() {
    let desk = Desk::new();
    let _serve = desk.serve();
    let one =
        desk.file("one.pem", &format!("{}{}", *desk.device.key_pem(), desk.device.chain_pem()));
    let keys = [("IOTHUB_DEVICE_DPS_DEVICE_KEY", "AAAAAAAAAAAAAAAAAAAAAA==")];

    desk.machine.run_with(&["register", "--local", "--cert", &one], &keys, "").assert_exit(0);
}

#[test]
fn an_encrypted_key_is_opened_by_a_passphrase_from_anywhere() {
    let desk = Desk::new();
    let _serve = desk.serve();
    let chain = desk.path("chain.pem");
    let key = desk.file("sealed.pem", &encrypted(&desk.device.key(), PASSPHRASE));
    let secret = desk.file("secret.txt", &format!("{PASSPHRASE}\n"));
    let base = ["register", "--local", "--cert", &chain, "--cert-key", &key];
    let with = |flag: &[&str], variables: &[(&str, &str)], stdin: &str| {
        desk.machine.run_with(&[&base[..], flag].concat(), variables, stdin).assert_exit(0);
    };

    with(&["--cert-key-passphrase", PASSPHRASE], &[], "");
    with(&["--cert-key-passphrase", &format!("@{secret}")], &[], "");
    with(&["--cert-key-passphrase", "-"], &[], &format!("{PASSPHRASE}\r\n"));
    with(&[], &[("PROVISION_SIM_CERT_KEY_PASSPHRASE", PASSPHRASE)], "");
    with(
        &["--cert-key-passphrase", PASSPHRASE],
        &[("PROVISION_SIM_CERT_KEY_PASSPHRASE", "wrong")],
        "",
    );
}

#[test]
fn an_encrypted_key_that_does_not_open_says_how_to_convert_it_and_tells_no_secret() {
    let desk = Desk::new();
    let chain = desk.path("chain.pem");
    let sealed = desk.file("sealed.pem", &encrypted(&desk.device.key(), PASSPHRASE));
    let legacy = desk.file("legacy.pem", &legacy_encrypted());
    let refuse = |key: &str, more: &[&str]| {
        desk.refuse(&[&["--cert", &chain[..], "--cert-key", key], more].concat())
    };

    let without = refuse(&sealed, &[]);
    let wrong = refuse(&sealed, &["--cert-key-passphrase", "battery staple"]);
    let old = refuse(&legacy, &["--cert-key-passphrase", PASSPHRASE]);

    assert_says(&without, &["no passphrase", "--cert-key-passphrase", "openssl pkcs8 -topk8"]);
    assert_says(&wrong, &["does not open it", &format!("openssl pkey -in {sealed}")]);
    assert_says(
        &old,
        &["Proc-Type: 4,ENCRYPTED", &format!("openssl pkcs8 -topk8 -v2 aes256 -in {legacy}")],
    );
    for said in [without, wrong, old] {
        assert!(!said.contains("battery") && !said.contains(PASSPHRASE), "{said}");
    }
}

/// J-110.
#[test]
fn d_5_wrong_files_exit_2_with_name_reason_and_remedy_before_anything_is_sent() {
    let desk = Desk::new();
    let (chain, key) = (desk.path("chain.pem"), desk.path("key.pem"));
    let other_key = desk.file("other-key.pem", &TestPki::new().unwrap().root().key_pem());
    let garbage = desk.file("garbage.pem", "\u{0}\u{1}not PEM");
    let empty_pem = desk.file(
        "csr.pem",
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
    );
    let cut = desk.file("cut.pem", &desk.device.pem()[..200]);
    let root = desk.file("root.pem", desk.pki.root().pem());
    let upside_down =
        desk.file("order.pem", &format!("{}{}", desk.pki.intermediate().pem(), desk.device.pem()));
    let p521 = desk.file("p521.pem", &pem_fixture("p521-device-cert.pem"));
    let p521_key = desk.file("p521-key.pem", &pem_fixture("p521-device-key.pem"));

    for (cert, cert_key, said) in [
        ("/nonexistent.pem", Some(&key[..]), &["--cert: cannot read /nonexistent.pem"][..]),
        (&chain, Some("/nonexistent.key"), &["--cert-key: cannot read /nonexistent.key"]),
        (&garbage, Some(&key), &["--cert", &garbage, "it is not PEM", "openssl x509 -inform DER"]),
        (&chain, Some(&garbage), &["--cert-key", &garbage, "it is not PEM", "openssl pkey"]),
        (&empty_pem, Some(&key), &["holds no certificate, but `CERTIFICATE REQUEST`"]),
        (&cut, Some(&key), &["cut off"]),
        (&chain, None, &["holds no private key", "give its private key with --cert-key"]),
        (&chain, Some(&other_key), &["--cert-key", "does not belong to", "openssl x509 -in"]),
        (
            &chain,
            Some(&root),
            &["holds no private key, but `CERTIFICATE`", "give the certificate with --cert"],
        ),
        (
            &key,
            Some(&chain),
            &["holds no certificate, but `PRIVATE KEY`", "give the certificate with --cert"],
        ),
        (&upside_down, Some(&key), &["belongs to certificate 2 (CN=pump-0042)", "first"]),
        (&p521, Some(&p521_key), &["EC P-521", "openssl ecparam -name prime256v1"]),
    ] {
        let cert_key: Vec<_> = cert_key.into_iter().flat_map(|key| ["--cert-key", key]).collect();
        assert_says(&desk.refuse(&[&["--cert", cert], &cert_key[..]].concat()), said);
    }
}

/// J-110.
#[test]
fn d_5_bad_certificates_are_found_out_at_home() {
    let desk = Desk::new();
    let refuse = |flaw: Flaw| {
        let made = desk.pki.bad_device(&ID.parse().unwrap(), flaw).unwrap();
        let chain = desk.file("bad.pem", made.chain_pem());
        let key = desk.file("bad-key.pem", &made.key_pem());
        desk.refuse(&["--reg-id", ID, "--cert", &chain, "--cert-key", &key])
    };

    assert_says(&refuse(Flaw::Expired), &["expired on 20", "this machine's clock", "date -u"]);
    assert_says(&refuse(Flaw::NotYetValid), &["valid from 20", "this machine's clock", "date -u"]);
    assert_says(
        &refuse(Flaw::WrongName),
        &["CN=\"another-device\"", "registration ID is pump-0042", "--reg-id another-device"],
    );
}

#[test]
fn credentials_that_contradict_each_other_exit_2() {
    let desk = Desk::new();
    let (chain, key) = (desk.path("chain.pem"), desk.path("key.pem"));
    let pair = ["--cert", &chain[..], "--cert-key", &key];
    let with = |more: &[&str]| desk.refuse(&[&pair[..], more].concat());

    for flag in ["--group-key", "--device-key"] {
        let said = with(&[flag, "AAAAAAAAAAAAAAAAAAAAAA=="]);
        assert_says(&said, &["--cert and", flag, "one credential"]);
    }
    let both_from_stdin = with(&["--cert-key-passphrase", "-", "--payload", "-"]);
    assert_says(&both_from_stdin, &["--cert-key-passphrase", "--payload", "standard input"]);
    assert_says(&desk.refuse(&["--reg-id", ID, "--cert-key", &key]), &["--cert"]);
    assert_says(&desk.refuse(&["--device-key", "AAAA"]), &["--reg-id"]);
    let neither = desk.refuse(&["--reg-id", ID]);
    assert_says(&neither, &["--group-key", "--device-key", "--cert"]);
}

/// J-110.
#[test]
fn d_5_odd_chains_are_warned_of_and_tried() {
    let desk = Desk::new();
    let _serve = desk.serve();
    let key = desk.path("key.pem");
    let root = desk.pki.root().pem();
    let intermediate = desk.pki.intermediate().pem();
    let odd = desk.file("odd.pem", &format!("{}{root}{intermediate}", desk.device.pem()));

    let ran = desk.local(&["--cert", &odd, "--cert-key", &key]).assert_exit(0);

    assert_says(&ran.stderr, &["certificate 2", "did not sign the one before it (CN=pump-0042)"]);
}

#[test]
fn d_5_a_refused_certificate_exits_4_and_both_sides_help_to_find_out() {
    let desk = Desk::new();
    let mut serve = desk.serve();
    let refuse = |made: &TestCertificate| {
        let chain = desk.file("stranger.pem", made.chain_pem());
        let key = desk.file("stranger-key.pem", &made.key_pem());
        desk.local(&["--cert", &chain, "--cert-key", &key]).assert_exit(4).stderr
    };

    let stranger = refuse(&TestPki::new().unwrap().device(&ID.parse().unwrap()).unwrap());
    assert_eq!(serve.event()["failedCheck"], "unknownChain");
    let alone = refuse(&TestCertificate::self_signed(ID).unwrap());
    assert_eq!(serve.event()["failedCheck"], "selfSigned");

    assert_says(
        &stranger,
        &[
            "401002",
            "CA certificate not found.",
            "the chain ends at CN=provision-sim test intermediate",
            "verified",
        ],
    );
    assert_says(&alone, &["self-signed", "individual enrollment"]);
}
