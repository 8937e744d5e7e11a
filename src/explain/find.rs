//! Finds entries by a code, a name, or a line of somebody's log.

use super::catalogue::{certificate_text, entries, entry};
use super::entry::Entry;
use super::link::{HubRefusal, key_of_failed};
use crate::wire::ErrorCode;

/// At most this many edits make a near match.
const NEAR: f64 = 0.72;

/// The entries that a text speaks of: a key or a name in any case (`401002`, `CONNACK-5`,
/// `Throttled`), a kind (`tls`), a bare status (`429`) or CONNACK code (`5`), or a line of a log, of which the most
/// telling part counts. Empty if it speaks of none.
pub fn find(text: &str) -> Vec<&'static Entry> {
    let text = text.trim().to_lowercase();
    let text = text.as_str();
    let ways: [fn(&str) -> Vec<&'static Entry>; 11] = [
        by_word,
        by_kind,
        by_number,
        by_webhook,
        by_certificate_text,
        by_link,
        by_code_inside,
        by_hub_inside,
        by_connack_inside,
        by_alias,
        by_status_inside,
    ];
    ways.iter().map(|way| way(text)).find(|found| !found.is_empty()).unwrap_or_default()
}

/// The keys and names that look most like `text`, the nearest first; three at most.
pub fn near(text: &str) -> Vec<&'static str> {
    let text = text.trim().to_lowercase();
    let words = entries().flat_map(|entry| [Some(entry.key), entry.name].into_iter().flatten());
    let mut near: Vec<_> = words
        .map(|word| (strsim::jaro_winkler(&text, &word.to_lowercase()), word))
        .filter(|(likeness, _)| *likeness > NEAR)
        .collect();
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut words: Vec<_> = near.into_iter().map(|(_, word)| word).collect();
    words.dedup();
    words.truncate(3);
    words
}

fn all(is_meant: impl Fn(&Entry) -> bool) -> Vec<&'static Entry> {
    entries().filter(|entry| is_meant(entry)).collect()
}

fn by_key(key: &str) -> Vec<&'static Entry> {
    entry(key).into_iter().collect()
}

fn by_word(text: &str) -> Vec<&'static Entry> {
    let is_name = |name: &str| name.eq_ignore_ascii_case(text);
    all(|entry| {
        entry.key == text
            || entry.name.is_some_and(is_name)
            || entry.c_sdk_result.is_some_and(is_name)
            || entry.aliases.contains(&text)
    })
}

/// `tls` for all that begins so.
fn by_kind(text: &str) -> Vec<&'static Entry> {
    all(|entry| entry.key.strip_prefix(text).is_some_and(|rest| rest.starts_with('-')))
}

/// `429` and `5`.
fn by_number(text: &str) -> Vec<&'static Entry> {
    match (text.len(), text.parse::<u16>()) {
        (3, Ok(status)) => by_status(status),
        (1, Ok(code)) => by_key(&format!("connack-{code}")),
        _ => Vec::new(),
    }
}

fn by_status(status: u16) -> Vec<&'static Entry> {
    match entry(&format!("http-{status}")) {
        Some(entry) => vec![entry],
        None => by_key(match status {
            400..=499 => "http-4xx",
            500..=599 => "http-5xx",
            _ => "",
        }),
    }
}

/// The webhook's status stands in the service's message; it is not the device's (G.6).
fn by_webhook(text: &str) -> Vec<&'static Entry> {
    let Some((_, rest)) = text.split_once("custom allocation failed with status code:") else {
        return Vec::new();
    };
    by_key(if numbers(rest).next() == Some("401") { "400209" } else { "400207" })
}

/// It says more than the code beside it.
fn by_certificate_text(text: &str) -> Vec<&'static Entry> {
    certificate_text(text).into_iter().collect()
}

/// The hub's refusal of DPS, and a number in the state of a failed registration (K-11).
fn by_link(text: &str) -> Vec<&'static Entry> {
    if let Some(refusal) = HubRefusal::read(text) {
        return by_key(refusal.key());
    }
    let is_failed = text.contains("registrationstate") && text.contains("\"failed\"");
    let codes = numbers(text).filter(|number| is_failed && number.len() == 6);
    let keys = codes.filter_map(|code| key_of_failed(ErrorCode(code.parse().ok()?)));
    keys.map(by_key).next().unwrap_or_default()
}

fn by_code_inside(text: &str) -> Vec<&'static Entry> {
    let mut found: Vec<&'static Entry> = Vec::new();
    for number in numbers(text).filter(|number| number.len() == 6) {
        if let Some(entry) = entry(number).filter(|entry| !found.contains(entry)) {
            found.push(entry);
        }
    }
    // The C SDK's names stand in lines such as `Failure registering device: PROV_DEVICE_RESULT_…`.
    if found.is_empty() {
        let is_inside = |name: &str| words(text).any(|word| word.eq_ignore_ascii_case(name));
        found = all(|entry| {
            entry.name.is_some_and(is_inside) || entry.c_sdk_result.is_some_and(is_inside)
        });
    }
    found
}

/// `CONNACK 5`, `connack-5` in a sentence, and the C SDK's `Connection Not Accepted: 0x5`.
fn by_connack_inside(text: &str) -> Vec<&'static Entry> {
    ["connack", "not accepted: 0x", "return_code: 0x", "return code "]
        .into_iter()
        .filter_map(|before| text.split_once(before))
        .filter_map(|(_, rest)| numbers(rest.get(..4).unwrap_or(rest)).next())
        .map(|number| by_key(&format!("connack-{number}")))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// What this program says of a hub that refuses: the same numbers mean something else there (I.1).
fn by_hub_inside(text: &str) -> Vec<&'static Entry> {
    let Some((_, rest)) = text.split_once("the hub refused the connection: connack") else {
        return Vec::new();
    };
    by_key(match numbers(rest).next() {
        Some("3") => "hub-unavailable",
        Some("4" | "5") => "hub-identity",
        _ => "hub-refused",
    })
}

/// The longest alias says most; those as long as it stand beside it.
fn by_alias(text: &str) -> Vec<&'static Entry> {
    let longest = |entry: &Entry| {
        let aliases = entry.aliases.iter().copied().chain([entry.title]);
        let inside =
            aliases.filter(|alias| alias.len() > 4 && text.contains(&alias.to_lowercase()));
        inside.map(str::len).max().unwrap_or(0)
    };
    let best = entries().map(longest).max().unwrap_or(0);
    if best == 0 { Vec::new() } else { all(|entry| longest(entry) == best) }
}

/// `HTTP/1.1 404 Not Found`, `service error status code 401`.
fn by_status_inside(text: &str) -> Vec<&'static Entry> {
    if !["http", "status", "error", "res/"].iter().any(|word| text.contains(word)) {
        return Vec::new();
    }
    let statuses = numbers(text).filter(|number| number.len() == 3);
    let statuses = statuses.filter_map(|number| number.parse().ok());
    statuses.map(by_status).find(|found| !found.is_empty()).unwrap_or_default()
}

fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(text: &str) -> Vec<&'static str> {
        find(text).into_iter().map(|entry| entry.key).collect()
    }

    #[test]
    fn entries_are_found_by_key_name_and_number_in_any_case() {
        for (text, key) in [
            ("401002", "401002"),
            ("CONNACK-3", "connack-3"),
            (" tls-expired ", "tls-expired"),
            ("429", "http-429"),
            ("503", "http-5xx"),
            ("451", "http-4xx"),
            ("5", "connack-5"),
            ("customallocationfailed", "400207"),
            ("PROV_DEVICE_RESULT_DISABLED", "disabled"),
            ("PROV_DEVICE_RESULT_HUB_NOT_SPECIFIED", "400208"),
        ] {
            assert_eq!(keys(text), [key], "{text}");
        }
    }

    #[test]
    fn a_kind_of_failure_finds_all_of_its_kind() {
        assert_eq!(
            keys("CONNACK"),
            ["connack-1", "connack-2", "connack-3", "connack-4", "connack-5"]
        );
        assert_eq!((keys("tls").len(), keys("breach").len()), (14, 16));
        assert_eq!(
            keys("proxy"),
            ["proxy-unreachable", "proxy-unauthorized", "proxy-refused", "proxy-broken"]
        );
        assert_eq!(keys("407"), ["proxy-unauthorized"]);
    }

    /// J-118.
    #[test]
    fn lines_of_logs_are_understood() {
        for (line, found) in [
            ("Custom allocation failed with status code: 400", &["400207"][..]),
            ("Custom allocation failed with status code: 401", &["400209"]),
            (
                r#"Unsuccessful json encountered: {"errorCode":401002,"trackingId":"8c1f"}"#,
                &["401002"],
            ),
            ("Error: Connection Not Accepted: 0x5: Not Authorized", &["connack-5"]),
            ("the service refused the connection: CONNACK 3 (server unavailable)", &["connack-3"]),
            ("error: hub h.net: the hub refused the connection: CONNACK 5", &["hub-identity"]),
            ("the hub answered the report with status 400", &["hub-properties"]),
            ("the hub answered the twin request with status 500", &["hub-busy"]),
            ("Failure: connect failure 111.", &["refused"]),
            ("Info: Failed DNS lookup for dps.example: -3", &["dns"]),
            ("HTTP/1.1 404 Not Found", &["http-404"]),
            ("register failed: service error status code 412", &["http-412"]),
            ("MQTT communication error", &["reset", "closed-before-connack"]),
            (
                "error:0A000086:SSL routines::certificate verify failed",
                &["tls-unknown-issuer", "tls-wrong-name", "tls-expired"],
            ),
            ("Operations are being throttled for this tenant.", &["429001"]),
        ] {
            assert_eq!(keys(line), found, "{line}");
        }
    }

    #[test]
    fn the_words_and_numbers_of_each_system_are_understood() {
        for (lines, found) in [
            (
                [
                    "Connection refused (os error 111)",
                    "connect: Connection refused (os error 61)",
                    "[WinError 10061] No connection could be made because the target machine actively refused it",
                ],
                "refused",
            ),
            (
                [
                    "No route to host (os error 113)",
                    "Network is unreachable (os error 51)",
                    "A socket operation was attempted to an unreachable network. (os error 10051)",
                ],
                "unreachable",
            ),
            (
                [
                    "Connection timed out (os error 110)",
                    "Operation timed out (os error 60)",
                    "the connected party did not properly respond after a period of time (os error 10060)",
                ],
                "timed-out",
            ),
            (
                [
                    "Connection reset by peer (os error 104)",
                    "Connection reset by peer (os error 54)",
                    "An existing connection was forcibly closed by the remote host. (os error 10054)",
                ],
                "reset",
            ),
            (
                [
                    "Name or service not known",
                    "nodename nor servname provided, or not known",
                    "No such host is known. (os error 11001)",
                ],
                "dns",
            ),
        ] {
            for line in lines {
                assert_eq!(keys(line), [found], "{line}");
            }
        }
    }

    #[test]
    fn the_c_sdks_common_result_finds_all_that_it_hides() {
        let found = keys("Failure registering device: PROV_DEVICE_RESULT_DEV_AUTH_ERROR");

        for key in ["401000", "401002", "connack-3", "connack-5", "400207"] {
            assert!(found.contains(&key), "{key}: {found:?}");
        }
        assert!(!found.contains(&"tls-expired"), "{found:?}");
    }

    #[test]
    fn what_is_not_there_has_near_matches_or_none() {
        assert_eq!(keys("tls-expird"), [""; 0]);
        assert_eq!(near("tls-expird")[0], "tls-expired");
        assert_eq!(near("401003")[..1], ["401000"]);
        assert_eq!(near("Throtled")[0], "Throttled");
        assert_eq!(near("xyzzy!"), [""; 0]);
    }

    #[test]
    fn every_entry_is_whole_and_is_found_by_its_own_key() {
        for entry in entries() {
            assert_eq!(keys(entry.key), [entry.key]);
            assert!(!entry.meaning.is_empty() && !entry.title.is_empty(), "{}", entry.key);
            assert!(!entry.causes.is_empty() && !entry.remedies.is_empty(), "{}", entry.key);
            assert!(!entry.rules.is_empty(), "{}", entry.key);
            assert!(entry.meaning.ends_with('.'), "{}", entry.meaning);
            for hint in entry.causes.iter().chain(entry.remedies) {
                assert!(!hint.text.ends_with('.'), "{}", hint.text);
            }
            for alias in entry.aliases {
                assert_eq!(*alias, alias.to_lowercase());
            }
        }
    }

    #[test]
    fn every_rule_that_an_entry_names_stands_in_the_documents() {
        let docs = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
        let pages: Vec<String> = docs
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect();
        for entry in entries() {
            for rule in entry.rules {
                let is_there = pages.iter().any(|page| {
                    page.contains(&format!("**{rule}**")) || page.contains(&format!("### {rule} "))
                });
                assert!(is_there, "{}: {rule}", entry.key);
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}", number in any::<u64>()) {
            let _ = (find(&text), near(&text), find(&format!("connack{text}")), find(&number.to_string()));
        }
    }
}
