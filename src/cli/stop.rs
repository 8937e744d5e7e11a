//! The signals with which a user, a terminal or a system ends what goes on by itself, and the end of
//! its input, with which the program does that started it.

use std::io::{Read, sink};
use std::sync::Arc;

use tokio::sync::Notify;

use super::report::Report;

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

    pub(crate) async fn received(&mut self) {
        tokio::select! {
            () = self.signals.any() => {}
            () = self.end_of_input.notified() => {}
        }
    }
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

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
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

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.pause.recv() => {}
            _ = self.close.recv() => {}
            _ = self.shutdown.recv() => {}
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
