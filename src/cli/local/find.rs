//! The service of this machine that a command means.

use std::path::Path;
use std::str::FromStr;

use super::described::Local;
use super::files;
use crate::cli::exit::Exit;
use crate::cli::report::Report;
use crate::cli::state_folder::state_folder;

/// What `--local` stands for: the only service that runs, or one of several, by its name or the port
/// of its MQTT.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LocalChoice(Option<String>);

impl FromStr for LocalChoice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self((!text.is_empty()).then(|| text.to_owned())))
    }
}

impl LocalChoice {
    /// The flag as it was given.
    pub(crate) fn as_flag(&self) -> String {
        match &self.0 {
            Some(name) => format!("--local={name}"),
            None => "--local".to_owned(),
        }
    }

    /// The service that is meant.
    ///
    /// # Errors
    ///
    /// If none runs, or it cannot be told which.
    pub(crate) fn find(&self) -> Result<Local, Report> {
        self.find_in(&state_folder()?)
    }

    fn find_in(&self, folder: &Path) -> Result<Local, Report> {
        let mut found: Vec<Local> =
            files::all(folder).into_iter().map(|(_, local)| local).collect();
        if found.len() > 1 || self.0.is_some() {
            // Of a single one that was killed, whoever dials it is told so.
            found.retain(files::is_running);
        }
        let names: Vec<String> = found.iter().map(shown).collect();
        if let Some(name) = &self.0 {
            found.retain(|local| local.name == *name || port(local) == *name);
        }
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(self.none(folder, &names)),
            _ => Err(Report::usage(format!(
                "--local: {} services are running on this machine",
                names.len()
            ))
            .cause(format!("running here: {}", names.join(", ")))
            .remedy("say which: --local=NAME, or --local=PORT with the port of its MQTT")),
        }
    }

    fn none(&self, folder: &Path, running: &[String]) -> Report {
        let flag = self.as_flag();
        match (&self.0, running) {
            (Some(_), [_, ..]) => Report::usage(format!("{flag}: no such service is running"))
                .cause(format!("running here: {}", running.join(", ")))
                .remedy("give its name, or the port of its MQTT"),
            _ => Report::new(
                "local",
                Exit::Network,
                format!("{flag}: no service is running on this machine"),
            )
            .cause(format!("{} is not there, or not readable", files::first(folder).display()))
            .remedy("start `provision-sim serve` in another terminal"),
        }
    }
}

fn port(local: &Local) -> &str {
    local.ready.mqtt.rsplit_once(':').map_or("", |(_, port)| port)
}

fn shown(local: &Local) -> String {
    let (name, port) = (&local.name, port(local));
    match name == port {
        true => name.clone(),
        false => format!("{name} (port {port})"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::cli::local::described::Ready;

    fn write(folder: &Path, file: &str, name: &str, mqtt: &str) {
        let ready = Ready {
            mqtt: mqtt.to_owned(),
            https: None,
            amqp: None,
            gateway: None,
            admin: None,
            ca_file: "ca.pem".into(),
            id_scope: "0ne00000001".to_owned(),
            service_connection_string: None,
        };
        let local = Local::new(ready, name.to_owned());
        std::fs::write(folder.join(file), serde_json::to_vec(&local).unwrap()).unwrap();
    }

    fn found(choice: &str, folder: &Path) -> Result<String, Report> {
        let choice: LocalChoice = choice.parse().unwrap();
        choice.find_in(folder).map(|local| local.name)
    }

    #[test]
    fn the_only_one_is_meant_and_one_of_several_has_to_be_named() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (one, two) = (listen(), listen());
        let address = |listener: &TcpListener| listener.local_addr().unwrap().to_string();
        let port = two.local_addr().unwrap().port().to_string();

        assert_eq!(found("", folder).unwrap_err().exit, Exit::Network);
        write(folder, "local.json", "first", &address(&one));
        assert_eq!(found("", folder).unwrap(), "first");
        write(folder, "local-ci.json", "ci", &address(&two));

        let unclear = found("", folder).unwrap_err();
        assert!(unclear.causes[0].contains("first (port "), "{unclear:?}");
        assert!(unclear.causes[0].contains(&format!("ci (port {port})")), "{unclear:?}");
        assert_eq!(found("ci", folder).unwrap(), "ci");
        assert_eq!(found(&port, folder).unwrap(), "ci");
        let wrong = found("other", folder).unwrap_err();
        assert!(wrong.causes[0].contains("first (port "), "{wrong:?}");

        drop(one);
        assert_eq!(found("", folder).unwrap(), "ci", "the other was killed");
    }
}
