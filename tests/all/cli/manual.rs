//! `completions` and `man`: what is made from the command line's own description of itself.

use crate::support::cli::Machine;

/// The commands that `--help` lists.
fn commands(machine: &Machine) -> Vec<String> {
    let help = machine.run(&["--help"]).assert_exit(0).stdout;
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let names: Vec<_> = list
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect();
    assert!(names.contains(&"register".to_owned()) && names.contains(&"man".to_owned()));
    names
}

#[test]
fn every_shell_gets_completions_that_name_every_command() {
    let machine = Machine::new();
    let commands = commands(&machine);

    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = machine.run(&["completions", shell]).assert_exit(0).stdout;
        for name in &commands {
            assert!(script.contains(name.as_str()), "{shell}: no {name}");
        }
        assert!(script.contains("explain"), "{shell}: options are completed too");
    }
    machine.run(&["completions", "tcsh"]).assert_exit(2);
}

#[cfg(unix)]
#[test]
fn bash_takes_its_completions_and_completes_a_command() {
    let machine = Machine::new();
    let script = machine.run(&["completions", "bash"]).assert_exit(0).stdout;
    let file = machine.file("completions.bash", &script);
    let line = format!(
        "source {}; COMP_WORDS=(provision-sim reg); COMP_CWORD=1; \
         $(complete -p provision-sim | sed 's/.*-F \\([^ ]*\\).*/\\1/') provision-sim reg provision-sim; \
         echo \"${{COMPREPLY[@]}}\"",
        file.display()
    );
    let Ok(output) = std::process::Command::new("bash").args(["--norc", "-c", &line]).output()
    else {
        // No bash on this machine, so nobody there needs its completions.
        return;
    };

    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "register registration\n",
        "{:?}",
        output.stderr
    );
}

#[test]
fn the_main_page_names_every_command() {
    let machine = Machine::new();

    let page = machine.run(&["man"]).assert_exit(0).stdout;

    for name in commands(&machine) {
        let escaped = format!("provision\\-sim\\-{}(1)", name.replace('-', "\\-"));
        assert!(page.contains(&escaped), "no {escaped}");
    }
}

#[test]
fn every_command_has_a_page_of_its_own_with_the_common_options() {
    let machine = Machine::new();
    let folder = machine.path("man/man1");

    machine.run(&["man", "--out", folder.to_str().unwrap()]).assert_exit(0);

    let page = |name: &str| {
        std::fs::read_to_string(folder.join(format!("{name}.1")))
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    page("provision-sim");
    for name in commands(&machine) {
        let page = page(&format!("provision-sim-{name}"));
        assert!(page.contains(&format!(".TH provision-sim-{name} 1")), "{name}: {page}");
        assert!(page.contains("\\-\\-output"), "{name}: the common options");
    }
    assert!(page("provision-sim-enrollment-group-create").contains("\\-\\-webhook\\-url"));
}

#[test]
fn a_folder_that_cannot_be_made_exits_2_and_is_named() {
    let machine = Machine::new();
    let file = machine.file("file", "");
    let below = file.join("man1");

    let ran = machine.run(&["man", "--out", below.to_str().unwrap()]).assert_exit(2);

    assert!(
        ran.stderr.contains("--out: cannot write ") && ran.stderr.contains("man1"),
        "{}",
        ran.stderr
    );
}
