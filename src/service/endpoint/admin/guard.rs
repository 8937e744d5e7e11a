//! Who may ask: programs, a page of ours, and no other web page (J-96, J-209).
//!
//! A page that somebody here has open may send requests to any address of this machine; it may even
//! read the answers if its own host name was made to resolve to one. The browser gives the one away
//! by `Origin` and `Sec-Fetch-Site`, the other by `Host`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Response, Uri};
use axum::middleware::Next;

use super::answer;

/// Names that lead to the listener and to nothing else.
#[derive(Debug, Clone)]
pub(in crate::service) struct Hosts {
    bound: IpAddr,
    names: Arc<[String]>,
}

/// Marks a request that a page of ours sends, and no program. Reading is then all it may do, unless it
/// shows by a token that somebody meant it.
#[derive(Debug, Clone, Copy)]
pub(in crate::service::endpoint) struct FromPage;

/// Lets a request through, marked if it comes [from a page of ours](FromPage), or answers it with 403.
pub(super) async fn check(
    State(hosts): State<Hosts>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    match whose(&hosts, request.method(), request.uri(), request.headers()) {
        Ok(Sender::Program) => next.run(request).await,
        Ok(Sender::Page) => {
            request.extensions_mut().insert(FromPage);
            next.run(request).await
        }
        Err(message) => refuse(&message),
    }
}

/// Answers with 403 what a page of ours would change.
pub(super) async fn keep_pages_from_changes(request: Request, next: Next) -> Response<Body> {
    let is_change = !reads(request.method());
    if is_change && request.extensions().get::<FromPage>().is_some() {
        return refuse(
            "the Origin header is that of a page, which may only read; ask from a program",
        );
    }
    next.run(request).await
}

fn refuse(message: &str) -> Response<Body> {
    tracing::warn!("management: refused with 403: {message}");
    answer::forbidden(message)
}

#[derive(Debug, PartialEq, Eq)]
enum Sender {
    Program,
    Page,
}

/// Who sends a request, or why it is not let through.
fn whose(hosts: &Hosts, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Sender, String> {
    let host = the_only(headers, HOST.as_str());
    let named = uri.authority().map(Authority::as_str);
    let are_ours = host.as_deref().is_some_and(|host| hosts.have(host))
        && named.is_none_or(|it| hosts.have(it));
    if !are_ours {
        let host = named.map(str::to_owned).or(host).unwrap_or_default();
        return Err(format!(
            "the Host header is {host:?}; ask for localhost, 127.0.0.1 or [::1], or for a name given by --host-name"
        ));
    }
    if headers.contains_key(ORIGIN) {
        let origin = the_only(headers, ORIGIN.as_str());
        let own = host.map(|host| format!("http://{host}"));
        return match (origin, own) {
            (Some(origin), Some(own)) if origin.eq_ignore_ascii_case(&own) => Ok(Sender::Page),
            _ => Err("the request has the Origin header of another web page; ask from a program"
                .to_owned()),
        };
    }
    match the_only(headers, "sec-fetch-site").as_deref() {
        None if headers.contains_key("sec-fetch-site") => {
            Err("the request has several Sec-Fetch-Site headers".to_owned())
        }
        None => Ok(Sender::Program),
        Some("none" | "same-origin") => Ok(Sender::Page),
        // Somebody has followed a link: the page that had it does not see where it leads.
        Some(_) if reads(method) && is_navigation(headers) => Ok(Sender::Page),
        Some(_) => Err("the request is that of another web page (Sec-Fetch-Site)".to_owned()),
    }
}

/// Whether a method changes nothing.
fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Whether a browser shows the answer as a page of its own.
fn is_navigation(headers: &HeaderMap) -> bool {
    the_only(headers, "sec-fetch-mode").as_deref() == Some("navigate")
        && the_only(headers, "sec-fetch-dest").as_deref() == Some("document")
}

/// A header's value, if it is there once.
fn the_only(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    let is_one = values.next().is_none();
    is_one.then(|| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

impl Hosts {
    /// Those of a listener at `bound`; `names` are further ones, and addresses.
    pub(in crate::service) fn new(bound: IpAddr, names: Vec<String>) -> Self {
        Self { bound, names: names.into() }
    }

    /// Whether `host`, with or without a port, leads here and nowhere else.
    fn have(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        let is_bare = !authority.as_str().contains('@');
        let name = authority.host();
        let ip = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        let is_ours = match ip.parse::<IpAddr>() {
            Ok(ip) => self.has_address(ip),
            Err(_) => {
                name.eq_ignore_ascii_case("localhost")
                    || self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
            }
        };
        is_bare && is_ours
    }

    /// An address needs no resolving, so no page can make another one of it: where the listener has
    /// all addresses of the machine, any is taken.
    fn has_address(&self, ip: IpAddr) -> bool {
        let is_named = || self.names.iter().any(|own| own.parse() == Ok(ip));
        let ip = ip.to_canonical();
        ip.is_loopback()
            || ip == self.bound.to_canonical()
            || self.bound.is_unspecified()
            || is_named()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(bound: &str, names: &[&str]) -> Hosts {
        Hosts::new(bound.parse().unwrap(), names.iter().map(|&name| name.to_owned()).collect())
    }

    const LOOPBACK: [&str; 7] = [
        "localhost",
        "LOCALHOST:8080",
        "127.0.0.1:1",
        "127.8.8.8",
        "[::1]:80",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ];
    const NOBODY: [&str; 8] = [
        "",
        "evil.example",
        "localhost.evil.example:80",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "evil@localhost",
        "127.1",
        "local host",
    ];

    #[test]
    fn j_96_only_names_that_can_only_be_this_machine_are_taken() {
        let hosts = at("127.0.0.1", &[]);
        for host in LOOPBACK {
            assert!(hosts.have(host), "{host}");
        }
        for host in NOBODY.into_iter().chain(["0.0.0.0", "10.0.0.1", "[::2]"]) {
            assert!(!hosts.have(host), "{host}");
        }
    }

    #[test]
    fn j_209_besides_there_are_the_address_that_was_bound_and_the_names_that_were_given() {
        let one = at("10.0.0.1", &["dps", "192.168.1.9", "::9"]);
        for host in LOOPBACK.into_iter().chain([
            "10.0.0.1:8880",
            "dps:8880",
            "DPS",
            "192.168.1.9",
            "[::9]:1",
            "[::ffff:10.0.0.1]",
        ]) {
            assert!(one.have(host), "{host}");
        }
        for host in NOBODY.into_iter().chain(["0.0.0.0", "10.0.0.2", "dps.evil.example"]) {
            assert!(!one.have(host), "{host}");
        }
        for bound in ["0.0.0.0", "::"] {
            let all = at(bound, &[]);
            for host in LOOPBACK.into_iter().chain(["10.0.0.1", "172.17.0.2:8880", "[fe80::1]:1"]) {
                assert!(all.have(host), "{host}");
            }
            for host in NOBODY.into_iter().chain(["dps"]) {
                assert!(!all.have(host), "{host}");
            }
        }
    }

    /// Who sends a request with these headers to a listener on loopback.
    fn sender(method: Method, uri: &str, pairs: &[(&str, &str)]) -> Result<Sender, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name: axum::http::HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        whose(&at("127.0.0.1", &[]), &method, &uri.parse().unwrap(), &headers)
    }

    const LOCAL: (&str, &str) = ("host", "localhost:8880");

    #[test]
    fn j_96_the_host_is_named_once_and_the_target_names_no_other() {
        let get = |uri: &str, pairs: &[_]| sender(Method::GET, uri, pairs);

        assert_eq!(get("/journal", &[LOCAL]), Ok(Sender::Program));
        assert_eq!(get("http://localhost:8880/journal", &[LOCAL]), Ok(Sender::Program));
        assert!(get("/journal", &[]).is_err());
        assert!(get("/journal", &[LOCAL, LOCAL]).is_err());
        assert!(get("http://evil.example/journal", &[LOCAL]).is_err());
    }

    #[test]
    fn j_209_a_page_has_the_origin_that_it_asks() {
        for method in [Method::GET, Method::POST] {
            let with = |origin: &str| {
                sender(method.clone(), "/", &[LOCAL, ("origin", origin), ("sec-fetch-site", "x")])
            };
            assert_eq!(with("http://localhost:8880"), Ok(Sender::Page));
            for foreign in [
                "null",
                "",
                "http://localhost",
                "http://localhost:3000",
                "https://localhost:8880",
                "http://127.0.0.1:8880",
                "http://evil.example",
                "http://localhost:8880/",
            ] {
                assert!(with(foreign).is_err(), "{foreign}");
            }
        }
        let own = ("origin", "http://localhost:8880");
        assert!(sender(Method::GET, "/", &[LOCAL, own, own]).is_err());
        let evil = [("host", "evil.example"), ("origin", "http://evil.example")];
        assert!(sender(Method::GET, "/", &evil).is_err(), "a name that was made to lead here");
    }

    #[test]
    fn j_209_what_other_sites_ask_is_refused_except_for_a_link_that_somebody_follows() {
        let site = |method, site, mode, dest| {
            let fetch = [("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
            sender(method, "/", &[LOCAL, ("sec-fetch-site", site), fetch[0], fetch[1]])
        };
        for own in ["none", "same-origin"] {
            assert_eq!(site(Method::GET, own, "cors", "empty"), Ok(Sender::Page));
        }
        for other in ["cross-site", "same-site", "new"] {
            assert_eq!(site(Method::GET, other, "navigate", "document"), Ok(Sender::Page));
            assert!(site(Method::GET, other, "navigate", "iframe").is_err());
            assert!(site(Method::GET, other, "no-cors", "script").is_err());
            assert!(site(Method::POST, other, "navigate", "document").is_err());
        }
        let twice = [LOCAL, ("sec-fetch-site", "none"), ("sec-fetch-site", "none")];
        assert!(sender(Method::GET, "/", &twice).is_err());
    }
}
