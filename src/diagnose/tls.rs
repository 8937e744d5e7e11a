//! The TLS handshake, as the device does it; and where that fails, who is there instead.

use std::sync::Arc;

use rustls::ClientConfig;
use tokio::time::timeout;

use super::certificate::{Presented, observing_config};
use super::finding::Finding;
use super::probe;
use super::subject::{Known, Port, Reach, Subject};
use crate::device::{ConnectPhase, Error, NetworkError};
use crate::net::{DialError, Dialed, Phase, dial};

/// Does a handshake with the device's own trust.
pub(super) async fn handshake(subject: &Subject, known: &mut Known, port: Port) -> Finding {
    if *known.reach(port) < Reach::Tcp {
        return Finding::skip("needs the TCP connection");
    }
    let finding = match open(subject, port, subject.tls()).await {
        Ok(dialed) => {
            *known.reach(port) = Reach::Tls;
            trusted(known, &dialed)
        }
        Err(error) => {
            let finding = Finding::of_error(&error, &subject.context);
            match about_the_other_side(subject, known, port, &error).await {
                Some(more) => {
                    Finding { finding: format!("{}; {more}", finding.finding), ..finding }
                }
                None => finding,
            }
        }
    };
    // Otherwise this registration goes over the other port.
    let is_needed = subject.needs(port, known.mqtt == Reach::Tls);
    if is_needed { finding } else { finding.softened() }
}

/// A TLS connection, or the error that the device would meet.
pub(super) async fn open(
    subject: &Subject,
    port: Port,
    config: Arc<ClientConfig>,
) -> Result<Dialed, Error> {
    let endpoint = subject.endpoint(port);
    let mut reached = Phase::Dns;
    let route = &subject.settings.route;
    let dialed = dial(&endpoint, subject.number(port), route, config, |phase| reached = phase);
    match timeout(subject.check_timeout(), dialed).await {
        Ok(dialed) => dialed.map_err(|error| Error::Network(NetworkError::Dial(error))),
        Err(_) => Err(subject.late(ConnectPhase::from(reached))),
    }
}

fn trusted(known: &mut Known, dialed: &Dialed) -> Finding {
    let session = dialed.stream.get_ref().1;
    let presented = session.peer_certificates().and_then(Presented::of_chain);
    let version = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS 1.3",
    };
    match presented {
        Some(presented) => {
            known.validity.get_or_insert(presented.validity);
            Finding::ok(format!("{version}; {}", presented.describe()))
        }
        None => Finding::ok(version),
    }
}

/// The certificate that was not trusted, or what speaks in the place of TLS.
async fn about_the_other_side(
    subject: &Subject,
    known: &mut Known,
    port: Port,
    error: &Error,
) -> Option<String> {
    let is_about_certificate = matches!(
        error,
        Error::Network(NetworkError::Dial(DialError::Tls { fault, .. })) if fault.is_about_certificate()
    );
    if is_about_certificate {
        let dialed = open(subject, port, observing_config()).await.ok()?;
        *known.reach(port) = Reach::Untrusted;
        let presented =
            dialed.stream.get_ref().1.peer_certificates().and_then(Presented::of_chain)?;
        known.validity.get_or_insert(presented.validity);
        return Some(presented.describe());
    }
    // Through a proxy nothing but the way through it was tried, or it speaks in the error itself.
    if subject.proxy(port).is_some() {
        return None;
    }
    let answer = probe::who(&subject.next_hop(port), subject.check_timeout()).await;
    Some(answer.unwrap_or_else(|| "without TLS it says nothing either".to_owned()))
}
