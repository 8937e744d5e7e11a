//! A service with X.509 enrollments, and a client that sends whatever certificates it is given.

pub(crate) mod forms;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use provision_sim::net::crypto;
use provision_sim::pki::TestCertificate;
use provision_sim::service::{Authority, Config, Observer, Options, RegistrationEvent, Service};
use provision_sim::wire::{RESPONSE_FILTER, RequestTopic, ResponseTopic};
use rumqttc::mqttbytes::Error as CodecError;
use rumqttc::{Connect, ConnectReturnCode, Packet, Publish, QoS, Subscribe};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const WORLD: &str = "idScope = \"0ne00002193\"\nlinkedHubs = [\"hub-west.azure-devices.net\"]\n";

/// The text of a file in `tests/data/x509`.
pub(crate) fn pem_fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/x509/");
    std::fs::read_to_string(format!("{folder}{name}")).unwrap()
}

/// The configuration of an enrollment group; `rest` has its attestation.
pub(crate) fn group(id: &str, rest: &str) -> String {
    format!("\n[[enrollmentGroups]]\nenrollmentGroupId = \"{id}\"\n{rest}\n")
}

/// The attestation of a group by this certificate.
pub(crate) fn signed_by(pem: &str) -> String {
    format!(
        "attestation.type = \"x509\"\n\
         attestation.x509.signingCertificates.primary.certificate = \"\"\"\n{pem}\"\"\"\n"
    )
}

/// The attestation of a group by an uploaded certificate, and that certificate.
pub(crate) fn reference(name: &str, pem: &str) -> String {
    format!(
        "attestation.type = \"x509\"\nattestation.x509.caReferences.primary = \"{name}\"\n\
         [[certificates]]\nname = \"{name}\"\ncertificate = \"\"\"\n{pem}\"\"\"\n"
    )
}

/// The configuration of an individual enrollment with two certificates.
pub(crate) fn individual(id: &str, rest: &str, primary: &str, secondary: &str) -> String {
    format!(
        "\n[[enrollments]]\nregistrationId = \"{id}\"\n{rest}\nattestation.type = \"x509\"\n\
         attestation.x509.clientCertificates.primary.certificate = \"\"\"\n{primary}\"\"\"\n\
         attestation.x509.clientCertificates.secondary.certificate = \"\"\"\n{secondary}\"\"\"\n"
    )
}

/// What a client has to show.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
    pub(crate) password: &'static str,
    pub(crate) version: &'static SupportedProtocolVersion,
}

impl Identity {
    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        Self { chain, key, password: "", version: &TLS13 }
    }

    pub(crate) fn of(made: &TestCertificate) -> Self {
        Self::new(made.chain().to_vec(), made.key())
    }

    /// `ID-cert.pem` and `ID-key.pem` of `tests/data/x509`.
    pub(crate) fn fixture(id: &str) -> Self {
        let certificate = pem_fixture(&format!("{id}-cert.pem"));
        let key = pem_fixture(&format!("{id}-key.pem"));
        Self::new(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
    }

    pub(crate) fn none() -> Self {
        let key = TestCertificate::self_signed("unused").unwrap().key();
        Self::new(Vec::new(), key)
    }

    pub(crate) fn over(self, version: &'static SupportedProtocolVersion) -> Self {
        Self { version, ..self }
    }

    pub(crate) fn leaf_base64(&self) -> String {
        STANDARD.encode(&self.chain[0])
    }

    /// The certificate is not held against the key: a client may lie.
    fn tls(&self, ca_pem: &str) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(crypto())
            .with_protocol_versions(&[self.version])
            .unwrap()
            .with_root_certificates(roots);
        if self.chain.is_empty() {
            return builder.with_no_client_auth();
        }
        let key = crypto().key_provider.load_private_key(self.key.clone_key()).unwrap();
        let certified = CertifiedKey::new(self.chain.clone(), key);
        builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
    }
}

/// What the device is told at last, and what the service says of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) failed_check: Option<String>,
}

type Events = Arc<Mutex<Vec<RegistrationEvent>>>;

/// A running service.
pub(crate) struct World {
    service: Service,
    ca_pem: String,
    events: Events,
}

impl World {
    pub(crate) async fn start(enrollments: &str) -> Self {
        let config: Config = toml::from_str(&format!("{WORLD}{enrollments}")).unwrap();
        let authority = Authority::in_memory().unwrap();
        let ca_pem = authority.pem().to_owned();
        let events = Events::default();
        let heard = events.clone();
        let options = Options {
            observer: Observer::new(move |event| heard.lock().unwrap().push(event.clone())),
            ..Options::on_free_ports(authority)
        };
        let service = Service::start(&config, options).await.unwrap();
        Self { service, ca_pem, events }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.service.mqtt_address()
    }

    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Which check the last device did not pass.
    pub(crate) fn failed_check(&self) -> Option<String> {
        let events = self.events.lock().unwrap();
        events.last().and_then(|event| event.failed_check).map(str::to_owned)
    }

    /// Connects and registers.
    pub(crate) async fn register(&self, id: &str, identity: Identity) -> Answer {
        self.connect(id, identity).await.unwrap().register().await
    }

    /// TLS, CONNECT and SUBSCRIBE, all of which have to succeed whatever the certificate.
    pub(crate) async fn connect(&self, id: &str, identity: Identity) -> io::Result<Client> {
        let tcp = TcpStream::connect(self.service.mqtt_address()).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let tls = TlsConnector::from(Arc::new(identity.tls(&self.ca_pem)));
        let stream = tls.connect(name, tcp).await?;
        let events = self.events.clone();
        let mut client = Client { stream, inbox: BytesMut::new(), events };
        let mut connect = Connect::new(id);
        let user_name = format!("0ne00002193/registrations/{id}/api-version=2021-06-01");
        connect.set_login(user_name, identity.password);
        client.write(&Packet::Connect(connect)).await?;
        match client.read().await? {
            Packet::ConnAck(connack) => assert_eq!(connack.code, ConnectReturnCode::Success),
            other => panic!("{other:?}"),
        }
        let mut subscribe = Subscribe::new(RESPONSE_FILTER, QoS::AtLeastOnce);
        subscribe.pkid = 1;
        client.write(&Packet::Subscribe(subscribe)).await?;
        assert!(matches!(client.read().await?, Packet::SubAck(_)));
        Ok(client)
    }
}

/// A connected client.
pub(crate) struct Client {
    stream: TlsStream<TcpStream>,
    inbox: BytesMut,
    events: Events,
}

impl Client {
    /// Registers and polls until there is a result.
    pub(crate) async fn register(&mut self) -> Answer {
        let mut topic = RequestTopic::Register { rid: "1".to_owned() };
        loop {
            let (status, body) = self.ask(&topic).await;
            if status != 202 {
                let events = self.events.lock().unwrap();
                let failed_check = events.last().and_then(|event| event.failed_check);
                return Answer { status, body, failed_check: failed_check.map(str::to_owned) };
            }
            let operation_id = body["operationId"].as_str().unwrap().to_owned();
            topic = RequestTopic::OperationStatus { rid: "2".to_owned(), operation_id };
        }
    }

    async fn ask(&mut self, topic: &RequestTopic) -> (u16, Value) {
        let publish = Publish::new(topic.to_string(), QoS::AtMostOnce, "");
        self.write(&Packet::Publish(publish)).await.unwrap();
        match self.read().await.unwrap() {
            Packet::Publish(answer) => {
                let topic: ResponseTopic = answer.topic.parse().unwrap();
                (topic.status, serde_json::from_slice(&answer.payload).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    async fn write(&mut self, packet: &Packet) -> io::Result<()> {
        let mut out = BytesMut::new();
        packet.write(&mut out, usize::MAX).unwrap();
        self.stream.write_all(&out).await
    }

    async fn read(&mut self) -> io::Result<Packet> {
        loop {
            match Packet::read(&mut self.inbox, 1 << 20) {
                Ok(packet) => return Ok(packet),
                Err(CodecError::InsufficientBytes(_)) => {}
                Err(error) => panic!("{error}"),
            }
            if self.stream.read_buf(&mut self.inbox).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// An allocation function that answers one request and keeps it.
pub(crate) struct Webhook {
    url: String,
    asked: JoinHandle<Value>,
}

impl Webhook {
    pub(crate) async fn start(hub: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/api/Choose", listener.local_addr().unwrap());
        let body = format!("{{\"iotHubHostName\":\"{hub}\"}}");
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let asked = loop {
                stream.read_buf(&mut request).await.unwrap();
                let head = request.windows(4).position(|window| window == b"\r\n\r\n");
                let body = head.and_then(|head| serde_json::from_slice(&request[head..]).ok());
                if let Some(body) = body {
                    break body;
                }
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
            asked
        });
        Self { url, asked }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn asked(self) -> Value {
        self.asked.await.unwrap()
    }
}
