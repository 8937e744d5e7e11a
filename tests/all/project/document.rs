//! The README and the pages of `docs/`: where they are, and what of them can be checked.
//!
//! What a reader does not need to see is said in HTML comments:
//!
//! | comment | meaning |
//! |---|---|
//! | `not run: REASON` | the commands of the next block cannot be run here; their flags are checked |
//! | `setup`, then lines | commands that are run first: what a reader has done already |
//! | `save as FILE` | the next block is a file that later commands read |
//! | `against a local service in Azure's place` | the next block talks to a service that stands for Azure |
//! | `with a function on localhost:7071` | the next block needs the reader's own function there |
//! | `NAME: begin`, `NAME: end` | the section in between is made from the code |

use std::path::{Path, PathBuf};

/// A page, read.
pub(super) struct Page {
    /// Relative to the project.
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// What a page has that matters for running its commands, in its order.
#[derive(Debug, PartialEq)]
pub(super) enum Part {
    /// Commands that the reader does not see.
    Setup(String),
    Block(Block),
}

/// A fenced block.
#[derive(Debug, PartialEq)]
pub(super) struct Block {
    /// Its number of the line with the opening fence.
    pub(super) line: usize,
    /// The first word behind the fence.
    pub(super) language: String,
    pub(super) text: String,
    pub(super) marks: Vec<Mark>,
}

/// What is said of a block in comments before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mark {
    NotRun,
    SaveAs(String),
    AgainstAzure,
    WithFunction,
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The README and all pages below `docs/`, sorted.
pub(super) fn pages() -> Vec<Page> {
    let mut paths = vec![PathBuf::from("README.md")];
    collect(Path::new("docs"), &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| Page { text: std::fs::read_to_string(root().join(&path)).unwrap(), path })
        .collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
}

/// The parts of a page, or what is wrong with one of them.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let mut parts = Vec::new();
    let mut marks = Vec::new();
    while let Some((line, content)) = lines.next() {
        let content = content.trim_start();
        if let Some(info) = content.strip_prefix("```") {
            let language = info.split_whitespace().next().unwrap_or_default().to_owned();
            let text =
                until(&mut lines, "```").ok_or(format!("line {line}: no end of the block"))?;
            parts.push(Part::Block(Block {
                line,
                language,
                text,
                marks: std::mem::take(&mut marks),
            }));
        } else if content == "<!-- setup" {
            let text =
                until(&mut lines, "-->").ok_or(format!("line {line}: no end of the setup"))?;
            parts.push(Part::Setup(text));
        } else if let Some(comment) = content.strip_prefix("<!-- ") {
            let comment = comment.strip_suffix(" -->").ok_or(format!("line {line}: no `-->`"))?;
            marks.extend(mark(comment).map_err(|reason| format!("line {line}: {reason}"))?);
        } else if !content.is_empty() && !marks.is_empty() {
            return Err(format!("line {line}: a comment about a block, and no block after it"));
        }
    }
    Ok(parts)
}

fn until<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>, end: &str) -> Option<String> {
    let mut text = String::new();
    for (_, line) in lines {
        if line.trim() == end {
            return Some(text);
        }
        text += line;
        text.push('\n');
    }
    None
}

/// The commands of ours that a text names in passing, in backticks.
pub(super) fn named_commands(text: &str) -> Vec<String> {
    // Between fences; a fence is three backticks more.
    let prose: Vec<&str> = text.split("```").step_by(2).collect();
    let spans = prose.iter().flat_map(|prose| prose.split('`').skip(1).step_by(2));
    let spans = spans.map(|span| span.split_whitespace().collect::<Vec<_>>().join(" "));
    spans.filter(|span| span.starts_with("provision-sim ")).collect()
}

/// What a comment says of the next block; nothing, if it is about a section.
fn mark(comment: &str) -> Result<Option<Mark>, String> {
    if comment.ends_with(": begin") || comment.ends_with(": end") {
        return Ok(None);
    }
    let mark = match comment {
        "against a local service in Azure's place" => Mark::AgainstAzure,
        "with a function on localhost:7071" => Mark::WithFunction,
        other => match (other.strip_prefix("not run: "), other.strip_prefix("save as ")) {
            (Some(reason), _) if !reason.trim().is_empty() => Mark::NotRun,
            (_, Some(name)) if !name.contains('/') => Mark::SaveAs(name.to_owned()),
            _ => return Err(format!("the comment `{comment}` is not known")),
        },
    };
    Ok(Some(mark))
}

#[test]
fn a_page_comes_apart_into_setups_and_blocks_with_their_marks() {
    let page = "Text\n<!-- setup\nprovision-sim serve\n-->\n<!-- not run: no cluster -->\n```sh\nkubectl\n```\n\
                <!-- codes: begin -->\n```json\n{}\n```\n<!-- codes: end -->\n";

    let block = |line, language: &str, text: &str, marks| {
        Part::Block(Block { line, language: language.to_owned(), text: text.to_owned(), marks })
    };
    assert_eq!(
        parts(page).unwrap(),
        [
            Part::Setup("provision-sim serve\n".to_owned()),
            block(6, "sh", "kubectl\n", vec![Mark::NotRun]),
            block(10, "json", "{}\n", vec![]),
        ]
    );
}

#[test]
fn a_comment_that_is_not_known_or_has_no_block_is_an_error() {
    assert!(parts("<!-- not run: -->\n```sh\nls\n```\n").unwrap_err().contains("not known"));
    assert!(parts("<!-- nor run: no cluster -->\n").unwrap_err().starts_with("line 1: "));
    assert!(parts("<!-- not run: why -->\nText\n```sh\nls\n```\n").unwrap_err().contains("line 2"));
    assert!(parts("```sh\nls\n").unwrap_err().contains("no end"));
}

#[test]
fn commands_in_passing_are_found_across_lines() {
    let text = "Use `serve` or `provision-sim\nserve -v`.\n```sh\nx `provision-sim y`\n```\n`provision-sim a`";

    assert_eq!(named_commands(text), ["provision-sim serve -v", "provision-sim a"]);
}
