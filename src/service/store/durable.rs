//! What a store needs of a disk.

use std::sync::Arc;

use thiserror::Error;

use super::change::Batch;
use crate::service::enrollment::Enrollments;
use crate::service::record::{DeviceRecord, HubDevice};

/// Why a batch was not kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the state cannot be written: {0}")]
pub struct StoreError(pub String);

/// Keeps batches beyond the end of the process.
pub trait Durable: Send + 'static {
    /// Writes the batches, in order, as one; when this returns, they survive a crash.
    ///
    /// # Errors
    ///
    /// If none of it was written.
    fn write(&mut self, batches: &[Batch]) -> Result<(), StoreError>;
}

/// What was kept when the last process ended.
#[derive(Debug, Default)]
pub struct Stored {
    /// Registration records.
    pub devices: Vec<Arc<DeviceRecord>>,
    /// Devices of hubs.
    pub hub_devices: Vec<Arc<HubDevice>>,
    /// Enrollments.
    pub enrollments: Enrollments,
}
