//! A program that runs.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::fact::Fact;
use super::group::Group;
use super::output::Printed;
use super::words::{PlaceholderError, filled};

/// How long is waited for the last words of a program that has ended: somebody may have moved its output
/// to a process that lives on.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A program that can be run: its name and arguments, and what is added to the environment.
#[derive(Clone)]
pub struct Program {
    words: Vec<String>,
    environment: Vec<(String, String)>,
}

/// How a program has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Code(i32),
    /// By a signal that we have not sent: it has crashed.
    Signal(i32),
    /// By us.
    Stopped,
}

/// A program that runs. Dropping it ends it, with all that it has started.
#[derive(Debug)]
pub struct Running {
    child: Child,
    group: Group,
    readers: Vec<JoinHandle<()>>,
    output: Printed,
    errors: Printed,
}

impl Program {
    /// With facts in the place of their names, and all of them in its environment.
    ///
    /// # Errors
    ///
    /// If a word names what is not there.
    pub fn new(words: &[String], facts: &[Fact]) -> Result<Self, PlaceholderError> {
        let words = words.iter().map(|word| filled(word, facts)).collect::<Result<_, _>>()?;
        let told = facts.iter().filter_map(|fact| {
            let value = fact.value.as_ref().ok()?;
            Some((fact.variable.to_owned(), value.to_string()))
        });
        Ok(Self { words, environment: told.collect() })
    }

    /// With one more variable in its environment.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Starts it in this folder, or in ours, with nothing to read.
    ///
    /// # Errors
    ///
    /// As the operating system has them: there is no such program, or it must not be run.
    pub fn start(&self, folder: Option<&Path>) -> io::Result<Running> {
        let (name, arguments) = self.words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(OsStr::new(name));
        command
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(folder) = folder {
            command.current_dir(folder);
        }
        let (mut child, group) = Group::start(command)?;
        let (output, errors) = (Printed::default(), Printed::default());
        let mut readers = Vec::new();
        if let Some(stream) = child.stdout.take() {
            readers.push(tokio::spawn(output.clone().take_in(stream)));
        }
        if let Some(stream) = child.stderr.take() {
            readers.push(tokio::spawn(errors.clone().take_in(stream)));
        }
        Ok(Running { child, group, readers, output, errors })
    }
}

impl Running {
    /// Waits until it ends by itself; what it has started and left behind is ended then. May be given up
    /// and waited for again.
    pub async fn ended(&mut self) -> End {
        let status = self.child.wait().await;
        self.group.kill();
        self.last_words().await;
        status.map_or(End::Stopped, end)
    }

    /// Ends it at once, unless it has ended by itself.
    pub async fn stop(&mut self) -> End {
        if let Ok(Some(status)) = self.child.try_wait() {
            self.group.kill();
            self.last_words().await;
            return end(status);
        }
        self.group.kill();
        // Where there are no groups.
        let _ = self.child.kill().await;
        self.last_words().await;
        End::Stopped
    }

    async fn last_words(&mut self) {
        // Taken away one by one: who gives up waiting may wait again.
        while let Some(reader) = self.readers.last_mut() {
            if timeout(LAST_WORDS, &mut *reader).await.is_err() {
                reader.abort();
            }
            self.readers.pop();
        }
    }

    /// What it prints to its standard output.
    pub fn output(&self) -> &Printed {
        &self.output
    }

    /// What it prints to its standard error.
    pub fn errors(&self) -> &Printed {
        &self.errors
    }
}

#[cfg(unix)]
fn end(status: ExitStatus) -> End {
    use std::os::unix::process::ExitStatusExt;

    match (status.code(), status.signal()) {
        (Some(code), _) => End::Code(code),
        (None, Some(signal)) => End::Signal(signal),
        (None, None) => End::Stopped,
    }
}

#[cfg(not(unix))]
fn end(status: ExitStatus) -> End {
    status.code().map_or(End::Stopped, End::Code)
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::Stopped => f.write_str("was still running, and stopped"),
        }
    }
}

/// Its words and its environment may hold keys.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("name", &self.words.first()).finish_non_exhaustive()
    }
}
