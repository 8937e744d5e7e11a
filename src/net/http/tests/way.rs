//! The way to a server: names, ports, certificates and proxies, in the words that the device has too.

use std::net::{Ipv4Addr, SocketAddr};

use hyper::Method;
use tokio::net::TcpListener;

use super::server::{Act, Identity, Server};
use super::{client, request, settings};
use crate::net::http::{HttpClient, HttpError, HttpSettings, Origin, Tls};
use crate::net::{DialError, ProxyFault, ProxyVariables, Route, TlsFault, Trust};

const DONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn trusting(pem: &str) -> HttpClient {
    HttpClient::new(HttpSettings { tls: Tls::Trust(Trust::Pem(pem.to_owned())), ..settings() })
}

async fn failure(client: &HttpClient, origin: &Origin) -> HttpError {
    client.send(origin, request(Method::GET, "")).await.unwrap_err()
}

async fn tls_fault(client: &HttpClient, origin: &Origin) -> TlsFault {
    match failure(client, origin).await {
        HttpError::Dial(DialError::Tls { fault, .. }) => fault,
        other => panic!("{other}"),
    }
}

async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn a_server_over_tls_is_asked_when_it_is_trusted() {
    let identity = Identity::new("localhost", 4096);
    let server = Server::start_tls([vec![Act::Say(DONE)]], &identity).await;

    let answer = trusting(&identity.pem)
        .send(&server.origin_tls("localhost"), request(Method::POST, "x"))
        .await
        .unwrap();

    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_certificate_that_is_not_accepted_says_why() {
    let (good, old) = (Identity::new("localhost", 4096), Identity::new("localhost", 2020));
    let fault = async |server: &Identity, name: &str, trusted: &Identity| {
        let server = Server::start_tls([], server).await;
        tls_fault(&trusting(&trusted.pem), &server.origin_tls(name)).await
    };

    assert_eq!(fault(&good, "localhost", &old).await, TlsFault::UnknownIssuer);
    assert!(matches!(fault(&old, "localhost", &old).await, TlsFault::Expired(_)));
    assert_eq!(
        fault(&good, "127.0.0.1", &good).await,
        TlsFault::WrongName {
            expected: "127.0.0.1".to_owned(),
            presented: vec!["localhost".to_owned()]
        }
    );
}

#[tokio::test]
async fn an_https_address_that_leads_to_plain_http_is_called_so() {
    let identity = Identity::new("localhost", 4096);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.read_u8().await.unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await.unwrap();
    });
    let origin = Origin::https(&format!("localhost:{port}").parse().unwrap());

    assert_eq!(tls_fault(&trusting(&identity.pem), &origin).await, TlsFault::NotTls);
    server.await.unwrap();
}

#[tokio::test]
async fn without_a_trusted_authority_plain_servers_are_asked_all_the_same() {
    let plain = Server::start([vec![Act::Say(DONE)]]).await;
    let client = client();

    client.send(&plain.origin(), request(Method::GET, "")).await.unwrap();

    let error = failure(&client, &plain.origin_tls("localhost")).await;
    assert!(matches!(error, HttpError::Trust(_)), "{error}");
}

#[tokio::test]
async fn a_refused_port_and_a_name_without_address_have_the_devices_words() {
    let address = nobody().await;
    let refused =
        failure(&client(), &Origin::http(&address.to_string().parse().unwrap())).await.to_string();
    let unknown = failure(&client(), &Origin::http(&"nobody.invalid".parse().unwrap())).await;

    assert_eq!(refused, format!("cannot connect to {address} ({address}): connection refused"));
    assert!(
        unknown.to_string().starts_with("cannot find the address of nobody.invalid: "),
        "{unknown}"
    );
}

#[tokio::test]
async fn a_proxy_that_refuses_the_tunnel_is_named_without_its_password() {
    let proxy = Server::start([vec![Act::Say("HTTP/1.1 403 Forbidden\r\n\r\n")]]).await;
    let route =
        Route::default().through(format!("http://u:s3cret@{}", proxy.address).parse().unwrap());
    let client = HttpClient::new(HttpSettings { route, ..settings() });

    let error = failure(&client, &Origin::http(&"a.invalid".parse().unwrap())).await;

    let HttpError::Dial(DialError::Proxy { fault: ProxyFault::Refused { status, .. }, .. }) =
        &error
    else {
        panic!("{error}")
    };
    assert_eq!(*status, 403);
    assert_eq!(
        error.to_string(),
        format!(
            "the proxy {}: it opened no tunnel to a.invalid:80: status 403 (Forbidden)",
            proxy.address
        )
    );
    assert!(!format!("{error:?} {client:?}").contains("s3cret"));
}

/// J-177: HTTPS_PROXY is for https, as curl has it.
#[tokio::test]
async fn the_environments_proxy_is_in_front_of_servers_over_tls_that_are_not_this_machine() {
    let mut proxy = Server::start([vec![Act::Say("HTTP/1.1 502 Bad\r\n\r\n")]]).await;
    let named = format!("http://{}", proxy.address);
    let proxies = ProxyVariables::read(|name| (name == "HTTPS_PROXY").then(|| named.clone()));
    let identity = Identity::new("localhost", 4096);
    let server = Server::start_tls([vec![Act::Say(DONE)]], &identity).await;
    let tls = Tls::Trust(Trust::Pem(identity.pem.clone()));
    let client = HttpClient::new(HttpSettings { proxies, tls, ..settings() });
    let elsewhere = "a.invalid".parse().unwrap();

    let through = failure(&client, &Origin::https(&elsewhere)).await;
    let direct = failure(&client, &Origin::http(&elsewhere)).await;
    let local = client.send(&server.origin_tls("localhost"), request(Method::GET, "")).await;

    assert!(matches!(through, HttpError::Dial(DialError::Proxy { .. })), "{through}");
    assert!(proxy.request().await.1.starts_with("CONNECT a.invalid:443 HTTP/1.1\r\n"));
    assert!(matches!(direct, HttpError::Dial(DialError::Resolve { .. })), "{direct}");
    assert_eq!(local.unwrap().status(), 200);
}

#[tokio::test]
async fn a_variable_that_names_no_proxy_is_named_itself() {
    let proxies = ProxyVariables::read(|name| (name == "ALL_PROXY").then(|| "socks5://b".into()));
    let identity = Identity::new("localhost", 4096);
    let tls = Tls::Trust(Trust::Pem(identity.pem));
    let client = HttpClient::new(HttpSettings { proxies, tls, ..settings() });

    let error = failure(&client, &Origin::https(&"a.invalid".parse().unwrap())).await;

    assert_eq!(
        error.to_string(),
        "ALL_PROXY: it is a socks5:// proxy; only http:// proxies are known"
    );
}
