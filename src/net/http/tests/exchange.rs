//! What becomes of a request, once there is a connection.

use std::time::Duration;

use hyper::Method;

use super::server::{Act, Server};
use super::{LONG, MAX_BODY, client, request, settings};
use crate::net::http::{ExchangeFault, HttpClient, HttpError, Waiting};

/// What comes of a GET that is answered like this, before the server hangs up.
async fn answered(answer: &'static str) -> Result<(u16, String), ExchangeFault> {
    let server = Server::start([vec![Act::Say(answer)]]).await;
    match client().send(&server.origin(), request(Method::GET, "")).await {
        Ok(answer) => {
            let body = String::from_utf8(answer.body().to_vec()).unwrap();
            Ok((answer.status().as_u16(), body))
        }
        Err(HttpError::Exchange { fault, .. }) => Err(fault),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_request_has_a_path_a_host_and_a_length() {
    let mut server =
        Server::start([vec![Act::Say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]]).await;

    client().send(&server.origin(), request(Method::POST, "body")).await.unwrap();

    let (_, heard) = server.request().await;
    let host = format!("\r\nhost: {}\r\n", server.address);
    assert!(heard.starts_with("POST /x?code=s3cret HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains(&host), "{heard}");
    assert!(heard.contains("\r\ncontent-length: 4\r\n"), "{heard}");
    assert!(heard.ends_with("\r\n\r\nbody"), "{heard}");
}

#[tokio::test]
async fn whatever_the_status_an_answer_is_an_answer_and_no_redirect_is_followed() {
    for (answer, status, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200, "hi"),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end"),
        ("HTTP/1.0 503\r\n\r\n", 503, ""),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", 302, ""),
    ] {
        assert_eq!(answered(answer).await, Ok((status, body.to_owned())), "{answer}");
    }
}

#[tokio::test]
async fn a_body_may_be_as_long_as_the_limit_and_no_byte_longer() {
    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let told: &str = format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{A}{A}").leak();
    let long: &str = format!("HTTP/1.1 500 X\r\nContent-Length: 101\r\n\r\n{A}{A}a").leak();
    let untold: &str = format!("HTTP/1.1 500 X\r\n\r\n{A}{A}a").leak();

    assert_eq!(answered(told).await.unwrap().1.len(), MAX_BODY);
    for answer in [long, untold] {
        let fault = answered(answer).await.unwrap_err();
        assert_eq!(fault, ExchangeFault::TooLong { status: 500, limit: MAX_BODY });
        assert_eq!(fault.to_string(), "the answer, of status 500, is longer than 100 bytes");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_says_where() {
    let none = "the connection was closed without an answer";
    let part = "the connection was closed in the middle of the answer";
    for (answer, words) in [
        ("", none),
        ("HTTP/1.1 20", none),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", part),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", part),
    ] {
        assert_eq!(answered(answer).await.unwrap_err().to_string(), words, "{answer}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_called_so() {
    let fault = answered("SSH-2.0-OpenSSH_9.2\r\n").await.unwrap_err();

    assert!(matches!(fault, ExchangeFault::NotHttp(_)), "{fault}");
}

#[tokio::test]
async fn one_deadline_is_over_the_whole_exchange_and_says_what_it_passed_with() {
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi";
    for (said, waiting, words) in [
        ("", Waiting::Answer, "waiting for the answer"),
        (begun, Waiting::Body, "reading the answer"),
    ] {
        let server = Server::start([vec![Act::SayAndHold(said)]]).await;
        let deadline = Duration::from_secs(1);
        let client = HttpClient::new(super::HttpSettings { deadline, ..settings() });

        let origin = server.origin();
        let asking = client.send(&origin, request(Method::GET, ""));
        let error = tokio::time::timeout(LONG, asking).await.unwrap().unwrap_err();

        let HttpError::Timeout { after, waiting: waited_for, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!((*after, *waited_for), (deadline, waiting));
        assert_eq!(
            error.to_string(),
            format!("no answer from {origin} within 1 s, which passed {words}")
        );
    }
}

#[tokio::test]
async fn no_error_repeats_the_address_whose_query_may_hold_a_key() {
    let server = Server::start([vec![]]).await;

    let error = client().send(&server.origin(), request(Method::GET, "")).await.unwrap_err();

    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
}
