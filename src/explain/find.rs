//! Finds entries by a code, a name, or a line of somebody's log.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::catalogue::{WRAPPER, certificate_text, entries, entry};
use super::entry::Entry;
use super::link::{HubRefusal, key_of_failed};
use super::phrases::{Client, phrases};
use crate::wire::ErrorCode;

/// At most this many edits make a near match.
const NEAR: f64 = 0.72;

/// The entries that a text speaks of: a key or a name in any case (`401002`, `CONNACK-5`,
/// `Throttled`), a kind (`tls`), a bare status (`429`) or CONNACK code (`5`), or a line of a log. Empty if it speaks of none.
pub fn find(text: &str) -> Vec<&'static Entry> {
    let lower = text.trim().to_lowercase();
    let ways: [fn(&str) -> Vec<&'static Entry>; 3] = [by_word, by_kind, by_number];
    let named = ways.iter().map(|way| way(&lower)).find(|found| !found.is_empty());
    let Some(named) = named else {
        let found = find_in_line(text).entries;
        // By itself the C SDK's result tells at least what it may hide.
        let hidden = if found.iter().all(|entry| is_wrapper(entry)) {
            by_result_inside(&lower)
        } else {
            Vec::new()
        };
        return if hidden.is_empty() { found } else { hidden };
    };
    named
}

/// What a line of a log speaks of.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// In the order of what is most certain.
    pub(super) entries: Vec<&'static Entry>,
    /// Whose line it is, if that shows.
    pub(super) client: Option<Client>,
}

/// All that a line speaks of. What is read exactly (the webhook's status, the hub's refusal, codes)
/// goes before phrases, and these before bare statuses and the names of the C SDK's results, which say
/// little and count only where there is nothing else.
pub(super) fn find_in_line(line: &str) -> Line {
    let lower = line.trim().to_lowercase();
    let text = lower.as_str();
    let mut client = Client::of(text);
    let mut entries = by_webhook(text);
    if entries.is_empty() {
        entries = by_link(text);
    }
    if entries.is_empty() {
        entries = by_certificate_text(text);
    }
    // The numbers of a hub's refusal, and the webhook's status, are not the device's.
    if entries.is_empty() {
        entries = by_hub_inside(text);
    }
    if entries.is_empty() {
        add(&mut entries, by_code_inside(text));
        add(&mut entries, by_connack_inside(text));
        let (found, speaker) = by_phrase(text);
        client = client.or(speaker);
        add(&mut entries, found);
    }
    let says_more = |entries: &[&'static Entry]| entries.iter().any(|entry| !is_vague(entry));
    if says_more(&entries) {
        entries.retain(|entry| !is_vague(entry));
    } else {
        if !entries.iter().all(|entry| is_wrapper(entry)) {
            entries.retain(|entry| !is_wrapper(entry));
        }
        let mut weak = by_status_inside(text);
        if weak.is_empty() && entries.is_empty() {
            weak = by_result_inside(text);
        }
        if entries.iter().all(|entry| is_wrapper(entry)) && !weak.is_empty() {
            entries = weak;
        } else {
            add(&mut entries, weak);
        }
    }
    Line { entries, client }
}

/// Whether an entry only says that something failed.
pub(super) fn is_wrapper(entry: &Entry) -> bool {
    [WRAPPER, "client-dev-auth"].contains(&entry.key)
}

/// Whether an entry is not worth telling beside one that says what it was.
fn is_vague(entry: &Entry) -> bool {
    is_wrapper(entry)
        || entry.key.starts_with("http-")
        || ["tls-other", "breach-body", "failed"].contains(&entry.key)
}

fn add(entries: &mut Vec<&'static Entry>, more: Vec<&'static Entry>) {
    for entry in more {
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
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

/// Six digits that stand for themselves: not within a word or a fraction, and not the time with which
/// ESP-IDF begins its lines, `E (401002) `.
fn by_code_inside(text: &str) -> Vec<&'static Entry> {
    let mut found = Vec::new();
    let mut at = 0;
    for word in text.split(|c: char| !c.is_ascii_digit()) {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        at += word.len() + after.chars().next().map_or(0, char::len_utf8);
        let is_fraction = before.ends_with(['.', ','])
            && before[..before.len() - 1].ends_with(|c: char| c.is_ascii_digit());
        let is_in_word =
            before.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
        let is_time = before.len() == 3 && before.ends_with(" (") && after.starts_with(')');
        if word.len() == 6 && !is_fraction && !is_in_word && !is_time {
            add(&mut found, by_key(word));
        }
    }
    found
}

/// The C SDK's names stand in lines such as `Failure registering device: PROV_DEVICE_RESULT_…`.
fn by_result_inside(text: &str) -> Vec<&'static Entry> {
    let words: Vec<_> = words(text).filter(|word| word.len() > 4).collect();
    let is_inside = |name: &str| words.iter().any(|word| word.eq_ignore_ascii_case(name));
    all(|entry| entry.name.is_some_and(is_inside) || entry.c_sdk_result.is_some_and(is_inside))
}

/// `CONNACK 5`, `connack-5` in a sentence, and the C SDK's `Connection Not Accepted: 0x5`.
fn by_connack_inside(text: &str) -> Vec<&'static Entry> {
    let mut found = Vec::new();
    for before in
        ["connack", "not accepted: 0x", "return_code: 0x", "return code ", "return code: "]
    {
        for (at, _) in text.match_indices(before) {
            let rest = &text[at + before.len()..];
            let near = rest.char_indices().nth(4).map_or(rest, |(end, _)| &rest[..end]);
            if let Some(number) = numbers(near).next() {
                add(&mut found, by_key(&format!("connack-{number}")));
            }
        }
    }
    found
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

/// A text in lower case, the entries that it speaks of, and whose it is.
struct Pattern {
    text: String,
    entries: Vec<&'static Entry>,
    client: Option<Client>,
}

/// The phrases of others, and the entries' own aliases and titles; made once.
static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let mut patterns: BTreeMap<String, Pattern> = BTreeMap::new();
    let mut put = |text: String, found: Vec<&'static Entry>, client: Option<Client>| {
        let pattern = patterns.entry(text.clone()).or_insert_with(|| Pattern {
            text,
            entries: Vec::new(),
            client,
        });
        if client.is_some() && client != pattern.client {
            pattern.client = None;
        }
        add(&mut pattern.entries, found);
    };
    for (client, (text, keys)) in phrases() {
        put(text.to_owned(), keys.iter().filter_map(|key| entry(key)).collect(), Some(client));
    }
    for entry in entries() {
        for alias in entry.aliases.iter().chain([&entry.title]).filter(|alias| alias.len() > 4) {
            put(alias.to_lowercase(), vec![entry], None);
        }
    }
    patterns.into_values().collect()
});

/// Where a pattern stands first; a number that goes on is another number.
fn place(text: &str, pattern: &str) -> Option<usize> {
    let is_number = pattern.ends_with(|c: char| c.is_ascii_digit());
    let goes_on = |end: usize| is_number && text[end..].starts_with(|c: char| c.is_ascii_digit());
    text.match_indices(pattern).map(|(at, _)| at).find(|at| !goes_on(at + pattern.len()))
}

/// The phrases in a text, from left to right. Of two that overlap the longer says more; each pattern
/// is looked for once, so that the work is that of the text's length.
fn by_phrase(text: &str) -> (Vec<&'static Entry>, Option<Client>) {
    let mut seen: Vec<(usize, &Pattern)> = PATTERNS
        .iter()
        .filter_map(|pattern| Some((place(text, &pattern.text)?, pattern)))
        .collect();
    seen.sort_by_key(|(_, pattern)| std::cmp::Reverse(pattern.text.len()));
    let mut kept: Vec<(usize, &Pattern)> = Vec::new();
    for (at, pattern) in seen {
        let end = at + pattern.text.len();
        if kept.iter().all(|(start, other)| end <= *start || start + other.text.len() <= at) {
            kept.push((at, pattern));
        }
    }
    kept.sort_by_key(|(at, _)| *at);
    let mut entries = Vec::new();
    for (_, pattern) in &kept {
        add(&mut entries, pattern.entries.clone());
    }
    (entries, kept.iter().find_map(|(_, pattern)| pattern.client))
}

/// `HTTP/1.1 404 Not Found`, `service error status code 401`.
fn by_status_inside(text: &str) -> Vec<&'static Entry> {
    if !["http", "status", "error", "res/"].iter().any(|word| text.contains(word)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut before = ' ';
    for word in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let number = word.trim_end_matches(|c: char| !c.is_ascii_digit());
        // `client.js:405:12` is a place in a file.
        let is_place = before == ':' && word.ends_with(':');
        let is_in_word = before.is_alphanumeric() || word.ends_with(|c: char| c.is_alphabetic());
        if number.len() == 3 && !is_place && !is_in_word {
            number.parse().into_iter().for_each(|status| add(&mut found, by_status(status)));
        }
        before = word.chars().next_back().unwrap_or(' ');
    }
    found
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
        assert_eq!((keys("tls").len(), keys("breach").len()), (14, 23));
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
