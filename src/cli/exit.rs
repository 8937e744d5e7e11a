//! The exit codes, all in one place. A contract: scripts rely on them.

use crate::device::Class;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A defect of ours.
    Internal = 1,
    /// Bad input or usage; nothing was sent.
    Usage = 2,
    /// Network or TLS.
    Network = 3,
    /// The device's identity, or the connection string, was refused.
    Identity = 4,
    /// Not assigned, or the service refused.
    NotAssigned = 5,
    /// The deadline passed.
    Deadline = 6,
    /// Stopped before the end by a user, as shells number it.
    Interrupted = 130,
}

impl From<Class> for Exit {
    fn from(class: Class) -> Self {
        match class {
            Class::Network => Self::Network,
            Class::Identity => Self::Identity,
            Class::NotAssigned => Self::NotAssigned,
            Class::Deadline => Self::Deadline,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
