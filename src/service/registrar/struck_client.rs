//! Faults on demand of clients that do not ask to be provisioned: not yet, or not any more.

use super::core::Registrar;
use crate::service::caller::TurnedAway;
use crate::service::fault_rule::{Deed, FaultPlace, FaultTransport};
use crate::service::faults::{Point, Strike};
use crate::wire::RegistrationId;

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

    /// The rule that strikes a device at its hub.
    pub(in crate::service) fn strike_at_hub(
        &self,
        place: FaultPlace,
        transport: FaultTransport,
        device_id: &str,
    ) -> Option<Strike> {
        let id = device_id.parse::<RegistrationId>().ok();
        let enrollment = || {
            let record = self.store.device(id.as_ref()?)?;
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
        if let Some(id) = &id {
            self.journal.struck_device(id, &strike);
        }
        Some(strike)
    }
}
