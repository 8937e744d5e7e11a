//! Who may ask: programs on this machine, and no web page (J-96).
//!
//! A page that somebody here has open may send requests to loopback; it may even read the answers
//! if its own host name was made to resolve to 127.0.0.1. The browser gives the one away by
//! `Origin`, the other by `Host`.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Response, Uri};
use axum::middleware::Next;

use super::answer;

/// Lets a request through or answers it with 403.
pub(super) async fn check(request: Request, next: Next) -> Response<Body> {
    match refusal(request.uri(), request.headers()) {
        None => next.run(request).await,
        Some(message) => {
            tracing::warn!("management: refused with 403: {message}");
            answer::forbidden(&message)
        }
    }
}

/// Why a request is not let through.
fn refusal(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    if headers.contains_key(ORIGIN) {
        return Some(
            "the request has an Origin header, as web pages send it; ask from a program".to_owned(),
        );
    }
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
    let is_one = hosts.next().is_none();
    let named = uri.authority().map(Authority::as_str);
    let are_local =
        is_one && host.as_deref().is_some_and(names_loopback) && named.is_none_or(names_loopback);
    (!are_local).then(|| {
        let host = named.map(str::to_owned).or(host).unwrap_or_default();
        format!("the Host header is {host:?}; ask for localhost, 127.0.0.1 or [::1]")
    })
}

/// Whether `host`, with or without a port, can only be this machine.
fn names_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let is_bare = !authority.as_str().contains('@');
    let name = authority.host();
    let ip = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    let is_loopback = ip.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    is_bare && (is_loopback || name.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_96_only_names_that_can_only_be_this_machine_are_taken() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.8.8.8", "[::1]:80", "[::1]"]
        {
            assert!(names_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example:80",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "evil@localhost",
            "10.0.0.1",
            "0.0.0.0",
            "[::2]",
            "127.1",
            "local host",
        ] {
            assert!(!names_loopback(host), "{host}");
        }
    }

    #[test]
    fn j_96_the_host_is_named_once_and_the_target_names_no_other() {
        let refused = |uri: &str, hosts: &[&str], origin: bool| {
            let mut headers = HeaderMap::new();
            hosts.iter().for_each(|host| {
                headers.append(HOST, host.parse().unwrap());
            });
            if origin {
                headers.insert(ORIGIN, "null".parse().unwrap());
            }
            refusal(&uri.parse().unwrap(), &headers).is_some()
        };

        assert!(!refused("/journal", &["localhost"], false));
        assert!(!refused("http://localhost:1/journal", &["localhost:1"], false));
        assert!(refused("/journal", &[], false));
        assert!(refused("/journal", &["localhost", "localhost"], false));
        assert!(refused("http://evil.example/journal", &["localhost"], false));
        assert!(refused("/journal", &["localhost"], true));
    }
}
