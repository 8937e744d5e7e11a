//! What there are quotas of.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// What there is a quota of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quota {
    /// Registrations of all devices together; a status lookup counts as one.
    Registrations,
    /// Calls of the service API; a bulk operation counts as one.
    Operations,
    /// Polls of one device.
    Polls,
}

/// There is no quota of that name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no quota {0:?}; expected registrations, operations or polls")]
pub struct UnknownQuota(String);

impl Quota {
    /// Every quota, in the order in which they are told.
    pub const ALL: [Self; 3] = [Self::Registrations, Self::Operations, Self::Polls];
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Registrations => "registrations",
            Self::Operations => "operations",
            Self::Polls => "polls",
        })
    }
}

impl FromStr for Quota {
    type Err = UnknownQuota;

    fn from_str(text: &str) -> Result<Self, UnknownQuota> {
        let mut all = Self::ALL.into_iter();
        all.find(|quota| quota.to_string() == text).ok_or_else(|| UnknownQuota(text.to_owned()))
    }
}
