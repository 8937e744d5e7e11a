//! The conversation of a case as files, one for each part, for those who look closer.

use std::collections::HashMap;
use std::fmt::Write;

use super::case::{Case, PartKind};
use super::shown::{line, seconds, seen};

/// A file about a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Its name, without a folder.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// The files about a case: `case.txt` says how it went, each part of the conversation has its own. Parts are
/// as they came: a program may read them.
pub fn artifacts(case: &Case) -> Vec<Artifact> {
    let mut files = vec![Artifact { name: "case.txt".to_owned(), text: summary(case) }];
    let mut counts: HashMap<PartKind, usize> = HashMap::new();
    for part in &case.conversation {
        let (stem, extension) = part.kind.file();
        let count = counts.entry(part.kind).or_default();
        *count += 1;
        let name = match count {
            1 => format!("{stem}.{extension}"),
            count => format!("{stem}-{count}.{extension}"),
        };
        files.push(Artifact { name, text: part.text.clone() });
    }
    files
}

fn summary(case: &Case) -> String {
    let (class, name, word) = (line(&case.class), line(&case.name), case.outcome.word());
    let mut text = format!("{class} {name}: {word} after {} s\n", seconds(case.took));
    for reason in case.outcome.reasons() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", line(reason));
    }
    if !case.seen.is_empty() {
        let _ = write!(text, "\n{}", seen(&case.seen));
    }
    text
}

/// A name of a folder for the case with this number, that every system takes and that tells it from others.
pub fn folder(number: usize, case: &Case) -> String {
    const LONG: usize = 80;
    let text = format!("{}-{}", case.class, case.name);
    let mut name: String = text
        .chars()
        .map(
            |it| if it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.') { it } else { '-' },
        )
        .take(LONG)
        .collect();
    // Windows takes no full stop at the end.
    name.truncate(name.trim_end_matches(['.', '-']).len());
    format!("{number:03}-{name}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::case::{Part, Seen};
    use super::super::outcome::Outcome;
    use super::*;

    #[test]
    fn each_part_has_a_file() {
        let mut case =
            Case::new("pumps", "../a b/\u{1b}.", Outcome::Failed(vec!["no hub".to_owned()]));
        case.seen.push(Seen::new(Duration::from_millis(3), "register"));
        for (kind, text) in
            [(PartKind::Device, "one"), (PartKind::Device, "two"), (PartKind::Journal, "[]")]
        {
            case.conversation.push(Part::new(kind, text));
        }

        let files = artifacts(&case);

        let files: Vec<_> = files.iter().map(|file| (&*file.name, &*file.text)).collect();
        assert_eq!(
            files,
            [
                (
                    "case.txt",
                    "pumps ../a b/\\u{1b}.: failed after 0.000 s\nno hub\n\n    0.003 s  register\n"
                ),
                ("device.txt", "one"),
                ("device-2.txt", "two"),
                ("journal.json", "[]"),
            ]
        );
        assert_eq!(folder(7, &case), "007-pumps-..-a-b");
    }

    #[test]
    fn no_two_kinds_share_a_file() {
        let names: std::collections::HashSet<_> =
            PartKind::ALL.iter().map(|kind| kind.file()).collect();

        assert_eq!(names.len(), PartKind::ALL.len());
    }
}
