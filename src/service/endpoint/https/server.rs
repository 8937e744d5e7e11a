//! Connections, and the requests on them.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::body::{self, BodyFault};
use super::client::{Client, user_agent};
use super::reply::{self, Answer};
use super::route::Route;
use super::upgrade::{self, Spoken};
use super::{device, service_api};
use crate::net::{WebSocketEnd, WebSocketStream};
use crate::service::access::{ServiceAccess, without_port};
use crate::service::api;
use crate::service::connection::ClientConnection;
use crate::service::endpoint::handshake::{Secured, ServedPort, Stream, handshake};
use crate::service::endpoint::listener::accept_all;
use crate::service::endpoint::tls::Tls;
use crate::service::endpoint::{amqp, mqtt};
use crate::service::fault_rule::FaultTransport;
use crate::service::lock::lock;
use crate::service::registrar::Registrar;
use crate::text::Foreign;
use crate::wire::MAX_MESSAGE;

/// How long a client has for the TLS handshake.
const OPENING: Duration = Duration::from_secs(30);
/// How long the head of a request may take, and so how long a connection may be idle before it.
/// Longer than a device waits between polls, as far as Azure goes.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);
/// How long the body of a request may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Room for the head of a request; a SAS token is its longest part.
const MAX_HEAD: usize = 16 * 1024;

/// Accepts connections until `stop` says so, then drops them all.
pub(in crate::service) async fn serve(
    listener: TcpListener,
    tls: Tls,
    registrar: Arc<Registrar>,
    access: Arc<ServiceAccess>,
    stop: watch::Receiver<bool>,
) {
    accept_all(listener, stop, |tcp, peer| {
        run(tcp, registrar.number_client(peer), tls.clone(), registrar.clone(), access.clone())
    })
    .await;
}

async fn run(
    tcp: TcpStream,
    (peer, number): (SocketAddr, u64),
    tls: Tls,
    registrar: Arc<Registrar>,
    access: Arc<ServiceAccess>,
) {
    let until = Instant::now() + OPENING;
    let secured = handshake(
        tcp,
        (peer, number),
        &tls,
        until,
        &ServedPort {
            about: "HTTPS, and MQTT and AMQP over WebSocket",
            transport: FaultTransport::Https,
            registrar: &registrar,
        },
    )
    .await;
    let Some(Secured { stream, cord, connection, certificates, .. }) = secured else { return };
    let client = Arc::new(Client {
        peer,
        known: Mutex::new(Arc::new(connection)),
        certificates,
        registrar,
        access,
        cord,
        upgrade: Mutex::default(),
    });
    let answering = client.clone();
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        // A client that has said all it has to say is still owed its answer.
        .half_close(true)
        .title_case_headers(true)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| answer(answering.clone(), request)),
        )
        .with_upgrades()
        .await;
    if let Err(error) = served {
        if error.is_parse() {
            return tracing::warn!(
                "{peer}: does not speak HTTP ({error}); this is the port of HTTPS and of MQTT and AMQP over \
                 WebSocket, and MQTT and AMQP themselves have others"
            );
        }
        return tracing::debug!("{peer}: {error}");
    }
    let upgrade = lock(&client.upgrade).take();
    if let (Some(upgrade), Some(client)) = (upgrade, Arc::into_inner(client)) {
        speak(upgrade, client).await;
    }
}

/// Goes on as MQTT or AMQP, whichever the WebSocket was opened for.
async fn speak((upgrade, spoken): (OnUpgrade, Spoken), client: Client) {
    let Client { peer, known, certificates, registrar, cord, .. } = client;
    let known = known.into_inner().unwrap_or_else(PoisonError::into_inner);
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => return tracing::debug!("{peer}: {error}"),
    };
    let Ok(parts) = upgraded.downcast::<TokioIo<Stream>>() else {
        return tracing::error!("{peer}: an upgraded connection is not the one that was accepted");
    };
    let (stream, early) = (parts.io.into_inner(), parts.read_buf.to_vec());
    let stream =
        WebSocketStream::new(stream, early, WebSocketEnd::Server, mqtt::MAX_HUB_PACKET).await;
    let connection = ClientConnection { web_socket: true, ..Arc::unwrap_or_clone(known) };
    let stream = (stream, cord);
    match spoken {
        Spoken::Mqtt => {
            let opened_by = Instant::now() + mqtt::OPENING;
            mqtt::serve_stream(stream, connection, certificates, registrar, opened_by).await;
        }
        Spoken::Amqp => {
            let opened_by = Instant::now() + amqp::OPENING;
            amqp::serve_stream(stream, connection, certificates, registrar, opened_by).await;
        }
    }
}

/// Answers one request. An error ends the connection, because there is nobody left to be told.
async fn answer(client: Arc<Client>, mut request: Request<Incoming>) -> io::Result<Answer> {
    if let Some(offer) = upgrade::offer(request.method(), request.headers()) {
        return Ok(match offer {
            Ok((accepted, spoken)) => {
                client.connection(user_agent(request.headers()));
                let on_upgrade = hyper::upgrade::on(&mut request);
                *lock(&client.upgrade) = Some((on_upgrade, spoken));
                accepted
            }
            Err(refusal) => {
                tracing::warn!("{}: no WebSocket: {}", client.peer, refusal.reason());
                refusal.answer(client.sources())
            }
        });
    }
    // Read even where no call wants one: what is left of it would be taken for the next request
    // (Node sends a body with GET, B-1).
    let (head, body) = request.into_parts();
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    // Whatever is asked of a hub by its name is for the hub to answer, be it there or not.
    let route = match client.registrar.hubs().linked(without_port(host)) {
        Some(_) => Route::HubApi,
        None => Route::of(head.uri.path()),
    };
    let limit = match route {
        Route::ServiceApi | Route::HubApi => api::MAX_BODY,
        Route::Device(_) | Route::SlashInId { .. } | Route::Unknown => MAX_MESSAGE,
    };
    let body = match timeout(BODY_TIMEOUT, body::read(body, limit)).await {
        Ok(Ok(body)) => body,
        Ok(Err(BodyFault::TooLong)) => {
            tracing::warn!("{}: its request is longer than {limit} bytes (H.3)", client.peer);
            return Ok(match route {
                Route::HubApi => service_api::too_long_for_hub(client.sources()),
                _ => reply::too_long(client.sources(), limit),
            });
        }
        Ok(Err(BodyFault::Lost(error))) => return Err(io::Error::other(error)),
        Err(_) => return Err(io::ErrorKind::TimedOut.into()),
    };
    let request = Request::from_parts(head, body);
    if let Route::Device(_) = route {
        client.tell(&request);
    }
    Ok(match route {
        Route::Device(call) => device::answer(&client, &call, &request).await?,
        Route::ServiceApi => service_api::answer(&client, request).await,
        Route::HubApi => service_api::answer_for_hub(&client, request).await,
        Route::SlashInId { registration_id } => {
            tracing::warn!(
                "{}: {} {}: there is nothing at this path: the registration ID {:?} has a `/`, and may \
                 have letters, digits and - . _ : only (D.1)",
                client.peer,
                Foreign::short(request.method().as_str()),
                Foreign::short(request.uri().path()),
                Foreign::short(&registration_id)
            );
            reply::not_found(client.sources())
        }
        Route::Unknown => {
            tracing::warn!(
                "{}: {} {}: there is nothing at this path",
                client.peer,
                Foreign::short(request.method().as_str()),
                Foreign::short(request.uri().path())
            );
            reply::not_found(client.sources())
        }
    })
}
