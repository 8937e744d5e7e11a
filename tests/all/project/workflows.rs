//! Files that others' machines run: they are YAML, and what they call is there.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use saphyr::{LoadableYamlNode, Yaml};

use super::document::root;

/// What touches packages that are given away must not change by itself.
const PINNED: &str = ".github/workflows/release.yml";

fn files() -> Vec<PathBuf> {
    let workflows = std::fs::read_dir(root().join(".github/workflows")).unwrap();
    let mut files: Vec<_> = workflows.map(|entry| entry.unwrap().path()).collect();
    files.push(root().join("action.yml"));
    files.push(root().join("packaging/gitlab/provision-sim.yml"));
    files.sort();
    files
}

#[test]
fn workflows_and_templates_are_yaml() {
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        let documents = Yaml::load_from_str(&text).unwrap_or_else(|e| panic!("{file:?}: {e}"));
        assert!(documents.len() == 1 && documents[0].is_mapping(), "{file:?}");
    }
}

#[test]
fn the_release_uses_commits_and_says_their_versions() {
    let text = std::fs::read_to_string(root().join(PINNED)).unwrap();
    let used: Vec<_> = text.lines().filter_map(|line| line.split_once("uses: ")).collect();
    assert!(used.len() > 10, "{used:?}");

    for (_, action) in used {
        let (commit, version) = action
            .split_once('@')
            .and_then(|(_, rest)| rest.split_once(" # v"))
            .unwrap_or_else(|| panic!("{action}: no commit with its version behind it"));
        assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{action}");
        assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{action}");
    }
}

#[test]
fn what_they_call_can_be_executed() {
    let mut called = Vec::new();
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        for (at, _) in text.match_indices("packaging/") {
            let path = text[at..].split([' ', '"', '\'', ')', '\n']).next().unwrap().to_owned();
            let is_comment = text[..at].lines().next_back().unwrap_or("").contains('#');
            called.extend((!is_comment).then_some(path));
        }
    }
    called.sort();
    called.dedup();
    assert!(called.contains(&"packaging/pack".to_owned()), "{called:?}");

    for path in called {
        let mode = std::fs::metadata(root().join(&path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert!(mode.permissions().mode() & 0o111 != 0, "{path} cannot be executed");
    }
}
