//! Printing. A closed standard output (`… | head`) is no error: there is nobody left to be told.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::kept::{Kept, Stream};
use super::wrap::{width_of_errors, width_of_output, wrapped};
use super::{logging, status_line};
use crate::cli::common::Output;
use crate::cli::report::Report;
use crate::cli::timings::Timings;
use crate::diagnose::Status;
use crate::text::{Secrets, inert, inert_json};

const RED: Style = AnsiColor::Red.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Prints results to standard output and failures where they belong.
#[derive(Debug)]
pub(crate) struct Printer {
    pub(crate) format: Output,
    is_quiet: bool,
    is_closed: bool,
    /// What is not shown, wherever it stands.
    secrets: Secrets,
    /// What was printed, if somebody wants it again.
    kept: Option<Kept>,
    /// Whether nothing is printed, only kept.
    is_mute: bool,
}

/// Whether something is good, for the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Good,
    Bad,
    Neutral,
}

impl Printer {
    pub(crate) fn new(format: Output) -> Self {
        Self {
            format,
            is_quiet: false,
            is_closed: false,
            secrets: Secrets::default(),
            kept: None,
            is_mute: false,
        }
    }

    /// From now on none of these is shown, nor logged.
    pub(crate) fn hide(&mut self, secrets: &Secrets) {
        logging::hide(secrets);
        self.secrets.extend(secrets);
    }

    /// Another one like it, which keeps what it prints; a mute one does nothing else.
    pub(crate) fn keeping(&self, is_mute: bool) -> Self {
        let kept = Some(Kept::default());
        let (format, is_quiet, secrets) = (self.format, self.is_quiet, self.secrets.clone());
        Self { format, is_quiet, is_closed: false, secrets, kept, is_mute }
    }

    /// What was kept; from now on it is kept anew.
    pub(crate) fn take_kept(&mut self) -> Kept {
        self.kept.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Prints what another one has kept.
    pub(crate) fn replay(&mut self, kept: &Kept) {
        for (stream, line) in kept.lines() {
            self.emit(stream, line);
        }
    }

    /// Whether only results and errors are wanted.
    pub(crate) fn quiet(self, is_quiet: bool) -> Self {
        Self { is_quiet, ..self }
    }

    /// Whether nothing but results and errors is wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Whether a person is to be kept informed.
    pub(crate) fn is_chatty(&self) -> bool {
        self.is_text() && !self.is_quiet
    }

    pub(crate) fn is_text(&self) -> bool {
        self.format == Output::Text
    }

    /// Whether results are lines of JSON.
    pub(crate) fn is_lines(&self) -> bool {
        self.format == Output::Jsonl
    }

    /// A line of text, whatever stands in it (J-241).
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        self.write(&inert(line.as_ref()));
    }

    /// Several lines, each as [`line`](Self::line) prints it. Foreign text with line ends does not
    /// belong here.
    pub(crate) fn lines(&mut self, lines: impl AsRef<str>) {
        lines.as_ref().split('\n').for_each(|line| self.line(line));
    }

    /// Sentences behind `lead`, wrapped; whatever stands in them (J-241).
    pub(crate) fn prose(&mut self, lead: &str, text: impl AsRef<str>) {
        let (lead, text) = (inert(lead), inert(text.as_ref()));
        let indent = lead.chars().count();
        self.write(&format!("{lead}{}", wrapped(&text, width_of_output(), indent)));
    }

    /// For a person, beside the result: which group's key was taken where none was named.
    pub(crate) fn note_group(&self, group: Option<&str>) {
        if let Some(group) = group {
            self.note(&format!("with the key of enrollment group {group} (another: --group NAME)"));
        }
    }

    /// For a person, beside the result: what was taken where nothing was said.
    pub(crate) fn note(&self, text: &str) {
        if self.is_chatty() && !self.is_mute {
            status_line::clear();
            let text = inert(text);
            let text = self.secrets.mask(&text);
            let _ = writeln!(anstream::stderr().lock(), "{DIM}{text}{DIM:#}");
        }
    }

    /// What a person has to know, however quiet it is to be, and programs that read the result need not.
    pub(crate) fn aloud(&self, text: &str) {
        status_line::clear();
        let text = inert(text);
        let text = self.secrets.mask(&text);
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }

    /// A line of JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) {
        if let Ok(json) = serde_json::to_string(value) {
            self.raw_json(&json);
        }
    }

    /// JSON as it came, on one line.
    pub(crate) fn raw_json(&mut self, json: &str) {
        self.write(&inert_json(json));
    }

    /// JSON on several lines.
    pub(crate) fn pretty_json(&mut self, json: &str) {
        json.split('\n').for_each(|line| self.raw_json(line));
    }

    /// A line that may have our own colours.
    fn write(&mut self, line: &str) {
        self.emit(Stream::Output, line);
    }

    /// The only place where something is printed.
    fn emit(&mut self, stream: Stream, line: &str) {
        let line = &self.secrets.mask(line);
        if let Some(kept) = &mut self.kept {
            kept.add(stream, line);
        }
        if self.is_mute {
            return;
        }
        status_line::clear();
        match stream {
            Stream::Output => self.is_closed |= writeln!(anstream::stdout(), "{line}").is_err(),
            Stream::Errors => {
                let _ = writeln!(anstream::stderr(), "{line}");
            }
        }
    }

    /// Whether whoever read the output has gone, so that what goes on by itself need not.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// A line of JSON, for those who follow along.
    pub(crate) fn event(&mut self, value: &impl Serialize) {
        if self.format == Output::Jsonl {
            self.json(value);
        }
    }

    /// A failure: explained on standard error, or as the result that programs read.
    pub(crate) fn error(&mut self, report: &Report) {
        #[derive(Serialize)]
        struct Failure<'a> {
            error: &'a Report,
            #[serde(skip_serializing_if = "Option::is_none")]
            group: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            timings: Option<&'a Timings>,
        }
        if self.is_text() {
            self.explain(report);
        } else {
            // Those who follow along have had them, phase by phase.
            let timings = report.timings.as_deref().filter(|_| self.format == Output::Json);
            self.json(&Failure { error: report, group: report.group.as_deref(), timings });
        }
    }

    /// A failure in words, on standard error. The first line of a device's failure has
    /// words of the service or of the C sample, and stays one line: people look for it.
    pub(crate) fn explain(&mut self, report: &Report) {
        self.explain_in(RED, report);
    }

    /// A failure that was wanted: the same words, in no colour that alarms.
    pub(crate) fn explain_wanted(&mut self, report: &Report) {
        self.explain_in(DIM, report);
    }

    fn explain_in(&mut self, style: Style, report: &Report) {
        let headline = inert(report.headline.as_deref().unwrap_or(&report.message));
        let headline = self.secrets.mask(&headline);
        let is_quoted =
            report.headline.is_some() || report.result.is_some() || report.code.is_some();
        let width = width_of_errors();
        let headline = match is_quoted {
            true => headline.as_ref().into(),
            false => wrapped(&headline, width, "error: ".len()),
        };
        self.emit(Stream::Errors, &format!("{style}error:{style:#} {headline}"));
        for (name, text) in report.lines() {
            let text = inert(&text);
            let text = self.secrets.mask(&text);
            let text = wrapped(&text, width, "  : ".len() + name.len());
            self.emit(Stream::Errors, &format!("  {DIM}{name}:{DIM:#} {text}"));
        }
    }

    /// What a check has found, and below it what to do about it.
    pub(crate) fn finding(
        &mut self,
        status: Status,
        check: &str,
        finding: &str,
        advice: Option<&str>,
    ) {
        let style = match status {
            Status::Ok => GREEN,
            Status::Warn => YELLOW,
            Status::Fail => RED,
            Status::Skip => DIM,
        };
        let word = status.as_str();
        let (width, indent) = (width_of_output(), 16);
        let finding = inert(finding);
        let finding = wrapped(&finding, width, indent);
        self.write(&format!("{style}{word:<4}{style:#} {check:<10} {finding}"));
        if let Some(advice) = advice {
            let advice = inert(advice);
            let advice = wrapped(&advice, width, indent + "try: ".len());
            self.write(&format!("{:<indent$}{DIM}try:{DIM:#} {advice}", ""));
        }
    }

    /// A line in which a word has the colour of its mark; whatever stands in it (J-241).
    pub(crate) fn marked(&mut self, mark: Mark, lead: &str, word: &str, rest: &str) {
        let style = match mark {
            Mark::Good => GREEN,
            Mark::Bad => RED,
            Mark::Neutral => DIM,
        };
        let [lead, word, rest] = [lead, word, rest].map(inert);
        self.write(&format!("{lead}{style}{word}{style:#}{rest}"));
    }

    /// `PASS` or `FAIL`, and what of.
    pub(crate) fn verdict(&mut self, holds: bool, text: &str) {
        let (style, word) = if holds { (GREEN, "PASS") } else { (RED, "FAIL") };
        self.write(&format!("{style}{word}{style:#} {}", inert(text)));
    }
}
