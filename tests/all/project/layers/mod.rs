//! The layers hold: at every depth a module imports only from modules below it, and no modules
//! import each other in a circle.
//!
//! The order of a folder's children is the list in the docs of its `mod.rs` (of the crate: of
//! `lib.rs`), lowest first, so that what is read and what is checked are one:
//!
//! ```text
//! //! - [`wire`]: what devices and the service say to each other.
//! //! - `clock`: …
//! ```
//!
//! A folder may do without a list; then only circles are faults. A `mod.rs` counts as a module: a
//! child that imports something *defined* there, while the `mod.rs` imports from that child, is in a
//! circle with it. Re-exports are looked through: what counts is where a name is defined.
//!
//! What is compiled for tests alone is not looked at, nor are comments, strings and doc examples.

mod names;
mod proof;
mod read;
mod rules;
mod source;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use self::rules::{Fault, Rule, check};
use self::source::Source;

static SOURCE: LazyLock<Source> = LazyLock::new(|| Source::load(&text_of));

fn text_of(file: &Path) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).ok()
}

#[test]
fn every_module_imports_only_from_below() {
    let faults = check(&SOURCE);
    let faults: Vec<_> = faults.iter().map(Fault::to_string).collect();

    assert!(faults.is_empty(), "{} faults\n\n{}\n", faults.len(), faults.join("\n"));
}

/// The real crate, with one line more.
#[test]
fn one_arrow_upwards_in_the_real_crate_is_a_fault() {
    let source = Source::load(&|file| {
        let added = match file.ends_with("src/wire/id.rs") {
            true => "use crate::fleet::Members;",
            false => "",
        };
        text_of(file).map(|text| text + added)
    });

    let faults: Vec<_> =
        check(&source).into_iter().filter(|fault| fault.rule == Rule::Upwards).collect();

    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(
        faults[0].to_string(),
        "in crate: wire is below fleet, but src/wire/id.rs takes Members from src/fleet/member.rs"
    );
}

/// A file that no `mod` line reaches would not be looked at.
#[test]
fn every_file_under_src_is_looked_at() {
    let mut folders = vec![PathBuf::from("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }

    assert!(files.len() > 100, "{}", files.len());
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
        assert!(SOURCE.has_read(file) || file.ends_with("main.rs"), "{}", file.display());
    }
}
