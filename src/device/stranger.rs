//! Answers over HTTPS that are not the service's (J-242). A status alone convinces nobody: gateways,
//! proxies and portals have all of them, and what the service refuses it says in JSON.

use super::error::Breach;
use crate::text::{is_html, page_line};

/// The answer of somebody else, if it is one. A service in trouble (429, 5xx) is asked again, whoever
/// says so.
pub(super) fn stranger(status: u16, headers: &[(String, String)], body: &[u8]) -> Option<Breach> {
    let header = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.chars().take(120).collect::<String>())
    };
    if let 300..=399 = status {
        return Some(Breach::Redirected { status, to: header("location") });
    }
    let is_json = body.trim_ascii_start().starts_with(b"{");
    let is_foreign = match status {
        // A service is no proxy, and no network that one signs in to.
        407 | 511 => true,
        429 | 500..=599 => false,
        400..=499 => !is_json && !body.trim_ascii().is_empty(),
        _ => is_html(body),
    };
    is_foreign.then(|| Breach::Stranger {
        status,
        server: header("server"),
        is_html: is_html(body),
        says: page_line(body),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_242_who_answers_in_the_services_place_is_told_with_the_first_line() {
        let server = [("server".to_owned(), "squid/6".to_owned())];
        let told = |status, body: &str| {
            stranger(status, &server, body.as_bytes()).map(|breach| breach.to_string())
        };

        let page = "<html><title>Access Denied</title>";
        for status in [200, 401, 403, 404, 407] {
            let expected =
                format!("{status}, with an HTML page of `squid/6` that says \"Access Denied\"");
            assert_eq!(told(status, page), Some(expected));
        }
        assert_eq!(told(407, ""), Some("407, of `squid/6`".to_owned()));
        assert_eq!(
            told(403, "denied\nby"),
            Some("403, with a text of `squid/6` that says \"denied\"".to_owned())
        );
        for (status, body) in
            [(401, ""), (401, "{}"), (200, "{}"), (200, "nonsense"), (503, page), (429, page)]
        {
            assert_eq!(told(status, body), None, "{status} {body}");
        }
    }

    #[test]
    fn j_242_a_redirection_is_told_with_where_it_leads() {
        let to = [("Location".to_owned(), "http://portal.example/login".to_owned())];

        let breach = stranger(302, &to, b"<html>").unwrap();

        assert_eq!(
            breach.to_string(),
            "302, and sends the device to \"http://portal.example/login\""
        );
    }
}
