//! The devices of a fleet: one after the other, so that memory does not grow with their number.

use serde::Deserialize;
use serde_json::Value;
use std::io::{BufRead, Cursor, Read};
use std::sync::Arc;
use thiserror::Error;
use zeroize::Zeroizing;

use super::shard::Shard;
use super::template::{IdPattern, PatternError};
use crate::attestation::{DeviceCertificate, IdentityFault, KeyError};
use crate::device::{Credential, Error as DeviceError};
use crate::explain::entry;
use crate::sources::Clock;
use crate::text::{key_text, misread, syntax};
use crate::wire::{HubName, IdError, MAX_MESSAGE, Payload, RegistrationId};

/// The columns of a CSV list, which are the members of a JSON line.
const COLUMNS: [&str; 7] = [
    "registrationId",
    "payload",
    "deviceKey",
    "certificate",
    "certificateKey",
    "expectedHub",
    "expectedErrorCode",
];
/// What PEM begins with, and the name of a file does not.
const PEM: &str = "-----BEGIN";

/// One device of a fleet, and what is its own.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its place in the row, from 0: the same on every shard.
    pub number: u64,
    /// Its name.
    pub registration_id: RegistrationId,
    /// Its own proof of who it is, in place of what all have.
    pub credential: Option<Credential>,
    /// Its own payload, in place of the template's.
    pub payload: Option<Payload>,
    /// The hub that it must be assigned to.
    pub expected_hub: Option<HubName>,
    /// The code that it must fail with, as reports name outcomes: `400207`, `deadline`.
    pub expected_error_code: Option<String>,
}

/// What is wrong with a list of devices.
#[derive(Debug, Error)]
#[error("line {line}: {fault}")]
pub struct ListError {
    /// Where, from 1.
    pub line: u64,
    /// What.
    pub fault: ListFault,
}

/// What is wrong with one line of a list.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListFault {
    /// It cannot be read.
    #[error("cannot be read: {}", crate::net::plain(.0))]
    Unreadable(std::io::Error),
    /// Its name is none.
    #[error("{text:?} is no registration ID: {reason}")]
    RegistrationId {
        /// The name.
        text: String,
        /// Why not.
        reason: IdError,
    },
    /// The hub that it must be assigned to is none.
    #[error("expectedHub: {text:?} is no name of a hub: {reason}")]
    ExpectedHub {
        /// The name.
        text: String,
        /// Why not.
        reason: IdError,
    },
    /// The code that it must fail with is none.
    #[error(
        "expectedErrorCode: expected a number such as 400207, or a kind of failure such as deadline{found}"
    )]
    ExpectedErrorCode {
        /// What was found, in words; may be empty.
        found: String,
    },
    /// It cannot be assigned and fail.
    #[error("it has both an expectedHub and an expectedErrorCode")]
    TwoExpectations,
    /// Its key is none. The text is not repeated.
    #[error("deviceKey: {0}")]
    Key(KeyError),
    /// It has two proofs of its identity, and shows only one.
    #[error("it has both a deviceKey and a certificate")]
    TwoProofs,
    /// The key of a certificate that is not there.
    #[error("it has a certificateKey, but no certificate")]
    KeyAlone,
    /// A file that it names cannot be read.
    #[error("{column}: cannot read {path}: {}", crate::net::plain(.reason))]
    File {
        /// Where it is named.
        column: &'static str,
        /// The name.
        path: String,
        /// Why not.
        reason: std::io::Error,
    },
    /// Its certificate cannot prove its identity.
    #[error("certificate: {0}")]
    Certificate(IdentityFault),
    /// Its payload is not JSON.
    #[error("payload: {0}")]
    Payload(crate::wire::PayloadError),
    /// Its payload is too long.
    #[error("payload: it has {0} bytes; DPS takes messages of up to {MAX_MESSAGE}")]
    PayloadTooLong(
        /// Bytes found.
        usize,
    ),
    /// It is no JSON object of a device.
    #[error("{0}; expected an object such as {{\"registrationId\":\"pump-1\",\"payload\":{{}}}}")]
    Json(String),
    /// The header names a column that is not known.
    #[error("there is no column {0:?}; there are {columns}", columns = COLUMNS.join(", "))]
    Column(String),
    /// It does not fit the header.
    #[error("{0}")]
    Csv(String),
    /// The pattern makes no ID of this number.
    #[error("{0}")]
    Pattern(PatternError),
}

/// Reads a file that a list names: a certificate, or its key.
pub type ReadFile = Arc<dyn Fn(&str) -> std::io::Result<Zeroizing<Vec<u8>>> + Send + Sync>;

/// Devices, one after the other. An error is the end of a fleet's launches.
pub type Members = Box<dyn Iterator<Item = Result<Member, ListError>> + Send>;

/// The devices of `shard`, of the first `count` that `pattern` names.
pub fn numbered(pattern: IdPattern, count: u64, shard: Shard) -> Members {
    Box::new(shard.numbers(count).map(move |number| {
        let id = pattern.id(number).map_err(|error| {
            let fault = ListFault::Pattern(error);
            ListError { line: number.saturating_add(1), fault }
        })?;
        Ok(member(number, id))
    }))
}

/// The devices of `shard`, of those that a list names: plain lines, CSV whose header has
/// `registrationId`, or lines of JSON. Which of them is told by its first line; blank lines are
/// skipped. Certificates stand in it as PEM, or as files that `read_file` reads.
pub fn listed(list: impl BufRead + Send + 'static, shard: Shard, read_file: ReadFile) -> Members {
    let members = entries(list).map(move |entry| {
        let (line, entry) = entry?;
        entry.check(&read_file).map_err(|fault| ListError { line, fault })
    });
    let numbered = members.scan(0, |next, entry| {
        let number = *next;
        *next += 1;
        Some(entry.map(|entry| Member { number, ..entry }))
    });
    Box::new(numbered.filter(move |entry| {
        entry.as_ref().map_or(true, |member: &Member| shard.has(member.number))
    }))
}

fn member(number: u64, registration_id: RegistrationId) -> Member {
    Member {
        number,
        registration_id,
        credential: None,
        payload: None,
        expected_hub: None,
        expected_error_code: None,
    }
}

/// What a list says of its devices, not checked yet, each with its line.
type Entries = Box<dyn Iterator<Item = Result<(u64, Entry), ListError>> + Send>;

fn entries(mut list: impl BufRead + Send + 'static) -> Entries {
    let mut line = 0;
    let first = loop {
        let mut text = String::new();
        line += 1;
        match list.read_line(&mut text) {
            Ok(0) => return Box::new(std::iter::empty()),
            Ok(_) if text.trim().is_empty() => {}
            Ok(_) => break text,
            Err(error) => return Box::new(std::iter::once(Err(unreadable(line, error)))),
        }
    };
    if first.split(',').any(|column| column.trim().trim_matches('"') == COLUMNS[0]) {
        return csv(Cursor::new(first).chain(list), line - 1);
    }
    let read = if first.trim_start().starts_with('{') { from_json } else { from_name };
    let lines = std::iter::once(Ok(first)).chain(list.lines()).zip(line..);
    Box::new(lines.filter_map(move |(text, line)| match text {
        Ok(text) if text.trim().is_empty() => None,
        Ok(text) => {
            let entry = read(text.trim()).map(|entry| (line, entry));
            Some(entry.map_err(|fault| ListError { line, fault }))
        }
        Err(error) => Some(Err(unreadable(line, error))),
    }))
}

fn unreadable(line: u64, error: std::io::Error) -> ListError {
    ListError { line, fault: ListFault::Unreadable(error) }
}

fn from_name(text: &str) -> Result<Entry, ListFault> {
    Ok(Entry { registration_id: text.to_owned(), ..Entry::default() })
}

/// A line of JSON, and what a name or a line of CSV becomes.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    registration_id: String,
    payload: Option<Payload>,
    device_key: Option<Zeroizing<String>>,
    // Its key may stand in it.
    certificate: Option<Zeroizing<String>>,
    certificate_key: Option<Zeroizing<String>>,
    expected_hub: Option<String>,
    expected_error_code: Option<Value>,
}

impl Entry {
    fn check(self, read_file: &ReadFile) -> Result<Member, ListFault> {
        let id = self.registration_id.parse::<RegistrationId>().map_err(|reason| {
            ListFault::RegistrationId { text: self.registration_id.clone(), reason }
        })?;
        let key = self
            .device_key
            .map(|key| key_text(&key).parse())
            .transpose()
            .map_err(ListFault::Key)?;
        if let Some(length) = self.payload.as_ref().map(|payload| payload.as_json().len())
            && length > MAX_MESSAGE
        {
            return Err(ListFault::PayloadTooLong(length));
        }
        let credential = match (key, &self.certificate, &self.certificate_key) {
            (Some(_), Some(_), _) => return Err(ListFault::TwoProofs),
            (None, Some(certificate), key) => {
                Some(Credential::X509(proof(&id, certificate, key.as_deref(), read_file)?))
            }
            (_, None, Some(_)) => return Err(ListFault::KeyAlone),
            (key, None, None) => key.map(Credential::SymmetricKey),
        };
        let expected_hub = self.expected_hub.filter(|hub| !hub.is_empty());
        let expected_hub = expected_hub
            .map(|text| text.parse().map_err(|reason| ListFault::ExpectedHub { text, reason }))
            .transpose()?;
        let expected_error_code =
            self.expected_error_code.as_ref().map(error_code).transpose()?.flatten();
        if expected_hub.is_some() && expected_error_code.is_some() {
            return Err(ListFault::TwoExpectations);
        }
        Ok(Member {
            credential,
            payload: self.payload,
            expected_hub,
            expected_error_code,
            ..member(0, id)
        })
    }
}

/// A code as reports name outcomes; an empty one is none.
fn error_code(value: &Value) -> Result<Option<String>, ListFault> {
    let refused = |found: String| Err(ListFault::ExpectedErrorCode { found });
    let code = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        Value::Null => return Ok(None),
        _ => return refused(String::new()),
    };
    let is_number = (6..=9).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit());
    match code.is_empty() {
        true => Ok(None),
        false if is_number || is_kind(&code) => Ok(Some(code)),
        false => refused(format!(", found {code:?}")),
    }
}

/// A kind of failure, or what a hub says to the service (K-11).
fn is_kind(code: &str) -> bool {
    DeviceError::KINDS.contains(&code) || (code.starts_with("link-") && entry(code).is_some())
}

/// The device's certificate with its key, which may stand beside it.
fn proof(
    id: &RegistrationId,
    certificate: &str,
    key: Option<&String>,
    read_file: &ReadFile,
) -> Result<DeviceCertificate, ListFault> {
    let content = |column, text: &str| {
        if text.trim_start().starts_with(PEM) {
            return Ok(Zeroizing::new(text.as_bytes().to_vec()));
        }
        let failed = |reason| ListFault::File { column, path: text.to_owned(), reason };
        read_file(text).map_err(failed)
    };
    let chain = content("certificate", certificate)?;
    let key = key.map(|key| content("certificateKey", key)).transpose()?;
    let proof = DeviceCertificate::read(&chain, key.as_deref().map(Vec::as_slice), None);
    let proof = proof.map_err(ListFault::Certificate)?;
    proof.check(id, Clock::system().now()).map_err(ListFault::Certificate)?;
    Ok(proof)
}

fn from_json(text: &str) -> Result<Entry, ListFault> {
    // The line that serde_json names is always the first: each line is read by itself.
    let mut json = serde_json::Deserializer::from_str(text);
    let entry = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        ListFault::Json(match error.inner().is_data() {
            true => misread(&error),
            false => not_json(error.inner()),
        })
    })?;
    json.end().map_err(|error| ListFault::Json(not_json(&error)))?;
    Ok(entry)
}

/// Without the number of the line, which is told already.
fn not_json(error: &serde_json::Error) -> String {
    let told = syntax(error);
    format!("it is not JSON: {}", told.split_once(", ").map_or(told.as_str(), |(_, rest)| rest))
}

/// `skipped` blank lines stood above it.
fn csv(list: impl Read + Send + 'static, skipped: u64) -> Entries {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(list);
    let place = move |line: u64| skipped + line.max(1);
    let columns = reader.headers().map_err(csv_fault).and_then(|header| {
        header
            .iter()
            .map(|name| {
                let known = COLUMNS.iter().position(|column| *column == name);
                known.ok_or_else(|| (1, ListFault::Column(name.to_owned())))
            })
            .collect::<Result<Vec<_>, _>>()
    });
    let columns = match columns {
        Ok(columns) => columns,
        Err((line, fault)) => {
            return Box::new(std::iter::once(Err(ListError { line: place(line), fault })));
        }
    };
    Box::new(reader.into_records().map(move |record| {
        let record = record.map_err(csv_fault);
        let line = record
            .as_ref()
            .ok()
            .and_then(|record| record.position())
            .map_or(1, csv::Position::line);
        record
            .and_then(|record| from_record(&columns, &record).map_err(|fault| (line, fault)))
            .map(|entry| (place(line), entry))
            .map_err(|(line, fault)| ListError { line: place(line), fault })
    }))
}

fn from_record(columns: &[usize], record: &csv::StringRecord) -> Result<Entry, ListFault> {
    let mut fields = [""; COLUMNS.len()];
    for (column, field) in columns.iter().zip(record) {
        fields[*column] = field;
    }
    let [registration_id, payload, key, certificate, certificate_key, hub, error_code] = fields;
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let payload = given(payload).map(|text| text.parse()).transpose();
    Ok(Entry {
        registration_id: registration_id.to_owned(),
        payload: payload.map_err(ListFault::Payload)?,
        device_key: given(key).map(Zeroizing::new),
        certificate: given(certificate).map(Zeroizing::new),
        certificate_key: given(certificate_key).map(Zeroizing::new),
        expected_hub: given(hub),
        expected_error_code: given(error_code).map(Value::String),
    })
}

/// The line and what is wrong with it; the reader's own text may repeat the field.
fn csv_fault(error: csv::Error) -> (u64, ListFault) {
    let line = error.position().map_or(1, csv::Position::line);
    let fault = match error.into_kind() {
        csv::ErrorKind::Io(error) => ListFault::Unreadable(error),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => ListFault::Csv(format!(
            "it has {len} fields, and the header {expected_len}; a field with commas stands in quotes"
        )),
        csv::ErrorKind::Utf8 { .. } => ListFault::Csv("it is not UTF-8".to_owned()),
        _ => ListFault::Csv("it is not CSV".to_owned()),
    };
    (line, fault)
}

#[cfg(test)]
#[path = "member_tests.rs"]
mod tests;
