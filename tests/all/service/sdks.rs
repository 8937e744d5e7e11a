//! Devices that speak as the Azure SDKs do (A.8, clients.md): the same bytes, in the same order,
//! with the same habits.

use std::time::Duration;

use rumqttc::{Packet, QoS, Unsubscribe};

use crate::support::service::client::{Answer, Client, Device, Manners, RESPONSES};
use crate::support::service::setup::{HUB_WEST, PRIMARY_KEY, SCOPE, Setup, TestService};
use crate::support::service::token::{C_SDK, DOT_NET_SDK, JAVA_SDK, NODE_SDK, Spelling, derived};
use crate::support::service::webhook::{Reaction, Webhook};

const ID: &str = "pump-0042";

/// What sets an SDK apart.
struct Sdk {
    user_name_tail: &'static str,
    token: Spelling,
    manners: Manners,
}

const C: Sdk = Sdk {
    user_name_tail: "api-version=2021-06-01&ClientVersion=1.15.0",
    token: C_SDK,
    manners: Manners {
        clean_session: true,
        keep_alive: 0,
        publish: QoS::AtMostOnce,
        subscribe: QoS::AtLeastOnce,
    },
};

const DOT_NET: Sdk = Sdk {
    user_name_tail: "api-version=2019-03-31&ClientVersion=Microsoft.Azure.Devices.Provisioning.Client%2F1.19.4",
    token: DOT_NET_SDK,
    manners: Manners {
        clean_session: true,
        keep_alive: 0,
        publish: QoS::AtLeastOnce,
        subscribe: QoS::AtLeastOnce,
    },
};

const JAVA: Sdk = Sdk {
    user_name_tail: "api-version=2019-03-31&ClientVersion=com.microsoft.azure.sdk.iot%2F2.1.6",
    token: JAVA_SDK,
    manners: Manners {
        clean_session: false,
        keep_alive: 230,
        publish: QoS::AtMostOnce,
        subscribe: QoS::AtLeastOnce,
    },
};

const PYTHON: Sdk = Sdk {
    user_name_tail: "api-version=2019-03-31&ClientVersion=azure-iot-device-provisioning-py%2F2.14.0%283.11.7%3BLinux%29",
    token: Spelling { slash: "%2F", fields: "sr={sr}&sig={sig}&se={se}" },
    manners: Manners {
        clean_session: false,
        keep_alive: 60,
        publish: QoS::AtLeastOnce,
        subscribe: QoS::AtLeastOnce,
    },
};

const NODE: Sdk = Sdk {
    user_name_tail: "api-version=2019-03-31&ClientVersion=azure-iot-provisioning-device%2F1.9.1",
    token: NODE_SDK,
    manners: Manners {
        clean_session: true,
        keep_alive: 180,
        publish: QoS::AtLeastOnce,
        subscribe: QoS::AtLeastOnce,
    },
};

impl Sdk {
    async fn connect(&self, service: &TestService) -> Client {
        let token = self.token.token(&derived(PRIMARY_KEY, ID), SCOPE, ID);
        let user_name = format!("{SCOPE}/registrations/{ID}/{}", self.user_name_tail);
        let device = Device::with_password(ID, &token).user_name(&user_name);
        Client::connect_with(service, &device, self.manners).await
    }
}

fn register_topic(rid: &str) -> String {
    format!("$dps/registrations/PUT/iotdps-register/?$rid={rid}")
}

fn poll_topic(rid: &str, operation_id: &str) -> String {
    format!(
        "$dps/registrations/GET/iotdps-get-operationstatus/?$rid={rid}&operationId={operation_id}"
    )
}

fn assert_assigned(answer: &Answer) {
    let state = answer.state();
    assert_eq!((answer.status(), &answer.body()["status"]), (200, &"assigned".into()));
    assert_eq!((&state["assignedHub"], &state["deviceId"]), (&HUB_WEST.into(), &ID.into()));
}

#[tokio::test]
async fn a_8_the_c_sdk_registers() {
    let mut webhook = Webhook::start([Reaction::hub(HUB_WEST)]).await;
    let mut service = Setup::custom(&webhook.url(), "").assigning_polls(1).start().await;
    let mut client = C.connect(&service).await;
    let body = r#"{"registrationId":"pump-0042","payload":{"url":"http:\/\/x","name":"Küche"}}"#;

    let accepted = client.request(&register_topic("1"), body.as_bytes()).await;
    let operation_id = accepted.operation_id();
    let waiting = client.request(&poll_topic("2", &operation_id), body.as_bytes()).await;
    service.event().await;
    let assigned = client.request(&poll_topic("3", &operation_id), body.as_bytes()).await;
    client.send(Packet::Disconnect).await;

    assert_eq!(accepted.topic, "$dps/registrations/res/202/?$rid=1&retry-after=3");
    assert_eq!(waiting.topic, "$dps/registrations/res/202/?$rid=2&retry-after=3");
    assert_eq!(assigned.topic, "$dps/registrations/res/200/?$rid=3");
    assert_assigned(&assigned);
    assert!(client.is_closed().await);
    let asked: serde_json::Value = serde_json::from_str(&webhook.call().await.body).unwrap();
    let payload = serde_json::json!({ "url": "http://x", "name": "Küche" });
    assert_eq!(asked["deviceRuntimeContext"]["payload"], payload, "the same value");
    assert_eq!(webhook.count_calls(), 0, "the body of a poll is no second register (A-7)");
}

#[tokio::test]
async fn a_8_the_net_sdk_registers_with_an_empty_body_and_gets_puback_first() {
    let service = Setup::new().start().await;
    let mut client = DOT_NET.connect(&service).await;
    let (first, second) = (uuid::Uuid::new_v4().to_string(), uuid::Uuid::new_v4().to_string());

    // `request` fails if anything comes before the PUBACK (A-12).
    let accepted = client.request(&register_topic(&first), b"").await;
    let assigned = client.request(&poll_topic(&second, &accepted.operation_id()), b"").await;

    assert_eq!(
        accepted.topic,
        format!("$dps/registrations/res/202/?$rid={first}&retry-after=3"),
        "its regular expression wants $rid right behind the status (A-6)"
    );
    assert_eq!(accepted.qos, QoS::AtLeastOnce);
    assert_ne!(accepted.packet_id, 0, "it acknowledges the answer by its packet ID");
    assert_assigned(&assigned);
}

#[tokio::test]
async fn a_8_the_java_sdk_registers_with_an_unescaped_token_and_clean_session_0() {
    let service = Setup::new().start().await;
    let body = br#"{"registrationId":"pump-0042"}"#;

    for _ in 0..2 {
        let mut client = JAVA.connect(&service).await;
        let accepted = client.request(&register_topic("1"), body).await;
        let assigned = client.request(&poll_topic("2", &accepted.operation_id()), b"").await;

        let (_, retry_after) = accepted.topic.split_once("&retry-after=").unwrap();
        assert_eq!(retry_after, "3", "it splits the topic at & (A-6)");
        assert_assigned(&assigned);
    }
}

#[tokio::test]
async fn a_8_the_python_sdk_registers_with_a_null_payload_and_escaped_operation_id() {
    let service = Setup::new().start().await;
    let mut client = PYTHON.connect(&service).await;
    let body = br#"{"payload": null, "registrationId": "pump-0042"}"#;

    let accepted = client.request(&register_topic("0b7c"), body).await;
    let assigned = client.request(&poll_topic("0b7d", &accepted.operation_id()), b" ").await;

    let behind_second_dollar = accepted.topic.splitn(3, '$').nth(2);
    assert_eq!(behind_second_dollar, Some("rid=0b7c&retry-after=3"), "all that it reads (A-6)");
    assert_assigned(&assigned);
}

#[tokio::test]
async fn a_8_the_node_sdk_registers_and_unsubscribes_before_it_leaves() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    let mut client = NODE.connect(&service).await;
    let body = br#"{"registrationId":"pump-0042"}"#;
    let mut unsubscribe = Unsubscribe::new(RESPONSES);
    unsubscribe.pkid = 9;

    let accepted = client.request(&register_topic("a"), body).await;
    let assigned = client.request(&poll_topic("b", &accepted.operation_id()), b" ").await;
    client.send(Packet::Unsubscribe(unsubscribe)).await;
    let unsuback = client.receive().await;

    assert_assigned(&assigned);
    assert!(matches!(unsuback, Packet::UnsubAck(ack) if ack.pkid == 9));
}
