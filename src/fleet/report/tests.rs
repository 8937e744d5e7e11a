//! The figures of whole reports, and of merged ones.

use std::time::Duration;

use proptest::prelude::*;

use super::testing::{report_of, result};
use super::*;
use crate::fleet::{DeviceResult, Issuance, Phase};

fn millis(latency: &Latency, percent: f64) -> f64 {
    latency.percentile(percent).unwrap().as_secs_f64() * 1e3
}

#[test]
fn every_number_is_that_of_the_results() {
    let report = report_of(&[
        DeviceResult {
            tries: 3,
            throttled: 2,
            throttled_at: vec![(0, 1), (2, 1)],
            lost: 1,
            ..result("a", Ok("hub-1"), 0, 100)
        },
        DeviceResult { tries: 1, throttled: 5, lost: 0, ..result("b", Ok("hub-1"), 500, 200) },
        DeviceResult { tries: 2, ..result("c", Ok("hub-2"), 1000, 300) },
        result("d", Err(("400207", "status code: 400")), 2000, 5),
        result("e", Err(("400207", "status code: 200")), 3500, 5),
        result("f", Err(("connect", "refused")), 2000, 5),
    ]);
    let tally = &report.tally;

    assert_eq!((tally.devices(), tally.assigned(), tally.failed()), (6, 3, 3));
    assert_eq!((tally.tries(), tally.retries(), tally.throttled(), tally.lost()), (9, 3, 7, 1));
    let hubs: Vec<_> = tally.hubs().iter().map(|(hub, count)| (hub.as_str(), *count)).collect();
    assert_eq!(hubs, [("hub-1", 2), ("hub-2", 1)]);
    let failures: Vec<_> = tally.failures().iter().collect();
    assert_eq!(failures[0].0, "400207");
    assert_eq!(
        failures[0].1,
        &Failure { devices: 2, expected: 0, example: "status code: 200".into() }
    );
    assert_eq!(failures[1].1, &Failure { devices: 1, expected: 0, example: "refused".into() });
    assert_eq!(tally.timeline().launched(), [2, 1, 2, 1]);
    assert_eq!(tally.timeline().assigned(), [2, 1, 0, 0]);
    assert_eq!(tally.timeline().failed(), [0, 0, 2, 1]);
    assert_eq!(tally.timeline().throttled(), [1, 0, 1, 0]);
    assert_eq!(report.elapsed, Duration::from_millis(3505));
    assert!((report.rate() - 3.0 / 3.505).abs() < 1e-9);
}

#[test]
fn j_491_certificates_are_counted_where_devices_asked_for_them_and_told() {
    let of = |issuance| DeviceResult { issuance, ..result("a", Ok("hub-1"), 0, 100) };
    let asked = [Some(Issuance::Issued), Some(Issuance::Issued), Some(Issuance::LeftOut), None];
    let mut report = report_of(&asked.map(of));
    let none = report_of(&[of(None)]);

    let json = report.to_json();
    assert_eq!((&json["issued"], &json["leftOut"]), (&2.into(), &1.into()));
    assert_eq!(Report::from_json(&json).unwrap(), report);
    let text = report.text();
    for line in [
        "  issued               2  certificates",
        "  left out             1  assigned without the certificate that they asked for",
    ] {
        assert!(text.lines().any(|found| found == line), "{line:?} in\n{text}");
    }
    assert!(report.html().contains("<b>1</b><span>assigned without a certificate"));
    let holds = |condition: &str| condition.parse::<FailIf>().unwrap().holds(&report);
    assert!(holds("left-out>0") && holds("issued<100%") && !holds("issued<2"));
    let side = |name: &str, report: &Report| Side { name: name.to_owned(), report: report.clone() };
    let compared = Comparison { before: side("a", &report), after: side("b", &none) };
    let row = format!("{:<20}{:>12}{:>12}{:>10}", "left out", 1, 0, "× 0.00");
    assert!(compared.text().contains(&row), "{}", compared.text());

    assert!(!none.text().contains("issued") && !none.html().contains("certificate"));
    let alike = Comparison { before: side("a", &none), after: side("b", &none) };
    assert!(!alike.text().contains("left out") && !alike.html().contains("left out"));
    report.merge(&none);
    report.merge(&Report::from_json(&json).unwrap());
    assert_eq!((report.tally.issued(), report.tally.left_out()), (4, 2));
}

#[test]
fn j_170_the_time_of_a_registration_counts_from_when_it_was_meant_to_begin() {
    let late = DeviceResult {
        began: Duration::from_millis(900),
        phases: vec![(Phase::Tls, Duration::from_millis(40)), (Phase::Assigned, Duration::ZERO)],
        ..result("late", Ok("hub"), 0, 1000)
    };
    let failed = result("failed", Err(("timeout", "…")), 0, 60_000);
    let report = report_of(&[late, failed]);

    let assigned = report.tally.phase(Phase::Assigned).unwrap();
    assert_eq!(assigned.count(), 1, "those that failed have no time of a registration");
    assert!((millis(assigned, 99.0) - 1000.0).abs() <= 1.0);
    assert!((millis(report.tally.phase(Phase::Tls).unwrap(), 50.0) - 40.0).abs() <= 0.04);
    assert_eq!(report.tally.phase(Phase::Upgrade), None);
}

#[test]
fn j_171_shards_ran_side_by_side() {
    let mut one = report_of(&[result("a", Ok("hub"), 0, 4000)]);
    let two = report_of(&[result("b", Ok("hub"), 0, 9000)]);

    one.merge(&two);

    assert_eq!(one.elapsed, Duration::from_secs(9));
    assert_eq!(one.tally.devices(), 2);
    assert_eq!(one.generator.open_peak, 2 * two.generator.open_peak);
}

#[test]
fn of_no_device_there_is_a_report_too() {
    let report = report_of(&[]);

    assert_eq!((report.rate(), report.bottleneck()), (0.0, None));
    assert!(report.text().contains("0 devices"), "{}", report.text());
    assert!(report.html().contains("</html>"));
}

prop_compose! {
    fn any_result()(
        hub in prop::option::of(0..3_u8), code in 0..3_u8, message in "[a-c]{0,2}",
        at in 0..9_000_000_u64, took in 0..90_000_000_u64,
        (tries, throttled, lost) in (1..5_u32, 0..9_u32, 0..3_u32),
        phases in prop::collection::vec((0..9_usize, 0..5_000_u64), 0..4),
    ) -> DeviceResult {
        let hub = hub.map(|hub| format!("hub-{hub}"));
        let code = format!("40020{code}");
        let outcome = hub.as_deref().ok_or((code.as_str(), message.as_str()));
        let phases = phases.into_iter().map(|(phase, ms)| (Phase::ALL[phase], Duration::from_millis(ms)));
        DeviceResult { tries, throttled, lost, phases: phases.collect(), ..result("x", outcome, at, took) }
    }
}

proptest! {
    // Each case reads, adds and writes some twenty histograms of 20,000 counters, in code that
    // is not optimized.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn merged_reports_are_the_report_of_one_who_saw_everything(
        results in prop::collection::vec(any_result(), 0..40), cut in any::<prop::sample::Index>(),
    ) {
        let (one, two) = results.split_at(cut.index(results.len() + 1));
        let (one, two, all) = (report_of(one), report_of(two), report_of(&results));

        let (mut sum, mut other_way) = (one.clone(), two.clone());
        sum.merge(&Report::from_json(&two.to_json()).unwrap());
        other_way.merge(&Report::from_json(&one.to_json()).unwrap());

        prop_assert_eq!(&sum.tally, &all.tally);
        prop_assert_eq!(&other_way, &sum);
        prop_assert_eq!(sum.elapsed, all.elapsed);
    }

    #[test]
    fn the_json_reads_back_whole(results in prop::collection::vec(any_result(), 0..20)) {
        let report = report_of(&results);
        let written = serde_json::to_string(&report.to_json()).unwrap();

        let read = Report::from_json(&serde_json::from_str(&written).unwrap()).unwrap();

        prop_assert_eq!(&read, &report);
        prop_assert_eq!(read.to_json(), report.to_json());
    }
}
