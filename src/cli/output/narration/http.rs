//! HTTP requests and responses, and the opening of a WebSocket.

use super::mqtt::meaning;
use super::text::{Paragraph, paragraph, printable};

/// A request of the device API.
pub(super) fn request(
    method: &str,
    target: &str,
    shown: &[(String, String)],
    body: &[u8],
) -> Paragraph {
    let what = match method {
        "PUT" => "register this device, please",
        _ => "how does the operation stand?",
    };
    let told = headers(paragraph(format!("-> {method} {target}")).line(what), shown);
    if method == "PUT" { told.body(body) } else { told }
}

/// Its answer.
pub(super) fn response(status: u16, shown: &[(String, String)], body: &[u8]) -> Paragraph {
    headers(paragraph(format!("<- HTTP {status}: {}", meaning(status))), shown).body(body)
}

fn headers(told: Paragraph, headers: &[(String, String)]) -> Paragraph {
    headers.iter().fold(told, |told, (name, value)| {
        told.line(format!("header  {name}: {}", printable(value)))
    })
}

/// The request that opens a WebSocket.
pub(super) fn upgrade(host: &str, path: &str, subprotocol: &str) -> Paragraph {
    paragraph(format!("-> GET {path}"))
        .line(format!("header  host: {host}"))
        .line("header  upgrade: websocket")
        .line(format!("header  sec-websocket-protocol: {subprotocol}"))
        .line(match subprotocol {
            "mqtt" => "To firewalls this looks like any other HTTPS; MQTT packets follow inside.",
            _ => "To firewalls this looks like any other HTTPS; AMQP frames follow inside.",
        })
}

/// The WebSocket is open.
pub(super) fn upgraded() -> Paragraph {
    paragraph("<- HTTP 101: the connection is a WebSocket now")
}
