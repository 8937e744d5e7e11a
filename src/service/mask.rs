//! Masks what must not be shown in texts that others wrote (G-2): the query of a webhook's address,
//! in whatever spelling somebody repeats it, and what looks like a credential.
//!
//! Pure. Where in doubt it masks too much: these texts are for looking at (J-98).

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use memchr::memmem;
use zeroize::Zeroizing;

use super::enrollment::WebhookUrl;

const MASK: &str = "****";

/// Values of a query that are shorter are no keys, and are in every text by chance.
const SHORTEST: usize = 6;

/// How many layers of escaping are looked through.
const LAYERS: usize = 3;

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

    /// `text` with `****` in place of every secret.
    pub(super) fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut found = self.find(text);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_by_key(|range| range.start);
        let (mut shown, mut from) = (Vec::with_capacity(text.len()), 0);
        let text = text.as_bytes();
        for Range { start, end } in found {
            if start >= from {
                shown.extend_from_slice(text.get(from..start).unwrap_or_default());
                shown.extend_from_slice(MASK.as_bytes());
            }
            from = from.max(end);
        }
        shown.extend_from_slice(text.get(from..).unwrap_or_default());
        Cow::Owned(String::from_utf8_lossy(&shown).into_owned())
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
        let ends = memmem::find_iter(&folded, word).map(|at| at + word.len());
        found.extend(ends.filter_map(|end| match word {
            "authorization" | "x-functions-key" => header(&folded, end),
            "bearer " | "basic " => token(&folded, end).filter(|range| range.len() >= SHORTEST),
            _ => token(&folded, end),
        }));
    }
    found.into_iter()
}

/// One word, up to whatever ends it.
fn token(text: &[u8], start: usize) -> Option<Range<usize>> {
    let is_end = |byte: &u8| b"&;\"'<>,{}\\ \t\r\n".contains(byte);
    up_to(text, start, is_end)
}

/// The value of a header, as in HTTP or as a member of JSON, spaces included.
fn header(text: &[u8], name_end: usize) -> Option<Range<usize>> {
    let rest = text.get(name_end..)?;
    let filling = rest.iter().take_while(|byte| b"\\\"' :=[".contains(byte)).count();
    let is_value = rest.get(..filling)?.iter().any(|byte| b":=".contains(byte));
    let is_end = |byte: &u8| b"\"'<>{}\\\r\n".contains(byte);
    up_to(text, name_end + filling, is_end).filter(|_| is_value)
}

fn up_to(text: &[u8], start: usize, is_end: impl Fn(&u8) -> bool) -> Option<Range<usize>> {
    let length = text.get(start..)?.iter().take_while(|byte| !is_end(byte)).count();
    (length > 0).then_some(start..start + length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const URL: &str =
        "https://alloc.azurewebsites.net/api/Choose?code=s3cr%2Fet%3D%3D&clientId=default";

    fn masked(text: &str) -> String {
        Mask::of(Some(&URL.parse().unwrap())).apply(text).into_owned()
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
            assert_eq!(mask.apply(text), shown);
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
            assert!(matches!(Mask::of(None).apply(text), Cow::Borrowed(same) if same == text));
        }
    }

    proptest! {
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
                let shown = mask.apply(&format!("{before}{spelling}{after}")).into_owned();

                for secret in [&key, &escaped, &query] {
                    prop_assert!(!shown.contains(secret.as_str()), "{} in {}", secret, shown);
                }
            }
        }
    }
}
