//! What a step does.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::command::Command;
use super::condition::Condition;
use super::journal::JournalPattern;
use super::script::Script;
use super::selection::Selection;
use crate::attestation::KeySlot;
use crate::device::Transport;
use crate::scenario::expectation::{Expectation, JsonPattern, TwinPattern};
use crate::service::FaultRule;
use crate::wire::{ApiVersion, Payload};

/// What a step does: one thing.
#[derive(Debug, Clone)]
pub enum Verb {
    /// Devices register.
    Register(Box<Register>),
    /// Devices sign in at the hub that they were assigned to, and look at their twin.
    Connect(Selection, Option<TwinPattern>),
    /// Devices report properties.
    Report(Selection, Map<String, Value>),
    /// The back end looks at twins, or changes them.
    Twin(Box<TwinStep>),
    /// An enrollment is changed.
    Enrollment(Box<EnrollmentStep>),
    /// The records of registrations are looked at, or deleted.
    Record(Selection, RecordChange),
    /// A scripted function answers otherwise from now on.
    Function(String, Script),
    /// Something goes wrong from now on.
    Fault(Vec<FaultRule>),
    /// Nothing goes wrong any more.
    FaultsOff,
    /// The service is started or ended.
    Service(Power),
    /// Something must be so.
    Wait(Box<Condition>),
    /// The journal must say something.
    Journal(Box<JournalStep>),
    /// A program is run.
    Command(Box<Command>),
}

/// Devices register.
#[derive(Debug, Clone)]
pub struct Register {
    /// Which.
    pub devices: Selection,
    /// How many at once.
    pub parallel: usize,
    /// What they say this time.
    pub payload: Option<Payload>,
    /// How they connect this time.
    pub transport: Option<Transport>,
    /// Which key they use this time.
    pub key: Option<KeySlot>,
    /// Which API version this time.
    pub api_version: Option<ApiVersion>,
    /// Whether they go on to their hub.
    pub connect: bool,
    /// What must come out; else what the device says, else an assignment (J-280).
    pub expect: Option<Expectation>,
}

/// The back end looks at twins, or changes them.
#[derive(Debug, Clone)]
pub struct TwinStep {
    /// Of which devices.
    pub devices: Selection,
    /// Desired properties to set; `null` deletes.
    pub desired: Option<Map<String, Value>>,
    /// Tags to set; `null` deletes.
    pub tags: Option<Map<String, Value>>,
    /// What must stand there afterwards.
    pub expect: Option<TwinPattern>,
}

/// An enrollment is changed.
#[derive(Debug, Clone)]
pub struct EnrollmentStep {
    /// Registration ID or group ID.
    pub name: String,
    /// How.
    pub change: Option<EnrollmentChange>,
    /// What must stand there afterwards.
    pub expect: Option<JsonPattern>,
}

/// How an enrollment is changed.
#[derive(Debug, Clone, PartialEq)]
pub enum EnrollmentChange {
    /// By a patch of its record; `null` deletes.
    Patch(Map<String, Value>),
    /// It is made anew, from this record.
    Create(Map<String, Value>),
    /// It is deleted.
    Delete,
}

/// What becomes of a registration's record.
#[derive(Debug, Clone)]
pub enum RecordChange {
    /// It is deleted.
    Delete,
    /// It must be so.
    Expect(JsonPattern),
}

/// What the journal must say.
#[derive(Debug, Clone)]
pub struct JournalStep {
    /// Of which devices, declared or not.
    pub devices: Selection,
    /// Of each of them.
    pub each: Option<JournalPattern>,
    /// Of all of them together.
    pub total: Option<JournalPattern>,
    /// The step since whose beginning; else since the scenario began.
    pub since: Option<String>,
}

/// What becomes of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Power {
    /// It ends, and says goodbye to everybody.
    Stop,
    /// It starts again, with its state.
    Start,
    /// It is gone at once, as after SIGKILL: nobody is told anything.
    Kill,
    /// It ends, and starts again.
    Restart,
}

impl Verb {
    /// The word for it in the file.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Register(_) => "register",
            Self::Connect(..) => "connect",
            Self::Report(..) => "report",
            Self::Twin(_) => "twin",
            Self::Enrollment(_) => "enrollment",
            Self::Record(..) => "record",
            Self::Function(..) => "function",
            Self::Fault(_) => "fault",
            Self::FaultsOff => "faults",
            Self::Service(_) => "service",
            Self::Wait(_) => "wait",
            Self::Journal(_) => "journal",
            Self::Command(_) => "command",
        }
    }

    /// What it does, in a few words: `register pump-1`.
    pub fn title(&self) -> String {
        let word = self.word();
        match self {
            Self::Register(it) => format!("{word} {}", it.devices),
            Self::Connect(devices, _) | Self::Report(devices, _) => format!("{word} {devices}"),
            Self::Twin(it) => format!("{word} {}", it.devices),
            Self::Enrollment(it) => {
                let verb = match &it.change {
                    None => "",
                    Some(EnrollmentChange::Create(_)) => ": create",
                    Some(EnrollmentChange::Delete) => ": delete",
                    Some(EnrollmentChange::Patch(_)) => ": change",
                };
                format!("{word} {}{verb}", it.name)
            }
            Self::Record(devices, RecordChange::Delete) => format!("{word} {devices}: delete"),
            Self::Record(devices, _) => format!("{word} {devices}"),
            Self::Function(name, _) => format!("{word} {name}"),
            Self::Fault(rules) => {
                let rules: Vec<_> = rules.iter().map(ToString::to_string).collect();
                format!("{word} {}", rules.join("; "))
            }
            Self::FaultsOff => "faults off".to_owned(),
            Self::Service(power) => format!("{word} {}", power.word()),
            Self::Wait(condition) => format!("{word} until {}", condition.title()),
            Self::Journal(it) => format!("{word} {}", it.devices),
            Self::Command(it) => format!("{word} {}", it.argv.join(" ")),
        }
    }
}

impl Power {
    /// The word for it in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Kill => "kill",
            Self::Restart => "restart",
        }
    }
}
