//! What a report says of its run: when, by which command, against what, on which machine.

use crate::fleet::Blueprint;
use crate::fleet::report::RunInfo;
use crate::sources::Clock;
use crate::text::moment;
use std::num::NonZero;

/// What stands in place of a secret.
const MASK: &str = "****";
/// Flags whose value is a secret, unless it names a file.
const SECRETS: [&str; 4] =
    ["--group-key", "--device-key", "--cert-key-passphrase", "--connection-string"];
/// What is longer is cut: a payload may be.
const LONGEST: usize = 200;

/// This run, which begins now.
pub(super) fn run_info(blueprint: &Blueprint) -> RunInfo {
    let port = blueprint.transport.ports(blueprint.ports).first().copied();
    let service = blueprint.endpoint.clone();
    let service = match port {
        Some(port) => service.or_port(port),
        None => service,
    };
    RunInfo {
        began: moment(Clock::system().now()),
        command: command(
            std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()),
        ),
        service: service.to_string(),
        id_scope: blueprint.id_scope.to_string(),
        transport: blueprint.transport.name().to_owned(),
        program: concat!("provision-sim ", env!("CARGO_PKG_VERSION")).to_owned(),
        processors: std::thread::available_parallelism().map_or(1, NonZero::get) as u64,
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    }
}

/// A command line to read again, without its secrets.
fn command(words: impl Iterator<Item = String>) -> String {
    let mut line = "provision-sim".to_owned();
    let mut is_secret = false;
    for word in words {
        let shown = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => {
                format!("{flag}={}", masked(value, SECRETS.contains(&flag)))
            }
            _ => masked(&word, is_secret),
        };
        is_secret = SECRETS.contains(&word.as_str());
        line.push(' ');
        line.push_str(&quoted(&shown));
    }
    line
}

/// A value: none of it if it is a secret, and never the credentials of a proxy or a connection string.
fn masked(value: &str, is_secret: bool) -> String {
    let names_file = value.starts_with('@') || value == "-";
    if is_secret && !names_file {
        return MASK.to_owned();
    }
    if let Some(at) = value.to_ascii_lowercase().find("sharedaccesskey=") {
        return format!("{}{MASK}", &value[..at + "sharedaccesskey=".len()]);
    }
    let is_url = value.contains("://");
    if let Some((user_info, address)) = value.rsplit_once('@')
        && (is_url || (user_info.contains(':') && !user_info.contains(['{', '"'])))
    {
        let scheme = user_info.split_once("://").map_or("", |(scheme, _)| scheme);
        let scheme = if is_url { format!("{scheme}://") } else { String::new() };
        return format!("{scheme}{MASK}@{address}");
    }
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// As a POSIX shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,*".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(words: &[&str]) -> String {
        command(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn j_233_the_command_is_told_without_its_secrets() {
        for (words, told) in [
            (&["fleet", "--group-key", "s3cret=="][..], "fleet --group-key ****"),
            (&["fleet", "--group-key=s3cret=="], "fleet --group-key=****"),
            (&["fleet", "--group-key", "@group.key"], "fleet --group-key @group.key"),
            (&["fleet", "--group-key", "-"], "fleet --group-key -"),
            (
                &["fleet", "--proxy", "http://user:s3cret@proxy:3128"],
                "fleet --proxy http://****@proxy:3128",
            ),
            (&["fleet", "--proxy=user:s3cret@proxy:3128"], "fleet --proxy=****@proxy:3128"),
            (
                &["fleet", "--x", "HostName=a;SharedAccessKey=s3cret"],
                "fleet --x 'HostName=a;SharedAccessKey=****'",
            ),
            (
                &["fleet", "--reg-id-pattern", "pump-{n:06}", "--payload", "{\"a\":\"it's\"}"],
                "fleet --reg-id-pattern 'pump-{n:06}' --payload '{\"a\":\"it'\\''s\"}'",
            ),
        ] {
            assert_eq!(shown(words), format!("provision-sim {told}"));
            assert!(!shown(words).contains("s3cret"));
        }
    }
}
