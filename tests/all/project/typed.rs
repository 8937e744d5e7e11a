//! What a block says that a reader types, and what comes of it.

/// A line that a reader types.
#[derive(Debug, PartialEq)]
pub(super) struct Typed {
    pub(super) command: String,
    pub(super) exit: i32,
    /// What it prints, if the page shows it.
    pub(super) output: Option<String>,
}

/// The commands of a script: a line each, with what a `\` joins to it.
pub(super) fn typed(text: &str) -> Vec<Typed> {
    let text = text.replace("\\\n", "");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| command(line, None)).collect()
}

/// The commands of a transcript, and what they print.
pub(super) fn transcript(text: &str) -> Vec<Typed> {
    let text = text.replace("\\\n", "");
    let parts = format!("\n{text}");
    parts
        .split("\n$ ")
        .skip(1)
        .map(|part| {
            let (line, output) = part.split_once('\n').unwrap_or((part, ""));
            command(line, Some(output.to_owned()).filter(|output| !output.is_empty()))
        })
        .collect()
}

fn command(line: &str, output: Option<String>) -> Typed {
    let exit = line.rsplit_once("# exit code ").map_or(0, |(_, code)| code.trim().parse().unwrap());
    Typed { command: line.to_owned(), exit, output }
}

#[test]
fn commands_are_lines_and_say_how_they_end() {
    let lines =
        typed("# a comment\nprovision-sim fleet \\\n    --local\n\nfalse   # exit code 1\n");

    assert_eq!(
        lines.iter().map(|typed| (&*typed.command, typed.exit)).collect::<Vec<_>>(),
        [("provision-sim fleet     --local", 0), ("false   # exit code 1", 1)]
    );
    let shown = transcript("$ true\n$ echo a b\na …\n");
    assert_eq!(
        shown.iter().map(|t| t.output.as_deref()).collect::<Vec<_>>(),
        [None, Some("a …\n")]
    );
}
