use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::utf8_percent_encode;

use super::super::key::HMACS;
use super::super::testing::{id, keys, signed};
use super::super::{GroupKey, SasToken};
use super::*;
use crate::wire::RESERVED;

const SR: &str = "0ne0%2Fregistrations%2FPump-1";

/// A token with this `sr` whose signature is made over another text.
fn over(sr: &str, text: &str, key: &DeviceKey) -> SasToken {
    let signature = STANDARD.encode(key.sign(text.as_bytes()));
    let signature = utf8_percent_encode(&signature, RESERVED);
    SasToken::from_text(format!("SharedAccessSignature sr={sr}&sig={signature}&se=7"))
}

fn of_group(token: &SasToken) -> SignatureFault {
    let keys = keys();
    let known = KnownKeys { groups: vec![("pumps", &keys)], ..KnownKeys::default() };
    known.diagnose(&token.claims().unwrap(), &id("Pump-1"))
}

#[test]
fn d_3_wrong_keys_are_named() {
    let keys = keys();
    let own: DeviceKey = "AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap();
    let (toaster, other) = (id("toaster"), id("other"));
    let fault = |key: &DeviceKey, known: KnownKeys<'_>| {
        known.diagnose(&signed(key, "toaster").claims().unwrap(), &toaster)
    };
    let groups = || vec![("pumps", &keys)];
    let candidates = vec![id("x"), id("breakroom499-contoso-tstrsd-007")];

    assert_eq!(
        fault(
            &keys.secondary.misused_as_device_key(),
            KnownKeys { groups: groups(), ..KnownKeys::default() }
        ),
        SignatureFault::GroupKeyItself { slot: KeySlot::Secondary }
    );
    assert_eq!(
        fault(
            &"JC8F96eayuQwwz+PkE7IzjH2lIAjCUnAa61tDigBnSs=".parse().unwrap(),
            KnownKeys { groups: groups(), candidates, ..KnownKeys::default() }
        ),
        SignatureFault::KeyOf(id("breakroom499-contoso-tstrsd-007"))
    );
    assert_eq!(
        fault(&own, KnownKeys { others: vec![(&other, &own)], ..KnownKeys::default() }),
        SignatureFault::KeyOf(id("other"))
    );
    assert_eq!(
        fault(
            &keys.primary.derive(&toaster),
            KnownKeys { own: vec![&own], groups: groups(), ..KnownKeys::default() }
        ),
        SignatureFault::OfGroup { group: "pumps".to_owned() }
    );
    assert_eq!(
        fault(&own, KnownKeys { groups: groups(), ..KnownKeys::default() }),
        SignatureFault::Unknown
    );
}

#[test]
fn d_3_the_right_key_over_the_wrong_text_is_named() {
    let key = keys().primary.derive(&id("Pump-1"));
    let plain = "0ne0/registrations/Pump-1";
    let lower = "0ne0%2fregistrations%2fPump-1";

    for (construction, sent, text) in [
        (Construction::Plain, SR, format!("{plain}\n7")),
        (Construction::Plain, lower, format!("{plain}\n7")),
        (Construction::Escaped, plain, format!("{SR}\n7")),
        (Construction::Escaped, plain, format!("{lower}\n7")),
        (Construction::EscapeCase, SR, format!("{lower}\n7")),
        (Construction::EscapeCase, lower, format!("{SR}\n7")),
        (Construction::LowerCase, SR, format!("{}\n7", SR.to_lowercase())),
        (Construction::NoLineFeed, SR, format!("{SR}7")),
        (Construction::WrittenLineFeed, SR, format!("{SR}\\n7")),
        (Construction::CarriageReturn, SR, format!("{SR}\r\n7")),
        (Construction::EndingLineFeed, SR, format!("{SR}\n7\n")),
    ] {
        let found = of_group(&over(sent, &text, &key));

        assert_eq!(found, SignatureFault::Constructed(construction), "{sent} {text:?}");
    }
}

#[test]
fn d_3_the_right_key_in_the_wrong_form_is_named() {
    let group = keys().secondary;
    let derived = group.derive(&id("Pump-1"));
    let long = DeviceKey::generate();
    let text = format!("{SR}\n7");
    let of_own = |key: &DeviceKey| {
        let known = KnownKeys { own: vec![&long], ..KnownKeys::default() };
        known.diagnose(&over(SR, &text, key).claims().unwrap(), &id("Pump-1"))
    };
    let constructed = SignatureFault::Constructed;

    for (construction, key) in [
        (Construction::Undecoded, derived.undecoded()),
        (Construction::DerivedTwice, derived.derived_again(&id("Pump-1"))),
        (Construction::GroupKeyUndecoded, group.undecoded().derive(&id("Pump-1"))),
        (Construction::GroupKeyCut, group.cut().unwrap().derive(&id("Pump-1"))),
    ] {
        assert_eq!(of_group(&over(SR, &text, &key)), constructed(construction));
    }
    assert_eq!(of_own(&long.cut().unwrap()), constructed(Construction::Cut));
    assert_eq!(of_own(&long.undecoded()), constructed(Construction::Undecoded));
    assert_eq!(derived.cut(), None, "it has 32 bytes only");
}

/// As many keys and devices as one likes cost what the first of them do.
#[test]
fn j_211_what_a_wrong_key_costs_does_not_grow_with_what_is_enrolled() {
    let many: Vec<_> = (0..3 * TRIES)
        .map(|_| GroupKeys { primary: GroupKey::generate(), secondary: GroupKey::generate() })
        .collect();
    let last = many.last().unwrap();
    let candidates: Vec<_> = (0..3 * TRIES).map(|n| id(&format!("d{n}"))).collect();
    let known = KnownKeys {
        groups: many.iter().map(|keys| ("pumps", keys)).collect(),
        candidates,
        ..KnownKeys::default()
    };
    let fault =
        |key: &DeviceKey| known.diagnose(&signed(key, "Pump-1").claims().unwrap(), &id("Pump-1"));

    // The last of them is beyond what is tried, in each step.
    assert_eq!(fault(&last.primary.misused_as_device_key()), SignatureFault::Unknown);
    assert_eq!(fault(&last.primary.derive(&id("d0"))), SignatureFault::Unknown);
    assert_eq!(fault(&many[0].primary.derive(&id("d2999"))), SignatureFault::Unknown);
    assert_eq!(fault(&many[0].primary.derive(&id("d0"))), SignatureFault::KeyOf(id("d0")));
}

/// Counted, not timed: the HMACs of a diagnosis, those that derive included.
fn hmacs(groups: usize, own: bool, device: &str) -> usize {
    let keys = keys();
    let stranger: DeviceKey = "AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap();
    let (owner, other) = (id("other"), "BBBBBBBBBBBBBBBBBBBBBA==".parse().unwrap());
    let known = KnownKeys {
        own: if own { vec![&other] } else { Vec::new() },
        groups: vec![("pumps", &keys); groups],
        others: vec![(&owner, &other); groups],
        candidates: (0..1000).map(|n| id(&format!("d{n}"))).collect(),
    };
    let token = signed(&stranger, device);
    let before = HMACS.get();

    let fault = known.diagnose(&token.claims().unwrap(), &id(device));

    assert_eq!(fault, SignatureFault::Unknown);
    HMACS.get() - before
}

#[test]
fn j_211_300_groups_and_1000_sightings_cost_10_000_hmacs_at_most_as_do_100_times_as_many() {
    const MOST: usize = 10_000;

    for own in [false, true] {
        for device in ["pump-1", "Pump-1"] {
            let (some, many) = (hmacs(300, own, device), hmacs(30_000, own, device));

            assert!(some > 1000, "it is tried: {some}");
            assert!(some <= MOST && many <= MOST, "{device}, own {own}: {some}, {many}");
        }
    }
    assert!(hmacs(1, false, "pump-1") > 1000, "one group is tried with all that came by");
}
