//! Clients, told as what they say when, and what is found of them.

use std::time::{Duration, Instant};

use super::super::case::Judge;
use super::super::finding::Finding;
use super::super::observation::Observation;
use super::chosen;
use crate::attestation::SasToken;
use crate::child::End;
use crate::service::{
    FaultPlace, FaultTransport, WireAnswer, WireAttach, WireEnd, WireEvent, WireMoment, WireSignIn,
};

/// A client that was seen.
struct Client(Observation);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Client {
    /// One that ended so, after so many milliseconds.
    fn that(end: End, took: u64) -> Self {
        Self(Observation {
            began: Instant::now(),
            events: Vec::new(),
            end,
            took: ms(took),
            ran_out: end == End::Stopped,
            uncaught: None,
            id_scope: "0ne1".to_owned(),
            registration_id: "pump".to_owned(),
            payload: ("{}".to_owned(), false),
        })
    }

    fn at(mut self, at: u64, moment: WireMoment) -> Self {
        self.0.events.push(WireEvent { at: self.0.began + ms(at), connection: 1, moment });
        self
    }

    /// It asks, and is answered at once; with 0 not at all.
    fn asks(self, at: u64, place: FaultPlace, status: u16, body: &str) -> Self {
        self.asks_and_is_told(at, place, (status, body), true)
    }

    fn asks_and_is_told(
        self,
        at: u64,
        place: FaultPlace,
        (status, body): (u16, &str),
        is_true: bool,
    ) -> Self {
        let operation = (place == FaultPlace::Poll).then(|| "5.a".to_owned());
        let asked = self.at(at, WireMoment::Asked { place, operation, body: Vec::new() });
        let answer = (status > 0).then(|| WireAnswer {
            status,
            retry_after: None,
            body: body.to_owned(),
            is_true,
        });
        asked.at(at, WireMoment::Answered { place, delay: Duration::ZERO, answer })
    }

    fn registers(self, at: u64, status: u16) -> Self {
        self.asks(at, FaultPlace::Register, status, r#"{"status":"assigning"}"#)
    }

    fn polls(self, at: u64) -> Self {
        self.asks(at, FaultPlace::Poll, 202, r#"{"status":"assigning"}"#)
    }

    fn gets_its_hub(self, at: u64) -> Self {
        self.asks(at, FaultPlace::Poll, 200, r#"{"status":"assigned"}"#)
    }

    #[track_caller]
    fn judged(&self, case: &str) -> Finding {
        match chosen(&[case.to_owned()]).unwrap()[0].judge {
            Judge::One(judge) => judge(&self.0),
            Judge::Each(..) | Judge::InARow(..) => panic!("{case} takes several runs"),
        }
    }
}

fn is_kept(finding: &Finding) -> bool {
    matches!(finding, Finding::Kept(_))
}

#[test]
fn j_328_a_wait_may_be_a_tenth_of_a_second_too_short_and_no_more() {
    let waits = |wait: u64| {
        let client = Client::that(End::Code(0), 20_000);
        client.registers(1_000, 202).gets_its_hub(1_000 + wait).judged("waits-retry-after-3")
    };

    assert_eq!(waits(2_900), Finding::kept("waited 2.900 s"));
    assert_eq!(
        waits(2_899),
        Finding::broken(
            "it asked again 2.899 s after the 202 to its register request at 1.000 s, which said retry-after=3"
        )
    );
    assert!(matches!(waits(12_000), Finding::Wanting(_)));
}

#[test]
fn h_3_five_polls_in_ten_seconds_are_allowed_and_six_are_not() {
    let polls = |pause: u64| {
        let mut client = Client::that(End::Code(0), 60_000).registers(0, 202);
        for poll in 1..8 {
            client = client.polls(poll * pause);
        }
        client.gets_its_hub(8 * pause).judged("polls-within-quota")
    };

    assert_eq!(polls(2_000), Finding::kept("at most 5 polls in 10 s, of 8 in all"));
    assert!(matches!(polls(1_900), Finding::Broken(why) if why.contains("6 times")));
}

#[test]
fn j_329_waits_that_grow_are_kept_and_short_ones_fail_at_any_level() {
    let busy = |waits: [u64; 3]| {
        let mut client = Client::that(End::Code(0), 60_000).registers(0, 503);
        let (mut at, whole) = (0, waits.iter().sum::<u64>());
        for wait in waits {
            at += wait;
            client = client.registers(at, if at == whole { 202 } else { 503 });
        }
        client.gets_its_hub(at + 1_000).judged("503-backs-off")
    };

    assert!(is_kept(&busy([1_000, 1_500, 2_000])));
    assert!(matches!(busy([2_000, 2_000, 2_000]), Finding::Broken(_)));
    assert!(matches!(busy([899, 2_000, 4_000]), Finding::Failed(_)));
    let gave_up = Client::that(End::Code(1), 100).registers(0, 503).judged("503-backs-off");
    assert!(matches!(gave_up, Finding::Wanting(_)), "{gave_up:?}");
}

#[test]
fn j_328_jitter_is_seen_in_most_of_the_runs() {
    let Judge::Each(20, judge) = chosen(&["jitter".to_owned()]).unwrap()[0].judge else { panic!() };
    let runs = |step: u64| -> Vec<Observation> {
        let run = |n| {
            let client = Client::that(End::Code(0), 9_000);
            client.registers(0, 503).registers(2_000 + n * step, 202).0
        };
        (0..20).map(run).collect()
    };

    assert!(is_kept(&judge(&runs(10))));
    assert!(matches!(judge(&runs(1)), Finding::Broken(_)));
    let mut one_is_late = runs(0);
    one_is_late[3] = Client::that(End::Code(0), 9_000).registers(0, 503).registers(4_000, 202).0;
    assert!(matches!(judge(&one_is_late), Finding::Broken(_)), "a busy machine is no jitter");
}

#[test]
fn j_323_an_answer_without_sense_is_survived_by_an_end_with_an_error_or_by_going_on() {
    let told_nonsense = |end, took| {
        Client::that(end, took).asks_and_is_told(10, FaultPlace::Register, (202, "{\"oper"), false)
    };
    let case = "broken-json";

    assert!(is_kept(&told_nonsense(End::Code(1), 50).judged(case)));
    let went_on = told_nonsense(End::Code(0), 3_000).registers(1_000, 202).gets_its_hub(2_000);
    assert!(is_kept(&went_on.judged(case)));
    for (end, took, said) in [
        (End::Code(0), 50, "as if it had a hub"),
        (End::Signal(11), 50, "crashed with signal 11"),
        (End::Code(139), 50, "stands for signal 11"),
    ] {
        let finding = told_nonsense(end, took).judged(case);
        assert!(matches!(&finding, Finding::Failed(why) if why.contains(said)), "{finding:?}");
    }
    let mut uncaught = told_nonsense(End::Code(1), 50);
    uncaught.0.uncaught = Some("Node.js v20.20.2".to_owned());
    assert!(matches!(uncaught.judged(case), Finding::Wanting(_)));
    let hung = told_nonsense(End::Stopped, 45_000).judged(case);
    assert!(matches!(&hung, Finding::Broken(why) if why.contains("it hung")), "{hung:?}");
    let unseen = Client::that(End::Code(1), 50).judged(case);
    assert!(matches!(unseen, Finding::Unseen(_)));
}

#[test]
fn j_324_who_waits_for_ever_fails_and_who_asks_again_does_not() {
    let opened = WireMoment::Opened { listener: FaultTransport::Mqtt };
    let silence = |end, took| Client::that(end, took).at(0, opened.clone()).registers(10, 0);
    let case = "silent-register";

    assert!(matches!(silence(End::Stopped, 75_000).judged(case), Finding::Broken(_)));
    assert!(is_kept(&silence(End::Code(1), 60_000).judged(case)));
    assert!(is_kept(&silence(End::Stopped, 75_000).registers(30_000, 0).judged(case)));
    assert!(matches!(silence(End::Code(0), 60_000).judged(case), Finding::Failed(_)));
    let subscribes = |times: u64| {
        let client = Client::that(End::Stopped, 75_000).at(0, opened.clone());
        let again = |client: Client, n| client.at(n * 30_000, WireMoment::Subscribe(Vec::new()));
        (0..times).fold(client, again).judged("silent-subscribe")
    };
    assert!(matches!(subscribes(1), Finding::Broken(_)));
    assert!(is_kept(&subscribes(2)));
}

/// The answer to the keys of a TPM.
const CHALLENGE: &str =
    r#"{"message":"Authorization required","authenticationKey":"AD==","keyName":"registration"}"#;

#[test]
fn j_495_a_tpm_that_is_given_a_key_and_signs_with_it_asks_once() {
    let client = || Client::that(End::Code(0), 20_000);
    let challenged = |client: Client, at| client.asks(at, FaultPlace::Register, 401, CHALLENGE);

    let told = challenged(client(), 0).registers(500, 202).polls(3_500).gets_its_hub(6_500);
    assert!(is_kept(&told.judged("polls-to-the-end")), "{:?}", told.judged("polls-to-the-end"));
    let refused = challenged(Client::that(End::Code(4), 1_000), 0).registers(500, 401);
    assert!(is_kept(&refused.judged("401-not-repeated")));
    let again = challenged(challenged(Client::that(End::Code(4), 9_000), 0), 5_000);
    assert!(
        matches!(again.judged("401-not-repeated"), Finding::Broken(_)),
        "no answer to a challenge"
    );
    let stopped = challenged(Client::that(End::Code(4), 1_000), 0);
    assert!(
        matches!(stopped.judged("assigned"), Finding::Failed(why) if why.contains("1 register"))
    );
}

#[test]
fn j_495_how_long_a_tpm_waits_is_seen_where_it_begins_to_ask() {
    let client = Client::that(End::Code(0), 20_000)
        .registers(0, 503)
        .asks(1_500, FaultPlace::Register, 503, "")
        .asks(4_000, FaultPlace::Register, 401, CHALLENGE)
        .registers(4_600, 202)
        .gets_its_hub(8_000);

    assert_eq!(client.0.registers()[2].asked, ms(4_000));
    assert_eq!(client.0.registers()[2].answered, Some(ms(4_600)));
    assert_eq!(client.0.registers().len(), 3);
}

#[test]
fn a_16_a_401_is_asked_for_once() {
    let refused = |times: u64| {
        let client = Client::that(End::Code(4), 20_000);
        (0..times)
            .fold(client, |client, n| client.registers(n * 5_000, 401))
            .judged("401-not-repeated")
    };

    assert!(is_kept(&refused(1)));
    assert_eq!(
        refused(2),
        Finding::broken("it registered 2 times although it was told a 401: at 0.000 s, 5.000 s")
    );
}

/// One that registers over AMQP, on links with this address.
fn over_amqp(address: &str, token: Option<&str>) -> Client {
    let attach = |receives| WireAttach {
        address: Some(address.to_owned()),
        receives,
        api_version: Some("2021-06-01".to_owned()),
        client_version: None,
        is_for_hub: false,
    };
    let sign_in = WireSignIn {
        user_name: token.map(|_| "0ne1/registrations/pump".to_owned()),
        password: token.map(|token| SasToken::from_text(token.to_owned())),
    };
    Client::that(End::Code(0), 3_000)
        .at(0, WireMoment::Opened { listener: FaultTransport::Amqp })
        .at(1, WireMoment::SignIn(sign_in))
        .at(2, WireMoment::Open("a container".to_owned()))
        .at(3, WireMoment::Attach(attach(true)))
        .at(4, WireMoment::Attach(attach(false)))
        .registers(5, 202)
        .gets_its_hub(2_000)
}

#[test]
fn j_341_over_amqp_a_client_is_judged_by_its_links_and_its_sasl() {
    let token = "SharedAccessSignature sr=0ne1%2Fregistrations%2Fpump&sig=YQ%3D%3D&se=9999999999&skn=registration";
    let client = over_amqp("amqps://localhost/0ne1/registrations/pump", Some(token));

    for case in ["assigned", "client-id", "api-version", "token-resource", "token-key-name"] {
        let finding = client.judged(case);
        assert!(is_kept(&finding), "{case}: {finding:?}");
    }
    let nameless = client.judged("client-version");
    assert!(matches!(&nameless, Finding::Broken(why) if why.contains("which program")));
    let other = over_amqp("0ne1/registrations/other", Some(token)).judged("client-id");
    assert!(matches!(&other, Finding::Broken(why) if why.contains("another scope or ID")));
    let certificate = over_amqp("0ne1/registrations/pump", None).judged("token-resource");
    assert!(matches!(&certificate, Finding::Unseen(why) if why.contains("certificate")));
    let topics = client.judged("topics");
    assert_eq!(topics, Finding::unseen("over amqp there is no such thing"));
}

#[test]
fn j_341_over_amqp_goodbye_is_close() {
    let left =
        |how: WireEnd| over_amqp("0ne1/registrations/pump", None).at(2_500, WireMoment::Ended(how));

    let silent = left(WireEnd::Closed).judged("closes-cleanly");
    assert_eq!(silent, Finding::broken("no close: the connection was closed by the client"));
    let said = over_amqp("0ne1/registrations/pump", None).at(2_400, WireMoment::Close(None));
    let said = said.at(2_500, WireMoment::Ended(WireEnd::ByService));
    assert_eq!(said.judged("closes-cleanly"), Finding::kept("close"));
}

#[test]
fn a_client_that_ends_amqp_before_it_is_trusted_has_said_something() {
    let sign_in = WireSignIn { user_name: None, password: None };
    let client = Client::that(End::Code(1), 100)
        .at(0, WireMoment::Opened { listener: FaultTransport::Amqp })
        .at(5, WireMoment::SignIn(sign_in));

    let finding = client.judged("certificate-untrusted");

    assert!(matches!(&finding, Finding::Failed(why) if why.contains("the beginning of AMQP")));
}
