//! Long texts fit the terminal (J-222).

use crate::support::cli::{Machine, Ran};

/// A command where lines have so many columns; without a number, where nobody says how many.
fn run(machine: &Machine, arguments: &[&str], columns: &str) -> Ran {
    machine.run_with(arguments, &[("COLUMNS", columns)], "")
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// Whether a line is as short as it can be: what somebody copies is not broken, nor are tables.
fn fits(line: &str, columns: usize) -> bool {
    line.chars().count() <= columns
        || line.contains('`')
        || line.contains("provision-sim ")
        || line.trim_start().contains("  ")
        || words(line).len() <= 1
}

#[test]
fn j_222_texts_of_all_kinds_are_wrapped_and_say_the_same() {
    let machine = Machine::new();
    for arguments in [
        &["explain"][..],
        &["explain", "401002", "tls-expired"],
        &["explain", "xyzzy-xyzzy"],
        &["register", "--reg-id", "my-device"],
        &["register", "--local", "--reg-id", "my-device"],
        &[
            "register",
            "--reg-id",
            "a",
            "--payload",
            "{a:1}",
            "--id-scope",
            "0ne1",
            "--group-key=c2VjcmV0",
        ],
        &["register", "--reg-id", "a", "--timeout", "99999999d"],
        &["fleet", "plan", "--count", "1000000", "--hub-sku", "S1", "--quota", "polls=1/1h"],
    ] {
        let wide = machine.run(arguments);
        for (columns, width) in [("", 100), ("nonsense", 100), ("0", 100), ("60", 60)] {
            let ran = run(&machine, arguments, columns);

            assert_eq!(ran.exit, wide.exit);
            for (text, whole) in [(&ran.stdout, &wide.stdout), (&ran.stderr, &wide.stderr)] {
                assert_eq!(words(text), words(whole), "{arguments:?}");
                let wider: Vec<_> = text.lines().filter(|line| !fits(line, width)).collect();
                assert!(wider.is_empty(), "{arguments:?}, {columns}: {wider:#?}");
            }
        }
    }
}

#[test]
fn j_222_what_people_look_for_stays_one_line() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let register = ["register", "--local", "--reg-id", "contoso-heatpump-088"];

    let wide = machine.run(&register).assert_exit(5);
    let narrow = run(&machine, &register, "40").assert_exit(5);

    assert_eq!(narrow.stdout, wide.stdout, "the C sample's lines");
    for ran in [&narrow, &wide] {
        let line =
            ran.stderr.lines().find(|line| line.starts_with("error: Provisioning Failure: "));
        let line = line.unwrap_or_else(|| panic!("{ran:?}"));
        assert!(line.ends_with("Custom allocation failed with status code: 400"), "{ran:?}");
    }
    let json = [&register[..], &["-o", "json"]].concat();
    assert_eq!(run(&machine, &json, "40").stdout.lines().count(), 1);
}

#[test]
fn j_222_further_lines_stand_below_the_first() {
    let machine = Machine::new();

    let ran = run(&machine, &["explain", "401002"], "60").assert_exit(0);

    let lines: Vec<_> = ran.stdout.lines().collect();
    let cause = lines.iter().position(|line| line.starts_with("  cause: ")).unwrap();
    let next = lines[cause + 1..].iter().take_while(|line| line.starts_with("         "));
    assert!(next.count() >= 1, "{lines:#?}");
}
