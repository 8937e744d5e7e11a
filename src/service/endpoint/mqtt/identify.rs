//! Who is at the other end, by its CONNECT.

use rustls::pki_types::CertificateDer;

use super::codec::Connect;
use crate::attestation::SasToken;
use crate::service::attest::Proof;
use crate::service::caller::{Caller, Transport};
use crate::text::Foreign;
use crate::wire::{ConnectCode, IdScope, UserName};

/// The caller, or how to refuse it and why (A.6, J-10).
pub(super) fn identify(
    connection: u64,
    connect: Connect,
    certificates: Vec<CertificateDer<'static>>,
    served: &IdScope,
) -> Result<Caller, (ConnectCode, String)> {
    const EXPECTED: &str = "<idScope>/registrations/<registrationId>/api-version=<version>";
    let Some(user_name) = connect.user_name else {
        return Err((
            ConnectCode::NotAuthorized,
            format!("no user name; expected {EXPECTED} (A.2)"),
        ));
    };
    let UserName { id_scope, registration_id, api_version, .. } =
        user_name.parse().map_err(|error| {
            (
                ConnectCode::NotAuthorized,
                format!(
                    "the user name {:?} is malformed: {error} (A.2)",
                    Foreign::short(&user_name)
                ),
            )
        })?;
    if !registration_id.names_same_device(&connect.client_id) {
        let reason = format!(
            "the client ID {:?} is not the registration ID {registration_id} of the user name (A.6)",
            Foreign::short(&connect.client_id)
        );
        return Err((ConnectCode::NotAuthorized, reason));
    }
    if !served.matches(id_scope.as_str()) {
        let reason = format!(
            "{registration_id} asks for the ID scope {id_scope}; {served} is served here (A.6)"
        );
        return Err((ConnectCode::ServerUnavailable, reason));
    }
    let proof = match connect.password {
        Some(password) if !password.is_empty() => {
            Proof::Sas(SasToken::from_text(String::from_utf8_lossy(&password)))
        }
        _ if !certificates.is_empty() => Proof::Certificates(certificates),
        _ => Proof::Absent,
    };
    let transport = Transport::Mqtt;
    Ok(Caller { connection, transport, id_scope, registration_id, api_version, proof })
}
