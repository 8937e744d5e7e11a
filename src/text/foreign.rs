//! Text from outside, on its way to a log or a terminal.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Text that somebody else has written: a device, a webhook, a service, a file.
///
/// However it is shown, it stays on its line and moves no cursor: control characters, line and
/// paragraph separators and what changes the direction of writing appear as escapes (`\n`,
/// `\u{1b}`). `Debug` puts it in quotes besides. What has been cut off a long one is told behind it.
#[derive(Clone, PartialEq, Eq)]
pub struct Foreign<'a> {
    text: Cow<'a, str>,
    /// How many bytes there were, if not all of them are here.
    of: Option<usize>,
}

impl<'a> Foreign<'a> {
    /// The most bytes of a name, a topic, a filter or a path that anybody wants to see in a line.
    const SHORT: usize = 512;

    /// All of it.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), of: None }
    }

    /// The beginning of it, of a length that a line can bear beside other things.
    pub fn short(text: &'a str) -> Self {
        Self::up_to(text, Self::SHORT)
    }

    /// Its first `limit` bytes.
    pub fn up_to(text: &'a str, limit: usize) -> Self {
        let kept = text.get(..text.floor_char_boundary(limit)).unwrap_or_default();
        let of = (kept.len() < text.len()).then_some(text.len());
        Self { text: kept.into(), of }
    }

    /// What was kept of a text that had `length` bytes in all.
    pub fn cut(kept: impl Into<Cow<'a, str>>, length: usize) -> Self {
        Self { text: kept.into(), of: Some(length) }
    }

    /// What it is, for those who neither log nor print it; the mark of a cut included.
    pub fn into_text(self) -> Cow<'a, str> {
        match self.of {
            None => self.text,
            Some(_) => Cow::Owned(format!("{}{}", self.text, Mark(self.of))),
        }
    }
}

impl fmt::Display for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_harmless(&self.text, f)?;
        write!(f, "{}", Mark(self.of))
    }
}

impl fmt::Debug for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The standard library escapes more than we do.
        fmt::Debug::fmt(&self.text, f)?;
        write!(f, "{}", Mark(self.of))
    }
}

/// What stands behind a text that was cut.
struct Mark(Option<usize>);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(length) => write!(f, "… (cut here; {length} bytes in all)"),
            None => Ok(()),
        }
    }
}

/// Writes a text in one line that leaves a terminal as it is.
pub fn write_harmless(text: &str, f: &mut impl Write) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(is_harmful) {
        let (harmless, from) = rest.split_at(at);
        f.write_str(harmless)?;
        let mut characters = from.chars();
        characters.next().into_iter().try_for_each(|it| write!(f, "{}", it.escape_default()))?;
        rest = characters.as_str();
    }
    f.write_str(rest)
}

/// The same text in one line that leaves a terminal as it is.
pub fn inert(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    // Writing to a string does not fail.
    let _ = write_harmless(text, &mut shown);
    Cow::Owned(shown)
}

/// The same JSON on one line, whose texts leave a terminal as it is. Of line ends only those between
/// two members can be in it, and they become blanks.
pub fn inert_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_harmful) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 64);
    for character in json.chars() {
        match character {
            '\t' | '\n' | '\r' => shown.push(' '),
            character if is_harmful(character) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(shown, "\\u{unit:04x}");
                }
            }
            character => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// Whether a character can end a line, move a cursor, or show a line in another order than it has.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Directions and their isolates, separators, what marks bytes and annotations, tags.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn j_201_foreign_text_stays_in_its_line_and_moves_no_cursor() {
        for (text, shown) in [
            ("pump-0042", "pump-0042"),
            ("a\nWARN forged", "a\\nWARN forged"),
            ("\u{1b}]0;title\u{7}\u{9b}31m", "\\u{1b}]0;title\\u{7}\\u{9b}31m"),
            ("\r\t\u{85}\u{2028}\u{202e}", "\\r\\t\\u{85}\\u{2028}\\u{202e}"),
            ("{\"größe\":\"7 µm\"}", "{\"größe\":\"7 µm\"}"),
        ] {
            assert_eq!(Foreign::new(text).to_string(), shown);
        }
        assert_eq!(format!("{:?}", Foreign::new("a\n\"b\"")), r#""a\n\"b\"""#);
    }

    #[test]
    fn j_201_json_says_the_same_and_is_harmless() {
        let text = "é\u{9b}\u{2028}\u{e0041}\u{7f}";

        let json = serde_json::to_string(text).unwrap();
        let json = inert_json(&json);

        assert_eq!(json, r#""é\u009b\u2028\udb40\udc41\u007f""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn j_201_what_is_long_is_cut_between_characters_and_says_so() {
        let text = "é".repeat(400);

        let shown = Foreign::short(&text).to_string();

        assert_eq!(shown, format!("{}… (cut here; 800 bytes in all)", "é".repeat(256)));
        assert_eq!(Foreign::short(&text).into_text(), shown);
        assert_eq!(Foreign::short("x").to_string(), "x");
    }

    #[test]
    fn j_241_text_of_others_steers_no_terminal_and_forges_no_line() {
        for (text, shown) in [
            ("hub-1.net", "hub-1.net"),
            ("a\u{1b}]0;title\u{7}b", "a\\u{1b}]0;title\\u{7}b"),
            ("no\nerror: gone\r", "no\\nerror: gone\\r"),
            ("\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
            ("größe 温度 🚂", "größe 温度 🚂"),
        ] {
            assert_eq!(inert(text), shown);
        }
    }

    proptest! {
        #[test]
        fn j_241_json_stays_the_same_json(text in any::<String>(), other in "[\\x00-\u{9f}\u{202e}]{0,9}") {
            let value = serde_json::json!({ "a": text, other: [1, { "b": null }] });
            for json in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let shown = inert_json(&json);

                prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(&shown).unwrap(), &value);
                prop_assert!(!shown.contains(is_harmful) && !inert(&text).contains(is_harmful));
            }
        }

        #[test]
        fn j_201_nothing_harmful_is_ever_shown(text in "(\\PC|\\p{C}){0,60}") {
            for shown in [Foreign::new(&*text).to_string(), format!("{:?}", Foreign::new(&*text))] {
                prop_assert!(!shown.contains(is_harmful), "{shown:?}");
            }
        }
    }
}
