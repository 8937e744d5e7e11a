//! The time and the randomness that decisions need.

use std::time::SystemTime;

use crate::wire::Etag;

/// When something happens, and what makes its etag and its operation unlike all others.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The time.
    pub now: SystemTime,
    /// Random.
    pub salt: u32,
}

impl Moment {
    /// The version of what changes now.
    pub(super) fn etag(self) -> Etag {
        Etag::new(self.now, self.salt)
    }
}
