//! What can be written.

use std::sync::Arc;

use crate::service::enrollment::{Enrollment, Kind};
use crate::service::record::{DeviceRecord, HubDevice, HubKey};
use crate::wire::RegistrationId;

/// One thing to be written.
#[derive(Debug, Clone)]
pub enum Change {
    /// Adds or replaces a device's registration record.
    PutDevice(Arc<DeviceRecord>),
    /// Deletes one.
    RemoveDevice(RegistrationId),
    /// Adds or replaces a device on a hub.
    PutHubDevice(Arc<HubDevice>),
    /// Deletes one.
    RemoveHubDevice(HubKey),
    /// Adds or replaces an enrollment.
    PutEnrollment(Arc<Enrollment>),
    /// Deletes one.
    RemoveEnrollment(Kind, String),
    /// Deletes all registration records and all devices of hubs.
    ForgetDevices,
}

/// Changes that are kept together or not at all.
pub type Batch = Vec<Change>;
