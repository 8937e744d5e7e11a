//! What a place can do in which a scenario is played.

use std::borrow::Cow;

use serde_json::Value;

use super::error::StageError;
use super::reach::Reach;
use super::watched::Watched;
use crate::scenario::step::{EnrollmentChange, Power, Script, Verb};
use crate::wire::{DeviceId, HubName, RegistrationId};

/// Where a scenario is played: a service of its own on this machine, or one on Azure.
///
/// Names of enrollments are those of the file; registration IDs and device IDs are those that the
/// service knows. What not every place can do, [`cannot`](Self::cannot) tells: the engine asks before
/// each step, and never for what cannot be.
pub trait Stage: Send + Sync + 'static {
    /// Why a step cannot be done here, in words that go on from "cannot be done here: "; `None` if it
    /// can.
    fn cannot(&self, verb: &Verb) -> Option<&'static str>;

    /// How devices get there.
    fn reach(&self) -> Reach;

    /// A text of the service with the names that the file has, where those are others here.
    fn here<'a>(&self, text: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(text)
    }

    /// What can be seen of the service from behind: its journal and its faults. `None` where it is
    /// somebody else's.
    fn watched(&self) -> Option<&Watched> {
        None
    }

    /// A device is about to register, and its record to be made. Whoever has to tidy up writes it down.
    ///
    /// # Errors
    ///
    /// If it must not.
    fn begins(&self, _id: &RegistrationId) -> impl Future<Output = Result<(), StageError>> + Send {
        std::future::ready(Ok(()))
    }

    /// A device's registration has ended, well or not.
    fn ended(&self, _id: &RegistrationId) {}

    /// An enrollment or a group, as the service API tells of it.
    ///
    /// # Errors
    ///
    /// If there is none, or the service cannot be asked.
    fn enrollment(&self, name: &str) -> impl Future<Output = Result<Value, StageError>> + Send;

    /// Changes, makes or deletes an enrollment or a group.
    ///
    /// # Errors
    ///
    /// If there is none, the service does not take it, or it cannot be asked.
    fn change_enrollment(
        &self,
        name: &str,
        change: &EnrollmentChange,
    ) -> impl Future<Output = Result<(), StageError>> + Send;

    /// The record of a registration, as the service API tells of it; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If the service cannot be asked.
    fn record(
        &self,
        id: &RegistrationId,
    ) -> impl Future<Output = Result<Option<Value>, StageError>> + Send;

    /// Deletes the record of a registration.
    ///
    /// # Errors
    ///
    /// If there is none, or the service cannot be asked.
    fn delete_record(
        &self,
        id: &RegistrationId,
    ) -> impl Future<Output = Result<(), StageError>> + Send;

    /// The twin of a device as the back end sees it: `{"tags":{…},"properties":{"desired":{…},
    /// "reported":{…}}}`.
    ///
    /// # Errors
    ///
    /// If the hub has no such device, or cannot be asked.
    fn twin(
        &self,
        hub: &HubName,
        device_id: &DeviceId,
    ) -> impl Future<Output = Result<Value, StageError>> + Send;

    /// Changes a twin as a back end does, by a patch of that shape.
    ///
    /// # Errors
    ///
    /// If the hub has no such device, refuses the patch, or cannot be asked.
    fn change_twin(
        &self,
        hub: &HubName,
        device_id: &DeviceId,
        patch: &Value,
    ) -> impl Future<Output = Result<(), StageError>> + Send;

    /// Whether a device is signed in at its hub; `None` where that cannot be told.
    fn is_at_hub(
        &self,
        _hub: &HubName,
        _device_id: &DeviceId,
    ) -> impl Future<Output = Option<bool>> + Send {
        std::future::ready(None)
    }

    /// From now on a scripted function answers so.
    ///
    /// # Errors
    ///
    /// If there is none of this name.
    fn set_function(&self, name: &str, _script: Script) -> Result<(), StageError> {
        Err(StageError::other(format!("no function {name:?} is served here")))
    }

    /// How often a scripted function was asked since its answers were set; `None` if there is none of
    /// this name.
    fn function_calls(&self, _name: &str) -> Option<u64> {
        None
    }

    /// Starts or ends the service. What it has kept is still there afterwards.
    ///
    /// # Errors
    ///
    /// If that cannot be done here, or it does not start again.
    fn power(&self, _power: Power) -> impl Future<Output = Result<(), StageError>> + Send {
        std::future::ready(Err(StageError::other("the service is not ours to stop")))
    }
}
