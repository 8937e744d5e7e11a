//! The TLS handshake of a connection, and what is said of one that fails.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::{ProtocolVersion, ServerConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::server::TlsStream;

use super::line::{Line, RipCord};
use super::offer::Offer;
use super::overheard::Overheard;
use super::patience::Patient;
use super::tls::{HandshakeFailure, Tls};
use crate::attestation::Certificate;
use crate::net::TlsFault;
use crate::service::authority::CertificateFlaw;
use crate::service::caller::Transport;
use crate::service::connection::{ClientConnection, ConnectionFault, TlsSession, said};
use crate::service::fault_rule::{Deed, FaultPlace, FaultTransport};
use crate::service::faults::{Point, Strike};
use crate::service::journal::StruckConnection;
use crate::service::registrar::Registrar;
use crate::service::tap::WireMoment;

/// What carries everything that is said after it.
pub(super) type Stream = Overheard<TlsStream<Patient<Line>>>;

/// A connection after the handshake.
pub(super) struct Secured {
    pub(super) stream: Stream,
    /// How it can be made to end with a reset.
    pub(super) cord: RipCord,
    /// By when it must have said what it is.
    pub(super) until: Instant,
    /// What is known of it so far.
    pub(super) connection: ClientConnection,
    /// Those of the client, its own first; it has the key of that one.
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

/// A port whose connections begin with a handshake.
pub(super) struct ServedPort<'a> {
    /// What is served here, for people.
    pub(super) about: &'static str,
    pub(super) transport: FaultTransport,
    /// Has the faults on demand, and the journal in which they are.
    pub(super) registrar: &'a Registrar,
}

/// Does the handshake, or logs why there is none.
pub(super) async fn handshake(
    tcp: TcpStream,
    (peer, number): (SocketAddr, u64),
    tls: &Tls,
    mut until: Instant,
    port: &ServedPort<'_>,
) -> Option<Secured> {
    // Without it every small packet may wait 40 ms for the delayed acknowledgement of the last.
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!("{peer}: {error}");
        return None;
    }
    let tap = &port.registrar.tap;
    tap.tell(number, || WireMoment::Opened { listener: port.transport });
    let mut line = Line::new(tcp);
    let cord = line.cord();
    let (mut flaw, mut faults) = (None, Vec::new());
    let wanted = &port.registrar.faults;
    if wanted.are_at(FaultPlace::Accept) || wanted.are_at(FaultPlace::Tls) {
        // Boxed: it is not there where there are no faults.
        let struck = Box::pin(strike(line, (peer, number), port)).await?;
        (line, flaw, faults) = (struck.line, struck.flaw, struck.faults);
        until += struck.delay;
    }
    let stream = match timeout_at(until, tls.accept(Patient::new(line), flaw)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(failure)) => {
            let HandshakeFailure { error, offer } = failure;
            let fault = TlsFault::from(error);
            tap.tell(number, || {
                WireMoment::Unsecured(fault.to_string().replace("the server", "the client"))
            });
            log_failure(peer, fault, offer, port.about);
            return None;
        }
        Err(_) => {
            tap.tell(number, || WireMoment::Unsecured("no TLS handshake in time".to_owned()));
            tracing::debug!("{peer}: no TLS handshake in time");
            return None;
        }
    };
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificates: Vec<_> =
        certificates.iter().map(|certificate| certificate.clone().into_owned()).collect();
    let agreed = agreed(stream.get_ref().1, &certificates);
    let connection = ClientConnection { faults, ..ClientConnection::new(number, peer, agreed) };
    tap.tell(number, || WireMoment::Secured {
        tls: connection.tls.clone(),
        certificates: certificates.len(),
    });
    let stream = Overheard::new(stream, number, tap.clone());
    Some(Secured { stream, cord, until, connection, certificates })
}

/// A connection that goes on after faults on demand have struck it.
struct Struck {
    line: Line,
    delay: Duration,
    flaw: Option<CertificateFlaw>,
    faults: Vec<ConnectionFault>,
}

/// How long a fault on demand may keep silent (J-266).
const LONGEST_SILENCE: Duration = Duration::from_secs(600);

impl ServedPort<'_> {
    /// Writes down what strikes a connection of which nothing more may ever be known.
    fn record(&self, strike: &Strike, peer: SocketAddr, number: u64) -> ConnectionFault {
        let fault = ConnectionFault { id: strike.id, rule: strike.rule.to_string().into() };
        self.registrar.journal.struck_connection(StruckConnection {
            time: self.registrar.sources.now(),
            number,
            peer,
            transport: match self.transport {
                FaultTransport::Mqtt => Transport::Mqtt,
                FaultTransport::Amqp => Transport::Amqp,
                FaultTransport::MqttWs | FaultTransport::AmqpWs | FaultTransport::Https => {
                    Transport::Https
                }
            },
            fault: fault.clone(),
        });
        fault
    }
}

/// Has faults strike the connection and its handshake; none if that is the end of it.
async fn strike(
    mut line: Line,
    (peer, number): (SocketAddr, u64),
    port: &ServedPort<'_>,
) -> Option<Struck> {
    let (mut delay, mut flaw, mut faults) = (Duration::ZERO, None, Vec::new());
    for place in [FaultPlace::Accept, FaultPlace::Tls] {
        let strike = port.registrar.faults.strike(&Point {
            place,
            transport: Some(port.transport),
            device: &peer.to_string(),
            operation: None,
            enrollment: &|| None,
            reply: None,
        });
        let Some(strike) = strike else { continue };
        faults.push(port.record(&strike, peer, number));
        let what = &strike.rule.what;
        if let Some(wait) = what.delay {
            port.registrar.sources.clock.sleep(wait).await;
            delay += wait;
        }
        match what.deed {
            Some(Deed::Close) => return None,
            Some(Deed::Reset) => {
                line.cord().pull();
                return None;
            }
            Some(Deed::Silence) => {
                let _ = timeout(LONGEST_SILENCE, copy(&mut line, &mut sink())).await;
                return None;
            }
            Some(Deed::Truncate(bytes)) => line.cut_after(bytes),
            Some(Deed::Slow(rate)) => {
                line.slow_down(rate);
                // Who is made to wait is not hung up on for that.
                delay += LONGEST_SILENCE;
            }
            Some(Deed::TlsAlert(alert)) => {
                let _ = timeout(LONGEST_SILENCE, send_alert(&mut line, alert)).await;
                return None;
            }
            Some(Deed::Certificate(wanted)) => flaw = Some(wanted),
            _ => {}
        }
    }
    Some(Struck { line, delay, flaw, faults })
}

/// Takes in the client's first record, which is its hello, and answers it with a fatal alert.
async fn send_alert(line: &mut Line, alert: u8) -> io::Result<()> {
    let mut head = [0; 5];
    line.read_exact(&mut head).await?;
    let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    line.read_exact(&mut body).await?;
    line.write_all(&[21, 3, 3, 0, 2, 2, alert]).await?;
    line.shutdown().await
}

/// What the two sides agreed on.
fn agreed(tls: &ServerConnection, certificates: &[CertificateDer<'static>]) -> TlsSession {
    let own = certificates.first().and_then(|own| Certificate::from_der(own.clone()).ok());
    TlsSession {
        version: match tls.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Some("1.2"),
            Some(ProtocolVersion::TLSv1_3) => Some("1.3"),
            _ => None,
        },
        cipher_suite: tls.negotiated_cipher_suite().and_then(|it| it.suite().as_str()),
        server_name: tls.server_name().map(said),
        alpn: tls.alpn_protocol().map(|it| said(&String::from_utf8_lossy(it))),
        client_certificate: own.map(|own| said(&own.info().subject_name)),
    }
}

/// A client that does not trust us is the most common trouble of all: said aloud. Port scanners and
/// health checks that only connect are not.
fn log_failure(peer: SocketAddr, fault: TlsFault, offer: Option<Offer>, port: &str) {
    match fault {
        TlsFault::Closed => tracing::debug!("{peer}: closed before the TLS handshake"),
        TlsFault::NotTls => tracing::warn!("{peer}: does not speak TLS; this port is {port} (A.1)"),
        fault @ TlsFault::Alert(_) => {
            tracing::warn!(
                "{peer}: {}; does it trust the CA file?",
                fault.to_string().replace("the server", "the client")
            );
        }
        fault => match offer.filter(|offer| offer.chain().is_none()) {
            Some(offer) => tracing::warn!("{peer}: {fault}; {offer}"),
            None => tracing::warn!("{peer}: {fault}"),
        },
    }
}
