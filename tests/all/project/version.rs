//! The version stands in one place, and packages take it from there.

use std::path::{Path, PathBuf};

use super::document::root;

/// What is made of the project, and who makes it.
const PACKAGING: [&str; 5] = ["packaging", "action.yml", "pyproject.toml", ".github", ".ci"];

/// Files that are read alone, and so cannot look the version up. Their own checks compare it.
const COPIES: [&str; 1] = ["packaging/gitlab/provision-sim.yml"];

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn no_packaging_file_has_a_version_of_its_own() {
    let mut files = Vec::new();
    for path in PACKAGING {
        collect(&root().join(path), &mut files);
    }
    assert!(files.len() > 20, "{files:?}");

    let with_version = files.into_iter().filter(|file| names(file, VERSION));
    let named: Vec<_> = with_version.map(|file| relative(&file)).collect();

    assert_eq!(named, COPIES, "these say {VERSION} themselves; packaging/version reads it");
}

#[test]
fn the_wheel_has_the_version_of_the_crate() {
    let path = root().join("pyproject.toml");
    let Ok(text) = std::fs::read_to_string(path) else { return };
    let project: toml::Table = text.parse().unwrap();

    assert_eq!(project["project"]["dynamic"].as_array().unwrap()[0].as_str(), Some("version"));
    assert!(project["project"].get("version").is_none());
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if !path.is_dir() {
        files.extend(path.exists().then(|| path.to_owned()));
        return;
    }
    let mut below: Vec<_> =
        std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    below.sort();
    for path in below {
        let name = path.file_name().unwrap().to_string_lossy();
        // What programs leave there is no file of the project.
        if !["node_modules", "__pycache__"].contains(&&*name) {
            collect(&path, files);
        }
    }
}

/// Whether a file has the version, and not as a part of a longer number.
fn names(file: &Path, version: &str) -> bool {
    let bytes = std::fs::read(file).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    text.match_indices(version).any(|(at, _)| {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let before = text[..at].chars().next_back();
        let mut after = text[at + version.len()..].chars();
        let goes_on = match after.next() {
            // A sentence may end behind it.
            Some('.') => after.next().is_some_and(|c| c.is_ascii_digit()),
            Some(c) => c.is_ascii_digit(),
            None => false,
        };
        !before.is_some_and(is_number) && !goes_on
    })
}

fn relative(file: &Path) -> String {
    file.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
}
