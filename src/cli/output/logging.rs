//! Logs: to standard error, never to standard output.

use std::fmt::{self, Debug};
use std::io::IsTerminal;
use std::sync::{PoisonError, RwLock};

use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::status_line;
use crate::cli::common::{Color, Common};
use crate::cli::input::variable;
use crate::text::{Foreign, Secrets};

/// Most bytes of a line. A body that is logged has 4 KiB at most, and escapes make it longer.
const MAX_LINE: usize = 16 * 1024;

/// What is not logged, wherever it stands.
static HIDDEN: RwLock<Secrets> = RwLock::new(Secrets::none());

/// From now on none of these is logged.
pub(crate) fn hide(secrets: &Secrets) {
    HIDDEN.write().unwrap_or_else(PoisonError::into_inner).extend(secrets);
}

/// Starts logging. `levels` are those without a flag, with `-v` and with `-vv`.
pub(crate) fn init(common: &Common, levels: [LevelFilter; 3]) {
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
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(debug_fn(write_field).delimited(" "))
        .with_writer(|| {
            status_line::clear();
            std::io::stderr()
        })
        .with_ansi(ansi)
        .with_target(false);
    // Fails only if somebody else has set a logger, which then takes the lines.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
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
