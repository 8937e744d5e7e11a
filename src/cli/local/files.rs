//! The files in which the services of this machine are described: `local.json` is that of the first,
//! `local-NAME.json` those of the others.

use std::fs::File;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::described::Local;

/// On the machine itself either somebody answers at once, or nobody is there.
const PATIENCE: Duration = Duration::from_millis(500);

const FIRST: &str = "local.json";

/// The file of the service that comes first.
pub(super) fn first(folder: &Path) -> PathBuf {
    folder.join(FIRST)
}

/// The file of one that comes later.
pub(super) fn other(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("local-{name}.json"))
}

/// What stands in such a file; `None` if it is not there or is none.
pub(super) fn read(path: &Path) -> Option<Local> {
    let text = Zeroizing::new(std::fs::read(path).ok()?);
    serde_json::from_slice(&text).ok()
}

/// All that are there, the first service's first; those of services that were killed too.
pub(super) fn all(folder: &Path) -> Vec<(PathBuf, Local)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| is_ours(path)).collect();
    paths.sort_by_key(|path| (path.file_name() != Some(FIRST.as_ref()), path.clone()));
    paths.into_iter().filter_map(|path| read(&path).map(|local| (path, local))).collect()
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name == FIRST || (name.starts_with("local-") && name.ends_with(".json"))
}

/// Whether somebody listens where the service says that it does. A service writes its file when it
/// listens already, so one that does not answer has been killed.
pub(super) fn is_running(local: &Local) -> bool {
    let Ok(endpoint) = local.address() else { return false };
    let port = endpoint.port().unwrap_or_default();
    let addresses = (endpoint.host(), port).to_socket_addrs().into_iter().flatten();
    addresses.into_iter().any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
}

/// Held while files are chosen, so that of two services that start at once one comes first.
pub(super) fn lock(folder: &Path) -> std::io::Result<File> {
    let file = File::options().create(true).append(true).open(folder.join("local.lock"))?;
    file.lock()?;
    Ok(file)
}
