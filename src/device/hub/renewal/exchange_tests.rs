//! The conversation about a certificate, said and heard.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::device::csr::Csr;
use crate::device::issued::IssuedFault;
use crate::pki::new_request;

const RID: &str = "0c2f-4a";
const ACCEPTED: &[u8] =
    br#"{"correlationId":"c-1","operationExpires":"2026-01-31T12:52:20.565000000Z"}"#;

fn csr() -> Csr {
    Csr::from_der(new_request("pump").unwrap().der()).unwrap()
}

fn exchange_for(csr: Csr) -> Exchange {
    Exchange::new("pump", Renewal::new(csr).unwrap(), RID.to_owned(), 1)
}

fn exchange() -> Exchange {
    exchange_for(csr())
}

fn topic(status: u16) -> String {
    format!("$iothub/credentials/res/{status}/?$rid={RID}")
}

fn failure(code: u32, more: serde_json::Value) -> Vec<u8> {
    let mut body = json!({ "errorCode": code, "message": "no", "trackingId": "t",
        "timestampUtc": "2026-01-31T12:52:20Z", "info": null });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.to_string().into_bytes()
}

/// A request, and the body with which a hub grants it.
fn granted() -> (Csr, Vec<u8>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "pump");
    let csr = Csr::from_der(params.serialize_request(&key).unwrap().der()).unwrap();
    let leaf = STANDARD.encode(params.self_signed(&key).unwrap().der());
    let body = json!({ "correlationId": "c-1", "certificates": [leaf] });
    (csr, body.to_string().into_bytes())
}

#[test]
fn i_4_the_request_names_itself_in_its_topic_and_202_then_200_answer_it() {
    let (csr, body) = granted();
    let mut exchange = exchange_for(csr.clone());

    let asked = exchange.ask();
    assert_eq!(asked.topic, "$iothub/credentials/POST/issueCertificate/?$rid=0c2f-4a");
    let text = format!(r#"{{"id":"pump","csr":"{}"}}"#, csr.as_base64());
    assert_eq!(String::from_utf8(asked.body).unwrap(), text);
    assert_eq!(exchange.waiting(), HubWaiting::Answer(REQUEST));
    let Heard::Accepted(accepted) = exchange.heard(&topic(202), ACCEPTED) else { panic!() };
    assert_eq!(accepted.operation_expires, "2026-01-31T12:52:20.565000000Z");
    assert_eq!(exchange.waiting(), HubWaiting::Certificate);
    let older = format!("{}&$version=1", topic(200));
    let Heard::Issued(renewed) = exchange.heard(&older, &body) else { panic!() };

    assert_eq!(renewed.chain.leaf().common_name(), Some("pump"));
    assert_eq!((&*renewed.request_id, &*renewed.correlation_id), (RID, "c-1"));
}

#[test]
fn i_4_a_200_without_a_202_is_good_and_one_for_another_key_is_not() {
    let (csr, body) = granted();

    let issued = exchange_for(csr).heard(&topic(200), &body);
    let foreign = exchange().heard(&topic(200), &body);

    assert!(matches!(issued, Heard::Issued(_)), "{issued:?}");
    let Heard::Failed(HubError::Issued(fault)) = foreign else { panic!("{foreign:?}") };
    assert!(matches!(fault, IssuedFault::OtherKey { .. }), "{fault}");
}

#[test]
fn i_4_what_belongs_to_another_request_is_nothing_of_this_one() {
    let mut exchange = exchange();

    for topic in [
        "$iothub/credentials/res/200/?$rid=other",
        "$iothub/credentials/res/200/",
        "$iothub/twin/res/200/?$rid=0c2f-4a",
        "a",
    ] {
        let heard = exchange.heard(topic, b"{}");
        assert!(matches!(heard, Heard::Stray), "{topic}: {heard:?}");
    }
}

#[test]
fn j_476_after_a_loss_the_same_is_asked_again_at_once_before_a_202_and_later_behind_it() {
    let mut exchange = exchange();
    let first = exchange.ask();

    assert_eq!((exchange.lost(), exchange.listens()), (Duration::ZERO, Duration::ZERO));
    assert_eq!(exchange.ask(), first, "under the same name");
    exchange.heard(&topic(202), ACCEPTED);

    assert!(exchange.lost() > Duration::ZERO);
    assert_eq!((exchange.listens(), exchange.ask()), (LISTENS, first));
}

#[test]
fn j_476_a_conflict_with_the_device_s_own_request_is_as_good_as_a_202() {
    for code in [409_004, 409_005] {
        let info = |rid: &str| json!({ "info": { "requestId": rid, "operationExpires": "soon", "correlationId": "c" } });
        let (mut own, mut other) = (exchange(), exchange());

        let own = own.heard(&topic(409), &failure(code, info(RID)));
        let other = other.heard(&topic(409), &failure(code, info("9bd1-77")));

        assert!(matches!(&own, Heard::Accepted(it) if it.operation_expires == "soon"), "{own:?}");
        let Heard::Failed(error) = other else { panic!("{other:?}") };
        assert_eq!(error.to_string(), format!("the hub issued no certificate: {code}: no"));
    }
}

#[test]
fn j_477_only_what_may_pass_is_asked_again_and_not_before_the_hub_wants_it() {
    let wait = |code: u32, more| match exchange().heard(&topic(400), &failure(code, more)) {
        Heard::Busy(_, wait) => Some(wait.as_secs()),
        Heard::Failed(HubError::NotIssued(_)) => None,
        other => panic!("{other:?}"),
    };

    for (code, expected) in
        [(429_002, 1), (429_003, 1), (503_001, 5), (500_001, 300)].map(|(a, b)| (a, Some(b)))
    {
        assert_eq!(wait(code, json!({})), expected, "{code}");
        assert_eq!(wait(code, json!({ "retryAfter": 17 })), Some(17), "{code}");
    }
    for code in [400_004, 400_006, 400_040, 409_005, 412_001, 412_005, 429_001, 503_102] {
        assert_eq!(wait(code, json!({ "retryAfter": 17 })), None, "{code}");
    }
    let mut exchange = exchange();
    let mut waits = Vec::new();
    for _ in 0..3 {
        let Heard::Busy(_, wait) = exchange.heard(&topic(429), &failure(429_002, json!({}))) else {
            panic!()
        };
        waits.push(wait.as_secs());
        assert_eq!(exchange.listens(), Duration::ZERO, "it is not under way");
    }
    assert_eq!(waits, [1, 2, 4]);
}

#[test]
fn i_4_an_answer_that_is_none_is_told() {
    let told = |status, body: &[u8]| match exchange().heard(&topic(status), body) {
        Heard::Failed(error) => error.to_string(),
        other => panic!("{other:?}"),
    };

    let begin = "the hub's answer breaks the protocol: the body of its answer to the request for a";
    for (status, body) in [(200, &b"[]"[..]), (202, b"[]"), (404, b"")] {
        let told = told(status, body);
        assert!(told.starts_with(begin), "{told}");
        assert_eq!(told.contains("status 404"), status == 404, "{told}");
    }
    let info = json!({ "info": { "credentialMessage": "CSR\ndid not pass" } });
    assert_eq!(
        told(400, &failure(400_040, info)),
        "the hub issued no certificate: 400040: no: CSR\\ndid not pass"
    );
}

proptest! {
    #[test]
    fn nothing_that_a_hub_publishes_makes_it_panic(
        status in 0u16..999,
        body in "\\PC{0,60}|\\{\"(errorCode|certificates|correlationId)\":.{0,9}\\}",
    ) {
        let mut exchange = exchange();
        exchange.heard(&topic(status), body.as_bytes());
        exchange.heard(&body, body.as_bytes());
        prop_assert!(exchange.lost() == Duration::ZERO);
    }
}
