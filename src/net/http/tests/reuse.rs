//! Which requests share a connection, and what happens when it is not there any more.

use hyper::Method;

use super::server::{Act, Seen, Server};
use super::{client, request};
use crate::net::http::{ExchangeFault, HttpError};

const DONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const DONE_AND_CLOSED: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_connection_is_used_again_and_two_requests_at_once_have_two() {
    let line = || vec![Act::Say(DONE); 2];
    let mut server = Server::start([line(), line()]).await;
    let (client, origin) = (client(), server.origin());
    let post = || client.send(&origin, request(Method::POST, "x"));

    post().await.unwrap();
    assert_eq!(server.request().await.0, 0);
    let (one, other) = tokio::join!(post(), post());
    one.unwrap();
    other.unwrap();

    let (mut first, mut second) = (server.next().await, server.next().await);
    if let Seen::Closed(_) = &second {
        (first, second) = (first, server.next().await);
    }
    let connections = [first, second].map(|seen| match seen {
        Seen::Request(number, _) => number,
        Seen::Closed(_) => panic!("{seen:?}"),
    });
    assert!(connections == [0, 1] || connections == [1, 0], "{connections:?}");
}

#[tokio::test]
async fn a_connection_that_the_server_wants_closed_is_not_used_again() {
    let mut server =
        Server::start([vec![Act::Say(DONE_AND_CLOSED), Act::Say(DONE)], vec![Act::Say(DONE)]])
            .await;
    let (client, origin) = (client(), server.origin());

    client.send(&origin, request(Method::POST, "x")).await.unwrap();
    assert_eq!(server.request().await.0, 0);
    client.send(&origin, request(Method::POST, "x")).await.unwrap();

    loop {
        match server.next().await {
            Seen::Request(number, _) => break assert_eq!(number, 1),
            Seen::Closed(number) => assert_eq!(number, 0),
        }
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_no_failure_of_any_request() {
    for method in [Method::GET, Method::POST] {
        let mut server = Server::start([vec![Act::Say(DONE)], vec![Act::Say(DONE)]]).await;
        let (client, origin) = (client(), server.origin());

        client.send(&origin, request(method.clone(), "")).await.unwrap();
        assert_eq!(server.request().await.0, 0);
        assert_eq!(server.next().await, Seen::Closed(0));
        client.send(&origin, request(method, "")).await.unwrap();

        assert_eq!(server.request().await.0, 1);
    }
}

/// The server may have done what it was asked before it hung up.
#[tokio::test]
async fn a_request_without_an_answer_is_repeated_only_if_it_changes_nothing() {
    let script = || [vec![Act::Say(DONE), Act::Say("")], vec![Act::Say(DONE)]];
    let outcome = async |method: Method| {
        let server = Server::start(script()).await;
        let (client, origin) = (client(), server.origin());
        client.send(&origin, request(method.clone(), "x")).await.unwrap();
        client.send(&origin, request(method, "x")).await.map(|answer| answer.status().as_u16())
    };

    assert_eq!(outcome(Method::GET).await.unwrap(), 200);
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let error = outcome(method.clone()).await.unwrap_err();
        let HttpError::Exchange { fault: ExchangeFault::Lost { had_begun: false, .. }, .. } = error
        else {
            panic!("{method}: {error}")
        };
    }
}

#[tokio::test]
async fn a_first_request_without_an_answer_is_not_repeated_at_all() {
    let mut server = Server::start([vec![Act::Say("")], vec![Act::Say(DONE)]]).await;

    let outcome = client().send(&server.origin(), request(Method::GET, "")).await;

    assert!(matches!(outcome, Err(HttpError::Exchange { .. })), "{outcome:?}");
    assert_eq!(server.request().await.0, 0);
    assert_eq!(server.next().await, Seen::Closed(0));
}
