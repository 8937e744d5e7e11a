//! A TOML file as the JSON that it stands for: records are written in TOML as the REST APIs have
//! them in JSON, and read by the same readers. Whatever is wrong with one is told by its line.

use serde::de::DeserializeOwned;
use thiserror::Error;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::json;
use super::path::{MemberPath, Segment};
use super::reason::{reason, unknown_member};

/// A TOML text, and its JSON.
#[derive(Clone)]
pub struct Document<'a> {
    text: &'a str,
    root: DeValue<'a>,
    json: Zeroizing<String>,
    record_names: &'a [&'a str],
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{place}{}{reason}", line_words(*.line), if .place.is_empty() { "" } else { ": " })]
pub struct Fault {
    /// Counted from 1; none if nothing in the text can be pointed to.
    pub line: Option<usize>,
    /// The record and its member, as far as they are known.
    pub place: String,
    /// What is wrong. Never repeats what the file says there, for it may be a key.
    pub reason: String,
}

fn line_words(line: Option<usize>) -> String {
    line.map_or_else(|| "the file: ".to_owned(), |line| format!("line {line}: "))
}

impl<'a> Document<'a> {
    /// Reads TOML. A record of a list is told in errors by the string that one of `record_names` is.
    ///
    /// Members keep the order in which they are written, and numbers their digits: `1.50` and
    /// integers of any length stay what they are, `0xff` and `1_000` become `255` and `1000`.
    ///
    /// # Errors
    ///
    /// If it is not TOML, or says what JSON cannot: a date, `nan` or `inf`.
    pub fn parse(text: &'a str, record_names: &'a [&'a str]) -> Result<Self, Fault> {
        // The library's whole error repeats the line.
        let root = DeTable::parse(text).map_err(|error| Fault {
            line: error.span().map(|span| line_at(text, span.start)),
            place: String::new(),
            reason: error.message().to_owned(),
        })?;
        let root = DeValue::Table(root.into_inner());
        let mut document = Self { text, root, json: Zeroizing::default(), record_names };
        match json::write(&document.root) {
            Ok(json) => document.json = json,
            Err(misfit) => return Err(document.fault(&misfit.path, misfit.reason)),
        }
        Ok(document)
    }

    /// Puts something else in the place of texts: of each value below one of the `members` of the root
    /// that is a string, what `replaced` makes of it. Lines stay those of the file.
    ///
    /// # Errors
    ///
    /// If `replaced` refuses one; told with its place.
    #[cfg(feature = "cli")]
    pub fn replace_texts(
        &mut self,
        members: impl Fn(&str) -> bool,
        replaced: &mut dyn FnMut(&str) -> Result<String, String>,
    ) -> Result<(), Fault> {
        let mut refused = None;
        if let DeValue::Table(root) = &mut self.root {
            for (name, value) in root.iter_mut().filter(|(name, _)| members(name.get_ref())) {
                let path = MemberPath::of(&[name.get_ref()]);
                if let Err(wrong) = replace(value.get_mut(), &path, replaced) {
                    refused = Some(wrong);
                    break;
                }
            }
        }
        if let Some((path, reason)) = refused {
            return Err(self.fault(&path, reason));
        }
        match json::write(&self.root) {
            Ok(json) => self.json = json,
            Err(misfit) => return Err(self.fault(&misfit.path, misfit.reason)),
        }
        Ok(())
    }

    /// The whole as JSON.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Reads it into a type.
    ///
    /// # Errors
    ///
    /// If it is not of that shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(&self.json))
            .map_err(|error| {
                let (path, reason) = (MemberPath::from(error.path()), reason(error.inner()));
                let Some(name) = unknown_member(error.inner()) else {
                    return self.fault(&path, reason);
                };
                // The reason names the member.
                let holder = path.holder(&name);
                let line = self.line(&holder.member(&name));
                Fault { line, ..self.fault(&holder, reason) }
            })
    }

    /// What is wrong with a member; pointed to is the nearest around it that is written.
    pub fn fault(&self, path: &MemberPath, reason: impl ToString) -> Fault {
        let place = path.shown(|record| self.record_name(record));
        Fault { line: self.line(path), place, reason: reason.to_string() }
    }

    fn line(&self, path: &MemberPath) -> Option<usize> {
        self.find(path.segments()).0.map(|start| line_at(self.text, start))
    }

    fn record_name(&self, path: &[Segment]) -> Option<&str> {
        let record = self.find(path).1?;
        let member = |name: &&str| record.get(*name)?.get_ref().as_str();
        self.record_names.iter().find_map(member).or_else(|| record.as_str())
    }

    /// Where the last part of a path that is written begins, and the value if that is the whole path.
    fn find(&self, path: &[Segment]) -> (Option<usize>, Option<&DeValue<'a>>) {
        let (mut start, mut value) = (None, &self.root);
        for segment in path {
            let next = match segment {
                Segment::Member(name) => value
                    .as_table()
                    .and_then(|table| table.get_key_value(&**name))
                    .map(|(key, value)| (key.span().start, value)),
                Segment::Item { index, .. } => {
                    value.get(*index).map(|value| (value.span().start, value))
                }
            };
            let Some((at, next)) = next else { return (start, None) };
            (start, value) = (Some(at), next.get_ref());
        }
        (start, Some(value))
    }
}

#[cfg(feature = "cli")]
fn replace(
    value: &mut DeValue<'_>,
    path: &MemberPath,
    replaced: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<(), (MemberPath, String)> {
    match value {
        DeValue::String(text) => {
            let new = replaced(text).map_err(|reason| (path.clone(), reason))?;
            if new != *text {
                *text = new.into();
            }
        }
        DeValue::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                replace(item.get_mut(), &path.item(index), replaced)?;
            }
        }
        DeValue::Table(members) => {
            for (name, value) in members.iter_mut() {
                replace(value.get_mut(), &path.member(name.get_ref()), replaced)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// It may hold keys.
impl std::fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document").finish_non_exhaustive()
    }
}

fn line_at(text: &str, position: usize) -> usize {
    let before = text.get(..position).unwrap_or(text);
    before.matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[expect(dead_code, reason = "only errors are looked at")]
        device: Vec<Device>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Device {
        #[expect(dead_code, reason = "only errors are looked at")]
        registration_id: String,
        #[expect(dead_code, reason = "only errors are looked at")]
        payload: Option<Box<RawValue>>,
    }

    fn refused(text: &str) -> String {
        let document = Document::parse(text, &["registrationId"]);
        document.and_then(|document| document.read::<File>()).unwrap_err().to_string()
    }

    #[test]
    fn an_error_names_line_record_and_member() {
        let device = "# a comment\n[[device]]\nregistrationId = \"a\"\n\n[[device]]\n";
        let b = format!("{device}registrationId = \"b\"\n");

        for (text, fault) in [
            (
                format!("{b}payload = {{ list = [\n1,\n1979-05-27T07:32:00Z ] }}"),
                "line 9: device \"b\": payload.list[1]: JSON has no dates and times; write it as text: \"1979-05-27T07:32:00Z\"",
            ),
            (
                format!("{b}payload.when = 07:32:00"),
                "line 7: device \"b\": payload.when: JSON has no dates",
            ),
            (
                format!("{b}[device.payload]\nx = nan"),
                "line 8: device \"b\": payload.x: JSON has no number `nan`",
            ),
            (
                format!("{b}payload = -inf"),
                "line 7: device \"b\": payload: JSON has no number `-inf`",
            ),
            (
                format!("{b}payload = 1e400"),
                "line 7: device \"b\": payload: the number is too large",
            ),
            (
                format!("{device}registrationId = 7"),
                "line 6: device[1].registrationId: expected a string, found the number 7",
            ),
            (
                format!("{device}payload = 1"),
                "line 5: device[1]: the member `registrationId` is missing",
            ),
            (
                format!("{b}registrationID = \"b\""),
                "line 7: device \"b\": unknown member `registrationID`, expected `registrationId` or `payload`; did you mean `registrationId`?",
            ),
            ("[[device]]\nregistrationId = \"s3cret".to_owned(), "line 2: "),
            ("device = []\ndevice = []".to_owned(), "line 2: duplicate key"),
            (String::new(), "the file: the member `device` is missing"),
        ] {
            let told = refused(&text);
            assert!(told.starts_with(fault), "{told}");
            assert!(!told.contains("s3cret"), "{told}");
        }
    }

    #[test]
    fn the_lines_of_windows_are_counted_alike() {
        assert!(refused("a = 1\r\nb = 2\r\n").starts_with("line 1: unknown member `a`"));
        assert!(refused("device = []\r\nb = 2\r\n").starts_with("line 2: unknown member `b`"));
    }
}
