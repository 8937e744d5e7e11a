//! Whoever looks at the page of a service: asks as a browser does, and sends forms with the page's token.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use url::form_urlencoded::Serializer;

use crate::support::within;

/// A browser that has the page open.
#[derive(Debug)]
pub struct Browser {
    address: SocketAddr,
    /// What its forms carry.
    pub token: String,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Shown {
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: String,
}

impl Shown {
    /// Where the browser is sent.
    #[track_caller]
    pub fn location(&self) -> String {
        assert_eq!(self.status, 303, "{self:?}");
        let lines = self.head.lines();
        let found = lines.filter_map(|line| line.strip_prefix("location: ")).next();
        found.expect("a Location").to_owned()
    }

    #[track_caller]
    pub fn has(&self, text: &str) -> &Self {
        assert!(self.body.contains(text), "{text}: {}", self.body);
        self
    }

    #[track_caller]
    pub fn lacks(&self, text: &str) -> &Self {
        assert!(!self.body.contains(text), "{text}: {}", self.body);
        self
    }

    /// What a field of a form has, as it is.
    #[track_caller]
    pub fn field(&self, name: &str) -> String {
        let (_, rest) = self.body.split_once(&format!("name=\"{name}\"")).expect("the field");
        let (tag, _) = rest.split_once('>').expect("the end of its tag");
        let (_, value) = tag.split_once(" value=\"").expect("its value");
        unescaped(value.split_once('"').expect("its end").0)
    }
}

/// Without what HTML writes in place of letters.
pub fn unescaped(html: &str) -> String {
    let pairs = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    pairs.iter().fold(html.to_owned(), |text, (from, to)| text.replace(from, to))
}

impl Browser {
    /// Opens the page.
    pub async fn open(address: SocketAddr) -> Self {
        let mut browser = Self { address, token: String::new() };
        let page = browser.get("/").await;
        browser.token = page.field("token");
        browser
    }

    pub async fn get(&self, path: &str) -> Shown {
        self.ask(&format!("GET {path} HTTP/1.1\nHost: localhost\nAccept: text/html"), "").await
    }

    /// Sends a form of the page.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Shown {
        self.post_with(path, &[&[("token", &*self.token)], fields].concat()).await
    }

    /// Sends a form with nothing but these fields.
    pub async fn post_with(&self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let head = format!(
            "POST {path} HTTP/1.1\nHost: localhost\nContent-Type: application/x-www-form-urlencoded\n\
             Content-Length: {}",
            body.len()
        );
        self.ask(&head, &body).await
    }

    async fn ask(&self, head: &str, body: &str) -> Shown {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await.expect("the service");
            let head = format!("{head}\nConnection: close\n\n").replace('\n', "\r\n");
            stream.write_all(head.as_bytes()).await.expect("it reads");
            // A form that is refused may be left unread.
            let _ = stream.write_all(body.as_bytes()).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            String::from_utf8(answer).expect("text")
        };
        let answer = within("an answer", exchange).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        Shown { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// Listens to a part of a page.
    pub async fn listen(&self, path: &str) -> Listening {
        let mut stream = TcpStream::connect(self.address).await.expect("the service");
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("it reads");
        Listening(BufReader::new(stream))
    }
}

/// Server-sent events as they come.
pub struct Listening(BufReader<TcpStream>);

impl Listening {
    /// The first update from now on that has this text in it.
    pub async fn update_with(&mut self, text: &str) -> String {
        let wait = async {
            loop {
                let mut line = String::new();
                let length = self.0.read_line(&mut line).await.expect("an event");
                assert!(length > 0, "it ended before {text:?} came");
                if line.starts_with("data: {") && line.contains(text) {
                    return line;
                }
            }
        };
        within(text, wait).await
    }
}
