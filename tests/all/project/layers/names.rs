//! Where a name that is taken is defined: imports and re-exports are looked through.

use super::source::{ModulePath, Source};

/// How many re-exports are looked through before one is taken for a circle of re-exports.
const DEPTH: usize = 32;

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The module.
    pub module: ModulePath,
    /// What of it; nothing if the path ends at the module itself.
    pub item: Option<String>,
}

/// What a path in a module leads to; nothing if that is outside of the crate.
pub fn resolve(source: &Source, from: &ModulePath, path: &[String]) -> Option<Target> {
    Lookup { source, depth: DEPTH }.resolve(from, path)
}

#[derive(Clone, Copy)]
struct Lookup<'a> {
    source: &'a Source,
    depth: usize,
}

impl Lookup<'_> {
    fn resolve(self, from: &ModulePath, path: &[String]) -> Option<Target> {
        let lookup = Self { depth: self.depth.checked_sub(1)?, ..self };
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => lookup.descend(ModulePath::default(), rest, false),
            "self" => lookup.descend(from.clone(), rest, false),
            "super" => {
                let mut above = from.parent()?;
                let mut rest = rest;
                while let [next, after @ ..] = rest
                    && next == "super"
                {
                    (above, rest) = (above.parent()?, after);
                }
                lookup.descend(above, rest, false)
            }
            _ => lookup.descend(from.clone(), path, true),
        }
    }

    /// `is_guess`: the first name may as well be that of another crate.
    fn descend(self, at: ModulePath, path: &[String], is_guess: bool) -> Option<Target> {
        let Some((name, rest)) = path.split_first() else {
            return Some(Target { module: at, item: None });
        };
        let mentions = &self.source.module(&at)?.mentions;
        let here = || Some(Target { module: at.clone(), item: Some(name.clone()) });
        let imports = mentions.imports.get(name);
        let is_item = mentions.definitions.contains(name);
        let child = at.child(name);
        // A function may bear the name of its module: the path's last name is the function.
        let is_last_name_of_an_item = rest.is_empty() && (is_item || imports.is_some());
        if self.source.module(&child).is_some() && !is_last_name_of_an_item {
            return self.descend(child, rest, false);
        }
        if is_item {
            return here();
        }
        if let Some(imports) = imports {
            return imports.iter().find_map(|path| self.resolve(&at, &[path, rest].concat()));
        }
        let in_globs = mentions.globs.iter().find_map(|glob| {
            let target = self.resolve(&at, glob).filter(|target| target.item.is_none())?;
            let lookup = Self { depth: self.depth.checked_sub(1)?, ..self };
            lookup.descend(target.module, path, true)
        });
        // What a macro defines is not seen, so that it counts for where it was looked for.
        in_globs.or_else(|| if is_guess { None } else { here() })
    }
}
