//! For what a step waits: never for time, always for something to be so.

use serde::Deserialize;

use super::count::Count;
use crate::service::EntryStatus;

/// What must be so. All that is named.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    /// The device that the others are about.
    pub device: Option<String>,
    /// Where its last registration stands.
    pub status: Option<EntryStatus>,
    /// How often it has asked how that stands, at least.
    pub polls: Option<u64>,
    /// How often it has asked to be registered since the scenario began, at least.
    pub registers: Option<u64>,
    /// Whether it is signed in at its hub.
    pub at_hub: Option<bool>,
    /// How often faults have struck it, at least.
    pub struck: Option<u64>,
    /// A scripted function.
    pub function: Option<String>,
    /// How often that has been asked since its answers were set, at least; once, if nothing is said.
    pub calls: Option<u64>,
    /// A step in the background that must have ended.
    pub step: Option<String>,
}

impl Condition {
    /// Whether it says something, and nothing without what it is about.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn check(&self) -> Result<(), String> {
        let of_device = self.status.is_some()
            || self.polls.is_some()
            || self.registers.is_some()
            || self.at_hub.is_some()
            || self.struck.is_some();
        if of_device && self.device.is_none() {
            return Err("say of which device".to_owned());
        }
        if !of_device && self.device.is_some() {
            return Err("say what the device must have done: status, polls, registers, atHub or \
                        struck"
                .to_owned());
        }
        if self.calls.is_some() && self.function.is_none() {
            return Err("say the calls of which function".to_owned());
        }
        if self.device.is_none() && self.function.is_none() && self.step.is_none() {
            return Err("name a device, a function or a step to wait for".to_owned());
        }
        Ok(())
    }

    /// How often the function must have been asked.
    pub fn wanted_calls(&self) -> Count {
        Count::at_least(self.calls.unwrap_or(1))
    }

    /// In words, for what is told of it: `pump-1 is assigning, polls 2 times`.
    pub fn title(&self) -> String {
        let mut parts = Vec::new();
        if let Some(device) = &self.device {
            let mut said = Vec::new();
            said.extend(self.status.map(|status| format!("is {}", status.as_str())));
            said.extend(self.registers.map(|count| format!("has asked {count} times to register")));
            said.extend(self.polls.map(|count| format!("has polled {count} times")));
            said.extend(self.struck.map(|count| format!("was struck {count} times")));
            said.extend(
                self.at_hub
                    .map(|at| (if at { "is at its hub" } else { "is not at its hub" }).to_owned()),
            );
            parts.push(format!("{device} {}", said.join(", ")));
        }
        if let Some(function) = &self.function {
            let calls = self.calls.unwrap_or(1);
            parts.push(format!("function {function} was asked {calls} times"));
        }
        parts.extend(self.step.as_ref().map(|step| format!("step {step:?} has ended")));
        parts.join(" and ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(json: &str) -> Result<Condition, String> {
        let condition: Condition = serde_json::from_str(json).map_err(|error| error.to_string())?;
        condition.check().map(|()| condition)
    }

    #[test]
    fn a_condition_is_about_something_and_says_what_must_be_so() {
        for (json, told) in [
            ("{}", "name a device, a function or a step"),
            (r#"{"polls":2}"#, "of which device"),
            (r#"{"device":"a"}"#, "say what the device must have done"),
            (r#"{"calls":2}"#, "of which function"),
            (r#"{"for":"3s"}"#, "unknown field `for`"),
        ] {
            let error = checked(json).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        let both = checked(r#"{"device":"a","status":"assigning","polls":2,"step":"x"}"#).unwrap();
        assert_eq!(both.title(), "a is assigning, has polled 2 times and step \"x\" has ended");
    }
}
