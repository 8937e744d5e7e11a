//! What happens while a scenario is played, as whoever prints it is told.

use crate::device::{Error, Notice, Registered, Twin};
use crate::scenario::verdict::Verdict;
use crate::verdicts::Case;
use crate::wire::{HubName, RegistrationId};

/// Something has happened. What several devices do at once is told one device after the other, in the
/// order of the file; only steps in the background come in between.
#[derive(Debug)]
pub enum Event {
    /// A step begins.
    Began {
        /// What it is called.
        name: String,
        /// Whether it is the registration of a single device, which is told by itself.
        is_device: bool,
    },
    /// A device begins to register.
    Registering {
        /// Of which step.
        step: usize,
        /// Which device, as the file calls it.
        device: String,
    },
    /// It has come further.
    Notice {
        /// Of which step.
        step: usize,
        /// Which device.
        device: String,
        /// How.
        notice: Notice,
    },
    /// Its registration has ended.
    Registered(Box<Ended>),
    /// It is signed in at its hub.
    AtHub {
        /// Which device.
        device: String,
        /// Its hub.
        hub: HubName,
        /// Its twin, as it sees it.
        twin: Twin,
    },
    /// A case has been decided. Each step has at least one; that of several devices one for each.
    Decided {
        /// Of which step.
        step: usize,
        /// Of which device, where it is about the registration of one.
        device: Option<String>,
        /// What came out.
        case: Case,
    },
}

/// How a registration ended.
#[derive(Debug)]
pub struct Ended {
    /// Of which step.
    pub step: usize,
    /// Which device, as the file calls it.
    pub device: String,
    /// The same as the service knows it.
    pub registration_id: RegistrationId,
    /// What it came to.
    pub result: Result<Registered, Error>,
    /// Whether that was expected.
    pub verdict: Verdict,
    /// Why it came to nothing, in the words of the service, where it has a journal.
    pub reason: Option<String>,
}
