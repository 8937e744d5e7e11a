//! A connection to a TPM: raw commands, as swtpm takes them, or in the frames of Microsoft's simulator.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use super::answer::{self, AnswerFault, HEADER};
use super::command::{self, Command};
use super::fault::{Fault, Step};
use crate::net::{Endpoint, connect_directly};

/// How long to wait before a command is sent again that the TPM did not come to.
const PAUSE: Duration = Duration::from_millis(5);

/// The words of the simulator (`TpmTcpProtocol.h` of the reference implementation).
const POWER_ON: u32 = 1;
const SEND_COMMAND: u32 = 8;
const NV_ON: u32 = 11;
const HANDSHAKE: u32 = 15;
const CLIENT_VERSION: u32 = 1;
/// From which it is spoken to: the lowest.
const LOCALITY: u8 = 0;

/// How commands are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// As they are: swtpm.
    Raw,
    /// In frames, and switched on by a second port: Microsoft's simulator.
    Simulator,
}

/// An open connection to a TPM that has been started.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    framing: Framing,
    /// For each answer.
    patience: Duration,
}

impl Link {
    /// Opens a connection, finds out how the TPM is spoken to if that is not known, and starts it if it
    /// was not.
    pub(super) async fn open(
        tpm: &Endpoint,
        known: Option<Framing>,
        patience: Duration,
    ) -> Result<Self, Fault> {
        if known != Some(Framing::Simulator) {
            let mut link = Self::raw(tpm, patience).await?;
            match link.start().await {
                // The simulator takes the first bytes of a command for a word that it does not know, and
                // closes the connection.
                Err(Fault::Closed(_)) if known.is_none() => {}
                started => return started.map(|()| link),
            }
        }
        let mut link = Self::simulator(tpm, patience).await.map_err(|fault| match fault {
            // It closes the connection at every greeting.
            Fault::Closed(Step::Handshake) => Fault::Stranger,
            other => other,
        })?;
        link.start().await?;
        Ok(link)
    }

    /// How it is spoken to.
    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    /// The whole answer to a command, whatever its code.
    pub(super) async fn ask(&mut self, command: &Command) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let step = Step::Command(command.name);
        let patience = self.patience;
        let asked = async {
            loop {
                let answer = self.exchange(command).await?;
                match answer::code(&answer) {
                    Ok(code) if code.is_again() => sleep(PAUSE).await,
                    Ok(_) => return Ok(answer),
                    Err(fault) => return Err(Failure::Answer(fault)),
                }
            }
        };
        match timeout(patience, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Failure::Answer(fault))) => Err(Fault::Answer { command: command.name, fault }),
            Ok(Err(Failure::Io(error))) => Err(broken(step, error)),
            Err(_) => Err(Fault::Deadline { step, waited: patience }),
        }
    }

    async fn raw(tpm: &Endpoint, patience: Duration) -> Result<Self, Fault> {
        Ok(Self { stream: dial(tpm, patience).await?, framing: Framing::Raw, patience })
    }

    async fn simulator(tpm: &Endpoint, patience: Duration) -> Result<Self, Fault> {
        let mut stream = dial(tpm, patience).await?;
        let handshake = async {
            say(&mut stream, &[HANDSHAKE, CLIENT_VERSION]).await?;
            let [version, _what_it_can, done] = hear(&mut stream).await?;
            Ok(version >= CLIENT_VERSION && done == 0)
        };
        if !within(patience, Step::Handshake, handshake).await? {
            return Err(Fault::Stranger);
        }
        let beside = tpm.without_port().or_port(tpm.port().unwrap_or_default().wrapping_add(1));
        let mut platform = match dial(&beside, patience).await {
            Err(Fault::Dial(error)) => return Err(Fault::Platform(error)),
            dialed => dialed?,
        };
        // What is on already stays as it is.
        let power = async {
            for word in [POWER_ON, NV_ON] {
                say(&mut platform, &[word]).await?;
                let [0] = hear(&mut platform).await? else { return Ok(false) };
            }
            Ok(true)
        };
        match within(patience, Step::Power, power).await? {
            true => Ok(Self { stream, framing: Framing::Simulator, patience }),
            false => Err(Fault::Stranger),
        }
    }

    /// A TPM that has been started says so by an error.
    async fn start(&mut self) -> Result<(), Fault> {
        let startup = command::startup();
        let answer = self.ask(&startup).await?;
        match answer::done(&answer) {
            Err(AnswerFault::Refused(code)) if code.is_started() => Ok(()),
            done => done.map_err(|fault| Fault::Answer { command: startup.name, fault }),
        }
    }

    /// Sends a command and reads its answer.
    async fn exchange(&mut self, command: &Command) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let framed = self.framing == Framing::Simulator;
        if framed {
            self.stream.write_u32(SEND_COMMAND).await?;
            self.stream.write_u8(LOCALITY).await?;
            self.stream.write_u32(command.bytes.len() as u32).await?;
        }
        self.stream.write_all(&command.bytes).await?;
        let told = if framed { Some(self.stream.read_u32().await?) } else { None };
        let mut header = [0; HEADER];
        self.stream.read_exact(&mut header).await?;
        let length = answer::length(&header)?;
        if told.is_some_and(|told| told as usize != length) {
            return Err(AnswerFault::Garbled("its frame has another size").into());
        }
        let mut answer = Zeroizing::new(vec![0; length]);
        answer[..HEADER].copy_from_slice(&header);
        self.stream.read_exact(&mut answer[HEADER..]).await?;
        if framed {
            self.stream.read_u32().await?;
        }
        Ok(answer)
    }
}

/// Of one exchange.
enum Failure {
    Io(io::Error),
    Answer(AnswerFault),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<AnswerFault> for Failure {
    fn from(fault: AnswerFault) -> Self {
        Self::Answer(fault)
    }
}

async fn dial(tpm: &Endpoint, patience: Duration) -> Result<TcpStream, Fault> {
    match timeout(patience, connect_directly(tpm)).await {
        Ok(dialed) => Ok(dialed?),
        Err(_) => Err(Fault::Deadline { step: Step::Connect, waited: patience }),
    }
}

async fn say(stream: &mut TcpStream, words: &[u32]) -> io::Result<()> {
    for word in words {
        stream.write_u32(*word).await?;
    }
    Ok(())
}

async fn hear<const N: usize>(stream: &mut TcpStream) -> io::Result<[u32; N]> {
    let mut words = [0; N];
    for word in &mut words {
        *word = stream.read_u32().await?;
    }
    Ok(words)
}

async fn within<T>(
    patience: Duration,
    step: Step,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, Fault> {
    match timeout(patience, work).await {
        Ok(done) => done.map_err(|error| broken(step, error)),
        Err(_) => Err(Fault::Deadline { step, waited: patience }),
    }
}

/// An end where an answer was due is told as what it is, however the system calls it.
fn broken(step: Step, source: io::Error) -> Fault {
    match source.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Fault::Closed(step),
        _ => Fault::Broken { step, source },
    }
}
