//! TPMs to talk to: one that answers as a test wants it to, and a real one in software, swtpm.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use provision_sim::attestation::{SoftwareTpm, TpmPublic};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::within;

pub(crate) const CREATE_PRIMARY: u32 = 0x131;
pub(crate) const STARTUP: u32 = 0x144;
pub(crate) const ACTIVATE_CREDENTIAL: u32 = 0x147;
pub(crate) const POLICY_SECRET: u32 = 0x151;
pub(crate) const HMAC: u32 = 0x155;
pub(crate) const IMPORT: u32 = 0x156;
pub(crate) const LOAD: u32 = 0x157;
pub(crate) const FLUSH: u32 = 0x165;
pub(crate) const START_SESSION: u32 = 0x176;

/// An answer of nothing but a code.
pub(crate) fn code(code: u32) -> Vec<u8> {
    answer(0x8001, code, &[])
}

fn answer(tag: u16, code: u32, body: &[u8]) -> Vec<u8> {
    let size = 10 + body.len() as u32;
    [&tag.to_be_bytes()[..], &size.to_be_bytes(), &code.to_be_bytes(), body].concat()
}

/// What a scripted TPM tells of each of its keys.
pub(crate) static PUBLIC: LazyLock<TpmPublic> =
    LazyLock::new(|| SoftwareTpm::with_one_pair().storage_root_key().clone());

/// The answer to the command that makes a key whose public half is this, with its size.
pub(crate) fn created(public: &[u8]) -> Vec<u8> {
    let size = (public.len() as u32).to_be_bytes();
    answer(0x8002, 0, &[b"\x80\0\0\x01", &size[..], public, b"\0\0\x01\0\0"].concat())
}

/// A TPM that answers what a TPM would that likes whatever it is given, except where it is told otherwise.
pub(crate) struct ScriptedTpm {
    address: SocketAddr,
    heard: watch::Receiver<Vec<u32>>,
    _tasks: JoinSet<()>,
}

/// The number of a command, and the bytes that answer it.
type Answer = (u32, Vec<u8>);

/// What is told otherwise: the next answer to the command of this number.
#[derive(Clone, Default)]
pub(crate) struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    held: Option<(u32, Arc<Notify>)>,
}

impl Script {
    pub(crate) fn answer(self, command: u32, bytes: Vec<u8>) -> Self {
        self.answers.lock().unwrap().push_back((command, bytes));
        self
    }

    /// Answers to this command wait for the notification.
    pub(crate) fn hold(self, command: u32, go: &Arc<Notify>) -> Self {
        Self { held: Some((command, Arc::clone(go))), ..self }
    }

    async fn reply(&self, command: u32) -> Vec<u8> {
        if let Some((_, go)) = self.held.as_ref().filter(|(held, _)| *held == command) {
            go.notified().await;
        }
        let mut answers = self.answers.lock().unwrap();
        if let Some(at) = answers.iter().position(|(of, _)| *of == command) {
            return answers.remove(at).unwrap().1;
        }
        match command {
            STARTUP => code(0x100),
            CREATE_PRIMARY => created(PUBLIC.as_bytes()),
            START_SESSION => answer(0x8001, 0, b"\x03\0\0\0\0\x02no"),
            POLICY_SECRET => answer(0x8002, 0, b"\0\0\0\x04\0\0\0\0\0\0\x01\0\0"),
            ACTIVATE_CREDENTIAL => {
                answer(0x8002, 0, b"\0\0\0\x12\0\x10sixteen-bytes-ab\0\0\x01\0\0")
            }
            IMPORT => answer(0x8002, 0, b"\0\0\0\x05\0\x03prv\0\0\x01\0\0"),
            LOAD => answer(0x8002, 0, b"\x80\0\0\x02\0\0\0\x02\0\0\0\0\x01\0\0"),
            HMAC => {
                answer(0x8002, 0, &[b"\0\0\0\x22\0\x20", &[7; 32][..], b"\0\0\x01\0\0"].concat())
            }
            FLUSH => code(0),
            other => panic!("0x{other:X} is no command that the device sends"),
        }
    }
}

impl ScriptedTpm {
    /// One that takes commands as they are, as swtpm does.
    pub(crate) async fn raw(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (tell, heard) = watch::channel(Vec::new());
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // One connection at a time, as swtpm.
            while let Ok((mut stream, _)) = listener.accept().await {
                while let Some(command) = command(&mut stream).await {
                    tell.send_modify(|heard| heard.push(command));
                    let reply = script.reply(command).await;
                    if stream.write_all(&reply).await.is_err() {
                        break;
                    }
                }
            }
        });
        Self { address, heard, _tasks: tasks }
    }

    /// One that speaks as Microsoft's simulator does, and answers only when it has been switched on.
    pub(crate) async fn simulator(script: Script) -> Self {
        let (listener, platform) = two_ports().await;
        let (tell, heard) = watch::channel(Vec::new());
        let address = listener.local_addr().unwrap();
        let power = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        let switched = Arc::clone(&power);
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = platform.accept().await {
                while let Ok(word) = stream.read_u32().await {
                    switched.lock().unwrap().push(word);
                    let _ = stream.write_u32(0).await;
                }
            }
        });
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // What it does not know ends the connection.
                while let Ok(word @ (8 | 15)) = stream.read_u32().await {
                    if word == 15 {
                        assert_eq!(stream.read_u32().await.unwrap(), 1);
                        stream.write_all(&[0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0]).await.unwrap();
                        continue;
                    }
                    assert_eq!(*power.lock().unwrap().last_chunk().unwrap(), [1, 11]);
                    assert_eq!(stream.read_u8().await.unwrap(), 0);
                    stream.read_u32().await.unwrap();
                    let command = command(&mut stream).await.unwrap();
                    tell.send_modify(|heard| heard.push(command));
                    let reply = script.reply(command).await;
                    stream.write_u32(reply.len() as u32).await.unwrap();
                    stream.write_all(&reply).await.unwrap();
                    stream.write_u32(0).await.unwrap();
                }
            }
        });
        Self { address, heard, _tasks: tasks }
    }

    /// Anything else that answers at a port, to whatever it hears, or says nothing and closes.
    pub(crate) async fn stranger(says: Option<&'static [u8]>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 64]).await;
                if let Some(says) = says {
                    let _ = stream.write_all(says).await;
                }
            }
        });
        Self { address, heard: watch::channel(Vec::new()).1, _tasks: tasks }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The commands in the order in which they came.
    pub(crate) fn heard(&self) -> Vec<u32> {
        self.heard.borrow().clone()
    }

    /// Waits until what was heard is such.
    pub(crate) async fn hears(&mut self, such: impl FnMut(&Vec<u32>) -> bool) {
        within("the commands", self.heard.wait_for(such)).await.unwrap();
    }
}

/// The number of the next command; `None` at the end of the connection.
async fn command(stream: &mut TcpStream) -> Option<u32> {
    let mut header = [0; 10];
    stream.read_exact(&mut header).await.ok()?;
    let [_, _, size @ .., c0, c1, c2, c3] = header;
    let mut rest = vec![0; u32::from_be_bytes(size) as usize - header.len()];
    stream.read_exact(&mut rest).await.ok()?;
    Some(u32::from_be_bytes([c0, c1, c2, c3]))
}

/// A free port whose next one is free, too.
async fn two_ports() -> (TcpListener, TcpListener) {
    loop {
        let one = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let next = one.local_addr().unwrap().port().wrapping_add(1);
        if let Ok(other) = TcpListener::bind(("127.0.0.1", next)).await {
            return (one, other);
        }
    }
}

/// swtpm on a free port of this machine, with a state of its own, until it is dropped.
pub(crate) struct Swtpm {
    process: Child,
    address: SocketAddr,
    _state: TempDir,
}

impl Swtpm {
    /// Starts it. `None`, and a line that is seen whatever is captured, where swtpm is not installed; who names the
    /// program by PROVISION_SIM_SWTPM wants it checked, and it has to run.
    pub(crate) async fn start() -> Option<Self> {
        let named = std::env::var_os("PROVISION_SIM_SWTPM");
        let program = named.clone().unwrap_or("swtpm".into());
        let state = tempfile::tempdir().unwrap();
        loop {
            // It takes no port 0.
            let address = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let started = Command::new(&program)
                .args(["socket", "--tpm2", "--flags", "not-need-init", "--tpmstate"])
                .arg(format!("dir={}", state.path().display()))
                .arg("--server")
                .arg(format!("type=tcp,bindaddr=127.0.0.1,port={}", address.port()))
                .stderr(Stdio::null())
                .stdout(Stdio::null())
                .spawn();
            let mut process = match started {
                Ok(process) => process,
                Err(error) if named.is_some() => panic!("PROVISION_SIM_SWTPM={program:?}: {error}"),
                Err(error) => {
                    // Not by a macro, whose output is captured.
                    let _ = writeln!(
                        std::io::stderr(),
                        "\nNOT CHECKED: the device with a real software TPM, for swtpm does not run here: {error}\n"
                    );
                    return None;
                }
            };
            if within("swtpm listens", listens(&mut process, address)).await {
                return Some(Self { process, address, _state: state });
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Whether it came to listen; where somebody else took the port meanwhile it ends.
async fn listens(process: &mut Child, address: SocketAddr) -> bool {
    loop {
        if process.try_wait().unwrap().is_some() {
            return false;
        }
        if TcpStream::connect(address).await.is_ok() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
