//! Who is at the other end, by its CONNECT.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use super::codec::Connect;
use crate::attestation::SasToken;
use crate::service::attest::Proof;
use crate::service::caller::{Caller, Transport, TurnedAway};
use crate::service::connection::{ClientConnection, said};
use crate::text::Foreign;
use crate::wire::{ConnectCode, IdScope, UserName};

/// How a CONNECT is refused.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) code: ConnectCode,
    /// Why, for the log.
    pub(super) reason: String,
    /// The same for the journal, if it is known which device it would be (J-217).
    pub(super) turned_away: Option<TurnedAway>,
}

/// The caller, or how to refuse it and why (A.6, J-10).
pub(super) fn identify(
    connection: ClientConnection,
    connect: Connect,
    certificates: Vec<CertificateDer<'static>>,
    served: &IdScope,
) -> Result<Caller, Refused> {
    const EXPECTED: &str = "<idScope>/registrations/<registrationId>/api-version=<version>";
    let user_name = connect.user_name.as_deref().map(str::parse::<UserName>);
    let parsed = user_name.as_ref().and_then(|parsed| parsed.as_ref().ok());
    let connection = Arc::new(ClientConnection {
        client_id: Some(said(&connect.client_id)),
        client_version: parsed.and_then(|name| name.client_version.as_deref()).map(said),
        keep_alive: Some(connect.keep_alive),
        ..connection
    });
    let transport = Transport::Mqtt;
    let refused = |code, check, reason: String| {
        let id = parsed.map(|name| name.registration_id.clone());
        let turned_away =
            id.or_else(|| connect.client_id.parse().ok()).map(|registration_id| TurnedAway {
                connection: connection.clone(),
                transport,
                registration_id,
                id_scope: parsed.map(|name| name.id_scope.to_string()),
                api_version: parsed.map(|name| name.api_version.clone()),
                check,
                reason: reason.clone(),
            });
        Refused { code, reason, turned_away }
    };
    let UserName { id_scope, registration_id, api_version, .. } = match &user_name {
        Some(Ok(user_name)) => user_name.clone(),
        Some(Err(error)) => {
            let text = Foreign::short(connect.user_name.as_deref().unwrap_or_default());
            let reason = format!("the user name {text:?} is malformed: {error} (A.2)");
            return Err(refused(ConnectCode::NotAuthorized, "userName", reason));
        }
        None => {
            let reason = format!("no user name; expected {EXPECTED} (A.2)");
            return Err(refused(ConnectCode::NotAuthorized, "userName", reason));
        }
    };
    if !registration_id.names_same_device(&connect.client_id) {
        let reason = format!(
            "the client ID {:?} is not the registration ID {registration_id} of the user name (A.6)",
            Foreign::short(&connect.client_id)
        );
        return Err(refused(ConnectCode::NotAuthorized, "clientId", reason));
    }
    if !served.matches(id_scope.as_str()) {
        let reason = format!(
            "{registration_id} asks for the ID scope {id_scope}; {served} is served here (A.6)"
        );
        return Err(refused(ConnectCode::ServerUnavailable, "idScope", reason));
    }
    let proof = match connect.password {
        Some(password) if !password.is_empty() => {
            Proof::Sas(SasToken::from_text(String::from_utf8_lossy(&password)))
        }
        _ if !certificates.is_empty() => Proof::Certificates(certificates),
        _ => Proof::Absent,
    };
    Ok(Caller { connection, transport, id_scope, registration_id, api_version, proof })
}
