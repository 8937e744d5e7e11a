//! Who answers on a port that does not speak TLS.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::net::Endpoint;

/// Servers that speak at all do so soon.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// Understood by HTTP servers, and a reason to complain for others.
const QUESTION: &[u8] = b"HEAD / HTTP/1.0\r\n\r\n";

/// What the server says to an unencrypted question. `None` if it says nothing.
pub(super) async fn who(server: &Endpoint, limit: Duration) -> Option<String> {
    let ask = async {
        let mut stream = TcpStream::connect((server.host(), server.port()?)).await.ok()?;
        stream.write_all(QUESTION).await.ok()?;
        let mut answer = [0; 128];
        let length = stream.read(&mut answer).await.ok()?;
        judge(answer.get(..length)?)
    };
    timeout(limit.min(PROBE_TIMEOUT), ask).await.ok().flatten()
}

fn judge(answer: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(answer);
    let line: String = text.lines().next()?.chars().take(60).collect();
    Some(if line.starts_with("HTTP/") {
        format!("it speaks HTTP without TLS: {line:?}")
    } else if line.starts_with("SSH-") {
        format!("it speaks SSH: {line:?}")
    } else {
        format!("without TLS it says {line:?}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_known_by_their_first_line() {
        let http = judge(b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n").unwrap();

        assert_eq!(http, "it speaks HTTP without TLS: \"HTTP/1.1 400 Bad Request\"");
        assert!(judge(b"SSH-2.0-OpenSSH_9.6\r\n").unwrap().contains("SSH"));
        assert!(judge(&[0xff, 0]).unwrap().starts_with("without TLS it says"));
        assert_eq!(judge(b""), None);
    }
}
