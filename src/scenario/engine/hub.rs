//! Devices at their hubs, and the back end on the other side of them.

use serde_json::{Map, Value, json};

use super::core::Engine;
use super::event::Event;
use super::state::Assignment;
use crate::device::{HubClient, HubError};
use crate::scenario::device::DeviceSpec;
use crate::scenario::expectation::TwinPattern;
use crate::scenario::stage::Stage;
use crate::scenario::step::{Selection, TwinStep};

impl<S: Stage> Engine<S> {
    /// Signs a device in at the hub that it was assigned to, and has it read its twin. A session that it
    /// has already is closed first: a hub has one for a device.
    pub(super) async fn sign_in(&self, device: &DeviceSpec) -> Result<Event, String> {
        let assignment = self.assignment(device)?;
        let mut session = self.devices.known(device).session.lock().await;
        if let Some(before) = session.take() {
            before.close().await;
        }
        let client = self.open(&assignment).await?;
        let twin = client.twin().await.map_err(|error| format!("{}: {error}", assignment.hub))?;
        *session = Some(client);
        Ok(Event::AtHub { device: device.shown.clone(), hub: assignment.hub, twin })
    }

    /// Devices sign in, and their twins are looked at.
    pub(super) async fn connect(
        &self,
        devices: &Selection,
        expect: Option<&TwinPattern>,
    ) -> Vec<String> {
        let mut differences = Vec::new();
        for device in devices.of_these(self.devices.all(), |device| &device.name) {
            let done = async {
                self.tell(self.sign_in(device).await?);
                self.expect_twin(device, expect).await
            };
            differences.extend(of_device(device, done.await));
        }
        differences
    }

    /// Devices report properties, over the session that they have or a new one.
    pub(super) async fn report(
        &self,
        devices: &Selection,
        properties: &Map<String, Value>,
    ) -> Vec<String> {
        let mut differences = Vec::new();
        for device in devices.of_these(self.devices.all(), |device| &device.name) {
            let done = self.report_one(device, properties).await;
            differences.extend(of_device(device, done.map(|()| Vec::new())));
        }
        differences
    }

    async fn report_one(
        &self,
        device: &DeviceSpec,
        properties: &Map<String, Value>,
    ) -> Result<(), String> {
        let assignment = self.assignment(device)?;
        let mut session = self.devices.known(device).session.lock().await;
        let told = |error: HubError| format!("{}: {error}", assignment.hub);
        if let Some(client) = &*session {
            match client.report(properties).await {
                Ok(_) => return Ok(()),
                // As a device does: it signs in again.
                Err(HubError::Lost(_)) => {}
                Err(error) => return Err(told(error)),
            }
        }
        let client = session.insert(self.open(&assignment).await?);
        client.report(properties).await.map(drop).map_err(told)
    }

    /// The back end changes twins, and looks at them.
    pub(super) async fn twin(&self, step: &TwinStep) -> Vec<String> {
        let TwinStep { devices, desired, tags, expect } = step;
        let mut patch = Map::new();
        patch.extend(tags.as_ref().map(|tags| ("tags".to_owned(), json!(tags))));
        let properties = desired.as_ref().map(|desired| json!({ "desired": desired }));
        patch.extend(properties.map(|properties| ("properties".to_owned(), properties)));
        let mut differences = Vec::new();
        for device in devices.of_these(self.devices.all(), |device| &device.name) {
            let done = async {
                if !patch.is_empty() {
                    let Assignment { hub, device_id, .. } = self.assignment(device)?;
                    let patch = Value::Object(patch.clone());
                    let changed = self.stage.change_twin(&hub, &device_id, &patch).await;
                    changed.map_err(|error| error.to_string())?;
                }
                self.expect_twin(device, expect.as_ref()).await
            };
            differences.extend(of_device(device, done.await));
        }
        differences
    }

    async fn expect_twin(
        &self,
        device: &DeviceSpec,
        expect: Option<&TwinPattern>,
    ) -> Result<Vec<String>, String> {
        let Some(expect) = expect else { return Ok(Vec::new()) };
        let Assignment { hub, device_id, .. } = self.assignment(device)?;
        let twin = self.stage.twin(&hub, &device_id).await.map_err(|error| error.to_string())?;
        Ok(expect.differences(Some(&twin)))
    }

    /// All sessions end politely.
    pub(super) async fn sign_out_all(&self) {
        for device in self.devices.all() {
            let session = self.devices.known(device).session.lock().await.take();
            if let Some(session) = session {
                session.close().await;
            }
        }
    }

    fn assignment(&self, device: &DeviceSpec) -> Result<Assignment, String> {
        let assignment = self.devices.known(device).assignment();
        assignment.ok_or_else(|| "it was not assigned to any hub".to_owned())
    }

    async fn open(&self, assignment: &Assignment) -> Result<HubClient, String> {
        let settings = assignment.hub_settings(&self.stage.reach())?;
        let client = HubClient::connect(&settings).await;
        client.map_err(|error| format!("{}: {error}", assignment.hub))
    }
}

/// What is wrong with a device, with its name.
fn of_device(device: &DeviceSpec, done: Result<Vec<String>, String>) -> Vec<String> {
    let differences = done.unwrap_or_else(|error| vec![error]);
    differences.into_iter().map(|it| format!("{}: {it}", device.name)).collect()
}
