//! One MQTT connection over any stream of bytes: what comes and goes, deadlines, and the end of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::codec::{Packet, read, write};
use super::session::{Farewell, Flow, Question, Session};
use crate::service::registrar::Registrar;
use crate::service::reply::Reply;
use crate::wire::{MAX_MESSAGE, RequestTopic};

/// How long a client has for the TLS handshake and CONNECT together.
pub(in crate::service) const OPENING: Duration = Duration::from_secs(30);
/// The longest silence, whatever keep-alive says: what Azure's load balancer allows (A.7). A
/// keep-alive of 0, as the C and .NET SDKs have it, asks for no limit and gets this one.
const LONGEST_SILENCE: Duration = Duration::from_secs(1767);
/// How long a client may leave an answer unread.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// How long the end of a connection may take.
const PARTING: Duration = Duration::from_secs(1);
/// Message, topic and headers.
pub(in crate::service) const MAX_PACKET: usize = MAX_MESSAGE + 4 * 1024;

/// Serves one connection to its end; CONNECT must be there by `opened_by`. Whatever a client does,
/// only its own connection ends.
pub(in crate::service) async fn serve_stream<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: SocketAddr,
    number: u64,
    certificates: Vec<CertificateDer<'static>>,
    registrar: Arc<Registrar>,
    opened_by: Instant,
) {
    let mut connection = Connection {
        stream,
        session: Session::new(number, certificates),
        inbox: BytesMut::with_capacity(512),
        outbox: BytesMut::new(),
        silence: None,
        registrar,
    };
    let end = connection.serve(opened_by).await;
    connection.log(peer, &end);
    // Also of a connection that is lost: a WebSocket says only now what was wrong.
    let _ = timeout_at(Instant::now() + PARTING, connection.stream.shutdown()).await;
}

struct Connection<S> {
    stream: S,
    session: Session,
    inbox: BytesMut,
    outbox: BytesMut,
    /// How long the client may say nothing; none before CONNECT.
    silence: Option<Duration>,
    registrar: Arc<Registrar>,
}

/// How a connection ended.
enum End {
    Said(Farewell),
    Silent,
    /// The text is for the log.
    Lost(String),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn serve(&mut self, opened_by: Instant) -> End {
        loop {
            let until = self.silence.map_or(opened_by, |silence| Instant::now() + silence);
            let packet = match self.next_packet(until).await {
                Ok(packet) => packet,
                Err(end) => return self.refuse_violation(end).await,
            };
            if let Packet::Connect(connect) = &packet {
                self.silence = Some(allowed_silence(connect.keep_alive));
            }
            let flow =
                self.session.take(packet, &self.registrar.instance().id_scope, &mut self.outbox);
            let flow = match self.flush().await {
                Ok(()) => flow,
                Err(end) => return end,
            };
            match flow {
                Flow::Continue => {}
                Flow::Close(farewell) => return End::Said(farewell),
                Flow::Ask(question) => {
                    self.ask(question).await;
                    if let Err(end) = self.flush().await {
                        return end;
                    }
                }
            }
        }
    }

    async fn ask(&mut self, question: Question) {
        let Some(device) = self.session.device() else { return };
        let Question { topic, body } = question;
        let reply: Reply = match &topic {
            RequestTopic::Register { .. } => self.registrar.register(device, &body).await,
            RequestTopic::OperationStatus { operation_id, .. } => {
                self.registrar.operation_status(device, operation_id).await
            }
        };
        self.session.answer(&topic, &reply, &mut self.outbox);
    }

    async fn next_packet(&mut self, until: Instant) -> Result<Packet, End> {
        loop {
            match read(&mut self.inbox, MAX_PACKET) {
                Ok(Some(packet)) => return Ok(packet),
                Ok(None) => {}
                Err(violation) => return Err(End::Said(Farewell::Violated(violation))),
            }
            match timeout_at(until, self.stream.read_buf(&mut self.inbox)).await {
                Ok(Ok(0)) => return Err(End::Lost("closed without DISCONNECT".to_owned())),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(End::Lost(error.to_string())),
                Err(_) => return Err(End::Silent),
            }
        }
    }

    /// Some broken CONNECTs are owed an answer before the connection closes.
    async fn refuse_violation(&mut self, end: End) -> End {
        if let End::Said(Farewell::Violated(violation)) = &end
            && self.session.device().is_none()
            && let Some(code) = violation.refusal()
        {
            write::connack(&mut self.outbox, false, code);
            let _ = self.flush().await;
        }
        end
    }

    async fn flush(&mut self) -> Result<(), End> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        let write = async {
            self.stream.write_all(&self.outbox).await?;
            self.stream.flush().await
        };
        let written = timeout_at(Instant::now() + WRITE_PATIENCE, write).await;
        // Not `clear`: an idle device should not hold on to the buffer of its last answer.
        self.outbox = BytesMut::new();
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(End::Lost(error.to_string())),
            Err(_) => {
                Err(End::Lost(format!("it did not read its answer within {WRITE_PATIENCE:?}")))
            }
        }
    }

    fn log(&self, peer: SocketAddr, end: &End) {
        let name = self.session.name();
        match end {
            End::Said(Farewell::Disconnected) => tracing::debug!("{name} ({peer}): disconnected"),
            End::Said(Farewell::Refused(reason)) => tracing::warn!("{name} ({peer}): {reason}"),
            End::Said(Farewell::Violated(violation)) => {
                tracing::warn!(
                    "{name} ({peer}): broke MQTT 3.1.1: {violation} [{}]",
                    violation.rule()
                );
            }
            End::Silent => tracing::info!("{name} ({peer}): said nothing for too long"),
            End::Lost(reason) => tracing::debug!("{name} ({peer}): {reason}"),
        }
    }
}

/// One and a half times the keep-alive [MQTT-3.1.2-24].
fn allowed_silence(keep_alive: u16) -> Duration {
    match keep_alive {
        0 => LONGEST_SILENCE,
        seconds => (Duration::from_secs(seconds.into()) * 3 / 2).min(LONGEST_SILENCE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_7_silence_is_one_and_a_half_keep_alives_and_never_unlimited() {
        assert_eq!(allowed_silence(60), Duration::from_secs(90));
        assert_eq!(allowed_silence(0), LONGEST_SILENCE);
        assert_eq!(allowed_silence(u16::MAX), LONGEST_SILENCE);
    }
}
