//! The client against real sockets: what comes back, what breaks, and in which words.

mod exchange;
mod reuse;
mod server;
mod way;

use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, Request};

use super::{HttpClient, HttpSettings, Tls};
use crate::net::{ProxyVariables, Route, Trust};

/// Long enough for whatever is not about time.
const LONG: Duration = Duration::from_secs(60);
const MAX_BODY: usize = 100;

fn settings() -> HttpSettings {
    HttpSettings {
        tls: Tls::Trust(Trust::Pem(String::new())),
        route: Route::default(),
        proxies: ProxyVariables::default(),
        deadline: LONG,
        max_body: MAX_BODY,
        max_idle: 4,
    }
}

fn client() -> HttpClient {
    HttpClient::new(settings())
}

fn request(method: Method, body: &'static str) -> Request<Bytes> {
    Request::builder().method(method).uri("/x?code=s3cret").body(Bytes::from(body)).unwrap()
}
