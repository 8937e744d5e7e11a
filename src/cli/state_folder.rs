//! Where the program keeps what it makes for itself: its CA, and where a running service is.

use std::path::PathBuf;

use super::input::variable;
use super::report::Report;

/// Whose habits hold.
#[derive(Debug, Clone, Copy)]
enum System {
    /// Linux, macOS and others. On macOS it is not `Library/Application Support` either: the path of
    /// the CA file is pasted into shells and variables, where a space breaks it.
    Unix,
    Windows,
}

impl System {
    const HERE: Self = if cfg!(windows) { Self::Windows } else { Self::Unix };

    /// The variable that decides if nothing else was said.
    fn variable(self) -> &'static str {
        match self {
            Self::Unix => "HOME",
            Self::Windows => "LOCALAPPDATA",
        }
    }
}

/// The folder, which need not be there yet.
pub(crate) fn state_folder() -> Result<PathBuf, Report> {
    folder(System::HERE, variable).ok_or_else(|| {
        let usual = System::HERE.variable();
        Report::usage(format!("no folder for state: neither XDG_STATE_HOME nor {usual} is set"))
            .remedy(format!("set {usual}, or give --ca-dir"))
    })
}

fn folder(system: System, variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let path = |name: &str| variable(name).map(PathBuf::from);
    let usual = || match system {
        System::Unix => path("HOME").map(|home| home.join(".local").join("state")),
        System::Windows => path("LOCALAPPDATA")
            .or_else(|| path("USERPROFILE").map(|home| home.join("AppData").join("Local"))),
    };
    // Relative paths there are to be ignored, says the XDG specification.
    let chosen = path("XDG_STATE_HOME").filter(|path| path.is_absolute());
    Some(chosen.or_else(usual)?.join("provision-sim"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An absolute path on the system that runs the test.
    const ROOT: &str = if cfg!(windows) { r"C:\root" } else { "/root" };

    #[test]
    fn the_state_is_where_each_system_keeps_such_things() {
        let root = PathBuf::from(ROOT);
        for (system, set, expected) in [
            (System::Unix, &["HOME"][..], Some(root.join(".local").join("state"))),
            (System::Unix, &["HOME", "XDG_STATE_HOME"], Some(root.clone())),
            (System::Unix, &["LOCALAPPDATA", "USERPROFILE"], None),
            (System::Windows, &["LOCALAPPDATA", "HOME"], Some(root.clone())),
            (System::Windows, &["USERPROFILE"], Some(root.join("AppData").join("Local"))),
            (System::Windows, &["XDG_STATE_HOME"], Some(root.clone())),
            (System::Windows, &["HOME"], None),
        ] {
            let found = folder(system, |name| set.contains(&name).then(|| ROOT.to_owned()));

            assert_eq!(found, expected.map(|it| it.join("provision-sim")), "{system:?} {set:?}");
        }
    }

    #[test]
    fn a_relative_choice_does_not_count() {
        let variable = |name: &str| match name {
            "XDG_STATE_HOME" => Some("state".to_owned()),
            _ => Some(ROOT.to_owned()),
        };

        let found = folder(System::Unix, variable).unwrap();

        assert_eq!(found, PathBuf::from(ROOT).join(".local").join("state").join("provision-sim"));
    }
}
