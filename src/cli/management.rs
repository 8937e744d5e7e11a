//! Asks the management listener of a service, and follows what it tells.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::{HeaderMap, Request, Response, StatusCode};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::exit::Exit;
use super::input::plain;
use super::local::Local;
use super::report::Report;
use crate::net::Endpoint;
use crate::net::http::{Connection, read};
use crate::service::EndpointKind;

/// The journal has 64 MiB of texts at most (J-95); escapes make them longer.
const MAX_ANSWER: usize = 256 << 20;
/// A line of an event is one entry.
const MAX_EVENT: usize = 16 << 20;

/// The management listener of a service.
#[derive(Debug, Clone)]
pub(crate) struct Management {
    endpoint: Endpoint,
    /// How long an answer may take to begin.
    patience: Duration,
}

impl Management {
    /// That of a service of this machine; `None` if it has none.
    pub(crate) fn of(local: &Local, patience: Duration) -> Result<Option<Self>, Report> {
        let Some(endpoint) = local.admin()? else { return Ok(None) };
        Ok(Some(Self { endpoint, patience }))
    }

    /// That of a service of this machine, which has its journal.
    ///
    /// # Errors
    ///
    /// If it has none.
    pub(crate) fn with_journal(local: &Local, patience: Duration) -> Result<Self, Report> {
        Self::of(local, patience)?.ok_or_else(|| {
            Report::usage("the local service has no management listener, which has its journal")
                .remedy("start `provision-sim serve` without `--admin-port none`")
        })
    }

    /// That at an address.
    pub(crate) fn at(url: &ListenerUrl, patience: Duration) -> Self {
        Self { endpoint: url.0.clone(), patience }
    }

    /// As a URL.
    pub(crate) fn shown(&self) -> String {
        format!("http://{}", self.endpoint)
    }

    /// What it answers to a `GET`, if that is 200.
    ///
    /// # Errors
    ///
    /// If it cannot be reached, does not answer in time, or answers otherwise.
    pub(crate) async fn get(&self, target: &str) -> Result<(HeaderMap, Bytes), Report> {
        let exchange = async {
            let (_connection, answer) = self.ask(target, None).await?;
            let whole = read(answer, MAX_ANSWER).await;
            whole.map_err(|error| self.unreachable(error)).map(Response::into_parts)
        };
        let (head, body) = self.in_time(exchange).await?;
        match head.status {
            StatusCode::OK => Ok((head.headers, body)),
            status => Err(self.refused(status, &body)),
        }
    }

    /// Begins to listen to `target`, from behind the event `last` on.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub(crate) async fn follow(&self, target: &str, last: &str) -> Result<Events, Report> {
        let (connection, answer) = self.in_time(self.ask(target, Some(last))).await?;
        if answer.status() != StatusCode::OK {
            let status = answer.status();
            let body = read(answer, MAX_ANSWER).await.map(Response::into_body);
            return Err(self.refused(status, &body.unwrap_or_default()));
        }
        Ok(Events { _connection: connection, body: answer.into_body(), parser: Parser::default() })
    }

    /// What to say when it does not go on.
    pub(crate) fn ended(&self) -> Report {
        Report::new("network", Exit::Network, format!("the service at {} has ended", self.shown()))
    }

    async fn in_time<T>(
        &self,
        exchange: impl Future<Output = Result<T, Report>>,
    ) -> Result<T, Report> {
        let in_time = timeout(self.patience, exchange).await;
        in_time.unwrap_or_else(|_| {
            let patience = crate::text::spoken(self.patience);
            Err(self.unreachable(format!("no answer within {patience}")))
        })
    }

    async fn ask(
        &self,
        target: &str,
        last: Option<&str>,
    ) -> Result<(Connection, Response<Incoming>), Report> {
        let port = usual_port();
        let endpoint = self.endpoint.or_port(port);
        let address = (endpoint.host(), endpoint.port().unwrap_or(port));
        let tcp =
            TcpStream::connect(address).await.map_err(|error| self.unreachable(plain(&error)))?;
        let mut request = Request::get(target).header(HOST, endpoint.to_string());
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Full::default()).map_err(Report::internal)?;
        let mut connection =
            Connection::open(tcp).await.map_err(|error| self.unreachable(error))?;
        let answer = connection.send(request).await.map_err(|error| self.unreachable(error))?;
        Ok((connection, answer))
    }

    fn unreachable(&self, why: impl std::fmt::Display) -> Report {
        let message = format!("no answer from the management listener at {}: {why}", self.shown());
        Report::new("network", Exit::Network, message)
            .remedy("is `provision-sim serve` running there? its first lines, and `admin` in the ready line, say where it listens")
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> Report {
        #[derive(Deserialize)]
        struct Error {
            message: String,
        }
        let said = serde_json::from_slice::<Error>(body).map(|error| error.message);
        let said = said.unwrap_or_else(|_| "that is no management listener".to_owned());
        Report::usage(format!("{} answers {}: {said}", self.shown(), status.as_u16()))
    }
}

/// Where a management listener is: `http://HOST:PORT`, or without `http://`.
#[derive(Debug, Clone)]
pub(crate) struct ListenerUrl(Endpoint);

impl std::str::FromStr for ListenerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("http://").unwrap_or(text);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        match rest.parse::<Endpoint>() {
            Ok(endpoint) => Ok(Self(endpoint.or_port(usual_port()))),
            Err(error) => Err(format!(
                "{error}; expected the management listener, such as http://localhost:{}",
                usual_port()
            )),
        }
    }
}

/// Of `serve`, where nothing was said of it.
fn usual_port() -> u16 {
    EndpointKind::Management.own_port()
}

/// What a listener tells as it happens.
pub(crate) struct Events {
    _connection: Connection,
    body: Incoming,
    parser: Parser,
}

/// One of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) data: String,
}

impl Events {
    /// The next one; `None` when the listener has ended.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.parser.next() {
                return Some(event);
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.parser.take(&data)?;
            }
        }
    }
}

/// Server-sent events, as bytes come. Of their fields only those are read that our listener sends.
#[derive(Debug, Default)]
struct Parser {
    buffer: Vec<u8>,
    kind: String,
    data: Option<String>,
}

impl Parser {
    /// `None` if a line is longer than any event.
    fn take(&mut self, bytes: &[u8]) -> Option<()> {
        self.buffer.extend_from_slice(bytes);
        (self.buffer.len() <= MAX_EVENT).then_some(())
    }

    fn next(&mut self) -> Option<Event> {
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" if line.is_empty() => {
                    let kind = std::mem::take(&mut self.kind);
                    if let Some(data) = self.data.take() {
                        return Some(Event { kind, data });
                    }
                }
                "event" => value.clone_into(&mut self.kind),
                "data" => match &mut self.data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                    None => self.data = Some(value.to_owned()),
                },
                // A comment that keeps the connection alive, or an ID: who follows does not come back.
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_named_with_and_without_scheme_and_port() {
        for (text, endpoint) in [
            ("http://localhost:8880", "localhost:8880"),
            ("http://dps/", "dps:8880"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("http://[::1]:9", "[::1]:9"),
        ] {
            let url: ListenerUrl = text.parse().unwrap();
            assert_eq!(url.0.to_string(), endpoint);
        }
        for text in ["", "https://localhost:8880", "http://localhost:8880/journal", "a b"] {
            let error = text.parse::<ListenerUrl>().unwrap_err();
            assert!(error.contains("such as http://localhost:8880"), "{error}");
        }
    }

    fn parsed(chunks: &[&str]) -> Vec<(String, String)> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for chunk in chunks {
            parser.take(chunk.as_bytes()).unwrap();
            events.extend(std::iter::from_fn(|| parser.next()).map(|it| (it.kind, it.data)));
        }
        events
    }

    #[test]
    fn events_are_read_however_they_are_cut() {
        let text = "event: registration\nid: 7\ndata: {\"a\":\"\u{e4}: b\"}\n\n:\n\nevent: reset\r\ndata: {}\r\n\r\ndata: a\ndata: b\n\n";
        let expected = [("registration", "{\"a\":\"\u{e4}: b\"}"), ("reset", "{}"), ("", "a\nb")]
            .map(|(kind, data)| (kind.to_owned(), data.to_owned()));

        assert_eq!(parsed(&[text]), expected);
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for byte in text.as_bytes() {
            parser.take(&[*byte]).unwrap();
            events.extend(parser.next().map(|it| (it.kind, it.data)));
        }
        assert_eq!(events, expected);
        assert!(parsed(&["event: registration\nid: 1\n\n"]).is_empty(), "no data, no event");
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut parser = Parser::default();
        assert_eq!(parser.take(&vec![b'x'; MAX_EVENT + 1]), None);
    }
}
