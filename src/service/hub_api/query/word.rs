//! A query in words.

use std::iter::Peekable;
use std::str::CharIndices;

use serde_json::Value;

/// What a query is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A keyword, a function or a member: which, its place tells.
    Name,
    /// A member between `[[` and `]]`, whatever it is called.
    Quoted(String),
    /// A text, a number, `true`, `false` or `null`.
    Literal(Value),
    /// `= != <> < > <= >= ( ) [ ] , . * ;`
    Mark,
    /// Something that has no place in a query, such as a text without an end.
    Unknown,
    /// Behind the last word.
    End,
}

/// One word, with the text that it was.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// In bytes from the beginning of the query.
    pub(super) start: usize,
}

impl Word<'_> {
    /// Whether it is this keyword, in any case, or this mark.
    pub(super) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Name | Kind::Mark) && self.text.eq_ignore_ascii_case(text)
    }
}

/// The words of a query; the last one is [`Kind::End`].
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut reader = Reader { text, rest: text.char_indices().peekable() };
    let mut words = Vec::new();
    loop {
        let word = reader.next();
        let is_last = word.kind == Kind::End;
        words.push(word);
        if is_last {
            return words;
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Word<'a> {
        self.skip(char::is_whitespace);
        let Some((start, first)) = self.rest.next() else {
            return Word { kind: Kind::End, text: "", start: self.text.len() };
        };
        let kind = match first {
            '\'' | '"' => self.literal(first),
            '[' if self.text[start..].starts_with("[[") => self.quoted(start),
            '<' | '>' | '!' | '=' => self.comparison(first),
            '(' | ')' | '[' | ']' | ',' | '.' | '*' | ';' => Kind::Mark,
            '-' | '0'..='9' => self.number(start),
            _ if is_name(first) => self.name(start),
            _ => Kind::Unknown,
        };
        Word { kind, text: &self.text[start..self.position()], start }
    }

    /// Where the next word begins.
    fn position(&mut self) -> usize {
        self.rest.peek().map_or(self.text.len(), |&(at, _)| at)
    }

    fn skip(&mut self, belongs: impl Fn(char) -> bool) {
        while self.rest.next_if(|&(_, c)| belongs(c)).is_some() {}
    }

    /// A text ends with the mark that it began with; a backslash, or the mark itself before it,
    /// takes the mark into the text.
    fn literal(&mut self, mark: char) -> Kind {
        let mut text = String::new();
        while let Some((_, c)) = self.rest.next() {
            if c == mark && self.rest.next_if(|&(_, next)| next == mark).is_none() {
                return Kind::Literal(text.into());
            }
            match c {
                '\\' => text.extend(self.rest.next().map(|(_, escaped)| escaped)),
                _ => text.push(c),
            }
        }
        Kind::Unknown
    }

    fn quoted(&mut self, start: usize) -> Kind {
        let inner = &self.text[start + 2..];
        let Some(length) = inner.find("]]") else { return Kind::Unknown };
        let end = start + 2 + length + 2;
        while self.rest.next_if(|&(at, _)| at < end).is_some() {}
        Kind::Quoted(inner[..length].to_owned())
    }

    fn comparison(&mut self, first: char) -> Kind {
        let second = match first {
            '<' => "=>",
            '=' => "",
            _ => "=",
        };
        let is_long = self.rest.next_if(|&(_, c)| second.contains(c)).is_some();
        if first == '!' && !is_long { Kind::Unknown } else { Kind::Mark }
    }

    fn number(&mut self, start: usize) -> Kind {
        self.skip(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-'));
        let end = self.position();
        match serde_json::from_str(&self.text[start..end]) {
            Ok(number) => Kind::Literal(Value::Number(number)),
            Err(_) => Kind::Unknown,
        }
    }

    fn name(&mut self, start: usize) -> Kind {
        self.skip(|c| is_name(c) || c.is_ascii_digit());
        let end = self.position();
        match self.text[start..end].to_ascii_lowercase().as_str() {
            "true" => Kind::Literal(true.into()),
            "false" => Kind::Literal(false.into()),
            "null" => Kind::Literal(Value::Null),
            _ => Kind::Name,
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | '$')
}
