//! SAS tokens as the service sees them (D.3, D.4, A.6): every spelling of every SDK is taken, and
//! all that is wrong looks the same on the wire.

use crate::support::service::client::{Client, Device};
use crate::support::service::setup::{
    PRIMARY_KEY, RETIRED_KEY, SCOPE, SECONDARY_KEY, Setup, TestService,
};
use crate::support::service::token::{Spelling, UPPER, decoded, derived, now};

const ID: &str = "pump-0042";

fn key() -> Vec<u8> {
    derived(PRIMARY_KEY, ID)
}

async fn answered(service: &TestService, token: &str) -> u16 {
    let device = Device::with_password(ID, token);
    Client::connect(service, &device).await.register("").await.status()
}

#[tokio::test]
async fn a_8_every_spelling_of_the_sdks_is_taken() {
    let service = Setup::new().start().await;

    for (sdk, slash, fields) in [
        ("Python", "%2F", "sr={sr}&sig={sig}&se={se}"),
        ("C", "%2f", "sr={sr}&sig={sig}&se={se}&skn=registration"),
        (".NET", "%2F", "sr={sr}&sig={sig}&se={se}&skn=registration"),
        ("Node", "/", "sr={sr}&sig={sig}&skn=registration&se={se}"),
        ("Java", "/", "sr={sr}&sig={sig}&se={se}&skn="),
        ("a hand-written one", "%2F", "skn=registration&se={se}&sig={sig}&sr={sr}"),
        ("one with a raw signature", "/", "sig={rawSig}&sr={sr}&se={se}"),
        ("one with more fields", "%2F", "sr={sr}&sig={sig}&se={se}&skn=registration&x=1"),
    ] {
        let token = Spelling { slash, fields }.token(&key(), SCOPE, ID);

        assert_eq!(answered(&service, &token).await, 202, "{sdk}: {token}");
    }
}

#[tokio::test]
async fn d_1_the_signature_covers_the_letters_of_sr_and_no_other_spelling_of_them() {
    let service = Setup::new().start().await;
    let token = UPPER.token(&key(), SCOPE, ID);

    for other in ["%2f", "/"] {
        let respelled = token.replace(&format!("{SCOPE}%2F"), &format!("{SCOPE}{other}"));

        assert_eq!(answered(&service, &respelled).await, 401, "{respelled}");
    }
}

#[tokio::test]
async fn d_1_scope_and_id_are_compared_without_case() {
    let service = Setup::new().start().await;

    let token = UPPER.token(&key(), &SCOPE.to_uppercase(), "PUMP-0042");

    assert_eq!(answered(&service, &token).await, 202);
}

#[tokio::test]
async fn d_3_either_group_key_vouches() {
    let service = Setup::new().start().await;

    for group_key in [PRIMARY_KEY, SECONDARY_KEY] {
        let token = UPPER.token(&derived(group_key, ID), SCOPE, ID);

        assert_eq!(answered(&service, &token).await, 202);
    }
}

#[tokio::test]
async fn j_5_a_key_may_be_derived_from_the_id_as_sent_or_from_its_lower_case_form() {
    let service = Setup::new().start().await;

    for (derived_from, status) in [("Pump-0042", 202), ("pump-0042", 202), ("PUMP-0042", 401)] {
        let device = Device::with_key("Pump-0042", &derived(PRIMARY_KEY, derived_from));

        let answer = Client::connect(&service, &device).await.register("").await;

        assert_eq!(answer.status(), status, "{derived_from}");
    }
}

/// J-8, J-37.
#[tokio::test]
async fn a_6_everything_that_is_wrong_is_a_bare_401000_and_j_14_the_session_stays_open() {
    let service = Setup::new().start().await;
    let good = UPPER.token(&key(), SCOPE, ID);

    for (wrong, token) in [
        ("no token", String::new()),
        ("no token at all", "hello".to_owned()),
        ("cut off", good[..good.len() / 2].to_owned()),
        ("without se", good.split("&se=").next().unwrap().to_owned()),
        ("se that is no number", good.replace("&se=", "&se=x")),
        ("se that was changed", format!("{good}0")),
        ("a signature that is no Base64", good.replace("&sig=", "&sig=*")),
        ("expired", UPPER.token_until(&key(), SCOPE, ID, now() - 1)),
        ("expired long ago", UPPER.token_until(&key(), SCOPE, ID, 1)),
        ("the group key itself", UPPER.token(&decoded(PRIMARY_KEY), SCOPE, ID)),
        ("another device's key", UPPER.token(&derived(PRIMARY_KEY, "pump-0043"), SCOPE, ID)),
        (
            "another device's token",
            UPPER.token(&derived(PRIMARY_KEY, "pump-0043"), SCOPE, "pump-0043"),
        ),
        ("another scope", UPPER.token(&key(), "0neFFFFFFFF", ID)),
        ("a hub's token", UPPER.token(&key(), "hub.azure-devices.net/devices", ID)),
        ("a key of nobody", UPPER.token(b"0123456789abcdef", SCOPE, ID)),
    ] {
        let mut client = Client::connect(&service, &Device::with_password(ID, &token)).await;

        for _ in 0..2 {
            let answer = client.register("").await;

            assert_eq!(answer.error(), (401, 401_000, "Unauthorized".to_owned()), "{wrong}");
            assert_eq!(answer.topic, "$dps/registrations/res/401/?$rid=1", "{wrong}");
        }
        assert_eq!(client.poll("5.x.y").await.error().0, 401, "{wrong}: nothing is told");
    }
}

#[tokio::test]
async fn f_1_a_disabled_enrollment_with_a_wrong_key_is_a_401() {
    let service = Setup::new().start().await;

    let token = UPPER.token(&decoded(RETIRED_KEY), SCOPE, ID);

    assert_eq!(answered(&service, &token).await, 401);
}

#[tokio::test]
async fn f_1_a_malformed_request_is_told_before_the_credential_is_looked_at() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::with_password(ID, "hello")).await;

    assert_eq!(client.register("{").await.error().1, 400_012);
}
