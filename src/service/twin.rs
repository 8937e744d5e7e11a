//! Device twins: tags, desired and reported properties, their versions and how a patch changes
//! them (I).
//!
//! Pure. What a patch may hold follows IoT Hub's published rules: names without `.`, `$`, blanks
//! and control characters, at most ten levels, 32 KB a section and 8 KB of tags. Numbers come back as
//! they were written (K-7): a section is a text.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

use super::metadata::Metadata;
use super::section::Section;
use crate::text::{read_body, reason};

/// Deepest nesting of a section.
const MAX_DEPTH: usize = 10;
/// Longest name of a property or tag, in bytes.
const MAX_NAME: usize = 1024;
/// Largest section of properties, as compact JSON.
const MAX_PROPERTIES: usize = 32 * 1024;
/// Largest set of tags, as compact JSON.
const MAX_TAGS: usize = 8 * 1024;

/// Why a patch, or a first twin, is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct TwinError {
    reason: String,
    detail: Option<String>,
}

impl TwinError {
    /// What cannot be read of the text, with member and place, for the log.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

fn wrong(reason: impl Into<String>) -> TwinError {
    TwinError { reason: reason.into(), detail: None }
}

fn unreadable(reason: &str) -> impl FnOnce(String) -> TwinError {
    move |detail| TwinError { detail: Some(detail), ..wrong(reason) }
}

/// Desired or reported properties.
#[derive(Debug, Clone, PartialEq)]
pub struct Properties {
    /// The properties, without `$version`.
    pub values: Section,
    /// Counts changes, from 1 on.
    pub version: u64,
    /// When they were last changed; none if never, since the identity was made. Most never are.
    pub metadata: Option<Box<Metadata>>,
}

impl Properties {
    fn new(values: Section) -> Self {
        Self { values, version: 1, metadata: None }
    }

    /// The properties with `$version`, as they are shown.
    pub fn shown(&self) -> Section {
        self.values.with("$version", &self.version)
    }

    fn patched(&self, patch: &Section, now: SystemTime) -> Result<Self, TwinError> {
        let values = self.values.merged(patch);
        check_size("the properties", &values, MAX_PROPERTIES)?;
        let version = self.version + 1;
        let named = patch.values();
        let metadata = match &self.metadata {
            Some(metadata) => metadata.patched(&named, now, version),
            None => Metadata::new(now, version).patched(&named, now, version),
        };
        Ok(Self { values, version, metadata: Some(Box::new(metadata)) })
    }
}

/// The twin of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Twin {
    /// For back ends only; devices never see them.
    pub tags: Section,
    /// What the back end wants.
    pub desired: Properties,
    /// What the device says.
    pub reported: Properties,
    /// Counts changes to any part, from 1 on.
    pub version: u64,
}

impl Twin {
    /// The twin of a new identity (I): both sections have version 1.
    pub fn new(initial: &InitialTwin) -> Self {
        Self {
            tags: initial.tags.clone(),
            desired: Properties::new(initial.desired.clone()),
            reported: Properties::new(Section::default()),
            version: 1,
        }
    }

    /// The twin as it arrives on another hub: its contents, with the versions of a new identity.
    pub fn moved(&self) -> Self {
        Self {
            tags: self.tags.clone(),
            desired: Properties::new(self.desired.values.clone()),
            reported: Properties::new(self.reported.values.clone()),
            version: 1,
        }
    }

    /// What the device gets for `$iothub/twin/GET`: no tags.
    pub fn for_device(&self) -> Section {
        let twin = Section::default().with("desired", &self.desired.shown());
        twin.with("reported", &self.reported.shown())
    }

    /// Takes in what a device reports; `null` deletes.
    ///
    /// # Errors
    ///
    /// If it is no JSON object, or breaks a rule of twins.
    pub fn report(&self, patch: &[u8], now: SystemTime) -> Result<Self, TwinError> {
        read_body::<Map<String, Value>>(patch)
            .map_err(unreadable("the body is not a JSON object"))?;
        let patch = str::from_utf8(patch).ok().and_then(|patch| Section::read(patch).ok());
        let patch = patch.ok_or_else(|| wrong("the body is not a JSON object"))?;
        check_names(&patch.values(), 1)?;
        let reported = self.reported.patched(&patch, now)?;
        Ok(Self { reported, version: self.version + 1, ..self.clone() })
    }

    /// Takes in what a back end wants changed; `null` deletes.
    ///
    /// # Errors
    ///
    /// If it would break a rule of twins.
    pub fn patch(&self, change: &TwinChange, now: SystemTime) -> Result<Self, TwinError> {
        let mut tags = self.tags.clone();
        if let Some(patch) = &change.tags {
            tags = tags.merged(patch);
            check_size("the tags", &tags, MAX_TAGS)?;
        }
        let desired = match &change.desired {
            Some(patch) => self.desired.patched(patch, now)?,
            None => self.desired.clone(),
        };
        Ok(Self { tags, desired, reported: self.reported.clone(), version: self.version + 1 })
    }

    /// Puts what a back end sends in the place of what was there.
    ///
    /// # Errors
    ///
    /// If it would break a rule of twins.
    pub fn replace(&self, change: &TwinChange, now: SystemTime) -> Result<Self, TwinError> {
        let version = self.desired.version;
        // All that is given is new, and nothing of what was there is left to be dated.
        let empty = Properties { values: Section::default(), version, metadata: None };
        let blank = Self {
            tags: if change.tags.is_some() { Section::default() } else { self.tags.clone() },
            desired: if change.desired.is_some() { empty } else { self.desired.clone() },
            ..self.clone()
        };
        blank.patch(change, now)
    }
}

/// The first twin of a device, from its enrollment or its webhook (E.1, G.4). Other members than
/// these have no effect.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct InitialTwin {
    /// Its tags.
    pub tags: Section,
    /// Its desired properties.
    pub desired: Section,
}

impl InitialTwin {
    /// Reads `{"tags":{…},"properties":{"desired":{…}}}`.
    ///
    /// # Errors
    ///
    /// If it has another shape, or breaks a rule of twins.
    pub fn read(json: &str) -> Result<Self, TwinError> {
        let change = TwinChange::read(json.as_bytes())?;
        let blank = Twin::new(&Self::default()).patch(&change, UNIX_EPOCH)?;
        Ok(Self { tags: blank.tags, desired: blank.desired.values })
    }
}

/// What a back end wants changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TwinChange {
    /// Tags, `null` to delete one.
    pub tags: Option<Section>,
    /// Desired properties, `null` to delete one.
    pub desired: Option<Section>,
}

#[derive(Deserialize)]
struct ChangeBody {
    tags: Option<Box<RawValue>>,
    properties: Option<PropertiesBody>,
}

#[derive(Deserialize)]
struct PropertiesBody {
    desired: Option<Box<RawValue>>,
}

impl TwinChange {
    /// Reads `{"tags":{…},"properties":{"desired":{…}}}`; other members have no effect. A client
    /// that sends a whole twin back repeats `$version` and `$metadata`, which mean nothing here.
    ///
    /// # Errors
    ///
    /// If it has another shape, or a name breaks a rule of twins.
    pub fn read(json: &[u8]) -> Result<Self, TwinError> {
        const EXPECTED: &str = "expected {\"tags\":{…},\"properties\":{\"desired\":{…}}}";
        let body = read_body(json).map_err(unreadable(EXPECTED))?;
        let change = Self::sections(body).map_err(unreadable(EXPECTED))?;
        for section in change.tags.iter().chain(&change.desired) {
            check_names(&section.values(), 1)?;
        }
        Ok(change)
    }

    /// What is wrong comes with its member.
    fn sections(body: ChangeBody) -> Result<Self, String> {
        let section = |member: &str, json: Option<Box<RawValue>>| {
            let section = json.map(|it| Section::read(it.get())).transpose();
            section.map_err(|error| format!("the member `{member}`: {}", reason(&error)))
        };
        let desired = body.properties.and_then(|properties| properties.desired);
        let desired = section("properties.desired", desired)?;
        let desired = desired.map(|desired| desired.without(&["$version", "$metadata"]));
        Ok(Self { tags: section("tags", body.tags)?, desired })
    }

    /// The desired properties as devices are told of a change to them.
    pub fn for_device(&self, version: u64) -> Option<Section> {
        Some(self.desired.as_ref()?.with("$version", &version))
    }
}

fn check_names(section: &Map<String, Value>, depth: usize) -> Result<(), TwinError> {
    if depth > MAX_DEPTH {
        return Err(wrong(format!("it is nested more than {MAX_DEPTH} levels deep")));
    }
    for (name, value) in section {
        let is_bad = |c: char| matches!(c, '.' | '$' | ' ') || c.is_control();
        if name.is_empty() || name.len() > MAX_NAME || name.contains(is_bad) {
            return Err(wrong(format!(
                "{name:?} is no name: 1 to {MAX_NAME} bytes without '.', '$', blanks and control characters"
            )));
        }
        check_value(value, depth)?;
    }
    Ok(())
}

fn check_value(value: &Value, depth: usize) -> Result<(), TwinError> {
    match value {
        Value::Object(section) => check_names(section, depth + 1),
        Value::Array(items) => items.iter().try_for_each(|item| check_value(item, depth + 1)),
        _ => Ok(()),
    }
}

fn check_size(what: &str, section: &Section, limit: usize) -> Result<(), TwinError> {
    let size = section.as_json().len();
    if size > limit {
        return Err(wrong(format!("{what} would have {size} bytes; {limit} are allowed")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn initial() -> InitialTwin {
        InitialTwin::read(
            r#"{"tags":{"site":"b1"},"properties":{"desired":{"interval":30,"led":{"on":true,"hue":7}}}}"#,
        )
        .unwrap()
    }

    #[test]
    fn i_a_new_twin_has_version_1_and_devices_do_not_see_its_tags() {
        let twin = Twin::new(&initial());

        assert_eq!(
            twin.for_device().to_string(),
            r#"{"desired":{"interval":30,"led":{"on":true,"hue":7},"$version":1},"reported":{"$version":1}}"#
        );
    }

    #[test]
    fn i_a_patch_merges_and_null_deletes_and_each_section_counts_its_own_versions() {
        let twin = Twin::new(&initial()).report(br#"{"fw":"1.0","old":1}"#, UNIX_EPOCH).unwrap();
        let twin = twin.report(br#"{"old":null,"state":{"a":null,"b":1}}"#, UNIX_EPOCH).unwrap();
        let change = TwinChange::read(
            br#"{"tags":{"site":null},"properties":{"desired":{"led":{"hue":null},"$version":9}}}"#,
        )
        .unwrap();

        let twin = twin.patch(&change, UNIX_EPOCH).unwrap();

        assert!(twin.tags.is_empty());
        assert_eq!(
            twin.for_device().to_string(),
            r#"{"desired":{"interval":30,"led":{"on":true},"$version":2},"reported":{"fw":"1.0","state":{"b":1},"$version":3}}"#
        );
        assert_eq!(
            change.for_device(2).unwrap().to_string(),
            r#"{"led":{"hue":null},"$version":2}"#
        );
        assert_eq!(twin.version, 4);
    }

    #[test]
    fn replacing_keeps_nothing_of_a_section_that_is_given() {
        let twin = Twin::new(&initial());
        let change = TwinChange::read(br#"{"properties":{"desired":{"a":1}}}"#).unwrap();

        let twin = twin.replace(&change, UNIX_EPOCH).unwrap();

        assert_eq!(twin.desired.shown().to_string(), r#"{"a":1,"$version":2}"#);
        assert!(!twin.tags.is_empty(), "tags were not given");
    }

    #[test]
    fn f_6_a_twin_that_moves_keeps_its_contents_and_begins_to_count_anew() {
        let twin = Twin::new(&initial()).report(br#"{"fw":"1.0"}"#, UNIX_EPOCH).unwrap();

        let moved = twin.moved();

        assert_eq!(moved.reported.shown().to_string(), r#"{"fw":"1.0","$version":1}"#);
        assert_eq!((&moved.tags, moved.version), (&twin.tags, 1));
    }

    #[test]
    fn what_breaks_a_rule_of_twins_is_refused_with_the_reason() {
        let refused = |patch: &str| {
            Twin::new(&InitialTwin::default())
                .report(patch.as_bytes(), UNIX_EPOCH)
                .unwrap_err()
                .to_string()
        };

        assert!(refused("").contains("not a JSON object"));
        assert!(refused("[1]").contains("not a JSON object"));
        assert!(refused(r#"{"a.b":1}"#).contains("is no name"));
        assert!(refused(r#"{"a":{"$b":1}}"#).contains("is no name"));
        assert!(refused(r#"{"":1}"#).contains("is no name"));
        assert!(
            refused(&format!("{}1{}", "{\"a\":".repeat(11), "}".repeat(11))).contains("levels")
        );
        assert!(refused(&format!("{{\"a\":\"{}\"}}", "x".repeat(33_000))).contains("32768"));
        assert!(InitialTwin::read(r#"{"tags":7}"#).is_err());
        assert!(InitialTwin::read("7").is_err());
        assert_eq!(InitialTwin::read(r#"{"properties":null}"#).unwrap(), InitialTwin::default());
    }

    #[test]
    fn i_the_time_of_a_section_moves_with_that_section_alone() {
        let at = |seconds| UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let twin = Twin::new(&initial()).report(br#"{"fw":"1.0"}"#, at(2)).unwrap();
        let tags = TwinChange::read(br#"{"tags":{"site":"b2"}}"#).unwrap();
        let desired =
            TwinChange::read(br#"{"properties":{"desired":{"led":{"on":false}}}}"#).unwrap();

        let times = |twin: &Twin| {
            let at = |section: &Properties| section.metadata.as_ref().map(|it| it.at);
            (at(&twin.desired), at(&twin.reported))
        };
        let twin = twin.patch(&tags, at(3)).unwrap();
        assert_eq!(times(&twin), (None, Some(at(2))));
        let twin = twin.patch(&desired, at(4)).unwrap();
        assert_eq!(times(&twin), (Some(at(4)), Some(at(2))));
        let metadata = twin.desired.metadata.as_ref().unwrap();
        assert_eq!(metadata.members.len(), 1, "what was not named was never changed");
        assert_eq!(metadata.members["led"].members["on"], Metadata::new(at(4), 2));
        let anew = twin.replace(&desired, at(5)).unwrap();
        assert_eq!(times(&anew), (Some(at(5)), Some(at(2))));
        assert_eq!(times(&anew.moved()), (None, None));
    }

    proptest! {
        #[test]
        fn no_patch_makes_it_panic_and_what_is_taken_has_no_null(patch in "[{}\\[\\]\":,a-c0-9nul ]{0,40}") {
            if let Ok(twin) = Twin::new(&InitialTwin::default()).report(patch.as_bytes(), UNIX_EPOCH) {
                prop_assert!(!twin.reported.values.values().values().any(Value::is_null));
                prop_assert_eq!(twin.reported.version, 2);
            }
        }
    }
}
