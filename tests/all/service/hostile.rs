//! Clients that mean ill or are broken: each ends alone, and the others do not notice.

use std::sync::Arc;

use bytes::BytesMut;
use provision_sim::wire::MAX_MESSAGE;
use rumqttc::{Publish, QoS};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::service::client::{Client, Device, Manners};
use crate::support::service::setup::{Setup, TestService};
use crate::support::service::within;

/// That a good device registers is how a service shows that it is well.
async fn assert_serves(service: &TestService, id: &str) {
    let answer = Client::connect(service, &Device::new(id)).await.provision("").await;
    assert_eq!(answer.body()["status"], "assigned");
}

async fn tcp(service: &TestService) -> TcpStream {
    let stream = within("connecting", TcpStream::connect(service.address())).await;
    stream.expect("a connection")
}

/// Waits until the service hangs up; what it says before does not matter.
async fn wait_for_end(stream: &mut (impl AsyncReadExt + Unpin)) {
    // An error is an end as well.
    let _ = within("the end of the connection", stream.read_to_end(&mut Vec::new())).await;
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

/// A fixed header of PUBLISH, QoS 0, that announces this many bytes.
fn publish_header(remaining: usize) -> Vec<u8> {
    let mut header = vec![0x30];
    let mut left = remaining;
    loop {
        let more = if left > 0x7f { 0x80 } else { 0 };
        header.push((left & 0x7f) as u8 | more);
        left >>= 7;
        if left == 0 {
            return header;
        }
    }
}

#[tokio::test]
async fn random_bytes_in_place_of_tls_end_only_their_own_connection() {
    let service = Setup::new().start().await;

    for seed in 0..40 {
        let mut stream = tcp(&service).await;
        // The service may hang up before it has read everything.
        let _ = stream.write_all(&noise(seed, 1 + (seed as usize * 97) % 4000)).await;
        let _ = stream.shutdown().await;
        wait_for_end(&mut stream).await;
    }

    assert_serves(&service, "pump-0042").await;
}

#[tokio::test]
async fn random_bytes_in_place_of_mqtt_end_only_their_own_connection() {
    let service = Setup::new().start().await;

    for seed in 0..20 {
        let mut client = Client::dial(&service).await;
        client.send_raw(&noise(seed, 64)).await;
        let mut stream = client.into_stream();
        let _ = stream.shutdown().await;
        wait_for_end(&mut stream).await;

        let mut client = Client::connect(&service, &Device::new("pump-0042")).await;
        client.send_raw(&noise(seed, 64)).await;
        let mut stream = client.into_stream();
        let _ = stream.shutdown().await;
        wait_for_end(&mut stream).await;
    }

    assert_serves(&service, "pump-0043").await;
}

#[tokio::test]
async fn a_client_hello_that_is_cut_off_holds_up_nobody() {
    let service = Setup::new().start().await;
    let name = ServerName::try_from("localhost").unwrap();
    let mut hello = Vec::new();
    ClientConnection::new(Arc::clone(&service.tls), name).unwrap().write_tls(&mut hello).unwrap();
    let (mut silent, mut gone) = (tcp(&service).await, tcp(&service).await);

    for stream in [&mut silent, &mut gone] {
        stream.write_all(&hello[..hello.len() / 2]).await.unwrap();
    }
    gone.shutdown().await.unwrap();

    assert_serves(&service, "pump-0042").await;
    wait_for_end(&mut gone).await;
    drop(silent);
}

#[tokio::test]
async fn half_a_packet_and_silence_end_with_the_keep_alive_and_hold_up_nobody() {
    let service = Setup::new().start().await;
    let manners = Manners { keep_alive: 1, ..Manners::default() };
    let mut client = Client::connect_with(&service, &Device::new("pump-0042"), manners).await;
    let mut half = publish_header(1000);
    half.extend(b"\x00\x2e$dps/registrations/PUT");

    client.send_raw(&half).await;

    assert_serves(&service, "pump-0043").await;
    assert!(client.is_closed().await);
}

/// J-42.
#[tokio::test]
async fn h_3_a_packet_beyond_96_kb_is_refused_from_its_header() {
    let service = Setup::new().start().await;

    for size in [MAX_MESSAGE + 16 * 1024, 256 * 1024 * 1024 - 1] {
        let mut connected = Client::connect(&service, &Device::new("pump-0042")).await;
        let mut stranger = Client::dial(&service).await;
        let mut connect = publish_header(size);
        connect[0] = 0x10;

        connected.send_raw(&publish_header(size)).await;
        stranger.send_raw(&connect).await;

        assert!(connected.is_closed().await, "nothing more needs to come");
        assert!(stranger.is_closed().await);
    }
    assert_serves(&service, "pump-0042").await;
}

#[tokio::test]
async fn h_3_a_message_of_96_kb_is_taken() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;
    let envelope = r#"{"payload":{"a":""}}"#.len();
    let body = format!(r#"{{"payload":{{"a":"{}"}}}}"#, "x".repeat(MAX_MESSAGE - envelope));

    let answer = client.provision(&body).await;

    assert_eq!((body.len(), answer.status()), (MAX_MESSAGE, 200));
}

#[tokio::test]
async fn a_body_nested_as_deeply_as_a_message_allows_is_answered() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;
    let depth = 45_000;
    let nested = format!(r#"{{"payload":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));

    for body in [nested, "[".repeat(depth), "{\"a\":".repeat(depth / 4)] {
        assert!(matches!(client.register(&body).await.status(), 202 | 400));
    }

    assert_serves(&service, "pump-0043").await;
}

#[tokio::test]
async fn two_thousand_connections_that_say_nothing_hold_up_nobody() {
    const COUNT: usize = 2000;
    // Both ends of each connection are in this process.
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    assert!(limit > 2 * COUNT as u64 + 200, "this machine allows only {limit} descriptors");
    let service = Setup::new().start().await;
    let mut silent = Vec::with_capacity(COUNT);

    for _ in 0..COUNT {
        silent.push(tcp(&service).await);
    }

    assert_serves(&service, "pump-0042").await;
    drop(silent);
    assert_serves(&service, "pump-0043").await;
}

#[tokio::test]
async fn a_client_that_never_reads_its_answers_holds_up_nobody() {
    let service = Setup::new().start().await;
    let client = Client::connect(&service, &Device::new("pump-0042")).await;
    // Each of these asks for a long answer; all together are more than any buffer holds.
    let topic = format!("$dps/registrations/PUT/iotdps-register/?$rid={}", "9".repeat(60_000));
    let mut register = BytesMut::new();
    Publish::new(topic, QoS::AtMostOnce, "").write(&mut register).unwrap();
    let mut stream = client.into_stream();
    let writing = tokio::spawn(async move {
        for _ in 0..1000 {
            stream.write_all(&register).await?;
        }
        stream.flush().await
    });

    for n in 0..20 {
        assert_serves(&service, &format!("sim-{n}")).await;
    }

    assert!(!writing.is_finished(), "the service does not read on either");
    writing.abort();
}

#[tokio::test]
async fn the_end_of_the_service_closes_its_connections() {
    let service = Setup::new().start().await;
    let address = service.address();
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    service.stop().await;

    assert!(client.is_closed().await);
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}
