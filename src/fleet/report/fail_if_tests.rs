use proptest::prelude::*;

use super::super::testing::{report_of, result};
use super::*;
use crate::fleet::DeviceResult;

/// Ten devices within 10 s: nine assigned after 1, 2 … 9 s, one failed.
fn report() -> Report {
    let mut results: Vec<_> = (1..=9)
        .map(|second| DeviceResult {
            phases: vec![(Phase::Tls, Duration::from_millis(second * 10))],
            ..result("x", Ok("hub"), 0, second * 1000)
        })
        .collect();
    results.push(DeviceResult {
        throttled: 2,
        lost: 1,
        tries: 4,
        ..result("y", Err(("401002", "no")), 0, 10_000)
    });
    report_of(&results)
}

#[test]
fn conditions_hold_exactly_when_they_should() {
    let report = report();
    let holds = |text: &str| text.parse::<FailIf>().unwrap().holds(&report);

    for (yes, no) in [
        ("p50>4900ms", "p50>5100ms"),
        ("p99>8s", "p99>9100ms"),
        ("max>=8900ms", "max<8900ms"),
        ("p50(tls)>49ms", "p50(tls)>51ms"),
        ("p100(tls)<=91ms", "p100(tls)<=89ms"),
        ("failed>0", "failed>1"),
        ("failed>=10%", "failed>10%"),
        ("failed<=1", "failed<1"),
        ("throttled>19.9%", "throttled>20%"),
        ("throttled>=2", "throttled>=3"),
        ("lost>0", "lost>1"),
        ("retries>2", "retries>3"),
        ("rate<1/s", "rate<0.9/s"),
        ("rate<55/m", "rate<54/min"),
    ] {
        assert!(holds(yes), "{yes}");
        assert!(!holds(no), "{no}");
    }
}

#[test]
fn j_172_what_nobody_went_through_fails_nothing() {
    for text in ["p99(upgrade)>0s", "p99(upgrade)<1h", "max(dns)>=0s"] {
        let condition: FailIf = text.parse().unwrap();
        assert!(!condition.holds(&report()), "{text}");
        assert_eq!(condition.actual(&report()), "not known");
    }
    assert!(!"failed>0%".parse::<FailIf>().unwrap().holds(&report_of(&[])));
}

#[test]
fn the_actual_figure_is_told() {
    let actual = |text: &str| text.parse::<FailIf>().unwrap().actual(&report());

    assert!(actual("p99>5s").starts_with("9 s"), "{}", actual("p99>5s"));
    assert_eq!(actual("failed>3"), "1");
    assert_eq!(actual("failed>3%"), "10 %");
    assert_eq!(actual("rate<3/s"), "0.90/s");
}

#[test]
fn a_mistake_is_told_with_what_was_expected() {
    let refused = |text: &str| text.parse::<FailIf>().unwrap_err().to_string();

    for text in ["", "p99", ">", "p99>", ">5s", "p99=5s"] {
        assert!(refused(text).contains("expected a comparison"), "{text}: {}", refused(text));
    }
    for text in ["p101>1s", "p>1s", "p-1>1s", "p1e1>1s", "pinf>1s", "q99>1s", "p99(tls>1s"] {
        assert!(refused(text).contains("no figure"), "{text}: {}", refused(text));
    }
    assert!(refused("p99(lunch)>1s").contains("\"lunch\" is no phase; expected dns, tcp, "));
    for text in ["p99>5", "p99>soon", "p99>2h", "p99>>1s", "p99>0.1%"] {
        assert!(refused(text).contains("a duration such as 5s"), "{text}: {}", refused(text));
    }
    for text in ["failed>1s", "failed>-1", "failed>+1", "failed>1.5", "failed>x%", "lost>%"] {
        assert!(refused(text).contains("a whole number"), "{text}: {}", refused(text));
    }
    for text in ["rate<100", "rate<100/d", "rate<x/s", "rate<-1/s"] {
        assert!(refused(text).contains("a rate such as 100/s"), "{text}: {}", refused(text));
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        text in "\\PC{0,20}",
        near in "(p|max|failed|rate|lost)[0-9.()a-z]{0,8}[<>=]{0,2}[0-9.%/smh ]{0,12}",
    ) {
        for text in [text, near] {
            if let Ok(condition) = text.parse::<FailIf>() {
                let _ = (condition.holds(&report_of(&[])), condition.actual(&report_of(&[])));
            }
        }
    }

    #[test]
    fn what_is_shown_reads_back_the_same(
        phase in 0..Phase::ALL.len(), tenths in 0..=1000_u32, millis in 0..=3_600_000_u64,
        sign in prop::sample::select(&[">", ">=", "<", "<="][..]), number in any::<u64>(),
        per_mille in 0..100_000_u32,
        count in prop::sample::select(&["failed", "throttled", "lost", "retries", "issued", "left-out"][..]),
    ) {
        let phase = Phase::ALL[phase].name();
        for text in [
            format!("p{}({phase}){sign}{millis}ms", f64::from(tenths) / 10.0),
            format!("max {sign} {millis}ms"),
            format!("{count}{sign}{number}"),
            format!("{count}{sign}{}%", f64::from(per_mille) / 1000.0),
            format!("rate{sign}{}/m", f64::from(per_mille) / 1000.0),
        ] {
            let condition: FailIf = text.parse().unwrap();
            prop_assert_eq!(condition.to_string().parse::<FailIf>(), Ok(condition), "{}", text);
        }
    }
}
