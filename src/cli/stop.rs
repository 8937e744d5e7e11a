//! The signals with which a user, a terminal or a system ends what goes on by itself, and the end of
//! its input, with which the program does that started it.

use std::io::{Read, sink};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::report::Report;

/// Whether a [`StopSignal`] takes what comes.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// How it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// By a person, who may have more to say: Ctrl-C.
    Interrupt,
    /// By a system, which will not wait for long: SIGTERM.
    Terminate,
}

/// Waits to be told to stop, as often as that comes.
///
/// It is made before anybody can know that the service is ready, because until then a signal ends
/// the process at once.
pub(crate) struct StopSignal {
    signals: Signals,
    end_of_input: Arc<Notify>,
}

impl StopSignal {
    pub(crate) fn new() -> Result<Self, Report> {
        let signals = Signals::new().map_err(Report::internal)?;
        IS_TAKEN.store(true, Ordering::SeqCst);
        Ok(Self { signals, end_of_input: Arc::default() })
    }

    /// Takes the end of standard input for one more signal. A pipe ends with the process that holds
    /// its other end, however that dies, on every system.
    pub(crate) fn or_end_of(&self, mut input: impl Read + Send + 'static) -> Result<(), Report> {
        let ended = Arc::clone(&self.end_of_input);
        // A thread of its own, which nobody waits for: such a read cannot be given up.
        let reader = std::thread::Builder::new().name("end of input".to_owned());
        let read = move || {
            // An input that breaks is an end too.
            let _ = std::io::copy(&mut input, &mut sink());
            ended.notify_one();
        };
        reader.spawn(read).map(drop).map_err(Report::internal)
    }

    pub(crate) async fn received(&mut self) -> Asked {
        tokio::select! {
            asked = self.signals.any() => asked,
            () = self.end_of_input.notified() => Asked::Terminate,
        }
    }
}

/// In a container the program may be the first process, for which the system ignores every signal that
/// nobody takes: neither Ctrl-C nor the end of the container would end it. From here on they do, as
/// elsewhere, until a [`StopSignal`] takes them.
pub(crate) fn end_when_first_process() {
    if std::process::id() == 1 {
        // Without the thread it goes on as it would have.
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(end_when_told);
    }
}

fn end_when_told() {
    let Ok(runtime) = super::runtime::small_runtime() else { return };
    runtime.block_on(async {
        let Ok(mut signals) = Signals::new() else { return };
        loop {
            let asked = signals.any().await;
            if !IS_TAKEN.load(Ordering::SeqCst) {
                // As shells number those that a signal has ended.
                std::process::exit(match asked {
                    Asked::Interrupt => 130,
                    Asked::Terminate => 143,
                });
            }
        }
    });
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn any(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.terminate.recv() => Asked::Terminate,
        }
    }
}

/// Ctrl-C and Ctrl-Break, the window that is closed, and the system that shuts down. There is no
/// SIGTERM: whoever ends a process from outside does so at once.
#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    pause: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
    shutdown: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
        Ok(Self {
            interrupt: ctrl_c()?,
            pause: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    async fn any(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.pause.recv() => Asked::Interrupt,
            _ = self.close.recv() => Asked::Terminate,
            _ = self.shutdown.recv() => Asked::Terminate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_the_input_stops_as_a_signal_does() {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut stop = StopSignal::new().unwrap();
        stop.or_end_of(reader).unwrap();

        drop(writer);

        stop.received().await;
    }
}
