//! The records that the service keeps: of a device's registration, and of its identity on a hub.
//!
//! One record per device holds its last operation and its assignment; nothing grows with the number
//! of registrations. Plain data with the rules that need nothing else: `device` and `outcome` are the
//! registration, `issued` the certificates that came of it, `answer` is what the device is told of it;
//! `identity` and `authentication` are the device on its hub, `sign_in` is who may sign in as it.

mod answer;
mod authentication;
mod device;
mod identity;
mod issued;
mod outcome;
mod sign_in;

pub use authentication::{Authentication, IssuerName};
pub use device::{Assignment, DeviceRecord, EnrollmentName, PendingRecord, ProvenBy};
pub use identity::{HubDevice, HubKey, NewIdentity};
pub use issued::IssuedChain;
pub use outcome::{Outcome, PendingAllocation};
pub use sign_in::{Admission, HubFault, HubProof};
