//! What a test expects of registrations, compared with the journal. Pure.

use std::fmt;
use std::ops::{RangeFrom, RangeInclusive, RangeToInclusive};
use std::sync::Arc;

use serde_json::Value;

use super::account::{one_line, result};
use crate::service::{EntryStatus, JournalEntry};

/// Registrations that a test expects: of whom, how they end, and how many.
///
/// Every request to register counts, also one that was refused or put off, and so does a device whose
/// CONNECT was refused (J-217). Unless it says otherwise,
/// at least one is expected, and it may end in any way.
///
/// ```
/// use provision_sim::Expectation;
///
/// let accepted = Expectation::registration("pump-1").assigned_to("hub-west.azure-devices.net").times(1);
/// let refused = Expectation::registration("heater-9").failed_with(400207);
/// let none_other = Expectation::any_registration().refused().never();
///
/// assert_eq!(
///     accepted.to_string(),
///     "exactly 1 registration of pump-1 that is assigned to hub-west.azure-devices.net"
/// );
/// ```
#[derive(Debug, Clone)]
#[must_use = "it is of no use until a service is told to expect it"]
pub struct Expectation {
    registration_id: Option<String>,
    end: End,
    enrollment: Option<String>,
    payload: Option<Value>,
    times: Times,
}

#[derive(Debug, Clone)]
enum End {
    Any,
    Assigned(Option<String>),
    Failed(Option<u32>),
    Disabled,
    Refused(Option<String>),
}

/// How many: a number, or a range such as `1..=3` or `2..`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    least: u64,
    most: u64,
}

impl From<u64> for Times {
    fn from(count: u64) -> Self {
        Self { least: count, most: count }
    }
}

impl From<RangeInclusive<u64>> for Times {
    fn from(range: RangeInclusive<u64>) -> Self {
        Self { least: *range.start(), most: *range.end() }
    }
}

impl From<RangeFrom<u64>> for Times {
    fn from(range: RangeFrom<u64>) -> Self {
        Self { least: range.start, most: u64::MAX }
    }
}

impl From<RangeToInclusive<u64>> for Times {
    fn from(range: RangeToInclusive<u64>) -> Self {
        Self { least: 0, most: range.end }
    }
}

impl Times {
    fn allow(self, count: u64) -> bool {
        (self.least..=self.most).contains(&count)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (0, 0) => f.write_str("no registration"),
            (1, 1) => f.write_str("exactly 1 registration"),
            (least, most) if least == most => write!(f, "exactly {least} registrations"),
            (1, u64::MAX) => f.write_str("at least 1 registration"),
            (least, u64::MAX) => write!(f, "at least {least} registrations"),
            (0, most) => write!(f, "at most {most} registrations"),
            (least, most) => write!(f, "{least} to {most} registrations"),
        }
    }
}

impl Expectation {
    /// Of this device; case does not matter.
    pub fn registration(registration_id: impl Into<String>) -> Self {
        Self { registration_id: Some(registration_id.into()), ..Self::any_registration() }
    }

    /// Of any device.
    pub fn any_registration() -> Self {
        let times = Times::from(1..);
        Self { registration_id: None, end: End::Any, enrollment: None, payload: None, times }
    }

    /// That ends with a hub.
    pub fn assigned(self) -> Self {
        Self { end: End::Assigned(None), ..self }
    }

    /// That ends with this hub; case does not matter.
    pub fn assigned_to(self, hub: impl Into<String>) -> Self {
        Self { end: End::Assigned(Some(hub.into())), ..self }
    }

    /// That is accepted and ends without a hub.
    pub fn failed(self) -> Self {
        Self { end: End::Failed(None), ..self }
    }

    /// The same with this code, such as 400207 (F.3).
    pub fn failed_with(self, code: u32) -> Self {
        Self { end: End::Failed(Some(code)), ..self }
    }

    /// Whose enrollment is disabled.
    pub fn disabled(self) -> Self {
        Self { end: End::Disabled, ..self }
    }

    /// That is refused before any operation is begun.
    pub fn refused(self) -> Self {
        Self { end: End::Refused(None), ..self }
    }

    /// The same by this check, in the word of [`JournalEntry::failed_check`], such as `signature`.
    pub fn refused_by(self, check: impl Into<String>) -> Self {
        Self { end: End::Refused(Some(check.into())), ..self }
    }

    /// For which this enrollment vouches, by registration ID or group ID; case does not matter.
    pub fn by_enrollment(self, name: impl Into<String>) -> Self {
        Self { enrollment: Some(name.into()), ..self }
    }

    /// With this payload: the same JSON, whatever its spelling.
    pub fn with_payload(self, payload: Value) -> Self {
        Self { payload: Some(payload), ..self }
    }

    /// How many of them: a number, or a range such as `1..=3` or `2..`.
    pub fn times(self, times: impl Into<Times>) -> Self {
        Self { times: times.into(), ..self }
    }

    /// Not one of them.
    pub fn never(self) -> Self {
        self.times(0)
    }

    /// What is missing or too much, in lines of which each ends; `None` if nothing is.
    pub(super) fn shortfall(&self, entries: &[Arc<JournalEntry>]) -> Option<String> {
        let of_device: Vec<_> = entries.iter().filter(|entry| self.is_about(entry)).collect();
        let meeting = of_device.iter().filter(|entry| self.differences(entry).is_empty());
        let found: Vec<_> = meeting.map(|entry| format!("#{}", entry.sequence)).collect();
        if self.times.allow(found.len() as u64) {
            return None;
        }
        let mut text = format!("  expected: {self}\n  found:    {}", found.len());
        if !found.is_empty() {
            text.push_str(&format!(" ({})", found.join(", ")));
        }
        text.push('\n');
        for entry in of_device {
            let differences = self.differences(entry);
            if !differences.is_empty() {
                let why = one_line(&differences.join("; "));
                text.push_str(&format!("            not #{}: {why}\n", entry.sequence));
            }
        }
        Some(text)
    }

    fn is_about(&self, entry: &JournalEntry) -> bool {
        let is_it = |id: &String| entry.registration_id.eq_ignore_ascii_case(id);
        self.registration_id.as_ref().is_none_or(is_it)
    }

    /// Why a registration of the device does not count.
    fn differences(&self, entry: &JournalEntry) -> Vec<String> {
        let mut differences = Vec::new();
        if !self.end.is_that_of(entry) {
            differences.push(result(entry));
        }
        if let Some(wanted) = &self.enrollment {
            match &entry.enrollment {
                Some(found) if found.name.eq_ignore_ascii_case(wanted) => {}
                Some(found) => differences.push(format!("enrollment {}", found.name)),
                None => differences.push("no enrollment".to_owned()),
            }
        }
        if let Some(wanted) = &self.payload {
            let found = entry.payload.as_deref();
            let parsed = found.and_then(|text| serde_json::from_str::<Value>(text).ok());
            if parsed.as_ref() != Some(wanted) {
                differences.push(format!("payload {}", found.unwrap_or("none")));
            }
        }
        differences
    }
}

impl End {
    fn is_that_of(&self, entry: &JournalEntry) -> bool {
        match self {
            Self::Any => true,
            Self::Assigned(hub) => {
                entry.status == EntryStatus::Assigned
                    && hub
                        .as_ref()
                        .is_none_or(|hub| entry.assigned_hub.as_ref().is_some_and(|it| it.is(hub)))
            }
            Self::Failed(code) => {
                entry.status == EntryStatus::Failed
                    && code.is_none_or(|code| entry.error_code.is_some_and(|it| it.0 == code))
            }
            Self::Disabled => entry.status == EntryStatus::Disabled,
            Self::Refused(check) => {
                entry.status == EntryStatus::Refused
                    && check.as_deref().is_none_or(|check| entry.failed_check == Some(check))
            }
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.times)?;
        if let Some(id) = &self.registration_id {
            write!(f, " of {id}")?;
        }
        match &self.end {
            End::Any => Ok(()),
            End::Assigned(None) => f.write_str(" that is assigned"),
            End::Assigned(Some(hub)) => write!(f, " that is assigned to {hub}"),
            End::Failed(None) => f.write_str(" that fails"),
            End::Failed(Some(code)) => write!(f, " that fails with {code}"),
            End::Disabled => f.write_str(" that is disabled"),
            End::Refused(None) => f.write_str(" that is refused"),
            End::Refused(Some(check)) => write!(f, " that is refused by the check {check}"),
        }?;
        if let Some(name) = &self.enrollment {
            write!(f, ", by the enrollment {name}")?;
        }
        match &self.payload {
            Some(payload) => write!(f, ", with the payload {payload}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_in_words() {
        let told = |times: Times| times.to_string();

        assert_eq!(told(0.into()), "no registration");
        assert_eq!(told(1.into()), "exactly 1 registration");
        assert_eq!(told(2.into()), "exactly 2 registrations");
        assert_eq!(told((1..).into()), "at least 1 registration");
        assert_eq!(told((..=3).into()), "at most 3 registrations");
        assert_eq!(told((1..=3).into()), "1 to 3 registrations");
    }

    #[test]
    fn an_expectation_of_nothing_is_met_by_nothing_and_any_other_is_not() {
        assert_eq!(Expectation::any_registration().never().shortfall(&[]), None);
        let unmet = Expectation::registration("pump-1").refused().shortfall(&[]);
        assert_eq!(
            unmet.as_deref(),
            Some("  expected: at least 1 registration of pump-1 that is refused\n  found:    0\n")
        );
    }
}
