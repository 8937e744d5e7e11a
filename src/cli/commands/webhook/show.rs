//! What came of it, for people and for programs.

use serde::Serialize;
use serde_json::value::RawValue;

use super::expected::{Expectation, ExpectedArgs};
use super::latency::Latency;
use crate::cli::exit::Exit;
use crate::cli::output::printer::Printer;
use crate::service::{Judgement, Trial, Verdict};
use crate::wire::HubName;

/// The result, as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    /// Whether the command ends with 0.
    ok: bool,
    url: String,
    linked_hubs: &'a [HubName],
    request: &'a RawValue,
    #[serde(flatten)]
    judgement: &'a Judgement,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expectations: Vec<Expectation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<Latency>,
}

/// Prints what came of the calls, and says how the command ends: of several the first that is not as
/// wanted counts.
pub(super) fn show(
    trial: &Trial,
    judgements: &[Judgement],
    expected: &ExpectedArgs,
    is_repeated: bool,
    printer: &mut Printer,
) -> Exit {
    let wrong = judgements.iter().find(|judgement| !expected.is_met(judgement));
    let Some(judgement) = wrong.or(judgements.last()) else { return Exit::Internal };
    let latency = Latency::of(judgements.iter().map(|judgement| judgement.took).collect());
    let latency = latency.filter(|_| is_repeated);
    let mut judgement = judgement.clone();
    judgement.odd.extend(differing(judgements));
    let expectations = expected.compare(&judgement);
    let exit = match (wrong, judgement.verdict) {
        (None, _) => Exit::Done,
        (Some(_), Verdict::NotReachable) => Exit::Network,
        (Some(_), _) => Exit::NotAssigned,
    };
    match printer.is_text() {
        true => text(trial, &judgement, &expectations, latency.as_ref(), exit, printer),
        false => json(trial, &judgement, expectations, latency, exit, printer),
    }
    exit
}

fn json(
    trial: &Trial,
    judgement: &Judgement,
    expectations: Vec<Expectation>,
    latency: Option<Latency>,
    exit: Exit,
    printer: &mut Printer,
) {
    let Ok(request) = serde_json::from_str(trial.request()) else { return };
    printer.json(&Shown {
        ok: exit == Exit::Done,
        url: trial.url().masked(),
        linked_hubs: trial.linked_hubs(),
        request,
        judgement,
        expectations,
        latency,
    });
}

fn text(
    trial: &Trial,
    judgement: &Judgement,
    expectations: &[Expectation],
    latency: Option<&Latency>,
    exit: Exit,
    printer: &mut Printer,
) {
    let told = &judgement.told;
    printer.line(format!("POST {}", trial.url().masked()));
    row(printer, "request", trial.request());
    if let Some(answer) = &judgement.answer {
        let took = judgement.took.as_secs_f64() * 1000.0;
        let kind = answer.content_type.as_deref().unwrap_or("no Content-Type");
        row(printer, "answer", &format!("{} after {took:.1} ms, {kind}", answer.status));
        if !answer.body.is_empty() {
            row(printer, "", &answer.body);
        }
    }
    printer.verdict(exit == Exit::Done, judgement.verdict.as_str());
    match (&told.assigned_hub, &told.device_id) {
        (Some(hub), Some(id)) => {
            row(printer, "device", &format!("assigned to {hub}, deviceId {id}"))
        }
        _ => {
            let code = told.error_code.map(|code| format!("{}: ", code.0)).unwrap_or_default();
            let message = told.error_message.as_deref().unwrap_or_default();
            row(printer, "device", &format!("{}, {code}{message}", told.status));
        }
    }
    if let Some(payload) = &told.payload {
        row(printer, "payload", payload.as_json());
    }
    if let Some(twin) = &judgement.initial_twin {
        let (tags, desired) = (twin.tags.as_json(), twin.desired.as_json());
        row(printer, "twin", &format!("tags {tags}, desired {desired}"));
    }
    if let Some(reason) = &judgement.reason {
        prose(printer, "reason", reason);
    }
    judgement.odd.iter().for_each(|odd| prose(printer, "odd", odd));
    for Expectation { what, expected, found, holds } in expectations {
        let found = found.as_deref().unwrap_or("none");
        let said = if *holds {
            "as expected".to_owned()
        } else {
            format!("expected {expected}, got {found}")
        };
        row(printer, what, &said);
    }
    if let Some(Latency { count, min_ms, median_ms, p95_ms, max_ms }) = latency {
        row(
            printer,
            "latency",
            &format!(
                "{count} calls: min {min_ms} ms, median {median_ms} ms, p95 {p95_ms} ms, max {max_ms} ms"
            ),
        );
    }
}

/// One line, so that JSON can be copied.
fn row(printer: &mut Printer, name: &str, text: &str) {
    printer.line(format!("  {name:<8} {text}"));
}

fn prose(printer: &mut Printer, name: &str, text: &str) {
    printer.prose(&format!("  {name:<8} "), text);
}

/// A function that is asked the same answers the same.
fn differing(judgements: &[Judgement]) -> Option<String> {
    let first = judgements.first()?;
    let others = judgements.iter().filter(|it| it.told != first.told).count();
    (others > 0).then(|| {
        format!(
            "it answered differently to the same request: {others} of {} times",
            judgements.len()
        )
    })
}
