//! The rules, and what breaks them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::path::Path;

use super::names::resolve;
use super::source::{ModulePath, Source};

/// What can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A module imports only from modules that its folder's list has before it.
    Upwards,
    /// No modules of a folder import each other in a circle.
    Circle,
    /// The device and the service never import each other.
    Halves,
    /// A folder's list has all its modules and no others.
    List,
}

/// Something that breaks a rule.
#[derive(Debug)]
pub struct Fault {
    /// What it breaks.
    pub rule: Rule,
    /// Whose children it is about.
    pub folder: ModulePath,
    /// Who takes what from whom.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in {}: {}", self.folder, self.text)
    }
}

/// One file takes names from another.
struct Arrow<'a> {
    from: ModulePath,
    to: ModulePath,
    from_file: &'a Path,
    to_file: &'a Path,
    names: BTreeSet<String>,
}

impl fmt::Display for Arrow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names.iter().map(String::as_str).collect();
        let (from, to) = (self.from_file.display(), self.to_file.display());
        write!(f, "{from} takes {} from {to}", names.join(", "))
    }
}

/// Everything that breaks a rule.
pub fn check(source: &Source) -> Vec<Fault> {
    let arrows = arrows(source);
    let mut faults = halves(&arrows);
    for (folder, module) in source.modules() {
        let children = source.children(folder);
        if module.home != *folder || children.is_empty() {
            continue;
        }
        let list = listed(&module.docs);
        faults.extend(list_faults(folder, &children, &list));
        let level = Level::new(folder, &arrows);
        faults.extend(level.upwards(&list));
        faults.extend(level.circles());
    }
    faults
}

/// All arrows between files.
fn arrows(source: &Source) -> Vec<Arrow<'_>> {
    let mut arrows = BTreeMap::new();
    for (from, module) in source.modules() {
        let paths = module.mentions.paths.iter().map(|path| (path, None));
        let globs = module.mentions.globs.iter().map(|path| (path, Some("*".to_owned())));
        for (path, star) in paths.chain(globs) {
            let Some(target) = resolve(source, from, path) else { continue };
            let Some(there) = source.module(&target.module) else { continue };
            let item = target.item.or(star);
            // To name the folder that one is in takes nothing from it.
            let is_own_folder = item.is_none() && from.is_within(&target.module);
            if module.home == there.home || is_own_folder {
                continue;
            }
            let arrow = arrows.entry((&module.home, &there.home)).or_insert_with(|| Arrow {
                from: module.home.clone(),
                to: there.home.clone(),
                from_file: &module.file,
                to_file: &there.file,
                names: BTreeSet::new(),
            });
            arrow.names.insert(item.unwrap_or_else(|| "the module".to_owned()));
        }
    }
    arrows.into_values().collect()
}

fn halves(arrows: &[Arrow<'_>]) -> Vec<Fault> {
    let is_of = |path: &ModulePath, part: &str| path.0.first().is_some_and(|name| name == part);
    let is_between = |a: &ModulePath, b: &ModulePath| is_of(a, "device") && is_of(b, "service");
    arrows
        .iter()
        .filter(|arrow| is_between(&arrow.from, &arrow.to) || is_between(&arrow.to, &arrow.from))
        .map(|arrow| Fault {
            rule: Rule::Halves,
            folder: ModulePath::default(),
            text: format!("the device and the service never import each other, but {arrow}"),
        })
        .collect()
}

/// The names of a list of modules in docs, in its order: items such as ``- [`name`]: …``.
fn listed(docs: &[String]) -> Vec<&str> {
    docs.iter().filter_map(|line| listed_name(line.trim())).collect()
}

fn listed_name(line: &str) -> Option<&str> {
    let item = line.strip_prefix("- ")?;
    let (name, rest) = match item.strip_prefix('[') {
        Some(link) => link.strip_prefix('`')?.split_once("`]")?,
        None => item.strip_prefix('`')?.split_once('`')?,
    };
    let is_module = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit());
    (is_module && rest.starts_with(':')).then_some(name)
}

fn list_faults(folder: &ModulePath, children: &[&str], list: &[&str]) -> Vec<Fault> {
    if list.is_empty() {
        return Vec::new();
    }
    let fault = |text| Fault { rule: Rule::List, folder: folder.clone(), text };
    let lacking = children.iter().filter(|child| !list.contains(child));
    let lacking = lacking.map(|child| fault(format!("the list in the docs lacks {child}")));
    let wrong = list.iter().enumerate().filter_map(|(at, name)| {
        if !children.contains(name) {
            return Some(fault(format!("the list in the docs names {name}, which is not there")));
        }
        list[..at].contains(name).then(|| fault(format!("the list in the docs names {name} twice")))
    });
    lacking.chain(wrong).collect()
}

/// The arrows between the children of a folder, and between them and its `mod.rs`.
struct Level<'a> {
    folder: &'a ModulePath,
    arrows: Vec<(&'a str, &'a str, &'a Arrow<'a>)>,
}

/// The `mod.rs` as a module among its children.
const OWN_FILE: &str = "mod.rs";

impl<'a> Level<'a> {
    fn new(folder: &'a ModulePath, arrows: &'a [Arrow<'a>]) -> Self {
        let arrows = arrows
            .iter()
            .filter_map(|arrow| Some((node(folder, &arrow.from)?, node(folder, &arrow.to)?, arrow)))
            .filter(|(from, to, _)| from != to)
            .collect();
        Self { folder, arrows }
    }

    fn upwards(&self, list: &[&str]) -> Vec<Fault> {
        let place = |name: &str| list.iter().position(|listed| *listed == name);
        self.arrows
            .iter()
            .filter(|(from, to, _)| matches!((place(from), place(to)), (Some(from), Some(to)) if from < to))
            .map(|(from, to, arrow)| Fault {
                rule: Rule::Upwards,
                folder: self.folder.clone(),
                text: format!("{from} is below {to}, but {arrow}"),
            })
            .collect()
    }

    fn circles(&self) -> Vec<Fault> {
        let mut rest: BTreeSet<&'a str> = self.arrows.iter().map(|(from, ..)| *from).collect();
        let mut faults = Vec::new();
        while let Some(node) = rest.pop_first() {
            let reached = self.reached_from(node);
            let mut circle: BTreeSet<_> = reached
                .iter()
                .copied()
                .filter(|other| self.reached_from(other).contains(node))
                .collect();
            circle.insert(node);
            rest.retain(|other| !circle.contains(other));
            if circle.len() > 1 {
                faults.push(self.circle(&circle));
            }
        }
        faults
    }

    fn reached_from(&self, start: &'a str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut ahead = vec![start];
        while let Some(node) = ahead.pop() {
            let next = self.arrows.iter().filter(|(from, ..)| *from == node).map(|(_, to, _)| *to);
            ahead.extend(next.filter(|to| reached.insert(*to)));
        }
        reached
    }

    fn circle(&self, members: &BTreeSet<&str>) -> Fault {
        let names: Vec<_> = members.iter().copied().collect();
        let mut text = format!("{} import each other in a circle:", names.join(", "));
        for (from, to, arrow) in &self.arrows {
            if members.contains(from) && members.contains(to) {
                let _ = write!(text, "\n    {arrow}");
            }
        }
        Fault { rule: Rule::Circle, folder: self.folder.clone(), text }
    }
}

/// Under which child of the folder a module is; nothing if it is elsewhere.
fn node<'a>(folder: &ModulePath, module: &'a ModulePath) -> Option<&'a str> {
    module.is_within(folder).then(|| module.0.get(folder.0.len()).map_or(OWN_FILE, String::as_str))
}
