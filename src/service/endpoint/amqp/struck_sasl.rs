//! What faults on demand do to SASL.

use std::sync::Arc;

use super::sign_in::SignIn;
use crate::service::caller::{Transport, TurnedAway};
use crate::service::connection::ClientConnection;
use crate::service::fault_rule::FaultPlace;
use crate::service::faults::Strike;
use crate::service::registrar::Registrar;

/// The rule that strikes a device which has presented itself by SASL, if one does (J-366).
pub(super) fn strike_sasl(
    registrar: &Registrar,
    client: &ClientConnection,
    sign_in: Option<&SignIn>,
) -> Option<Strike> {
    if !registrar.faults.are_at(FaultPlace::Connect) {
        return None;
    }
    let address = sign_in?.address()?;
    let who = TurnedAway {
        connection: Arc::new(client.clone()),
        transport: Transport::Amqp,
        registration_id: address.registration_id.clone(),
        id_scope: Some(address.id_scope.to_string()),
        api_version: None,
        check: "fault",
        reason: String::new(),
    };
    // Who lets a device in is known by what it proves, and it proves nothing yet.
    registrar.strike_client(
        FaultPlace::Connect,
        Transport::Amqp.for_faults(client.web_socket),
        who,
        &|| None,
    )
}
