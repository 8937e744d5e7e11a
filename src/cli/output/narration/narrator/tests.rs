use super::*;
use crate::device::Credential;
use crate::explain::GivenKey;
use crate::net::{Trust, client_config};
use crate::pki::TestCertificate;
use crate::wire::ConnectCode;

const KEY: &str = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=";

fn settings() -> Settings {
    let trusted = TestCertificate::self_signed("unused").unwrap();
    Settings::new(
        "a.net".parse().unwrap(),
        "0ne00002193".parse().unwrap(),
        "pump-0042".parse().unwrap(),
        Credential::SymmetricKey(KEY.parse().unwrap()),
        client_config(&Trust::Pem(trusted.pem().to_owned())).unwrap(),
    )
}

fn whole(paragraph: Option<Paragraph>) -> String {
    let Paragraph { headline, lines, why } = paragraph.expect("something to tell");
    let lines = lines.iter().map(String::as_str).chain(why);
    std::iter::once(headline.as_str()).chain(lines).collect::<Vec<_>>().join("\n")
}

fn tell(notice: Notice) -> String {
    whole(Story::new(&settings()).tell(&notice))
}

/// J-152.
#[test]
fn what_was_explained_once_is_not_explained_again() {
    let mut story = Story::new(&settings());
    let mut puback =
        |packet_id| whole(story.tell(&Notice::Received(Received::Puback { packet_id })));

    assert_eq!(puback(2).lines().count(), 2);
    assert_eq!(puback(3), "<- PUBACK, packet 3: the service has the request");
}

#[tokio::test]
async fn d_4_the_first_token_is_explained_and_later_ones_are_only_mentioned() {
    let mut story = Story::new(&settings());
    let token = settings().token(std::time::SystemTime::now()).await.unwrap().unwrap();
    let claims = token.claims().unwrap();
    let (text, expires) = (claims.signed_text(), claims.expires());
    let signed = Notice::Signed(Signed { text, expires, token: token.masked() });

    let (first, second) = (whole(story.tell(&signed)), whole(story.tell(&signed)));

    assert!(first.contains("  0ne00002193%2Fregistrations%2Fpump-0042\\n"), "{first}");
    assert!(first.contains("&sig=(not shown)&se="), "{first}");
    assert!(second.starts_with("A new SAS token, good until 2"), "{second}");
}

#[test]
fn what_the_service_says_does_not_steer_the_terminal() {
    let (topic, body) =
        ("$dps/registrations/res/200/?$rid=\u{1b}c".to_owned(), b"\x1b[2J".to_vec());
    let headers = vec![("x".to_owned(), "\u{9b}2J".to_owned())];

    for notice in [
        Notice::Received(Received::Publish { topic, body: body.clone() }),
        Notice::Received(Received::Response { status: 200, headers, body }),
        Notice::Lost { why: "\u{1b}".to_owned(), wait: Duration::ZERO },
        Notice::ForeignAnswer { rid: "\u{1b}".to_owned() },
    ] {
        let told = tell(notice);
        assert!(!told.contains(|c: char| c.is_control() && c != '\n'), "{told:?}");
        assert!(told.contains("\\u{"), "{told:?}");
    }
}

#[test]
fn a_2_the_user_name_is_told_part_by_part() {
    let told = tell(Notice::Sent(Sent::Connect {
        client_id: "pump-0042".into(),
        user_name: "0ne1/registrations/pump-0042/api-version=2021-06-01&ClientVersion=x%2F1".into(),
        has_password: false,
        keep_alive: 60,
    }));

    for part in [
        " 0ne1: the ID scope",
        " registrations/pump-0042: the registration ID",
        " api-version=2021-06-01: which shape",
        " ClientVersion=x%2F1: what software",
        "password    none: the certificate was shown",
    ] {
        assert!(told.contains(part), "no {part:?} in {told}");
    }
}

#[test]
fn a_6_only_connack_0_is_told_as_taken() {
    let connack = |code| tell(Notice::Received(Received::Connack { code }));

    assert!(connack(ConnectCode::Accepted).contains("takes the connection"));
    let refused = connack(ConnectCode::NotAuthorized);
    assert!(refused.starts_with("<- CONNACK 5 ") && refused.contains("refuses"), "{refused}");
    assert!(!connack(ConnectCode::ServerUnavailable).contains("takes"));
}

#[test]
fn a_device_key_is_told_by_its_length_alone() {
    let proof = Proof::Key(GivenKey::Device(KEY.parse().unwrap()));

    let told = whole(Some(identity::device(&settings(), &proof)));

    assert!(told.contains("the device's own key (32 bytes, not shown)"), "{told}");
    assert!(!told.contains(KEY), "{told}");
}

#[test]
fn a_proxy_is_told_without_its_password() {
    let proxy = "http://user:secret@proxy.example.net:3128".parse().unwrap();
    let settings = Settings { route: settings().route.through(proxy), ..settings() };

    let told = whole(Some(identity::way(&settings)));

    assert!(told.contains("proxy.example.net:3128") && !told.contains("secret"), "{told}");
}
