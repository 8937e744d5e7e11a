//! The tasks.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

type Done = Result<(), String>;

pub fn lint() -> Done {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))?;
    let mut doc = cargo(&["doc", "--no-deps", "--locked", "--document-private-items"]);
    run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

pub fn test(arguments: &[&str]) -> Done {
    run(cargo(&["test", "--locked"]).args(arguments))
}

pub fn features() -> Done {
    let manifest = root().join("Cargo.toml");
    let manifest =
        fs::read_to_string(&manifest).map_err(|e| format!("{}: {e}", manifest.display()))?;
    let mut alone = vec!["".to_owned()];
    alone.extend(features_of(&manifest));
    for feature in alone {
        let check = ["clippy", "--locked", "--no-default-features", "--features", &feature];
        run(cargo(&check).args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

/// The names in the table `[features]`, without `default`.
fn features_of(manifest: &str) -> Vec<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[features]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().to_owned())
        .filter(|name| !name.starts_with('#') && name != "default")
        .collect()
}

/// Without checks: those that need no database from outside.
pub fn deny(checks: &[&str]) -> Done {
    let checks = if checks.is_empty() { &["bans", "licenses", "sources"] } else { checks };
    run(tool("cargo-deny")?.arg("check").args(checks))
}

pub fn fuzz_list() -> Done {
    run(tool("cargo-fuzz")?.arg("list"))
}

pub fn fuzz(target: &str, seconds: &str) -> Done {
    let limit = format!("-max_total_time={seconds}");
    // Without unsafe code there is little that a sanitizer could find, and it halves the speed.
    run(tool("cargo-fuzz")?.args(["run", "--sanitizer", "none", target, "--", &limit]))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(arguments).current_dir(root());
    cargo
}

/// A cargo subcommand that is installed by itself: on the path, or in `target/tools`.
fn tool(name: &str) -> Result<Command, String> {
    let ours = root()
        .join("target")
        .join("tools")
        .join("bin")
        .join(name)
        .with_extension(env::consts::EXE_EXTENSION);
    let there = [ours, PathBuf::from(name)].into_iter().find(|path| {
        Command::new(path).arg("--version").output().is_ok_and(|output| output.status.success())
    });
    let Some(path) = there else {
        return Err(format!(
            "{name} is not installed: cargo install {name} --locked --root target/tools"
        ));
    };
    let mut command = Command::new(path);
    command.current_dir(root());
    Ok(command)
}

/// Runs a command and says which, so that it can be typed again.
fn run(command: &mut Command) -> Done {
    let name = Path::new(command.get_program())
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let words = command.get_args().map(|word| word.to_string_lossy());
    let line = words.fold(name, |line, word| line + " " + &word);
    eprintln!("$ {line}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed: {status}")),
        Err(error) => Err(format!("`{line}` cannot be started: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::features_of;

    #[test]
    fn features_are_those_of_the_table_without_the_default() {
        let manifest = "[package]\nname = \"x\"\n[features]\ndefault = [\"cli\"]\n# why\ncli = []\nfleet = [\n    \"device\",\n]\n[dev-dependencies]\ny = \"1\"\n";
        assert_eq!(features_of(manifest), ["cli", "fleet"]);
        assert!(features_of("[package]\nname = \"x\"\n").is_empty());
    }
}
