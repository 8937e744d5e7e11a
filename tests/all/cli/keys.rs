//! `derive-key` and `sas-token`, as a user runs them.

use crate::support::cli::{Machine, TUTORIAL_KEY};

const TOASTER_KEY: &str = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=";
const SCOPE_AND_ID: [&str; 4] = ["--id-scope", "0ne00000000", "--reg-id", "contoso-toaster-007"];

#[test]
fn a_single_id_gives_the_key_alone_on_a_line() {
    let ran = Machine::new().run(&[
        "derive-key",
        "--group-key",
        TUTORIAL_KEY,
        "--reg-id",
        "contoso-toaster-007",
    ]);

    assert_eq!(ran.assert_exit(0).stdout, format!("{TOASTER_KEY}\n"));
}

#[test]
fn several_ids_give_id_and_key_separated_by_a_tab() {
    let arguments = [
        "derive-key",
        "--group-key",
        TUTORIAL_KEY,
        "--reg-id",
        "contoso-toaster-007",
        "--reg-id",
        "contoso-heatpump-088",
    ];

    let ran = Machine::new().run(&arguments).assert_exit(0);

    assert_eq!(
        ran.stdout,
        format!(
            "contoso-toaster-007\t{TOASTER_KEY}\ncontoso-heatpump-088\tNI9dUEI2tga168Qi1U/HKuMmFHewrvaqI1MPTEU1A5w=\n"
        )
    );
}

#[test]
fn ids_are_read_from_a_file_and_from_standard_input() {
    let machine = Machine::new();
    let ids = machine.file("ids", "contoso-toaster-007\r\n\ncontoso-heatpump-088");
    let base = ["derive-key", "--group-key", TUTORIAL_KEY, "--reg-ids"];

    let from_file = machine.run(&[&base[..], &[ids.to_str().unwrap()]].concat()).assert_exit(0);
    let from_stdin = machine
        .run_with(&[&base[..], &["-"]].concat(), &[], "contoso-toaster-007\n")
        .assert_exit(0);

    assert_eq!(from_file.stdout.lines().count(), 2);
    assert_eq!(from_stdin.stdout, format!("contoso-toaster-007\t{TOASTER_KEY}\n"));
}

#[test]
fn a_key_is_read_as_tools_write_it_in_quotes_on_two_lines_and_in_utf_16() {
    let machine = Machine::new();
    let (first, second) = TUTORIAL_KEY.split_at(64);
    let id = "contoso-toaster-007";
    let derived = |key: &str, input: &str| {
        let arguments = ["derive-key", "--group-key", key, "--reg-id", id];
        machine.run_with(&arguments, &[], input).assert_exit(0).stdout
    };

    for text in [
        format!("\u{FEFF}{TUTORIAL_KEY}\r\n"),
        format!("\"{TUTORIAL_KEY}\"\n"),
        format!(" '{first}\r\n{second}' \n"),
    ] {
        assert_eq!(derived("-", &text), format!("{TOASTER_KEY}\n"), "{text:?}");
        assert_eq!(derived(text.trim_start_matches('\u{FEFF}'), ""), format!("{TOASTER_KEY}\n"));
    }
    // As `>` of Windows PowerShell 5 writes it.
    let utf_16 = |text: &str| -> Vec<u8> {
        format!("\u{FEFF}{text}\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    let path = machine.file("group.key", "");
    std::fs::write(&path, utf_16(TUTORIAL_KEY)).unwrap();
    let name = path.to_str().unwrap();
    assert_eq!(derived(&format!("@{name}"), ""), format!("{TOASTER_KEY}\n"));
    let list = machine.file("ids", "");
    std::fs::write(&list, utf_16(id)).unwrap();
    let arguments =
        ["derive-key", "--group-key", TUTORIAL_KEY, "--reg-ids", list.to_str().unwrap()];
    assert_eq!(machine.run(&arguments).assert_exit(0).stdout, format!("{id}\t{TOASTER_KEY}\n"));

    let forgotten = machine.run(&["derive-key", "--group-key", name, "--reg-id", id]);
    assert!(forgotten.stderr.contains(&format!("give @{name}")), "{}", forgotten.stderr);
    std::fs::write(&path, b"caf\xE9").unwrap();
    let latin = machine.run(&["derive-key", "--group-key", &format!("@{name}"), "--reg-id", id]);
    assert!(latin.assert_exit(2).stderr.contains("it is not UTF-8: byte 4 "));
}

#[test]
fn a_bad_line_stops_it_with_its_number_after_the_good_ones_before() {
    let arguments = ["derive-key", "--group-key", TUTORIAL_KEY, "--reg-ids", "-"];

    let ran = Machine::new()
        .run_with(&arguments, &[], "contoso-toaster-007\nto aster\nother\n")
        .assert_exit(2);

    assert_eq!(ran.stdout, format!("contoso-toaster-007\t{TOASTER_KEY}\n"));
    assert!(ran.stderr.contains("standard input, line 2: \"to aster\""), "{}", ran.stderr);
}

#[test]
fn json_is_an_object_for_one_an_array_for_several_and_a_line_each_for_jsonl() {
    let machine = Machine::new();
    let run = |ids: &[&str], format: &str| {
        let mut arguments = vec!["derive-key", "--group-key", TUTORIAL_KEY, "-o", format];
        ids.iter().for_each(|id| arguments.extend(["--reg-id", id]));
        machine.run(&arguments).assert_exit(0)
    };

    let one = run(&["contoso-toaster-007"], "json").json();
    let two = run(&["contoso-toaster-007", "b"], "json").json();
    let lines = run(&["contoso-toaster-007", "b"], "jsonl").stdout;

    assert_eq!(
        one,
        serde_json::json!({ "registrationId": "contoso-toaster-007", "deviceKey": TOASTER_KEY })
    );
    assert_eq!(two[0], one);
    assert_eq!(two.as_array().unwrap().len(), 2);
    assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

#[test]
fn keys_come_from_files_standard_input_and_the_environment() {
    let machine = Machine::new();
    let file = format!("@{}", machine.file("group.key", &format!("{TUTORIAL_KEY}\n")).display());
    let id = ["--reg-id", "contoso-toaster-007"];

    let from_file = machine.run(&[&["derive-key", "--group-key", &file][..], &id].concat());
    let from_stdin = machine.run_with(
        &[&["derive-key", "--group-key", "-"][..], &id].concat(),
        &[],
        TUTORIAL_KEY,
    );
    let variable = [("PROVISION_SIM_GROUP_KEY", TUTORIAL_KEY)];
    let from_variable = machine.run_with(&[&["derive-key"][..], &id].concat(), &variable, "");

    for ran in [from_file, from_stdin, from_variable] {
        assert_eq!(ran.assert_exit(0).stdout, format!("{TOASTER_KEY}\n"));
    }
}

#[test]
fn bad_input_exits_2_names_the_argument_and_never_repeats_the_secret() {
    let machine = Machine::new();
    let secret = "c2VjcmV0c2VjcmV0*";
    for (arguments, named) in [
        (vec!["derive-key", "--group-key", secret, "--reg-id", "a"], "--group-key"),
        (vec!["derive-key", "--group-key", "", "--reg-id", "a"], "--group-key"),
        (vec!["derive-key", "--group-key", "@/nonexistent", "--reg-id", "a"], "--group-key"),
        (vec!["derive-key", "--reg-id", "a"], "--group-key"),
        (vec!["derive-key", "--group-key", TUTORIAL_KEY, "--reg-id", "a b"], "--reg-id"),
        (vec!["derive-key", "--group-key", TUTORIAL_KEY, "--reg-ids", "/nonexistent"], "--reg-ids"),
        (vec!["derive-key", "--group-key", TUTORIAL_KEY], "--reg-id"),
        (vec!["derive-key", secret], "unexpected argument"),
        (
            vec!["sas-token", "--id-scope", "a/b", "--reg-id", "a", "--device-key", secret],
            "--id-scope",
        ),
        (
            vec!["sas-token", "--id-scope", "s", "--reg-id", "a", "--device-key", secret],
            "--device-key",
        ),
        (vec!["sas-token", "--id-scope", "s", "--reg-id", "a"], "--group-key"),
    ] {
        let ran = machine.run(&arguments).assert_exit(2);

        assert!(ran.stderr.contains(named), "{arguments:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("c2Vj") && !ran.stderr.contains("panicked"), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn a_key_of_odd_length_is_used_with_a_warning() {
    let ran = Machine::new()
        .run(&["derive-key", "--group-key", "c2VjcmV0", "--reg-id", "a"])
        .assert_exit(0);

    assert!(ran.stderr.contains("6 bytes"), "{}", ran.stderr);
}

fn sas_token(machine: &Machine, arguments: &[&str]) -> crate::support::cli::Ran {
    machine.run(&[&["sas-token"][..], &SCOPE_AND_ID, arguments].concat())
}

#[test]
fn a_signed_token_checks_out_with_either_kind_of_key() {
    let machine = Machine::new();

    let signed = sas_token(&machine, &["--group-key", TUTORIAL_KEY, "--ttl", "30m"]).assert_exit(0);
    let token = signed.stdout.trim();
    let checked =
        sas_token(&machine, &["--device-key", TOASTER_KEY, "--check", token]).assert_exit(0);

    assert!(token.starts_with(
        "SharedAccessSignature sr=0ne00000000%2Fregistrations%2Fcontoso-toaster-007&sig="
    ));
    assert!(token.ends_with("&skn=registration"));
    assert!(checked.stdout.contains("ok     signature"), "{}", checked.stdout);
}

#[test]
fn a_token_in_milliseconds_is_told_and_no_expiry_makes_it_panic() {
    let machine = Machine::new();
    let base =
        "SharedAccessSignature sr=0ne00000000%2Fregistrations%2Fcontoso-toaster-007&sig=AAAA&se=";

    for (se, told) in [
        ("1795824000000", "-      expiry     the year 58877: are these milliseconds?"),
        ("253402300799", "ok     expiry     9999-12-31T23:59:59Z"),
        ("9223372036854775807", "expiry"),
        ("18446744073709551615", ""),
        ("99999999999999999999", ""),
    ] {
        let token = format!("{base}{se}");
        let ran = sas_token(&machine, &["--group-key", TUTORIAL_KEY, "--check", &token]);
        assert!(ran.assert_exit(4).stdout.contains(told), "{se}");
    }
}

#[test]
fn d_3_a_wrong_token_is_told_part_by_part_and_exits_4() {
    let machine = Machine::new();
    let base = "SharedAccessSignature sr=0ne00000000%2Fregistrations%2Fcontoso-toaster-007&sig=";
    let expired = format!("{base}AAAA&se=1000000000");
    let other = "SharedAccessSignature sr=0ne1%2Fregistrations%2Fa&sig=AAAA&se=4000000000";

    let expired =
        sas_token(&machine, &["--group-key", TUTORIAL_KEY, "--check", &expired]).assert_exit(4);
    let other = sas_token(&machine, &["--check", other]).assert_exit(4);
    let nonsense = sas_token(&machine, &["--check", "hello", "-o", "json"]).assert_exit(4);

    assert!(
        expired.stdout.contains("WRONG  expiry     2001-09-09T01:46:40Z"),
        "{}",
        expired.stdout
    );
    assert!(expired.stdout.contains("WRONG  signature"), "{}", expired.stdout);
    assert!(
        other.stdout.contains("WRONG  resource") && other.stdout.contains("\"0ne1\""),
        "{}",
        other.stdout
    );
    assert!(other.stdout.contains("-      signature  not checked"), "{}", other.stdout);
    assert_eq!(nonsense.json()["valid"], false);
}

#[test]
fn d_3_a_token_made_with_the_right_key_in_the_wrong_way_is_told_its_mistake() {
    let machine = Machine::new();
    let check = |key: &[&str], token: &str| {
        let ran = sas_token(&machine, &[key, &["--check", token]].concat()).assert_exit(4);
        ran.stdout
    };
    let derived = ["--device-key", "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI="];
    let group = ["--group-key", TUTORIAL_KEY];
    // The vector of D.4 for `%2F`, in a token with `%2f`.
    let case = "SharedAccessSignature sr=0ne00000000%2fregistrations%2fcontoso-toaster-007\
                &sig=USjKuRwZuyjt%2F9Cj%2FhjZxktFpZ62kcPzdANy1A0Lr%2BQ%3D&se=1893456000";
    let hex = format!("{}&sig={}&se=4000000000", case.split('&').next().unwrap(), "ab".repeat(32));
    let twice = sas_token(&machine, &["--group-key", derived[1]]).assert_exit(0).stdout;

    for key in [&derived[..], &group[..]] {
        assert!(check(key, case).contains("`%2F` and `%2f` are not the same text"));
        assert!(check(key, twice.trim()).contains("it was derived twice"));
        assert!(check(key, &hex).contains("hexadecimal; expected the Base64 of 32 bytes"));
    }
}

#[test]
fn d_3_a_token_signed_with_the_group_key_or_a_misprinted_key_is_recognised() {
    let machine = Machine::new();
    let diagnose = |device_key: &str| {
        let signed = sas_token(&machine, &["--device-key", device_key]).assert_exit(0);
        sas_token(&machine, &["--group-key", TUTORIAL_KEY, "--check", signed.stdout.trim()])
            .assert_exit(4)
            .stdout
    };

    assert!(diagnose(TUTORIAL_KEY).contains("the group key itself"));
    assert!(
        diagnose("JC8F96eayuQwwz+PkE7IzjH2lIAjCUnAa61tDigBnSs=")
            .contains("belongs to `breakroom499-contoso-tstrsd-007`")
    );
}

#[test]
fn nonsense_lifetimes_exit_2() {
    for ttl in ["soon", "0s", "-1h", "100y", "1"] {
        let ran =
            sas_token(&Machine::new(), &["--device-key", TOASTER_KEY, &format!("--ttl={ttl}")])
                .assert_exit(2);
        assert!(ran.stderr.contains("--ttl"), "{ttl}: {}", ran.stderr);
    }
}

#[test]
fn a_closed_output_is_no_error() {
    let machine = Machine::new();
    let mut child = machine
        .command()
        .args(["derive-key", "--group-key", TUTORIAL_KEY, "--reg-ids", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();

    drop(child.stdout.take());
    let ids: String = (0..20_000).map(|n| format!("sim-{n}\n")).collect();
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), ids.as_bytes());
    let ended = crate::support::cli::Ran::from(child.wait_with_output().unwrap());

    assert_eq!(ended.assert_exit(0).stderr, "");
}
