//! How a device proves who it is, and how the service checks it.
//!
//! Symmetric keys and SAS tokens; both halves of the house use the same code, so what the device
//! signs is what the service verifies. Knows no sockets and no clock: the time is handed in.

mod key;
mod sas;
mod symmetric;

pub use key::{Deriver, DeviceKey, GroupKey, KeyError};
pub use sas::{Claims, Malformed, NameFault, SasToken, registration_resource};
pub use symmetric::{GroupKeys, KeyMatch, KeySlot, SasFault, SignatureFault, diagnose_signature};
