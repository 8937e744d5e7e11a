//! Why a TPM at an address did not do what it was asked.

use std::fmt;
use std::io;
use std::time::Duration;

use thiserror::Error;

use super::answer::AnswerFault;
use super::command::{MAX_MESSAGE, Name};
use crate::attestation::BlobFault;
use crate::net::DialError;
use crate::text::{plain, spoken};

/// What went wrong with a TPM at an address.
#[derive(Debug, Error)]
pub(super) enum Fault {
    /// Nobody listens there.
    #[error("{0}; is it running?")]
    Dial(#[from] DialError),
    /// The port beside it, by which a simulator is switched on, is not there.
    #[error(
        "it speaks as Microsoft's simulator does, which is switched on by the port after its own: {0}"
    )]
    Platform(DialError),
    /// It says nothing.
    #[error(
        "no answer to {step} within {}; a TPM of software serves one connection at a time: does another program hold it?",
        spoken(*waited)
    )]
    Deadline {
        /// What it was asked.
        step: Step,
        /// For so long.
        waited: Duration,
    },
    /// The connection ends where an answer was due.
    #[error(
        "it closed the connection before it answered {0}; it must be a TPM 2.0, and swtpm run without `disconnect`"
    )]
    Closed(
        /// What it was asked.
        Step,
    ),
    /// The connection broke.
    #[error("the connection broke at {step}: {}", plain(.source))]
    Broken {
        /// What it was asked.
        step: Step,
        /// As the system tells it.
        source: io::Error,
    },
    /// It speaks neither as swtpm nor as the simulator does.
    #[error(
        "it answers neither a TPM command nor the handshake of Microsoft's simulator; is it the TPM's own port?"
    )]
    Stranger,
    /// Its answer is of no use.
    #[error("{command}: {fault}")]
    Answer {
        /// Which command.
        command: Name,
        /// What is wrong.
        fault: AnswerFault,
    },
    /// What it was to take is no key for a TPM.
    #[error(transparent)]
    Blob(#[from] BlobFault),
    /// More than one command signs.
    #[error("a TPM signs {MAX_MESSAGE} bytes at once, and these are {0}")]
    TooLong(usize),
}

/// What the other side is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// To take a connection.
    Connect,
    /// A command.
    Command(Name),
    /// The handshake of the simulator.
    Handshake,
    /// To be switched on.
    Power,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("the connection"),
            Self::Command(name) => name.fmt(f),
            Self::Handshake => f.write_str("the handshake"),
            Self::Power => f.write_str("being switched on"),
        }
    }
}

impl Fault {
    /// What it was given is not right, or not for it.
    pub(super) fn is_about_what_was_given(&self) -> bool {
        match self {
            Self::Blob(_) => true,
            Self::Answer { command, fault: AnswerFault::Refused(code) } => {
                // Other commands came before these two, so it is not in failure mode.
                let opens = matches!(command, Name::ActivateCredential | Name::Import);
                code.is_about_a_parameter() || opens && code.is_failure()
            }
            _ => false,
        }
    }
}
