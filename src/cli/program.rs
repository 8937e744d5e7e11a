//! The program's own command line: its commands, and running the one that is named.

use std::ffi::OsString;
use std::io::Write as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};
use tracing::level_filters::LevelFilter;

use super::commands::{
    completions, conformance, derive_key, diagnose, enrollments, explain, fleet, healthcheck, hub,
    log, man, pki, register, run, sas_token, schema, serve, status, tpm, webhook,
};
use super::common::{Common, Output};
use super::exit::Exit;
use super::output::logging;
use super::output::printer::Printer;
use super::output::wrap::{width_of_errors, wrapped};
use super::randomness;
use super::report::Report;
use super::stop;

/// Azure's Device Provisioning Service on your own machine, and the simulated device that talks to it.
#[derive(Debug, Parser)]
#[command(name = "provision-sim", version, about, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  provision-sim run fixtures/contoso/scenario.toml
      Microsoft's tutorial as a test: the toaster is accepted, the heat pump is rejected
  provision-sim serve
      a local DPS with the tutorial's enrollments and its allocation function
  provision-sim register --local --reg-id contoso-toaster-007
      a device that provisions itself against it
  provision-sim register --local --reg-id contoso-toaster-007 --explain
      the same, each step in words
  provision-sim register --id-scope 0ne00012345 --reg-id my-device --group-key @group.key
      against Azure
  provision-sim fleet --local --count 10000 --concurrency 200
      ten thousand devices against it, and how long each part took
  provision-sim diagnose --id-scope 0ne00012345 --reg-id my-device --group-key @group.key
      step by step, what keeps it from registering; `explain CODE` tells of any code

Exit codes:
  0  done
  1  internal error: a defect of this program
  2  bad input or usage; nothing was sent
  3  network or TLS
  4  the device's identity, or the connection string, was refused
  5  not assigned, or refused by the service
  6  the deadline passed
130  stopped before the end, by Ctrl-C";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Register(register::Register),
    Hub(hub::Hub),
    Status(status::Status),
    Diagnose(Box<diagnose::Diagnose>),
    Explain(explain::Explain),
    Log(log::Log),
    Healthcheck(healthcheck::Healthcheck),
    Run(Box<run::Run>),
    Conformance(conformance::Conformance),
    Fleet(Box<fleet::Fleet>),
    DeriveKey(derive_key::DeriveKey),
    SasToken(sas_token::SasTokenArgs),
    EnrollmentGroup(enrollments::EnrollmentGroup),
    Enrollment(enrollments::Enrollment),
    Registration(enrollments::Registration),
    ComputeDeviceKey(enrollments::ComputeDeviceKey),
    Export(enrollments::Export),
    Import(enrollments::Import),
    Webhook(webhook::Webhook),
    Pki(pki::Pki),
    Tpm(tpm::TpmCommand),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Runs the command that the arguments name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(error, wants_json(&arguments)),
    };
    stop::end_when_first_process();
    cli.common.color.apply();
    let mut printer = Printer::new(cli.common.output).quiet(cli.common.quiet);
    logging::init(&cli.common, cli.command.log_levels(), cli.command.keeps_logs());
    if let Err(report) = cli.command.needs_randomness().then(randomness::check).transpose() {
        printer.error(&report);
        return report.exit;
    }
    let result = match cli.command {
        Command::DeriveKey(command) => command.run(&mut printer),
        Command::SasToken(command) => command.run(&mut printer),
        Command::Register(command) => command.run(&mut printer),
        Command::Hub(command) => command.run(&mut printer),
        Command::Status(command) => command.run(&mut printer),
        Command::Diagnose(command) => command.run(&mut printer),
        Command::Explain(command) => command.run(&mut printer),
        Command::Serve(command) => command.run(&mut printer),
        Command::Log(mut command) => {
            command.is_verbose = cli.common.verbose > 0;
            command.run(&mut printer)
        }
        Command::Healthcheck(command) => command.run(&mut printer),
        Command::Run(command) => command.run(&mut printer),
        Command::Conformance(command) => command.run(&mut printer),
        Command::Fleet(command) => command.run(&mut printer),
        Command::Webhook(command) => command.run(&mut printer),
        Command::Pki(command) => command.run(&mut printer),
        Command::Tpm(command) => command.run(&mut printer),
        Command::EnrollmentGroup(command) => command.run(&mut printer),
        Command::Enrollment(command) => command.run(&mut printer),
        Command::Registration(command) => command.run(&mut printer),
        Command::ComputeDeviceKey(command) => command.run(&mut printer),
        Command::Export(command) => command.run(&mut printer),
        Command::Import(command) => command.run(&mut printer),
        Command::Schema(command) => command.run(&mut printer),
        Command::Completions(command) => command.run(Cli::command()),
        Command::Man(command) => command.run(Cli::command()),
    };
    result.unwrap_or_else(|report| {
        printer.error(&report);
        report.exit
    })
}

impl Command {
    /// Whether it makes keys or IDs, or speaks TLS.
    fn needs_randomness(&self) -> bool {
        !matches!(
            self,
            Self::DeriveKey(_)
                | Self::SasToken(_)
                | Self::Explain(_)
                | Self::Log(_)
                | Self::Schema(_)
                | Self::Completions(_)
                | Self::Man(_)
        )
    }

    /// Whether it shows what was logged while something went wrong.
    fn keeps_logs(&self) -> bool {
        matches!(self, Self::Run(_))
    }

    /// What is logged without a flag, with `-v` and with `-vv`: a service is run to be watched, a
    /// device for its result; a scenario's service mostly does what the file wants it to do.
    fn log_levels(&self) -> [LevelFilter; 3] {
        match self {
            Self::Serve(_) => [LevelFilter::INFO, LevelFilter::DEBUG, LevelFilter::TRACE],
            Self::Run(_) | Self::Conformance(_) => {
                [LevelFilter::ERROR, LevelFilter::INFO, LevelFilter::DEBUG]
            }
            _ => [LevelFilter::WARN, LevelFilter::INFO, LevelFilter::DEBUG],
        }
    }
}

/// Whether programs read what is printed, of arguments that clap could not read.
fn wants_json(arguments: &[OsString]) -> bool {
    let is_json = |value: &str| value == "json" || value == "jsonl";
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let beside = |pair: &[std::borrow::Cow<'_, str>]| {
        matches!(&*pair[0], "-o" | "--output") && is_json(&pair[1])
    };
    let joined = |word: &str| {
        word.strip_prefix("--output=")
            .or_else(|| word.strip_prefix("-o=").or_else(|| word.strip_prefix("-o")))
            .is_some_and(is_json)
    };
    words.windows(2).any(beside) || words.iter().any(|word| joined(word))
}

/// A stray word may be a key whose flag was forgotten, so it is not repeated.
fn usage(mut error: clap::Error, wants_json: bool) -> Exit {
    let is_stray_word = error.kind() == ErrorKind::UnknownArgument
        && matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(word)) if !word.starts_with('-'));
    if is_stray_word {
        error.insert(ContextKind::InvalidArg, ContextValue::String("(not shown)".to_owned()));
        error.remove(ContextKind::Suggested);
    }
    if error.use_stderr() && wants_json {
        Printer::new(Output::Json).error(&usage_report(&error));
        return Exit::Usage;
    }
    // Only a closed output can make this fail, and then nobody is there to be told.
    let _ = match error.use_stderr() {
        true => write!(anstream::stderr(), "{}", wrapped_lines(&error.render().ansi().to_string())),
        false => error.print(),
    };
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}

/// Clap's words in lines that fit the terminal: it wraps help itself, and errors not.
fn wrapped_lines(text: &str) -> String {
    let width = width_of_errors();
    let lines = text.split_inclusive('\n').map(|line| {
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        let end = if text.ends_with('\n') { "\n" } else { "" };
        format!("{:indent$}{}{end}", "", wrapped(text.trim_end_matches('\n'), width, indent))
    });
    lines.collect()
}

/// Clap's words as a report: its first paragraph is what is wrong, its tips are what to try.
fn usage_report(error: &clap::Error) -> Report {
    let text = error.render().to_string();
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    let mut paragraphs = paragraphs.into_iter();
    let message = paragraphs.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    paragraphs
        .map(|paragraph| match paragraph.strip_prefix("tip: ") {
            Some(tip) => tip.to_owned(),
            None => paragraph,
        })
        .fold(Report::usage(message), Report::remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_made_a_mistake_is_told_so_in_json() {
        for (arguments, expected) in [
            (&["register", "-o", "json", "--nonsense"][..], true),
            (&["register", "--nonsense", "--output=jsonl"], true),
            (&["register", "-ojson"], true),
            (&["register", "-o", "text"], false),
            (&["register", "--payload", "json"], false),
        ] {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            assert_eq!(wants_json(&arguments), expected, "{arguments:?}");
        }
        let error = Cli::try_parse_from(["it", "register", "--reg-ix", "a"]).unwrap_err();

        let report = usage_report(&error);

        assert_eq!(report.message, "unexpected argument '--reg-ix' found");
        assert!(report.remedies[0].contains("'--reg-id'"), "{report:?}");
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_line_of_help_is_wrapped_so_that_examples_can_be_copied() {
        let mut commands = vec![Cli::command()];
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands().cloned());
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines() {
                assert!(line.chars().count() <= 100, "{}: {line}", command.get_name());
            }
        }
    }

    /// Every option that takes a value, of every command, with the words that lead to it.
    fn options() -> Vec<(Vec<String>, clap::Arg)> {
        let (mut options, mut open) = (Vec::new(), vec![(Vec::new(), Cli::command())]);
        while let Some((mut words, command)) = open.pop() {
            words.push(command.get_name().to_owned());
            let taking = command.get_arguments().filter(|it| it.get_action().takes_values());
            let named = taking.filter(|it| it.get_long().is_some());
            options.extend(named.map(|it| (words.clone(), it.clone())));
            let below = command.get_subcommands().cloned();
            open.extend(below.map(|command| (words.clone(), command)));
        }
        options
    }

    /// What an option is called, and what its value.
    fn names(option: &clap::Arg) -> (String, String) {
        let value = option.get_value_names().and_then(|names| names.first());
        let value = value.map(ToString::to_string).unwrap_or_default();
        (option.get_long().unwrap_or_default().to_owned(), value)
    }

    #[test]
    fn every_number_size_rate_and_duration_is_tried_at_its_ends() {
        const ENDS: [&str; 29] = [
            "0",
            "-0",
            "-1",
            "1",
            "0.0",
            "1e400",
            "NaN",
            "inf",
            "65535",
            "65536",
            "4294967295",
            "4294967296",
            "18446744073709551615",
            "18446744073709551616",
            "0s",
            "1ns",
            "99999999d",
            "18446744073709551615s",
            "18446744073709551615s 999999999ns",
            "99999999999999y",
            "0/s",
            "1/0s",
            "1/99999999d",
            "1e400/s",
            "18446744073709551615/1ns",
            "0/0",
            "18446744073709551614/18446744073709551615",
            "99999999d:1/s",
            "",
        ];
        let mut tried = 0;
        for (words, option) in options() {
            let (name, value) = names(&option);
            let prefix = match &*value {
                "DURATION" | "DURATION:RATE" | "RATE" | "INDEX/COUNT" | "N" | "P" | "L"
                | "PORT" => "",
                "NAME=LIMIT" => "polls=",
                "HOW" => "random:",
                "CONDITION" => "p99>",
                _ => continue,
            };
            for end in ENDS {
                let given = format!("--{name}={prefix}{end}");
                let line = words.iter().cloned().chain([given]);
                // Taken or refused in words; a panic would end the test.
                if let Err(error) = Cli::try_parse_from(line) {
                    assert!(!error.render().to_string().is_empty());
                }
                tried += 1;
            }
        }
        assert!(tried > 500, "{tried}");
    }

    /// README: "Flags are called the same in every command".
    #[test]
    fn flags_are_called_the_same_in_every_command() {
        const AS_FILE: [&str; 6] =
            ["payload", "reported", "group-key", "device-key", "primary-key", "secondary-key"];
        let all = options();
        let has = |words: &[String], name: &str| {
            all.iter().any(|(other, option)| other == words && option.get_long() == Some(name))
        };
        let mut others = Vec::new();
        for (words, option) in &all {
            let (name, value) = names(option);
            let aliases = option.get_all_aliases().unwrap_or_default();
            let (is_pem, is_trust) = (value == "PEM", format!("-{name}").ends_with("-ca-file"));
            let is_certificate = name.contains("cert") || name.ends_with("-ca") || name == "x509";
            let is_key_of = name.strip_suffix("-key").filter(|_| is_pem);
            let is_duration = ["ttl", "retry-after", "duration", "ramp"].contains(&&*name)
                || format!("-{name}").ends_with("-timeout");
            let rules = [
                !is_pem || is_trust || is_certificate || is_key_of.is_some(),
                is_key_of.is_none_or(|certificate| has(words, certificate)),
                is_pem || !is_trust,
                name != "report" || value.starts_with("FILE"),
                is_duration == (value == "DURATION"),
                // A fleet has a file for each device.
                !AS_FILE.contains(&&*name) || value.contains("|@FILE|-") || value == "@FILE",
                name != "reg-id" || aliases.contains(&"registration-id"),
                name != "registration-id" || aliases.contains(&"reg-id"),
                name != "api-version" || !has(words, "webhook-url"),
            ];
            others.extend(
                rules
                    .iter()
                    .enumerate()
                    .filter(|(_, holds)| !**holds)
                    .map(|(rule, _)| format!("{} --{name} {value}: rule {rule}", words.join(" "))),
            );
        }
        assert!(others.is_empty(), "{others:#?}");
    }

    #[test]
    fn every_command_and_every_option_says_what_it_is_for() {
        let mut commands = vec![Cli::command()];
        while let Some(command) = commands.pop() {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name}");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{name}: {}", argument.get_id());
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }
}
