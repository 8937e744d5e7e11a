use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::place::FaultPlace;
use super::super::rule::FaultRule;
use super::super::word::{DEEDS, FaultWord, fault_words};

fn refused(text: &str) -> String {
    match text.parse::<FaultRule>() {
        Ok(rule) => panic!("{text} is taken as {rule}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn j_260_rules_are_read_and_written() {
    for (text, canonical) in [
        (
            "poll status=503 retry-after=2 times=2 device=pump-*",
            "poll device=pump-* times=2 status=503 retry-after=2",
        ),
        ("  register   close times=1 ", "register times=1 close"),
        ("register wrong-rid times=1", "register times=1 wrong-rid"),
        ("poll lose-answer times=1", "poll times=1 lose-answer"),
        (
            "poll retry-after=\"Wed, 21 Oct 2026 07:28:00 GMT\"",
            "poll retry-after=\"Wed, 21 Oct 2026 07:28:00 GMT\"",
        ),
        ("poll retry-after=abc", "poll retry-after=abc"),
        ("poll retry-after=-1", "poll retry-after=-1"),
        ("poll retry-after=1.5", "poll retry-after=1.5"),
        ("poll retry-after=none", "poll retry-after=none"),
        ("poll retry-after=\"\"", "poll retry-after=\"\""),
        (
            "register status=401 message=\"say \\\"no\\\"\" delay=1500ms",
            "register status=401 message=\"say \\\"no\\\"\" delay=1s500ms",
        ),
        (
            "register probability=0.03 seed=7 scope=all lose-answer",
            "register probability=0.03 seed=7 scope=all lose-answer",
        ),
        ("poll assigning=3", "poll assigning=3"),
        ("accept slow=100/s transport=mqtt", "accept transport=mqtt slow=100/s"),
        ("tls certificate=wrong-name", "tls certificate=wrong-name"),
        ("tls tls-alert=unknown_ca", "tls tls-alert=48"),
        ("register clock=+2h", "register clock=+2h"),
        ("poll clock=-90m", "poll clock=-1h30m"),
        (
            "lookup hub=unknown enrollment=\"my pumps\"",
            "lookup enrollment=\"my pumps\" hub=unknown",
        ),
        ("poll status=502 html", "poll status=502 html"),
        ("register truncate=0 transport=https", "register transport=https truncate=0"),
        ("connect sasl-outcome=1", "connect sasl-outcome=1"),
        ("grant issued-validity=120s times=1", "grant times=1 issued-validity=2m"),
        ("grant issued-validity=0s", "grant issued-validity=0s"),
        ("grant chain-length=20 enrollment=pumps", "grant enrollment=pumps chain-length=20"),
        ("grant message=Hey code=400040", "grant code=400040 message=Hey"),
        ("poll chain-encoding=pem-base64", "poll chain-encoding=pem-base64"),
        ("lookup connection-profile=unknown", "lookup connection-profile=unknown"),
        (
            "subscribe detach=amqp:not-found transport=amqp-ws",
            "subscribe transport=amqp-ws detach=amqp:not-found",
        ),
    ] {
        let rule: FaultRule = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(rule.to_string(), canonical);
        assert_eq!(canonical.parse(), Ok(rule));
    }
}

#[test]
fn j_260_an_unknown_word_is_refused_by_name_with_the_nearest() {
    for (text, reason) in [
        ("", "the rule is empty; begin with where it strikes: "),
        ("pol status=503", "\"pol\" is no place where a fault strikes; there are "),
        ("pol status=503", "did you mean poll?"),
        ("status=503", "begin with where it strikes, not with status"),
        ("poll=3 close", "poll is where it strikes, and takes no value"),
        ("connect conack=5", "did you mean connack?"),
        ("connect connack=0", "connack=0: expected a whole number from 1 to 255"),
        ("poll statsu=503", "no rule has a word \"statsu\"; did you mean status?"),
        ("poll xyzzy", "no rule has a word \"xyzzy\"; there are device, "),
        ("poll status", "status needs a value: status=STATUS"),
        ("poll close=1", "close takes no value"),
        ("poll close close", "close is there twice"),
        ("poll status=99", "status=99: expected a whole number from 200 to 599"),
        ("poll status=abc", "status=abc: expected a whole number"),
        ("poll times=0 close", "times=0: expected a whole number from 1 on"),
        ("poll probability=0 close", "above 0 and at most 1"),
        ("poll probability=NaN close", "above 0 and at most 1"),
        ("poll scope=each close", "expected device or all"),
        ("poll transport=http close", "mqtt, mqtt-ws, https, amqp or amqp-ws"),
        ("grant chain-length=3", "chain-length=3: expected a whole number from 4 to 100"),
        ("grant issued-validity=5ms", "expected a duration of whole seconds"),
        ("poll chain-encoding=der", "expected pem or pem-base64"),
        ("poll connection-profile=mqttv5", "expected classic, mqttV5 or unknown"),
        ("connect sasl-outcome=0", "sasl-outcome=0: expected a whole number from 1 to 4"),
        ("subscribe detach=gone", "detach=gone: expected one of amqp:internal-error, "),
        ("poll delay=soon", "delay=soon: expected a duration"),
        ("poll retry-after=a&b", "without + # &"),
        ("poll message=\"open", "message=: the quotes are not closed"),
        ("poll =3", "there is an = without a word before it"),
        ("tls certificate=old", "expired, wrong-name, untrusted or long"),
        ("tls tls-alert=boom", "or one of handshake-failure, "),
        ("register clock=2h", "such as +2h"),
        ("accept slow=fast", "such as 100/s"),
        ("poll hub=other", "hub=other: expected unknown"),
        ("poll device= close", "device=: expected a registration ID"),
    ] {
        let told = refused(text);
        assert!(told.contains(reason), "{text}: {told}");
    }
}

#[test]
fn j_261_a_rule_that_can_never_strike_is_refused_with_the_reason() {
    for (text, reason) in [
        ("poll", "it does not say what happens; at poll it may be status=STATUS, "),
        (
            "connect retry-after=2",
            "retry-after can never strike at connect; it is for register, poll, lookup, renew and \
             issue",
        ),
        ("accept close device=pump-*", "device can never strike at accept"),
        ("tls close transport=mqtt-ws", "nothing asks for a tls over mqtt-ws"),
        ("tls clock=+2h", "clock can never strike at tls; it is for register, poll and lookup"),
        ("register clock=+2h status=503", "decides what is answered"),
        ("poll connack=5", "connack can never strike at poll; it is for connect and hub-connect"),
        ("connect connack=3 transport=https", "nothing asks for a connect over https"),
        ("webhook close transport=mqtt", "transport can never strike at webhook"),
        ("connect close enrollment=pumps", "enrollment can never strike at connect"),
        ("webhook broken-json status=500", "the webhook is not called"),
        ("register assigning=3", "assigning can never strike at register; it is for poll"),
        (
            "register hub=unknown",
            "hub can never strike at register; it is for poll, lookup and webhook",
        ),
        (
            "lookup wrong-rid",
            "wrong-rid can never strike at lookup; it is for register, poll, twin, renew and issue",
        ),
        (
            "poll wrong-rid transport=https",
            "it can never strike over https: wrong-rid is for mqtt, mqtt-ws, amqp and amqp-ws",
        ),
        (
            "connect connack=5 transport=amqp",
            "it can never strike over amqp: connack is for mqtt and mqtt-ws",
        ),
        (
            "connect sasl-outcome=1 transport=mqtt",
            "it can never strike over mqtt: sasl-outcome is for amqp and amqp-ws",
        ),
        ("accept close transport=amqp-ws", "nothing asks for a accept over amqp-ws"),
        ("lookup close transport=mqtt", "nothing asks for a lookup over mqtt"),
        ("lookup retry-after=3", "which is never told to wait"),
        ("poll nth=2 times=3 close", "nth is one request alone"),
        ("poll seed=1 close", "seed decides nothing without probability"),
        ("poll message=no", "message is told with an error only; add a status"),
        ("poll status=202 code=401002", "code is told with an error only, and 202 is none"),
        ("poll silence delay=3s", "there is nothing to delay"),
        ("poll late delay=3s", "take one of them"),
        ("poll close status=503", "there is no answer that could have a status"),
        ("poll assigning=3 times=2", "leave out times"),
        ("poll assigning=3 scope=all", "leave out scope"),
        ("poll assigning=3 status=503", "decides what is answered"),
        ("poll close silence", "close and silence are two faults"),
        ("poll hub=unknown status=503", "an error has nothing"),
        ("poll status=503 retry-after=none", "leaves out nothing"),
    ] {
        let told = refused(text);
        assert!(told.contains(reason), "{text}: {told}");
    }
}

/// Every word can strike at each place where it says so.
#[test]
fn j_261_every_word_can_strike_where_it_says_so() {
    for word in DEEDS {
        for place in word.places {
            let value = match word.value {
                "" => String::new(),
                "unknown" => "=unknown".to_owned(),
                "CONDITION" => "=amqp:not-found".to_owned(),
                "STATUS" => "=503".to_owned(),
                "CODE" => "=503001".to_owned(),
                "DURATION" => "=3s".to_owned(),
                "BYTES/s" => "=100/s".to_owned(),
                "expired|wrong-name|untrusted|long" => "=expired".to_owned(),
                "+DURATION|-DURATION" => "=+2h".to_owned(),
                "classic|mqttV5|unknown" => "=classic".to_owned(),
                "pem|pem-base64" => "=pem".to_owned(),
                // It has to be longer than it is anyway.
                _ if word.name == "chain-length" => "=20".to_owned(),
                _ => "=2".to_owned(),
            };
            // A message, and a wait that is told where nobody waits, are part of an error.
            let more = match (word.name, place) {
                ("message", FaultPlace::Grant) => " code=400040",
                ("message", _)
                | ("retry-after", FaultPlace::Lookup | FaultPlace::Renew | FaultPlace::Issue) => {
                    " status=503"
                }
                _ => "",
            };
            let text = format!("{place} {}{value}{more}", word.name);
            text.parse::<FaultRule>().unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }
}

/// A rule of some words, of which many make no sense.
fn some_rule() -> impl Strategy<Value = String> {
    let values = prop_oneof![
        "[0-9]{1,6}",
        "[a-z*?-]{1,6}",
        "0\\.[0-9]{1,3}",
        "\"[ -~&&[^\"\\\\]]{0,8}\"",
        Just("unknown".to_owned())
    ];
    let all: Vec<&FaultWord> = fault_words().collect();
    let words = subsequence(all, 1..5).prop_shuffle();
    (select(&FaultPlace::ALL[..]), words, prop::collection::vec(values, 5)).prop_map(
        |(place, words, values)| {
            let words = words.iter().zip(values).map(|(word, value)| match word.value {
                "" => format!(" {}", word.name),
                _ => format!(" {}={value}", word.name),
            });
            format!("{place}{}", words.collect::<String>())
        },
    )
}

proptest! {
    #[test]
    fn j_260_what_is_written_is_read_as_the_same(text in some_rule()) {
        if let Ok(rule) = text.parse::<FaultRule>() {
            prop_assert_eq!(rule.to_string().parse::<FaultRule>(), Ok(rule));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}", tail in "[a-z=\"\\\\ ]{0,30}") {
        let _ = text.parse::<FaultRule>();
        let _ = format!("poll {tail}").parse::<FaultRule>();
    }
}
