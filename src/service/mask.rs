//! Masks what must not be shown in texts that others wrote (G-2): the query of a webhook's address,
//! in whatever spelling somebody repeats it, and what looks like a credential.
//!
//! Pure. Where in doubt it masks too much: these texts are for looking at (J-98).

use std::fmt;
use std::ops::Range;

use memchr::memmem;
use zeroize::Zeroizing;

use super::enrollment::{Enrollment, WebhookUrl};
use crate::text::Foreign;

const MASK: &str = "****";

/// Values of a query that are shorter are no keys, and are in every text by chance.
const SHORTEST: usize = 6;

/// How many layers of escaping are looked through.
const LAYERS: usize = 3;

/// Most bytes of a body that are kept or logged (J-95).
pub(super) const MAX_BODY: usize = 4 * 1024;

/// How much is read beyond the cut, for the sake of what stands there.
const MARGIN: usize = 64;
/// How many times its own length a secret can have in three layers of escaping.
const ESCAPED: usize = 12;

/// What is secret in the texts of one registration.
pub(super) struct Mask {
    /// Bytes that must not be shown.
    secrets: Vec<Zeroizing<Vec<u8>>>,
}

impl Mask {
    /// The secrets of a webhook's address, if there is one, besides those that show by their form.
    pub(super) fn of(url: Option<&WebhookUrl>) -> Self {
        let mut mask = Self { secrets: Vec::new() };
        let Some(query) = url.and_then(|url| url.expose().query()) else { return mask };
        mask.add(query);
        for pair in query.split('&') {
            mask.add(pair.split_once('=').map_or(pair, |(_, value)| value));
        }
        for (_, value) in url::form_urlencoded::parse(query.as_bytes()) {
            mask.add(&value);
        }
        mask
    }

    /// The secrets of an enrollment's webhook, if it has one.
    pub(super) fn of_enrollment(enrollment: &Enrollment) -> Self {
        Self::of(enrollment.custom_allocation.as_ref().map(|definition| &definition.webhook_url))
    }

    /// A text with `****` in place of every secret, cut after `limit` bytes. What is not shown is not
    /// looked at, but for as much as the end of a secret can need that begins before the cut.
    pub(super) fn shown<'a>(
        &self,
        text: &'a (impl AsRef<[u8]> + ?Sized),
        limit: usize,
    ) -> Foreign<'a> {
        let text = text.as_ref();
        let seen = text.len().min(limit.saturating_add(self.margin()));
        let seen = String::from_utf8_lossy(text.get(..seen).unwrap_or_default());
        let kept = seen.floor_char_boundary(limit);
        let mut found = self.find(&seen);
        if found.is_empty() && kept == seen.len() {
            return Foreign::new(seen);
        }
        found.sort_by_key(|range| range.start);
        let mut masked = masked(seen.as_bytes(), kept, &found);
        if text.len() <= limit {
            return Foreign::new(masked);
        }
        // A mask may be longer than what it hides.
        masked.truncate(masked.floor_char_boundary(limit));
        Foreign::cut(masked, text.len())
    }

    /// How far behind the cut a secret may end that begins before it.
    fn margin(&self) -> usize {
        let longest = self.secrets.iter().map(|secret| secret.len()).max();
        MARGIN + ESCAPED * longest.unwrap_or_default()
    }

    /// A secret, as it is and without each layer of its escaping.
    fn add(&mut self, secret: &str) {
        let mut layer = Some(Layer::of(secret));
        for _ in 0..=LAYERS {
            let Some(current) = layer else { return };
            if current.bytes.len() >= SHORTEST {
                self.secrets.push(Zeroizing::new(current.bytes.clone()));
            }
            layer = current.without_escapes();
        }
    }

    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut layer = Some(Layer::of(text));
        for _ in 0..=LAYERS {
            let Some(current) = layer else { break };
            for secret in &self.secrets {
                let places = memmem::find_iter(&current.bytes, secret.as_slice());
                found.extend(places.map(|at| current.source(at..at + secret.len())));
            }
            found.extend(credentials(&current.bytes).map(|range| current.source(range)));
            layer = current.without_escapes();
        }
        found
    }
}

/// The first `kept` bytes of a text with what was found in it masked. What is found may overlap.
fn masked(text: &[u8], kept: usize, found: &[Range<usize>]) -> String {
    let (mut shown, mut from) = (Vec::with_capacity(kept), 0);
    for &Range { start, end } in found.iter().take_while(|range| range.start < kept) {
        if start >= from {
            shown.extend_from_slice(text.get(from..start).unwrap_or_default());
            shown.extend_from_slice(MASK.as_bytes());
        }
        from = from.max(end);
    }
    shown.extend_from_slice(text.get(from..kept).unwrap_or_default());
    String::from_utf8_lossy(&shown).into_owned()
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask(secrets redacted)")
    }
}

/// A text without some layers of escaping, and where each of its bytes stood.
struct Layer {
    bytes: Vec<u8>,
    /// One more than there are bytes: the last is the end.
    starts: Vec<usize>,
}

impl Layer {
    fn of(text: &str) -> Self {
        Self { bytes: text.as_bytes().to_vec(), starts: (0..=text.len()).collect() }
    }

    fn source(&self, range: Range<usize>) -> Range<usize> {
        let at = |index: usize| self.starts.get(index).copied().unwrap_or_default();
        at(range.start)..at(range.end)
    }

    /// Without percent encoding and the escapes of JSON and HTML; `None` if there is none.
    fn without_escapes(&self) -> Option<Self> {
        let mut plain = Self { bytes: Vec::new(), starts: Vec::new() };
        let mut at = 0;
        while let Some(&byte) = self.bytes.get(at) {
            let (byte, length) = unescaped(self.bytes.get(at..).unwrap_or_default(), byte);
            plain.bytes.push(byte);
            plain.starts.push(self.starts.get(at).copied().unwrap_or_default());
            at += length;
        }
        plain.starts.extend(self.starts.last());
        (plain.bytes.len() < self.bytes.len()).then_some(plain)
    }
}

/// The byte that `rest` begins with, and how long its escape is. Keys are ASCII, so escapes for
/// anything else may stay.
fn unescaped(rest: &[u8], first: u8) -> (u8, usize) {
    let hex = |digits: Option<&[u8]>| {
        let digits = std::str::from_utf8(digits?).ok()?;
        u8::from_str_radix(digits, 16).ok()
    };
    match rest {
        [b'%', ..] => hex(rest.get(1..3)).map_or((first, 1), |byte| (byte, 3)),
        [b'\\', b'u' | b'U', b'0', b'0', ..] => {
            hex(rest.get(4..6)).map_or((first, 1), |byte| (byte, 6))
        }
        [b'\\', b'/' | b'"' | b'\\', ..] => (rest.get(1).copied().unwrap_or(first), 2),
        [b'&', b'a', b'm', b'p', b';', ..] => (first, 5),
        _ => (first, 1),
    }
}

/// What comes before a credential. Parameters of a query count as such only behind `?` or `&`, so
/// that "error code=5" stays.
const BEFORE: [&str; 9] = [
    "?code=",
    "&code=",
    "sig=",
    "sharedaccesskey=",
    "accountkey=",
    "bearer ",
    "basic ",
    "authorization",
    "x-functions-key",
];

/// The values that look like a credential.
fn credentials(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let folded = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for word in BEFORE {
        let name_ends = memmem::find_iter(&folded, word).map(|at| at + word.len());
        match word {
            "authorization" | "x-functions-key" => {
                let starts = name_ends.filter_map(|end| header_start(&folded, end));
                found.extend(values(&folded, starts, b"\"'<>{}\\\r\n", 1));
            }
            "bearer " | "basic " => found.extend(values(&folded, name_ends, TOKEN_END, SHORTEST)),
            _ => found.extend(values(&folded, name_ends, TOKEN_END, 1)),
        }
    }
    found.into_iter()
}

/// What ends one word.
const TOKEN_END: &[u8] = b"&;\"'<>,{}\\ \t\r\n";

/// Where the value of a header begins, as in HTTP or as a member of JSON.
fn header_start(text: &[u8], name_end: usize) -> Option<usize> {
    let rest = text.get(name_end..)?;
    let filling = rest.iter().take_while(|byte| b"\\\"' :=[".contains(byte)).count();
    let is_value = rest.get(..filling)?.iter().any(|byte| b":=".contains(byte));
    is_value.then_some(name_end + filling)
}

/// The values at `starts`, which ascend, each up to one of `ends` and of `shortest` bytes at least.
/// Those that begin within another end with it and are left out: so no byte is looked at twice,
/// however often somebody writes `sig=`.
fn values(
    text: &[u8],
    starts: impl Iterator<Item = usize>,
    ends: &[u8],
    shortest: usize,
) -> impl Iterator<Item = Range<usize>> {
    let mut passed = 0;
    starts.filter_map(move |start| {
        if start < passed {
            return None;
        }
        let rest = text.get(start..)?;
        let length = rest.iter().take_while(|byte| !ends.contains(byte)).count();
        passed = start + length;
        (length >= shortest).then_some(start..passed)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const URL: &str =
        "https://alloc.azurewebsites.net/api/Choose?code=s3cr%2Fet%3D%3D&clientId=default";

    fn masked(text: &str) -> String {
        Mask::of(Some(&URL.parse().unwrap())).shown(text, usize::MAX).into_text().into_owned()
    }

    /// J-98.
    #[test]
    fn g_2_a_function_key_is_masked_in_every_spelling() {
        for text in [
            "s3cr/et==",
            "s3cr%2Fet%3D%3D",
            "s3cr%2fet==",
            r"s3cr\/et==",
            r"s3cr\u002Fet\u003d=",
            "s3cr%252Fet%253D%253D",
            r"s3cr%2Fet\u00253D%3D",
        ] {
            assert_eq!(masked(&format!("key <{text}>, wrong")), "key <****>, wrong", "{text}");
        }
        let query = "at /api/Choose?code=s3cr%2Fet%3D%3D&clientId=default.";
        assert_eq!(masked(query), "at /api/Choose?****.");
        assert_eq!(masked(&query.replace('&', "&amp;")), "at /api/Choose?****.");
    }

    /// J-98.
    #[test]
    fn g_2_what_looks_like_a_credential_is_masked_without_knowing_it() {
        let mask = Mask::of(None);
        for (text, shown) in [
            ("GET /x?a=1&code=abc HTTP", "GET /x?a=1&code=**** HTTP"),
            (r#"{"url":"/x?code=abc\u0026d=1"}"#, r#"{"url":"/x?code=****\u0026d=1"}"#),
            ("sr=a&sig=b%3D&se=1", "sr=a&sig=****&se=1"),
            ("HostName=h;SharedAccessKey=abc=;x", "HostName=h;SharedAccessKey=****;x"),
            ("a Bearer eyJhbGciOi.x", "a Bearer ****"),
            ("Authorization: SharedAccessSignature sr=a b\r\nx", "Authorization: ****\r\nx"),
            (r#"{"authorization":"abc","x":1}"#, r#"{"authorization":"****","x":1}"#),
            (
                r#"{"h":"{\"X-Functions-Key\":\"abc\"}"}"#,
                r#"{"h":"{\"X-Functions-Key\":\"****\"}"}"#,
            ),
        ] {
            assert_eq!(mask.shown(text, usize::MAX).into_text(), shown);
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            r#"{"iotHubHostName":"hub-west.azure-devices.net"}"#,
            "status code=400",
            "authorization failed",
            "basic tier, 100 % of it",
            "",
        ] {
            assert_eq!(Mask::of(None).shown(text, usize::MAX).into_text(), text);
        }
    }

    /// J-202.
    #[test]
    fn g_2_a_text_is_cut_before_it_is_masked_and_no_part_of_a_key_stays_at_the_cut() {
        let mask = Mask::of(Some(&URL.parse().unwrap()));
        for spelling in
            ["s3cr/et==", "s3cr%252Fet%253D%253D", r"s3cr\u002Fet\u003d\u003d", "sig=s3cr"]
        {
            let text = format!("{:64}{spelling}{:4096}", "", "");
            for limit in 60..64 + spelling.len() {
                let shown = mask.shown(&text, limit).to_string();

                assert!(!shown.contains("s3c"), "{spelling} cut after {limit}: {shown}");
                assert!(shown.ends_with(&format!("… (cut here; {} bytes in all)", text.len())));
            }
        }
        assert_eq!(mask.shown("éé", 3).to_string(), "é… (cut here; 4 bytes in all)");
        assert_eq!(mask.shown(b"\xff".as_slice(), 3).to_string(), "\u{fffd}");
    }

    /// What a stranger writes: words before credentials, what ends and what escapes them.
    fn hostile() -> impl Strategy<Value = String> {
        let pieces: Vec<&str> = BEFORE
            .into_iter()
            .chain(["x", "\"", ":", "\\", "%25", "\\u0025", "&amp;", " "])
            .collect();
        let piece = prop::sample::select(pieces);
        (prop::collection::vec(piece, 1..4), 1..600_usize)
            .prop_map(|(pieces, times)| pieces.concat().repeat(times))
    }

    proptest! {
        /// J-202: what is found is what was looked at. Every word finds a byte once at most, in each
        /// layer.
        #[test]
        fn j_202_masking_costs_what_the_text_is_long(text in hostile()) {
            let found: usize = Mask::of(None).find(&text).iter().map(Range::len).sum();

            prop_assert!(found <= (LAYERS + 1) * BEFORE.len() * text.len());
        }

        #[test]
        fn g_2_neither_key_nor_query_is_ever_shown(
            key in "[A-Za-z0-9_/+%=-]{12,60}",
            other in "[a-z]{6,12}",
            before in "\\PC{0,20}",
            after in "\\PC{0,20}",
        ) {
            let mut url: url::Url = "https://f.example/api".parse().unwrap();
            url.query_pairs_mut().append_pair("code", &key).append_pair("x", &other);
            let query = url.query().unwrap().to_owned();
            let escaped = query.split_once("code=").unwrap().1.split_once('&').unwrap().0.to_owned();
            let mask = Mask::of(Some(&url.as_str().parse().unwrap()));

            for spelling in [&key, &escaped, &query] {
                let text = format!("{before}{spelling}{after}");
                let shown = mask.shown(&text, usize::MAX).into_text();

                for secret in [&key, &escaped, &query] {
                    prop_assert!(!shown.contains(secret.as_str()), "{} in {}", secret, shown);
                }
            }
        }
    }
}
