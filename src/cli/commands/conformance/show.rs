//! What is printed of a verdict.

use crate::cli::output::printer::{Mark, Printer};
use crate::verdicts::{Case, Outcome};

/// Where what was found begins: behind the longest word and the longest name.
const NAME_END: usize = 32;

/// The verdict in a line, and where something is to be mended what asks for it.
pub(super) fn verdict(printer: &mut Printer, case: &Case) {
    let (mark, word) = match case.outcome {
        Outcome::Passed => (Mark::Good, "pass"),
        Outcome::Failed(_) => (Mark::Bad, "fail"),
        Outcome::Broken(_) => (Mark::Bad, "broken"),
        Outcome::Warned(_) => (Mark::Neutral, "warn"),
        Outcome::Skipped(_) => (Mark::Neutral, "skipped"),
        Outcome::NotObserved(_) => (Mark::Neutral, "not observed"),
    };
    let width = NAME_END.saturating_sub(word.len());
    let said = match case.outcome {
        Outcome::Passed => case.seen.last().map(|seen| seen.text.clone()).unwrap_or_default(),
        _ => case.outcome.reason(),
    };
    let took = format!("{:.1} s", case.took.as_secs_f64());
    printer.marked(mark, "", word, &format!("  {:<width$} {took:>7}  {said}", case.name));
    if matches!(case.outcome, Outcome::Failed(_) | Outcome::Warned(_))
        && let Some(rule) = &case.rule
    {
        let source = rule.source.as_deref().unwrap_or("a choice of this program");
        printer.prose("      ", format!("{}: {} [{source}]", rule.id, rule.text));
    }
}
