//! Devices that prove themselves by their TPM over AMQP, step by step as the SDKs do (C-7, C-8), with a TPM in
//! software that opens what it is sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provision_sim::amqp::{Frame, Protocol, Sasl, SaslCode, Symbol};
use provision_sim::attestation::{DeviceKey, SoftwareTpm};
use provision_sim::service::{AnswerKind, Transport};

use crate::support::amqp::client::Client;
use crate::support::amqp::hub::HubClient;
use crate::support::amqp::sdk::Sdk;
use crate::support::service::setup::{HUB_WEST, SCOPE, Setup, TestService};
use crate::support::service::token::{C_SDK, DOT_NET_SDK, JAVA_SDK, NODE_SDK, Spelling, hub_token};

const ID: &str = "pump-0042";

/// A device and its TPM.
struct Pump {
    tpm: SoftwareTpm,
}

impl Pump {
    fn new() -> Self {
        Self { tpm: SoftwareTpm::with_one_pair() }
    }

    /// A service at which it is enrolled.
    async fn enrolled(&self) -> TestService {
        let enrollment = format!(
            "\n[[enrollments]]\nregistrationId = \"{ID}\"\niotHubs = [\"{HUB_WEST}\"]\n\
             allocationPolicy = \"static\"\nattestation = {{ type = \"tpm\", tpm = {{ endorsementKey = \"{}\" }} }}\n",
            self.tpm.endorsement_key().to_base64()
        );
        Setup::enrollments(&enrollment).start().await
    }

    /// SASL until what holds the key is there, or the outcome that comes in its place.
    async fn challenged(&self, client: &mut Client, id: &str) -> Result<DeviceKey, SaslCode> {
        client.begin_protocol(Protocol::Sasl).await;
        let Sasl::Mechanisms(offered) = client.sasl().await else { panic!("no mechanisms") };
        let mechanism = Symbol::known("TPM");
        assert!(offered.contains(&mechanism), "Java looks for it: {offered:?}");
        let endorsement_key = self.tpm.endorsement_key().as_bytes();
        let response = [format!("\0{SCOPE}\0{id}\0").as_bytes(), endorsement_key].concat();
        // .NET names the device where others name the host.
        let hostname = Some(format!("{SCOPE}/registrations/{id}"));
        client
            .send([Frame::Sasl(Sasl::Init { mechanism, response: Some(response), hostname })])
            .await;
        assert_eq!(challenge(client).await?, [0], "Java takes this byte alone");

        respond(client, self.tpm.storage_root_key().as_bytes()).await;
        let mut blob = Vec::new();
        for control in [0x80, 0xc1] {
            let segment = challenge(client).await?;
            assert!(segment.len() <= 470, "C takes no more");
            assert_eq!(segment[0], control, "Java takes these two alone");
            blob.extend_from_slice(&segment[1..]);
            if control == 0x80 {
                respond(client, b"").await;
            }
        }
        Ok(self.tpm.open(&blob).expect("made for this TPM"))
    }

    /// The whole of SASL.
    async fn signed_in(&self, client: &mut Client, spelling: Spelling) {
        let key = self.challenged(client, ID).await.expect("a key");
        respond(client, spelling.token(&bytes(&key), SCOPE, ID).as_bytes()).await;
        assert_eq!(client.sasl().await, Sasl::Outcome(SaslCode::Ok));
    }
}

/// What the device is asked next.
async fn challenge(client: &mut Client) -> Result<Vec<u8>, SaslCode> {
    match client.sasl().await {
        Sasl::Challenge(bytes) => Ok(bytes),
        Sasl::Outcome(code) => Err(code),
        other => panic!("{other:?}"),
    }
}

/// NUL, and what the device says.
async fn respond(client: &mut Client, said: &[u8]) {
    client.send([Frame::Sasl(Sasl::Response([&[0], said].concat()))]).await;
}

fn bytes(key: &DeviceKey) -> Vec<u8> {
    STANDARD.decode(key.to_base64().as_bytes()).expect("Base64")
}

/// Registers by TPM; its hub lets it in with the key that the answer brings, and with no other.
async fn assigned(sdk: Sdk, spelling: Spelling, websocket: bool) {
    let pump = Pump::new();
    let service = pump.enrolled().await;
    let mut client = match websocket {
        true => Client::upgrade(&service, service.tls.clone(), sdk.upgrade()).await,
        false => Client::dial(&service).await,
    };
    pump.signed_in(&mut client, spelling).await;
    let mut device = sdk.open_links(client, ID).await.expect("links");
    let result = device.provision().await;
    device.end().await;

    let state = &result.body["registrationState"];
    assert_eq!(state["assignedHub"], HUB_WEST, "{}", result.body);
    let blob = state["tpm"]["authenticationKey"].as_str().expect("what holds the key for the hub");
    let key = pump.tpm.open(&STANDARD.decode(blob).expect("Base64")).expect("made for this TPM");
    let device = format!("{HUB_WEST}/devices/{ID}");
    let mut hub = HubClient::dial(&service).await;
    assert_eq!(hub.show(&device, &hub_token(&bytes(&key), HUB_WEST, ID)).await.0, 200);
    let mut stranger = HubClient::dial(&service).await;
    assert_eq!(stranger.show(&device, &hub_token(b"another key", HUB_WEST, ID)).await.0, 401);
}

#[tokio::test]
async fn c_7_node_proves_itself_by_its_tpm_over_tls_and_over_a_websocket() {
    assigned(Sdk::Node, NODE_SDK, false).await;
    assigned(Sdk::Node, NODE_SDK, true).await;
}

#[tokio::test]
async fn c_7_c_proves_itself_by_its_tpm() {
    assigned(Sdk::C, C_SDK, false).await;
}

#[tokio::test]
async fn c_7_dot_net_proves_itself_by_its_tpm() {
    assigned(Sdk::DotNet, DOT_NET_SDK, true).await;
}

#[tokio::test]
async fn c_7_java_proves_itself_by_its_tpm() {
    assigned(Sdk::Java, JAVA_SDK, false).await;
}

#[tokio::test]
async fn j_416_an_unknown_device_and_another_tpm_get_outcome_1_and_the_journal_says_why() {
    let service = Pump::new().enrolled().await;
    for id in ["pump-0043", ID] {
        let mut client = Client::dial(&service).await;
        assert_eq!(Pump::new().challenged(&mut client, id).await, Err(SaslCode::Auth), "{id}");
        assert!(client.is_closed().await);
    }

    let entries = service.inside().journal().entries();
    let mut checks: Vec<_> = entries.iter().map(|it| it.failed_check.expect("a check")).collect();
    checks.dedup();
    assert_eq!((entries.len(), checks.len()), (2, 2), "{checks:?}");
    for entry in &entries {
        assert_eq!(entry.transport, Some(Transport::Amqp));
        assert_eq!((entry.answers[0].kind, entry.answers[0].status), (AnswerKind::Sasl, 1));
    }
}

#[tokio::test]
async fn j_417_a_token_of_another_key_is_let_in_by_sasl_and_refused_at_the_request() {
    let pump = Pump::new();
    let service = pump.enrolled().await;
    let mut client = Client::dial(&service).await;
    pump.challenged(&mut client, ID).await.expect("a key");
    respond(&mut client, NODE_SDK.token(b"another key", SCOPE, ID).as_bytes()).await;
    assert_eq!(client.sasl().await, Sasl::Outcome(SaslCode::Ok));

    let mut device = Sdk::Node.open_links(client, ID).await.expect("links");
    let failure = device.register().await.expect_err("refused");

    assert_eq!(failure.condition.as_str(), "amqp:unauthorized-access");
    assert!(failure.description.expect("the JSON of the error").contains("401002"));
}
