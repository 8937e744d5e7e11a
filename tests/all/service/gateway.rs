//! The gateway over real sockets (J-187 to J-189, J-194): who dials Azure's names and ports through it
//! arrives at this service.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use provision_sim::wire::GLOBAL_ENDPOINT;
use rumqttc::{ConnectReturnCode, QoS};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::support::service::client::{Client, Device, Manners};
use crate::support::service::setup::{HUB_EAST, HUB_WEST, Setup, TestService};
use crate::support::service::within;

const INSTANCE: &str = "my-dps.azure-devices-provisioning.net";

/// How a tunnel is asked for.
#[derive(Debug, Clone, Copy)]
enum By {
    Connect,
    Socks5,
    /// By somebody who has to say who they are.
    Socks5WithPassword,
}

const WAYS: [By; 3] = [By::Connect, By::Socks5, By::Socks5WithPassword];

async fn dial(address: SocketAddr) -> TcpStream {
    within("connecting", TcpStream::connect(address)).await.expect("a connection")
}

/// Sends `said`, and reads as much as is expected in answer.
async fn exchange<const N: usize>(stream: &mut TcpStream, said: &[u8]) -> [u8; N] {
    let mut answer = [0; N];
    stream.write_all(said).await.expect("it listens");
    within("an answer", stream.read_exact(&mut answer)).await.expect("an answer");
    answer
}

/// An address of SOCKS5: of type 1 or 4 where it is one, else by name.
fn socks_address(host: &str) -> Vec<u8> {
    match host.parse() {
        Ok(IpAddr::V4(address)) => [&[1][..], &address.octets()].concat(),
        Ok(IpAddr::V6(address)) => [&[4][..], &address.octets()].concat(),
        Err(_) => [&[3, host.len() as u8][..], host.as_bytes()].concat(),
    }
}

/// Asks by SOCKS5 and gives the code of the answer, which is 0 for a tunnel.
async fn ask_socks(stream: &mut TcpStream, host: &str, port: u16, by: By) -> u8 {
    if let By::Socks5WithPassword = by {
        assert_eq!(exchange(stream, &[5, 1, 2]).await, [5, 2]);
        assert_eq!(exchange(stream, b"\x01\x02me\x06secret").await, [1, 0]);
    } else {
        assert_eq!(exchange(stream, &[5, 1, 0]).await, [5, 0]);
    }
    let request = [&[5, 1, 0][..], &socks_address(host), &port.to_be_bytes()].concat();
    let answer: [u8; 10] = exchange(stream, &request).await;
    assert_eq!((answer[0], &answer[2..]), (5, &[0, 1, 0, 0, 0, 0, 0, 0][..]));
    answer[1]
}

/// A tunnel through this gateway.
async fn tunnel_by(gateway: SocketAddr, host: &str, port: u16, by: By) -> TcpStream {
    let mut stream = dial(gateway).await;
    if let By::Connect = by {
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let request =
            format!("CONNECT {bracketed}:{port} HTTP/1.1\r\nHost: {bracketed}:{port}\r\n\r\n");
        let expected = *b"HTTP/1.1 200 Connection established\r\n\r\n";
        assert_eq!(exchange(&mut stream, request.as_bytes()).await, expected, "{host}:{port}");
    } else {
        assert_eq!(ask_socks(&mut stream, host, port, by).await, 0, "{host}:{port}");
    }
    stream
}

async fn tunnel(service: &TestService, host: &str, port: u16) -> TcpStream {
    tunnel_by(service.gateway_address(), host, port, By::Connect).await
}

/// Everything that comes until the other end closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    within("the end", stream.read_to_string(&mut answer)).await.expect("a clean end");
    answer
}

/// What is answered to a client that says this.
async fn answer_to(service: &TestService, said: &str) -> String {
    let mut stream = dial(service.gateway_address()).await;
    stream.write_all(said.as_bytes()).await.expect("it listens");
    rest(&mut stream).await
}

/// Status line and text of a refused CONNECT.
async fn refused(service: &TestService, target: &str) -> (String, String) {
    let answer = answer_to(service, &format!("CONNECT {target} HTTP/1.1\r\n\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{answer}");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

/// What the listener behind a tunnel is: spoken to under the name that was dialled.
async fn speaks(stream: TcpStream, name: &str, service: &TestService) -> &'static str {
    let name = ServerName::try_from(name.trim_end_matches('.').to_owned()).expect("a name");
    let handshake = TlsConnector::from(Arc::clone(&service.tls)).connect(name, stream);
    let mut stream = within("the handshake", handshake).await.expect("a certificate for the name");
    // A reader of HTTP answers it, one of AMQP says what it speaks; one of MQTT hangs up, for it is no
    // CONNECT.
    stream.write_all(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = within("the end", stream.read_to_end(&mut answer)).await;
    match answer.get(..4) {
        Some(b"HTTP") => "HTTPS",
        Some(b"AMQP") => "AMQP",
        _ => "MQTT",
    }
}

#[tokio::test]
async fn j_187_every_name_of_ours_leads_to_the_listener_of_its_port() {
    let service = Setup::new().gateway().host_name("dps.test").start().await;
    let listeners = [
        ("MQTT", [8883, service.address().port()]),
        ("HTTPS", [443, service.https_address().port()]),
        ("AMQP", [5671, service.amqp_address().port()]),
    ];

    for host in [
        GLOBAL_ENDPOINT,
        "GLOBAL.Azure-Devices-Provisioning.NET",
        "global.azure-devices-provisioning.net.",
        INSTANCE,
        HUB_EAST,
        HUB_WEST,
        "dps.test",
        "localhost",
        "127.0.0.1",
        "::1",
    ] {
        for (listener, ports) in listeners {
            for (port, by) in ports.into_iter().flat_map(|port| WAYS.map(|by| (port, by))) {
                let stream = tunnel_by(service.gateway_address(), host, port, by).await;
                let found = speaks(stream, host, &service).await;
                assert_eq!(found, listener, "{host}:{port} by {by:?}");
            }
        }
    }
}

#[tokio::test]
async fn j_187_a_device_goes_on_to_its_hub_by_the_names_that_it_was_told() {
    for by in WAYS {
        let service = Setup::at_once().gateway().start().await;
        let gateway = service.gateway_address();
        let tcp = tunnel_by(gateway, GLOBAL_ENDPOINT, 8883, by).await;
        let mut device = Client::over(tcp, GLOBAL_ENDPOINT, service.tls.clone()).await;
        device.log_in(&Device::new("pump-1"), Manners::default()).await;
        let state = device.provision("{}").await.state();
        let hub = state["assignedHub"].as_str().unwrap().to_owned();

        let tcp = tunnel_by(gateway, &hub, 8883, by).await;
        let mut device = Client::over(tcp, &hub, service.tls.clone()).await;
        let connack = device.say_hello(&Device::at_hub("pump-1", &hub), Manners::default()).await;
        device.subscribe("$iothub/twin/res/#", QoS::AtLeastOnce).await;

        assert_eq!(connack.unwrap().code, ConnectReturnCode::Success, "{by:?}");
        assert_eq!(device.twin().await["desired"]["$version"], 1);
    }
}

#[tokio::test]
async fn the_management_listener_is_reached_under_this_machines_own_names() {
    let service = Setup::new().gateway().admin().start().await;
    let port = service.inside().admin_address().unwrap().port();

    let mut stream = tunnel(&service, "localhost", port).await;
    let request =
        format!("GET /healthz HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let (status, _) = refused(&service, &format!("{GLOBAL_ENDPOINT}:{port}")).await;

    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(status, "HTTP/1.1 502 Nobody listens there");
}

#[tokio::test]
async fn j_188_whatever_is_not_ours_is_refused_in_words() {
    let service = Setup::new().gateway().start().await;

    for target in [
        "example.com:443",
        "hub-north.azure-devices.net:8883",
        "10.1.2.3:8883",
        "[2001:db8::1]:443",
    ] {
        let (status, text) = refused(&service, target).await;
        assert_eq!(status, "HTTP/1.1 403 Not led through by this gateway");
        assert!(text.starts_with(&format!("{target} is not this service")), "{text}");
        assert!(text.contains(HUB_EAST) && text.contains("--gateway-open"), "{text}");
    }
    for host in ["example.com", "hub-north.azure-devices.net", "10.1.2.3", "2001:db8::1"] {
        let mut stream = dial(service.gateway_address()).await;
        assert_eq!(ask_socks(&mut stream, host, 443, By::Socks5).await, 2, "{host}: not allowed");
        assert_eq!(rest(&mut stream).await, "");
    }
}

#[tokio::test]
async fn j_188_other_ports_of_ours_are_refused_open_or_not() {
    for setup in [Setup::new().gateway(), Setup::new().open_gateway()] {
        let service = setup.start().await;

        // That of AMQP without TLS, and that of MQTT without TLS.
        let (status, amqp) = refused(&service, &format!("{GLOBAL_ENDPOINT}:5672")).await;
        let (_, other) = refused(&service, &format!("{HUB_WEST}:1883")).await;
        let mut socks = dial(service.gateway_address()).await;
        let code = ask_socks(&mut socks, HUB_WEST, 5672, By::Socks5).await;

        assert_eq!(status, "HTTP/1.1 502 Nobody listens there");
        assert!(amqp.contains("and 5671 or "), "{amqp}");
        assert!(other.contains("leads this host on 8883 or"), "{other}");
        assert_eq!(code, 5, "connection refused");
    }
}

#[tokio::test]
async fn j_189_plain_http_and_older_socks_are_told_what_is_spoken() {
    let service = Setup::new().gateway().start().await;

    let get =
        answer_to(&service, "GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let socks4 = answer_to(&service, "\x04\x01\x22\x33\x7f\0\0\x01\0").await;
    let garbage = answer_to(&service, "hello, anybody?\r\n\r\n").await;

    assert!(get.starts_with("HTTP/1.1 405 Only CONNECT is served\r\nAllow: CONNECT\r\n"), "{get}");
    assert!(get.ends_with("take HTTPS_PROXY, not HTTP_PROXY\n"), "{get}");
    assert_eq!(socks4, "\0[\0\0\0\0\0\0", "91: rejected");
    assert!(garbage.starts_with("HTTP/1.1 400 Not a request\r\n"), "{garbage}");
    // As HTTP with TLS, or as if it were an endpoint: nothing can be said that would be understood.
    assert_eq!(answer_to(&service, "\x16\x03\x01\x02\0\x01\0").await, "");
}

#[tokio::test]
async fn j_194_who_says_nothing_half_or_too_much_holds_up_nobody() {
    let service = Setup::new().gateway().start().await;
    let silent = dial(service.gateway_address()).await;
    let mut half = dial(service.gateway_address()).await;
    half.write_all(b"CONNECT global.azure-dev").await.unwrap();
    let mut gone = dial(service.gateway_address()).await;
    gone.write_all(b"\x05\x01\0\x05\x01\0\x03\xff").await.unwrap();
    gone.shutdown().await.unwrap();
    let mut random = fastrand::Rng::with_seed(7);

    for _ in 0..40 {
        let mut stream = dial(service.gateway_address()).await;
        let length = 1 + random.usize(..12_000);
        let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
        // The gateway may hang up before it has read everything.
        let _ = stream.write_all(&noise).await;
        let _ = stream.shutdown().await;
        let _ = within("the end", stream.read_to_end(&mut Vec::new())).await;
    }
    let long = format!("CONNECT a:1 HTTP/1.1\r\nX: {}", "x".repeat(9000));
    let long = answer_to(&service, &long).await;

    assert!(long.starts_with("HTTP/1.1 431 Head too long\r\n"), "{long}");
    assert_eq!(within("the end", gone.read_to_end(&mut Vec::new())).await.unwrap(), 2);
    // Byte by byte is slow, and no less good.
    half.set_nodelay(true).unwrap();
    for byte in b"ices-provisioning.net:443 HTTP/1.1\r\n\r\n" {
        half.write_all(&[*byte]).await.unwrap();
    }
    let mut answer = [0; 12];
    within("an answer", half.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    drop(silent);
}

#[tokio::test]
async fn ten_services_at_once_have_the_same_names_and_ports_and_do_not_meet() {
    let mut services = Vec::new();
    for _ in 0..10 {
        services.push(Setup::at_once().gateway().start().await);
    }

    for (number, service) in services.iter().enumerate() {
        let tcp = tunnel(service, GLOBAL_ENDPOINT, 8883).await;
        // Each has an authority of its own, so a tunnel to another would end here.
        let mut device = Client::over(tcp, GLOBAL_ENDPOINT, service.tls.clone()).await;
        device.log_in(&Device::new(&format!("pump-{number}")), Manners::default()).await;
        assert_eq!(device.provision("{}").await.body()["status"], "assigned");
    }

    for (number, service) in services.iter().enumerate() {
        let seen = service.inside().journal().entries();
        let seen: Vec<_> = seen.iter().map(|entry| entry.registration_id.as_str()).collect();
        assert_eq!(seen, [format!("pump-{number}")]);
    }
}

/// A server for one client, which hears it to its end before it says anything.
async fn patient_server() -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let heard = rest(&mut stream).await;
        stream.write_all(format!("you said {heard}").as_bytes()).await.unwrap();
        heard
    });
    (address, server)
}

#[tokio::test]
async fn j_188_an_open_gateway_leads_everywhere_and_passes_on_each_end_alone() {
    let service = Setup::new().open_gateway().start().await;
    for by in WAYS {
        let (address, server) = patient_server().await;

        let mut stream =
            tunnel_by(service.gateway_address(), "localhost", address.port(), by).await;
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();

        assert_eq!(rest(&mut stream).await, "you said hello", "{by:?}");
        assert_eq!(server.await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn what_a_client_says_before_it_is_answered_is_not_lost() {
    let service = Setup::new().open_gateway().start().await;
    let (address, server) = patient_server().await;
    let mut stream = dial(service.gateway_address()).await;

    let request = format!("CONNECT {address} HTTP/1.1\r\n\r\nearly");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();

    assert!(rest(&mut stream).await.ends_with("\r\n\r\nyou said early"));
    assert_eq!(server.await.unwrap(), "early");
}

#[tokio::test]
async fn an_open_gateway_says_where_nobody_listens() {
    let service = Setup::new().open_gateway().start().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();

    let (status, text) = refused(&service, &nobody.to_string()).await;
    let mut stream = dial(service.gateway_address()).await;
    let code = ask_socks(&mut stream, "127.0.0.1", nobody.port(), By::Socks5).await;

    assert_eq!(status, "HTTP/1.1 502 Nobody listens there");
    assert!(text.contains(&nobody.to_string()) && text.contains("refused"), "{text}");
    assert_eq!(code, 5);
}

#[tokio::test]
async fn a_tunnel_ends_with_either_side_and_with_the_service() {
    let service = Setup::new().gateway().start().await;
    let gateway = service.gateway_address();
    // The listener hangs up on what is no TLS.
    let mut stream = tunnel(&service, GLOBAL_ENDPOINT, 8883).await;
    stream.write_all(b"this is no TLS at all, is it?\r\n").await.unwrap();
    let _ = within("the end", stream.read_to_end(&mut Vec::new())).await;
    let mut open = tunnel(&service, GLOBAL_ENDPOINT, 8883).await;

    service.stop().await;

    let _ = within("the end of the tunnel", open.read_to_end(&mut Vec::new())).await;
    assert!(TcpStream::connect(gateway).await.is_err(), "nobody listens any more");
}
