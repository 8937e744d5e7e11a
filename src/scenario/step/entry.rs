//! A step as it is written, and what makes a step of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::command::{Command, CommandPattern};
use super::condition::Condition;
use super::journal::JournalPattern;
use super::model::{OnAzure, Step, WITHIN};
use super::script::Script;
use super::selection::{OneOrMany, Selection};
use super::verb::{
    EnrollmentChange, EnrollmentStep, JournalStep, Power, RecordChange, Register, TwinStep, Verb,
};
use crate::attestation::KeySlot;
use crate::device::Transport;
use crate::scenario::expectation::Expectation;
use crate::service::FaultRule;
use crate::text::{MemberPath, reason};
use crate::wire::{ApiVersion, Payload};

/// Most devices that register at once in a step that says how many.
const MOST_PARALLEL: usize = 1000;

/// `[[step]]` as it stands in the file: exactly one of the verbs, and what goes with it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepEntry {
    register: Option<Selection>,
    connect: Option<Box<RawValue>>,
    report: Option<Selection>,
    twin: Option<Selection>,
    enrollment: Option<String>,
    record: Option<Selection>,
    function: Option<String>,
    fault: Option<OneOrMany>,
    faults: Option<Off>,
    service: Option<Power>,
    wait: Option<Condition>,
    journal: Option<Selection>,
    command: Option<Vec<String>>,

    name: Option<String>,
    within: Option<String>,
    on_azure: Option<OnAzure>,
    background: Option<bool>,
    expect: Option<Box<RawValue>>,

    parallel: Option<usize>,
    payload: Option<Payload>,
    transport: Option<String>,
    key: Option<Slot>,
    api_version: Option<String>,
    properties: Option<Map<String, Value>>,
    desired: Option<Map<String, Value>>,
    tags: Option<Map<String, Value>>,
    change: Option<Map<String, Value>>,
    create: Option<Map<String, Value>>,
    disable: Option<True>,
    enable: Option<True>,
    delete: Option<True>,
    answers: Option<Script>,
    total: Option<JournalPattern>,
    since: Option<String>,
    device: Option<String>,
    env: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Off {
    Off,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Slot {
    Primary,
    Secondary,
}

/// It may hold payloads, which are the devices' own.
impl std::fmt::Debug for StepEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StepEntry({:?})", self.name)
    }
}

/// `true`: saying `disable = false` would be a riddle.
#[derive(Clone, Copy)]
struct True;

impl<'de> Deserialize<'de> for True {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match bool::deserialize(deserializer)? {
            true => Ok(Self),
            false => Err(serde::de::Error::custom("it is true, or not there at all")),
        }
    }
}

/// A member, and what is wrong with it.
pub type Wrong = (MemberPath, String);

fn wrong(member: &str, reason: impl ToString) -> Wrong {
    (MemberPath::of(&[member]), reason.to_string())
}

/// Every verb, and the members that go with it besides those of every step.
const VERBS: [(&str, &[&str]); 13] = [
    (
        "register",
        &[
            "parallel",
            "payload",
            "transport",
            "key",
            "apiVersion",
            "connect",
            "expect",
            "background",
        ],
    ),
    ("connect", &["expect"]),
    ("report", &["properties"]),
    ("twin", &["desired", "tags", "expect"]),
    ("enrollment", &["change", "create", "disable", "enable", "delete", "expect"]),
    ("record", &["delete", "expect"]),
    ("function", &["answers"]),
    ("fault", &[]),
    ("faults", &[]),
    ("service", &[]),
    ("wait", &[]),
    ("journal", &["expect", "total", "since"]),
    ("command", &["device", "env", "expect", "background"]),
];

impl StepEntry {
    /// The step that is meant.
    ///
    /// # Errors
    ///
    /// The member that is wrong, missing, or of another verb, and why.
    pub fn check(mut self) -> Result<Step, Wrong> {
        let verb = self.only_verb()?;
        self.only_members_of(verb)?;
        let name = self.name.take();
        let within = self.within.take().map_or(Ok(WITHIN), |text| {
            let read = humantime::parse_duration(&text).ok().filter(|it| *it > Duration::ZERO);
            read.ok_or_else(|| wrong("within", "write a duration, such as \"30s\""))
        })?;
        let (on_azure, background) = (self.on_azure, self.background.unwrap_or(false));
        let verb = self.verb(verb)?;
        Ok(Step { name: name.unwrap_or_else(|| verb.title()), verb, within, on_azure, background })
    }

    /// The members that are there.
    fn members(&self) -> [(&'static str, bool); 34] {
        [
            // Beside `register`, `connect` is no verb.
            ("register", self.register.is_some()),
            ("connect", self.connect.is_some()),
            ("report", self.report.is_some()),
            ("twin", self.twin.is_some()),
            ("enrollment", self.enrollment.is_some()),
            ("record", self.record.is_some()),
            ("function", self.function.is_some()),
            ("fault", self.fault.is_some()),
            ("faults", self.faults.is_some()),
            ("service", self.service.is_some()),
            ("wait", self.wait.is_some()),
            ("journal", self.journal.is_some()),
            ("command", self.command.is_some()),
            ("name", self.name.is_some()),
            ("within", self.within.is_some()),
            ("onAzure", self.on_azure.is_some()),
            ("background", self.background.is_some()),
            ("expect", self.expect.is_some()),
            ("parallel", self.parallel.is_some()),
            ("payload", self.payload.is_some()),
            ("transport", self.transport.is_some()),
            ("key", self.key.is_some()),
            ("apiVersion", self.api_version.is_some()),
            ("properties", self.properties.is_some()),
            ("desired", self.desired.is_some()),
            ("tags", self.tags.is_some()),
            ("change", self.change.is_some()),
            ("create", self.create.is_some()),
            ("disable", self.disable.is_some()),
            ("enable", self.enable.is_some()),
            ("delete", self.delete.is_some()),
            ("answers", self.answers.is_some()),
            ("total", self.total.is_some()),
            ("since", self.since.is_some()),
        ]
    }

    fn only_verb(&self) -> Result<&'static str, Wrong> {
        let members = self.members();
        let is_verb = |name: &str| VERBS.iter().any(|(verb, _)| *verb == name);
        let mut verbs: Vec<_> =
            members.iter().filter(|(name, is_there)| *is_there && is_verb(name)).collect();
        if self.register.is_some() {
            verbs.retain(|(name, _)| *name != "connect");
        }
        match verbs[..] {
            [(verb, _)] => Ok(verb),
            [] => {
                let all: Vec<_> = VERBS.iter().map(|(verb, _)| *verb).collect();
                let reason = format!("say what the step does: one of {}", all.join(", "));
                Err((MemberPath::default(), reason))
            }
            [(first, _), (second, _), ..] => Err(wrong(
                second,
                format!(
                    "a step does one thing, and this one does {first} already; make it two steps"
                ),
            )),
        }
    }

    fn only_members_of(&self, verb: &str) -> Result<(), Wrong> {
        const OF_EACH: [&str; 3] = ["name", "within", "onAzure"];
        let own = VERBS.iter().find(|(name, _)| *name == verb).map_or(&[][..], |(_, own)| own);
        let more = [("device", self.device.is_some()), ("env", self.env.is_some())];
        let stranger = self.members().into_iter().chain(more).find(|(name, is_there)| {
            *is_there && *name != verb && !OF_EACH.contains(name) && !own.contains(name)
        });
        match stranger {
            Some((stranger, _)) => {
                let own: Vec<_> = own.iter().chain(&OF_EACH).copied().collect();
                let reason = format!("it does not go with {verb}, which takes {}", own.join(", "));
                Err(wrong(stranger, reason))
            }
            None => Ok(()),
        }
    }

    fn verb(self, verb: &str) -> Result<Verb, Wrong> {
        let missing = |member: &str, why: &str| wrong(member, why);
        Ok(match verb {
            "register" => Verb::Register(Box::new(self.register()?)),
            "connect" => {
                let devices = self.connect.as_ref().map(|it| part("connect", it)).transpose()?;
                let expect = self.expect()?;
                Verb::Connect(devices.ok_or_else(|| missing("connect", "name a device"))?, expect)
            }
            "report" => {
                let properties = self.properties;
                let properties = properties.filter(|properties| !properties.is_empty());
                let properties = properties.ok_or_else(|| {
                    missing("properties", "say what is reported: properties = { … }")
                })?;
                Verb::Report(some(self.report, "report")?, properties)
            }
            "twin" => {
                let expect = self.expect()?;
                if expect.is_none() && self.desired.is_none() && self.tags.is_none() {
                    return Err(missing("twin", "say what to set (desired, tags) or to expect"));
                }
                let devices = some(self.twin, "twin")?;
                let (desired, tags) = (self.desired, self.tags);
                Verb::Twin(Box::new(TwinStep { devices, desired, tags, expect }))
            }
            "enrollment" => Verb::Enrollment(Box::new(self.enrollment()?)),
            "record" => {
                let expect = self.expect()?;
                let change = match (self.delete, expect) {
                    (Some(True), None) => RecordChange::Delete,
                    (None, Some(expect)) => RecordChange::Expect(expect),
                    _ => return Err(missing("record", "say either delete = true or expect")),
                };
                Verb::Record(some(self.record, "record")?, change)
            }
            "function" => {
                let answers = self.answers;
                let answers =
                    answers.ok_or_else(|| missing("answers", "say what it answers from now on"))?;
                Verb::Function(some(self.function, "function")?, answers)
            }
            "fault" => {
                let rules = self.fault.map(|OneOrMany(rules)| rules).unwrap_or_default();
                if rules.is_empty() {
                    return Err(missing("fault", "name at least one rule"));
                }
                let rules = rules.iter().map(|rule| rule.parse::<FaultRule>());
                let rules = rules.collect::<Result<_, _>>().map_err(|e| wrong("fault", e))?;
                Verb::Fault(rules)
            }
            "faults" => Verb::FaultsOff,
            "service" => Verb::Service(some(self.service, "service")?),
            "wait" => {
                let condition = some(self.wait, "wait")?;
                condition.check().map_err(|reason| wrong("wait", reason))?;
                Verb::Wait(Box::new(condition))
            }
            "journal" => Verb::Journal(Box::new(self.journal()?)),
            _ => Verb::Command(Box::new(self.command()?)),
        })
    }

    fn register(self) -> Result<Register, Wrong> {
        let expect: Option<Expectation> = self.expect()?;
        if let Some(expect) = &expect {
            expect.check(&MemberPath::of(&["expect"]))?;
        }
        let parallel = self.parallel.unwrap_or(1);
        if !(1..=MOST_PARALLEL).contains(&parallel) {
            return Err(wrong("parallel", format!("it is from 1 to {MOST_PARALLEL}")));
        }
        let connect = match &self.connect {
            None => false,
            Some(raw) => part("connect", raw)?,
        };
        let transport = self.transport.as_deref().map(transport).transpose();
        let api_version = self.api_version.as_deref().map(str::parse::<ApiVersion>).transpose();
        Ok(Register {
            devices: some(self.register, "register")?,
            parallel,
            payload: self.payload,
            transport: transport.map_err(|reason| wrong("transport", reason))?,
            key: self.key.map(|slot| match slot {
                Slot::Primary => KeySlot::Primary,
                Slot::Secondary => KeySlot::Secondary,
            }),
            api_version: api_version.map_err(|error| wrong("apiVersion", error))?,
            connect,
            expect,
        })
    }

    fn enrollment(self) -> Result<EnrollmentStep, Wrong> {
        let expect = self.expect()?;
        let status = |text: &str| match json!({ "provisioningStatus": text }) {
            Value::Object(patch) => EnrollmentChange::Patch(patch),
            _ => unreachable!("it is written as an object"),
        };
        let changes = [
            self.change.map(EnrollmentChange::Patch),
            self.create.map(EnrollmentChange::Create),
            self.disable.map(|True| status("disabled")),
            self.enable.map(|True| status("enabled")),
            self.delete.map(|True| EnrollmentChange::Delete),
        ];
        let mut changes = changes.into_iter().flatten();
        let change = changes.next();
        if changes.next().is_some() {
            return Err(wrong("enrollment", "change it in one way only; make it two steps"));
        }
        if change.is_none() && expect.is_none() {
            let reason = "say one of change, create, disable, enable, delete and expect";
            return Err(wrong("enrollment", reason));
        }
        if change == Some(EnrollmentChange::Delete) && expect.is_some() {
            return Err(wrong("expect", "nothing stands there after delete"));
        }
        Ok(EnrollmentStep { name: some(self.enrollment, "enrollment")?, change, expect })
    }

    fn journal(self) -> Result<JournalStep, Wrong> {
        let each: Option<JournalPattern> = self.expect()?;
        let named = |pattern: &Option<JournalPattern>| {
            pattern.as_ref().is_some_and(|pattern| !pattern.is_empty())
        };
        if !named(&each) && !named(&self.total) {
            let reason = "say what must stand there: expect = { registers = 1 } of each device, total \
                          of all together";
            return Err(wrong("journal", reason));
        }
        if let Some(member) = self.total.as_ref().and_then(JournalPattern::of_one_device) {
            let path = MemberPath::of(&["total", member]);
            return Err((path, "this can be expected of each device only".to_owned()));
        }
        let (total, since) = (self.total, self.since);
        Ok(JournalStep { devices: some(self.journal, "journal")?, each, total, since })
    }

    fn command(self) -> Result<Command, Wrong> {
        let expect = self.expect::<CommandPattern>()?.unwrap_or_default();
        let argv = some(self.command, "command")?;
        if argv.first().is_none_or(|program| program.is_empty()) {
            return Err(wrong("command", "name a program: command = [\"python3\", \"device.py\"]"));
        }
        Ok(Command { argv, env: self.env.unwrap_or_default(), device: self.device, expect })
    }

    fn expect<T: DeserializeOwned>(&self) -> Result<Option<T>, Wrong> {
        self.expect.as_ref().map(|raw| part("expect", raw)).transpose()
    }
}

/// A member that the verb says is there.
fn some<T>(value: Option<T>, member: &str) -> Result<T, Wrong> {
    value.ok_or_else(|| wrong(member, "it is missing"))
}

/// Reads a member whose shape depends on the verb.
fn part<T: DeserializeOwned>(member: &str, raw: &RawValue) -> Result<T, Wrong> {
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = MemberPath::of(&[member]).join(&MemberPath::from(error.path()));
        (path, reason(error.inner()))
    })
}

/// A transport by the name that it has on the command line.
///
/// # Errors
///
/// If there is none of this name.
fn transport(name: &str) -> Result<Transport, String> {
    const ALL: [Transport; 6] = [
        Transport::Mqtt,
        Transport::MqttWs,
        Transport::Https,
        Transport::Amqp,
        Transport::AmqpWs,
        Transport::Auto,
    ];
    let found = ALL.into_iter().find(|transport| transport.name() == name);
    found.ok_or_else(|| {
        let names: Vec<_> = ALL.iter().map(|transport| transport.name()).collect();
        format!("{name:?} is none of {}", names.join(", "))
    })
}
