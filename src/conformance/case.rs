//! What a case is.

use std::time::Duration;

use super::finding::Finding;
use super::observation::Observation;
use super::source::Source;

/// Something that a client should do, the service that shows whether it does, and how it is judged.
#[derive(Debug)]
pub struct Case {
    /// Its name, in small letters with hyphens.
    pub(super) id: &'static str,
    /// What the client should do.
    pub(super) title: &'static str,
    /// How much it matters.
    pub(super) level: Level,
    /// What asks for it.
    pub(super) rule: Rule,
    /// How the service behaves.
    pub(super) setup: Setup,
    /// How it is judged.
    pub(super) judge: Judge,
}

impl Case {
    /// One that is seen of a single registration with which nothing goes wrong.
    pub(super) const fn plain(
        id: &'static str,
        title: &'static str,
        level: Level,
        rule: Rule,
        judge: fn(&Observation) -> Finding,
    ) -> Self {
        Self { id, title, level, rule, setup: Setup::PLAIN, judge: Judge::One(judge) }
    }

    /// Its name.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// What the client should do.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// What asks for it: its number in `docs/protocol.md`, what it says, and where it is public.
    pub fn rule(&self) -> (&'static str, &'static str, Option<&'static str>) {
        (self.rule.id, self.rule.text, self.rule.source.0)
    }

    /// How much it matters.
    pub fn level(&self) -> Level {
        self.level
    }
}

/// How much a case matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A client that does not has failed.
    Must,
    /// It is warned.
    Should,
}

impl Level {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
        }
    }
}

/// What asks for something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// Its number in `docs/protocol.md`.
    pub(super) id: &'static str,
    /// What it says, in a sentence.
    pub(super) text: &'static str,
    /// Where it is public.
    pub(super) source: Source,
}

/// How a case is judged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Judge {
    /// By one run.
    One(fn(&Observation) -> Finding),
    /// By several, each with a service of its own.
    Each(usize, fn(&[Observation]) -> Finding),
    /// By several in a row, with one service.
    InARow(usize, fn(&[Observation]) -> Finding),
}

impl Judge {
    /// How often the client is run.
    pub(super) fn runs(self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Each(runs, _) | Self::InARow(runs, _) => runs,
        }
    }
}

/// How the service of a case behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setup {
    /// What devices are told to wait, in seconds.
    pub(super) retry_after: u64,
    /// How many polls of an operation are told that it is in progress.
    pub(super) assigning: u32,
    /// What goes wrong, as rules.
    pub(super) faults: &'static [&'static str],
    /// Whether the device's enrollments are disabled.
    pub(super) is_disabled: bool,
    /// What a webhook says of the device, where one is asked.
    pub(super) webhook: Webhook,
    /// How long the client is watched at most; shorter than others where no more is to be seen.
    pub(super) limit: Option<Duration>,
    /// How long it is watched once it was told of its hub, if it does not end by itself.
    pub(super) grace: Duration,
}

/// What a webhook says of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Webhook {
    /// None is asked.
    None,
    /// It refuses the device.
    Refuses,
    /// It gives it a hub, and a payload of so many bytes.
    Payload(usize),
    /// It gives it a hub, and a payload with letters of many scripts.
    Scripts,
}

impl Setup {
    /// A service at which nothing goes wrong: it answers a register request and the first poll with the
    /// wish to wait a second.
    pub(super) const PLAIN: Self = Self {
        retry_after: 1,
        assigning: 1,
        faults: &[],
        is_disabled: false,
        webhook: Webhook::None,
        limit: None,
        grace: Duration::from_secs(5),
    };

    /// The same with faults.
    pub(super) const fn with(faults: &'static [&'static str]) -> Self {
        Self { faults, ..Self::PLAIN }
    }

    /// Watched no longer than this.
    pub(super) const fn within(self, seconds: u64) -> Self {
        Self { limit: Some(Duration::from_secs(seconds)), ..self }
    }
}
