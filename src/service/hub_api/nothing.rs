//! What a hub on Azure has, and this one has not: lists are empty, and nothing is in them.

/// A kind of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nothing {
    /// A module of a device.
    Module,
    /// A configuration for many devices.
    Configuration,
    /// A job on many devices.
    Job,
}
