//! Logs: to standard error, never to standard output. A command that shows what went wrong in a part of its
//! work has the lines of that part kept besides, more of them than are shown.

use std::cell::RefCell;
use std::fmt::{self, Debug};
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tracing::Subscriber;
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::status_line;
use crate::cli::common::{Color, Common};
use crate::cli::input::variable;
use crate::sources::Clock;
use crate::text::{Foreign, Secrets};
use crate::wire::writable;

/// Most bytes of a line. A body that is logged has 4 KiB at most, and escapes make it longer.
const MAX_LINE: usize = 16 * 1024;

/// What is not logged, wherever it stands.
static HIDDEN: RwLock<Secrets> = RwLock::new(Secrets::none());

/// From now on none of these is logged.
pub(crate) fn hide(secrets: &Secrets) {
    HIDDEN.write().unwrap_or_else(PoisonError::into_inner).extend(secrets);
}

/// Most bytes that are kept of a thread, and of them those that are given: the last.
const MAX_KEPT: usize = 1 << 20;
const MAX_GIVEN: usize = 64 << 10;

/// Lines that several threads keep together.
type Lines = Arc<Mutex<Vec<u8>>>;

thread_local! {
    /// The lines of this thread, if they are kept, and of those that keep them with it.
    static KEPT: RefCell<Option<Lines>> = const { RefCell::new(None) };
    /// What time they have.
    static CLOCK: RefCell<Clock> = const { RefCell::new(Clock::system()) };
}

/// From now on the lines of this thread are kept with the time of this clock, as those of a runtime that
/// works in it alone are. What was kept before is forgotten.
pub(crate) fn keep(clock: &Clock) {
    CLOCK.set(clock.clone());
    KEPT.set(Some(Lines::default()));
}

/// What another thread has to call so that its lines are kept with those of this one.
pub(crate) fn keep_together() -> Arc<dyn Fn() + Send + Sync> {
    let (lines, clock) = (KEPT.with_borrow(Clone::clone), CLOCK.with_borrow(Clone::clone));
    Arc::new(move || {
        CLOCK.set(clock.clone());
        KEPT.set(lines.clone());
    })
}

/// The last lines of this thread since it keeps them, and of those that keep them with it. Not those of one
/// device alone: what a service does for one goes on while another is at work.
pub(crate) fn kept() -> String {
    KEPT.with_borrow(|kept| {
        let Some(kept) = kept else { return String::new() };
        let lines = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = lines.as_slice();
        let from = lines.len().saturating_sub(MAX_GIVEN);
        if from == 0 {
            return String::from_utf8_lossy(lines).into_owned();
        }
        let rest = lines.get(from..).unwrap_or_default();
        // From the beginning of a line on.
        let line = rest.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let rest = String::from_utf8_lossy(rest.get(line..).unwrap_or_default());
        format!("… ({} bytes before this are left out)\n{rest}", from + line)
    })
}

/// Starts logging. `levels` are those without a flag, with `-v` and with `-vv`. Whether lines are to be
/// kept has to be known here, for it costs something.
pub(crate) fn init(common: &Common, levels: [LevelFilter; 3], is_kept: bool) {
    let [base, verbose, most] = levels;
    let level = match (common.quiet, common.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => base,
        (false, 1) => verbose,
        (false, _) => most,
    };
    // Libraries log things that only their authors understand, so they need to be asked for.
    let libraries = if common.verbose > 1 { LevelFilter::DEBUG } else { LevelFilter::ERROR };
    let targets = Targets::new()
        .with_default(libraries)
        .with_target("provision_sim", level)
        .with_target("HttpTrigger1", level);
    let ansi = match common.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stderr().is_terminal() && variable("NO_COLOR").is_none(),
    };
    let registry = tracing_subscriber::registry();
    // Fails only if somebody else has set a logger, which then takes the lines.
    let _ = if is_kept {
        registry.with(shower(ansi).with_filter(targets)).with(keeper()).try_init()
    } else {
        registry.with(targets).with(shower(ansi)).try_init()
    };
}

/// Writes lines to standard error.
fn shower<S>(ansi: bool) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_subscriber::fmt::layer()
        .fmt_fields(debug_fn(write_field).delimited(" "))
        .with_writer(|| {
            status_line::clear();
            std::io::stderr()
        })
        .with_ansi(ansi)
        .with_target(false)
}

/// Hands every line of ours to the [`Keeper`], whatever is shown.
fn keeper<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let targets = Targets::new()
        .with_target("provision_sim", LevelFilter::INFO)
        .with_target("HttpTrigger1", LevelFilter::INFO);
    tracing_subscriber::fmt::layer()
        .fmt_fields(debug_fn(write_field).delimited(" "))
        .with_writer(|| Keeper)
        .with_timer(KeptTime)
        .with_ansi(false)
        .with_target(false)
        .with_filter(targets)
}

/// The time of a line that is kept.
struct KeptTime;

impl FormatTime for KeptTime {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        let now = CLOCK.with_borrow(Clock::now);
        write!(line, "{}", humantime::format_rfc3339_micros(writable(now)))
    }
}

/// Keeps the lines of a thread that wants it.
struct Keeper;

impl Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        KEPT.with_borrow(|kept| {
            if let Some(kept) = kept {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() >= MAX_KEPT {
                    let surplus = kept.len() - MAX_GIVEN;
                    kept.drain(..surplus);
                }
                kept.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Whatever it says and whoever wrote it, a log entry is one line, and moves no cursor (J-201).
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    let text = format!("{value:?}");
    let text = HIDDEN.read().unwrap_or_else(PoisonError::into_inner).mask(&text).into_owned();
    let text = Foreign::up_to(&text, MAX_LINE);
    match field.name() {
        "message" => write!(writer, "{text}"),
        // Where a line of a library comes from.
        name if name.starts_with("log.") => Ok(()),
        name => write!(writer, "{name}={text}"),
    }
}
