//! What a device is told that asks its hub for a certificate (I.4).

use std::time::SystemTime;

use crate::service::reply::Reply;

/// Its request is taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The hub's name for the operation.
    pub correlation_id: String,
    /// When it is given up.
    pub expires: SystemTime,
}

/// The last answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct LastAnswer {
    /// Whose it is: the device's name for the request.
    pub rid: String,
    /// What is said.
    pub reply: Reply,
    /// Whether it is said twice, as faults on demand want it.
    pub is_doubled: bool,
}

/// What a device is to be told now.
#[derive(Debug, PartialEq)]
pub enum NextAnswer {
    /// Nothing, as far as is known.
    Nothing,
    /// Nothing before this time.
    Later(SystemTime),
    /// This.
    Now {
        /// The hub's name for the operation.
        correlation_id: String,
        /// The answer.
        answer: LastAnswer,
    },
}
