//! One `[[device]]` for many devices: `count`, or `csv`.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::entry::{DeviceEntry, Wrong, wrong};
use crate::fleet::{FilePattern, IdPattern, PayloadTemplate};
use crate::scenario::around::Around;
use crate::text::{decode_text, misread, nearest};

/// So many devices a scenario has at most; `fleet` is for more.
const MOST: u64 = 10_000;

/// The columns of a list: what a `[[device]]` has, where that is one value.
const COLUMNS: [&str; 13] = [
    "registrationId",
    "group",
    "groupKey",
    "deviceKey",
    "certificate",
    "certificateKey",
    "key",
    "transport",
    "apiVersion",
    "payload",
    "expectedStatus",
    "expectedHub",
    "expectedErrorCode",
];

/// A `[[device]]`, member by member, as it is written.
pub(super) type Members = BTreeMap<String, Box<RawValue>>;

/// The devices of an entry, in their order: itself, or what it stands for.
///
/// # Errors
///
/// The member, and what is wrong.
pub(super) fn devices(
    entry: DeviceEntry,
    members: &Members,
    around: &Around<'_>,
) -> Result<Vec<DeviceEntry>, Wrong> {
    if entry.name.is_some() && (entry.count.is_some() || entry.csv.is_some()) {
        return Err(wrong(
            "name",
            "several devices have it; steps call each by its registration ID",
        ));
    }
    match (entry.count, &entry.csv) {
        (None, None) => Ok(vec![entry]),
        (Some(_), Some(_)) => Err(wrong("count", "give count or csv, not both")),
        (Some(count), None) => numbered(&entry, count),
        (None, Some(name)) => {
            let listed = listed(name, members, around).map_err(|reason| wrong("csv", reason))?;
            Ok(listed)
        }
    }
}

fn numbered(entry: &DeviceEntry, count: u64) -> Result<Vec<DeviceEntry>, Wrong> {
    if count == 0 || count > MOST {
        let reason = format!("1 to {MOST} devices; for more there is `provision-sim fleet`");
        return Err(wrong("count", reason));
    }
    let text = entry.registration_id.as_deref().unwrap_or_default();
    let pattern: IdPattern = text.parse().map_err(|error| wrong("registrationId", error))?;
    if entry.device_key.is_some() {
        let reason = "each device has a key of its own; give a group or its key, or a list (csv)";
        return Err(wrong("deviceKey", reason));
    }
    let template = entry.payload.as_ref().map(|payload| PayloadTemplate::new(payload.as_json()));
    let device = |number| {
        let id = pattern.id(number).map_err(|error| wrong("registrationId", error))?;
        let mut device = entry.clone();
        if let Some(template) = &template {
            let payload = template.payload(&id, number).map_err(|error| wrong("payload", error))?;
            device.payload = Some(payload);
        }
        if let Some(x509) = &mut device.x509 {
            for file in [&mut x509.certificate, &mut x509.key].into_iter().flatten() {
                let Ok(pattern) = file.parse::<FilePattern>();
                *file = pattern.path(&id, number).to_string_lossy().into_owned();
            }
        }
        device.registration_id = Some(id.to_string());
        Ok(device)
    };
    (0..count).map(device).collect()
}

/// A device for each line, each with the members of the entry but for those that the line has.
fn listed(name: &str, members: &Members, around: &Around<'_>) -> Result<Vec<DeviceEntry>, String> {
    let bytes = around.file(name)?;
    let text = decode_text(&bytes).map_err(|error| format!("{name}: {error}"))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| format!("{name}{}", fault(error)))?.clone();
    if let Some(column) = header.iter().find(|column| !COLUMNS.contains(column)) {
        let near = nearest(column, COLUMNS);
        let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        return Err(format!(
            "{name}, line 1: there is no column {column:?}; there are {}{near}",
            COLUMNS.join(", ")
        ));
    }
    let mut devices = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| format!("{name}{}", fault(error)))?;
        let line = record.position().map_or(1, csv::Position::line);
        if devices.len() as u64 >= MOST {
            return Err(format!(
                "{name}, line {line}: at most {MOST} devices; for more there is `provision-sim fleet`"
            ));
        }
        let fields = header.iter().zip(&record).filter(|(_, field)| !field.is_empty());
        let device = device(members, fields).map_err(|it| format!("{name}, line {line}: {it}"))?;
        devices.push(device);
    }
    if devices.is_empty() {
        return Err(format!("{name} names no device"));
    }
    Ok(devices)
}

fn device<'a>(
    members: &Members,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<DeviceEntry, String> {
    let mut members = members.clone();
    members.remove("csv");
    let object = |members: &Members, name: &str| {
        let written = members.get(name).map(|raw| serde_json::from_str::<Value>(raw.get()));
        match written {
            Some(Ok(Value::Object(object))) => object,
            // The short form.
            Some(Ok(Value::String(status))) => {
                Map::from_iter([("status".to_owned(), status.into())])
            }
            _ => Map::new(),
        }
    };
    for (column, field) in fields {
        let within = match column {
            "certificate" => Some(("x509", "certificate")),
            "certificateKey" => Some(("x509", "key")),
            "expectedStatus" => Some(("expect", "status")),
            "expectedHub" => Some(("expect", "assignedHub")),
            "expectedErrorCode" => Some(("expect", "errorCode")),
            _ => None,
        };
        let text = Value::from(field);
        let value = match (column, within) {
            ("payload", _) => {
                let payload = field.parse::<crate::wire::Payload>();
                let payload = payload.map_err(|error| format!("payload: {error}"))?;
                members.insert(column.to_owned(), raw(&payload)?);
                continue;
            }
            ("expectedErrorCode", _) => field
                .parse::<u32>()
                .map(Value::from)
                .map_err(|_| "expectedErrorCode: expected a number such as 400207".to_owned())?,
            _ => text,
        };
        match within {
            Some((outer, inner)) => {
                let mut object = object(&members, outer);
                object.insert(inner.to_owned(), value);
                members.insert(outer.to_owned(), raw(&object)?);
            }
            None => {
                members.insert(column.to_owned(), raw(&value)?);
            }
        }
    }
    let json = serde_json::to_string(&members).map_err(|error| error.to_string())?;
    let mut json = serde_json::Deserializer::from_str(&json);
    serde_path_to_error::deserialize(&mut json).map_err(|error| misread(&error))
}

fn raw(value: &impl serde::Serialize) -> Result<Box<RawValue>, String> {
    to_raw_value(value).map_err(|error| error.to_string())
}

/// The line and what is wrong with it; the reader's own text may repeat the field.
fn fault(error: csv::Error) -> String {
    let line = error.position().map_or(1, csv::Position::line);
    let reason = match error.into_kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!(
            "it has {len} fields, and the header {expected_len}; a field with commas stands in quotes"
        ),
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
        _ => "it is not CSV".to_owned(),
    };
    format!(", line {line}: {reason}")
}
