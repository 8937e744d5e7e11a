//! The file that says where a service is, while it runs.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::described::Local;
use super::files;
use crate::cli::input::plain;
use crate::cli::private_file;
use crate::cli::report::Report;
use crate::cli::state_folder::state_folder;

/// The published file of a running service. Dropping it removes the file.
#[derive(Debug)]
pub(crate) struct Published {
    path: PathBuf,
    process: u32,
}

impl Published {
    /// Writes the file by atomic rename: `local.json`, unless another service that runs has it.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written, or a service that runs is called the same.
    pub(crate) fn new(local: &Local) -> Result<Self, Report> {
        Self::in_folder(&state_folder()?, local)
    }

    fn in_folder(folder: &Path, local: &Local) -> Result<Self, Report> {
        let error = |error: std::io::Error| {
            Report::usage(format!("cannot write to {}: {}", folder.display(), plain(&error)))
                .remedy("set XDG_STATE_HOME to a folder that can be written")
        };
        std::fs::create_dir_all(folder).map_err(error)?;
        let _lock = files::lock(folder).map_err(error)?;
        let path = Self::choose(folder, local)?;
        let text = serde_json::to_string_pretty(local).map_err(Report::internal)?;
        let text = Zeroizing::new(text);
        private_file::replace(&path, text.as_bytes()).map_err(error)?;
        Ok(Self { path, process: local.process })
    }

    /// Files of services that were killed are removed on the way: nobody else will.
    fn choose(folder: &Path, local: &Local) -> Result<PathBuf, Report> {
        let mut first = files::first(folder);
        for (path, other) in files::all(folder) {
            // Its ports are ours now; whoever wrote that file is gone.
            let has_our_port = other.ready.mqtt == local.ready.mqtt;
            if has_our_port || !files::is_running(&other) {
                let _ = std::fs::remove_file(&path);
                continue;
            }
            if other.name == local.name {
                return Err(Report::usage(format!(
                    "--name: a service called {:?} is running, at {}",
                    other.name, other.ready.mqtt
                ))
                .remedy("give this one another name"));
            }
            if path == first {
                first = files::other(folder, &local.name);
            }
        }
        Ok(first)
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        let is_ours = files::read(&self.path).is_some_and(|local| local.process == self.process);
        if is_ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::cli::local::described::Ready;

    /// A service of a process of its own, and the port that tells that it runs.
    fn service(name: &str, process: u32) -> (Local, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ready = Ready {
            mqtt: listener.local_addr().unwrap().to_string(),
            https: None,
            amqp: None,
            gateway: None,
            admin: None,
            ca_file: PathBuf::from("ca.pem"),
            id_scope: "0ne00000001".to_owned(),
            service_connection_string: None,
        };
        let mut local = Local::new(ready, name.to_owned());
        local.process = process;
        (local, listener)
    }

    fn names(folder: &Path) -> Vec<String> {
        files::all(folder).into_iter().map(|(_, local)| local.name).collect()
    }

    #[test]
    fn each_service_has_a_file_and_removes_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let ((one, _one), (two, _two)) = (service("1", 1), service("2", 2));

        let first = Published::in_folder(folder, &one).unwrap();
        let second = Published::in_folder(folder, &two).unwrap();

        assert_eq!(names(folder), ["1", "2"]);
        assert_eq!(first.path(), folder.join("local.json"));
        assert_eq!(second.path(), folder.join("local-2.json"));
        drop(first);
        assert_eq!(names(folder), ["2"]);
        drop(second);
        assert!(names(folder).is_empty());
    }

    #[test]
    fn one_that_was_killed_gives_up_its_place_and_does_not_take_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let ((one, listener), (two, _two)) = (service("1", 1), service("2", 2));
        let killed = Published::in_folder(folder, &one).unwrap();
        drop(listener);

        let next = Published::in_folder(folder, &two).unwrap();
        drop(killed);

        assert_eq!(next.path(), folder.join("local.json"));
        assert_eq!(names(folder), ["2"]);
    }

    #[test]
    fn two_that_run_are_not_called_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let ((one, _one), (two, _two)) = (service("ci", 1), service("ci", 2));
        let _published = Published::in_folder(folder.path(), &one).unwrap();

        let report = Published::in_folder(folder.path(), &two).unwrap_err();

        assert!(report.message.contains("\"ci\" is running"), "{}", report.message);
    }
}
