//! Hubs: the linked ones, the devices of one, and a device with its twin.
//!
//! - `list`: the linked hubs.
//! - `device_row`: a device of a hub, for a list.
//! - `devices`: the devices of a hub.
//! - `view`: a device and its twin as its page shows them.
//! - `device`: the page of a device.
//! - `change`: its desired properties, written by who looks at the page; its methods, called.

mod change;
mod device;
mod device_row;
mod devices;
mod list;
mod view;

pub(super) use change::{call_method, change_desired};
pub(super) use device::{device, device_events};
pub(super) use devices::{devices, devices_events};
pub(super) use list::{list, list_events};
