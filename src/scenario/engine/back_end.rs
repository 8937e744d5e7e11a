//! What a back end does with enrollments and the records of registrations.

use super::core::Engine;
use crate::scenario::stage::Stage;
use crate::scenario::step::{EnrollmentStep, RecordChange, Selection};

impl<S: Stage> Engine<S> {
    /// An enrollment is changed, and looked at.
    pub(super) async fn enrollment(&self, step: &EnrollmentStep) -> Vec<String> {
        let EnrollmentStep { name, change, expect } = step;
        let done = async {
            if let Some(change) = change {
                self.stage.change_enrollment(name, change).await?;
            }
            let Some(expect) = expect else { return Ok(Vec::new()) };
            let record = self.stage.enrollment(name).await?;
            Ok(expect.differences("enrollment", Some(&record)))
        };
        let done: Result<_, crate::scenario::stage::StageError> = done.await;
        done.unwrap_or_else(|error| vec![error.to_string()])
    }

    /// The records of registrations are deleted, or looked at.
    pub(super) async fn record(&self, devices: &Selection, change: &RecordChange) -> Vec<String> {
        let mut differences = Vec::new();
        for device in devices.of_these(self.devices.all(), |device| &device.name) {
            let id = &device.registration_id;
            let done = match change {
                RecordChange::Delete => self.stage.delete_record(id).await.map(|()| Vec::new()),
                RecordChange::Expect(pattern) => {
                    let record = self.stage.record(id).await;
                    record.map(|record| pattern.differences("record", record.as_ref()))
                }
            };
            let done = done.unwrap_or_else(|error| vec![error.to_string()]);
            differences.extend(done.into_iter().map(|it| format!("{}: {it}", device.name)));
        }
        differences
    }
}
