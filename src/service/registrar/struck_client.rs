//! Faults on demand of clients that do not ask to be provisioned: not yet, or not any more.

use super::core::Registrar;
use crate::service::caller::TurnedAway;
use crate::service::fault_rule::{Deed, FaultPlace, FaultTransport};
use crate::service::faults::{Point, Strike};

impl Registrar {
    /// The rule that strikes a client at its CONNECT or SUBSCRIBE. Whoever it would be, is told by `who`.
    pub(in crate::service) fn strike_client(
        &self,
        place: FaultPlace,
        transport: FaultTransport,
        who: TurnedAway,
        enrollment: &dyn Fn() -> Option<String>,
    ) -> Option<Strike> {
        let strike = self.faults.strike(&Point {
            place,
            transport: Some(transport),
            device: who.registration_id.as_str(),
            operation: None,
            enrollment,
            reply: None,
        })?;
        let connack = match strike.rule.what.deed {
            Some(Deed::Connack(code)) => Some(code),
            _ => None,
        };
        let reason = format!("a fault was asked for: {}", strike.rule);
        self.journal.struck_client(&TurnedAway { reason, ..who }, &strike, connack);
        Some(strike)
    }

    /// The rule that strikes a device at its hub, where it may have an ID of its own; a module is one of its
    /// device.
    pub(in crate::service) fn strike_at_hub(
        &self,
        place: FaultPlace,
        transport: FaultTransport,
        device_id: &str,
    ) -> Option<Strike> {
        let device_id = device_id.split('/').next().unwrap_or_default();
        let enrollment = || {
            let record = self.store.assigned_as(device_id)?;
            Some(record.enrollment.name.to_string())
        };
        let strike = self.faults.strike(&Point {
            place,
            transport: Some(transport),
            device: device_id,
            operation: None,
            enrollment: &enrollment,
            reply: None,
        })?;
        if let Some(record) = self.store.assigned_as(device_id) {
            self.journal.struck_device(&record.registration_id, &strike);
        }
        Some(strike)
    }
}
