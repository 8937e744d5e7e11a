//! Several files are played, some at once, and shown one after another in the order in which they were
//! given.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, watch};

use super::file::{How, Stop, play};
use super::played::Played;
use super::scenarios::File;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::cli::runtime::{run_to_end, small_runtime};
use crate::cli::stop::StopSignal;
use crate::text::spoken;

/// All files that were played, in order, and whether somebody has stopped it.
pub(super) struct Finished {
    pub(super) played: Vec<Played>,
    pub(super) is_stopped: bool,
}

/// What the threads share.
struct Work {
    files: Vec<File>,
    next: AtomicUsize,
}

/// Plays all files, `jobs` at once. A first Ctrl-C lets what is open end and skips the rest; a second
/// one waits for nothing.
pub(super) fn play_all(
    files: Vec<File>,
    jobs: usize,
    how: How,
    printer: &mut Printer,
) -> Result<Finished, Report> {
    let runtime = small_runtime()?;
    let count = files.len();
    let jobs = jobs.min(count);
    // One at a time is shown as it goes, unless it depends on the end whether it is.
    let is_mute = jobs > 1 || (printer.is_text() && printer.is_quiet());
    let work = Arc::new(Work { files, next: AtomicUsize::new(0) });
    let (stop, stopped) = watch::channel(false);
    let (sender, mut receiver) = mpsc::unbounded_channel();
    runtime.block_on(async {
        let mut signal = StopSignal::new()?;
        for index in 0..jobs {
            let (work, stopped, sender) = (Arc::clone(&work), stopped.clone(), sender.clone());
            let printer = printer.keeping(is_mute);
            let thread = std::thread::Builder::new().name(format!("scenario {index}"));
            // Nobody joins it: what it has to say comes by the channel, and a second Ctrl-C waits for nothing.
            thread
                .spawn(move || player(&work, printer, how, &stopped, &sender))
                .map_err(Report::internal)?;
        }
        drop(sender);
        let mut finished = BTreeMap::new();
        let (mut shown, mut is_stopped) = (0, false);
        loop {
            tokio::select! {
                biased;
                _ = signal.received() => {
                    if is_stopped {
                        abandon(&work.files, printer);
                        break;
                    }
                    is_stopped = true;
                    printer.note("stopping: what is open ends; Ctrl-C again waits for nothing");
                    let _ = stop.send(true);
                }
                next = receiver.recv() => {
                    let Some((index, played)) = next else { break };
                    finished.insert(index, played?);
                }
            }
            while let Some(played) = finished.get(&shown) {
                if is_mute {
                    printer.replay(&played.kept);
                }
                summary(played, printer);
                shown += 1;
            }
        }
        if finished.len() < count && !is_stopped {
            return Err(Report::internal("a thread that plays scenarios has ended early"));
        }
        Ok(Finished { played: finished.into_values().collect(), is_stopped })
    })
}

/// Tells what may be left at services that are there already.
fn abandon(files: &[File], printer: &mut Printer) {
    let away = files.iter().filter_map(|file| file.away.as_ref());
    let reports = away.filter_map(|away| away.against.abandoned());
    reports.for_each(|report| printer.explain(&report));
}

/// How it went, for a person who looks on.
fn summary(played: &Played, printer: &Printer) {
    let suite = &played.suite;
    let file = suite.file.as_deref().unwrap_or(&suite.name);
    printer.note(&format!("{file}: {} in {}", suite.totals(), spoken(suite.took)));
}

/// A thread's work: a file after another. All of a file happens in this thread, and so its log can be told
/// from that of the others.
fn player(
    work: &Work,
    mut printer: Printer,
    how: How,
    stop: &Stop,
    sender: &mpsc::UnboundedSender<(usize, Result<Played, Report>)>,
) {
    loop {
        let index = work.next.fetch_add(1, Ordering::SeqCst);
        let Some(file) = work.files.get(index) else { return };
        let played = run_to_end(play(file, how, &mut printer, stop.clone()));
        if sender.send((index, played)).is_err() {
            return;
        }
    }
}
