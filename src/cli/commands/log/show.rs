//! A registration as a line, and as a conversation.

use super::entry::{Entry, Moment, Story};
use crate::cli::output::printer::{Mark, Printer};

/// Below a line.
const INDENT: &str = "      ";

/// One line, and below it why there is no hub.
pub(super) fn line(entry: &Entry, printer: &mut Printer) {
    let time = entry.time.get(..23).unwrap_or(&entry.time);
    let enrollment = match &entry.enrollment {
        Some(enrollment) => format!("{} {}", enrollment.kind, enrollment.name),
        None => "-".to_owned(),
    };
    let known = [
        Some(entry.registration_id.clone()),
        Some(enrollment),
        Some(entry.check()),
        entry.transport.clone(),
        entry.assigned_hub.clone(),
        entry.ms.map(|ms| format!("{ms} ms")),
    ];
    let known: Vec<String> = known.into_iter().flatten().collect();
    printer.marked(
        mark(&entry.status),
        &format!("{time}Z {:>5}  ", entry.sequence),
        &format!("{:<9}", entry.status),
        &format!(" {}", known.join("  ")),
    );
    for text in entry.failure() {
        printer.prose(INDENT, &text);
    }
}

/// All that is known of it, moment by moment.
pub(super) fn story(story: &Story, printer: &mut Printer) {
    for moment in &story.timeline {
        let Moment { at, actor, title, detail, outcome } = moment;
        let mark = match outcome.as_str() {
            "good" => Mark::Good,
            "bad" => Mark::Bad,
            _ => Mark::Neutral,
        };
        printer.marked(mark, INDENT, &format!("{at:>6} ms {actor:<8}"), &format!(" {title}"));
        for text in detail.iter().flat_map(|detail| detail.lines()) {
            printer.line(format!("{INDENT}{:19}{text}", ""));
        }
    }
    if let Some(explanation) = &story.explanation {
        let lead = format!("{INDENT}{}: ", explanation.title);
        printer.prose(INDENT, format!("{}{}", &lead[INDENT.len()..], explanation.meaning));
        for remedy in &explanation.remedies {
            printer.prose(&format!("{INDENT}try: "), remedy);
        }
    }
}

fn mark(status: &str) -> Mark {
    match status {
        "assigned" => Mark::Good,
        "assigning" => Mark::Neutral,
        _ => Mark::Bad,
    }
}
