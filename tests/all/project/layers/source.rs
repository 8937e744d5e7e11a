//! The modules of a crate, found as the compiler finds them: from `lib.rs` along the `mod` lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, ItemMod};

use super::read::{self, Mentions};

/// Where a module is: the names from the root of the crate down to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModulePath(pub Vec<String>);

impl ModulePath {
    pub fn child(&self, name: &str) -> Self {
        Self(self.0.iter().cloned().chain([name.to_owned()]).collect())
    }

    pub fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, above)| Self(above.to_vec()))
    }

    pub fn is_within(&self, folder: &Self) -> bool {
        self.0.starts_with(&folder.0)
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_empty() {
            true => f.write_str("crate"),
            false => f.write_str(&self.0.join("::")),
        }
    }
}

/// A module that is not for tests alone.
#[derive(Debug)]
pub struct Module {
    /// The file that it is in.
    pub file: PathBuf,
    /// The module that is that whole file: itself, unless it stands in braces.
    pub home: ModulePath,
    /// Its docs, line by line.
    pub docs: Vec<String>,
    /// What it defines and what it mentions.
    pub mentions: Mentions,
}

/// All modules of a crate.
#[derive(Debug, Default)]
pub struct Source {
    modules: BTreeMap<ModulePath, Module>,
    files: BTreeSet<PathBuf>,
}

/// Gives the text of a file, if there is one.
type Reader<'a> = &'a dyn Fn(&Path) -> Option<String>;

impl Source {
    /// Reads the crate whose root is `src/lib.rs`.
    pub fn load(text_of: Reader<'_>) -> Self {
        let mut source = Self::default();
        source.read_file(text_of, Path::new("src/lib.rs"), &ModulePath::default(), false);
        source
    }

    pub fn module(&self, path: &ModulePath) -> Option<&Module> {
        self.modules.get(path)
    }

    pub fn modules(&self) -> impl Iterator<Item = (&ModulePath, &Module)> {
        self.modules.iter()
    }

    /// The modules right below that have a file of their own.
    pub fn children(&self, folder: &ModulePath) -> Vec<&str> {
        let is_child = |path: &ModulePath| path.parent().as_ref() == Some(folder);
        self.modules
            .iter()
            .filter(|(path, module)| is_child(path) && module.home == **path)
            .filter_map(|(path, _)| path.0.last().map(String::as_str))
            .collect()
    }

    pub fn has_read(&self, file: &Path) -> bool {
        self.files.contains(file)
    }

    fn read_file(&mut self, text_of: Reader<'_>, file: &Path, at: &ModulePath, is_test: bool) {
        let text = text_of(file).unwrap_or_else(|| panic!("{} cannot be read", file.display()));
        let parsed = syn::parse_file(&text)
            .unwrap_or_else(|error| panic!("{} is no Rust: {error}", file.display()));
        self.files.insert(file.to_owned());
        let place = Place { file, home: at, is_test };
        self.read_items(text_of, place, at, &parsed.attrs, &parsed.items);
    }

    fn read_items(
        &mut self,
        text_of: Reader<'_>,
        place: Place<'_>,
        at: &ModulePath,
        attributes: &[Attribute],
        items: &[Item],
    ) {
        for module in items.iter().filter_map(as_module) {
            let is_test = place.is_test || read::is_for_tests(&module.attrs);
            let child = at.child(&module.ident.to_string());
            match &module.content {
                Some((_, items)) => {
                    let place = Place { is_test, ..place };
                    self.read_items(text_of, place, &child, &module.attrs, items);
                }
                None => {
                    let file = file_of(module, place.file, text_of);
                    self.read_file(text_of, &file, &child, is_test);
                }
            }
        }
        if !place.is_test {
            let module = Module {
                file: place.file.to_owned(),
                home: place.home.clone(),
                docs: read::docs(attributes),
                mentions: Mentions::of(items),
            };
            self.modules.insert(at.clone(), module);
        }
    }
}

/// Where items stand.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a Path,
    home: &'a ModulePath,
    is_test: bool,
}

fn as_module(item: &Item) -> Option<&ItemMod> {
    match item {
        Item::Mod(module) => Some(module),
        _ => None,
    }
}

/// The file of a `mod name;` line.
fn file_of(module: &ItemMod, declared_in: &Path, text_of: Reader<'_>) -> PathBuf {
    let folder = declared_in.parent().unwrap_or(Path::new(""));
    if let Some(path) = read::path_attribute(&module.attrs) {
        return folder.join(path);
    }
    let stem = declared_in.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let folder = match stem {
        "lib" | "main" | "mod" => folder.to_owned(),
        name => folder.join(name),
    };
    let flat = folder.join(format!("{}.rs", module.ident));
    match text_of(&flat) {
        Some(_) => flat,
        None => folder.join(module.ident.to_string()).join("mod.rs"),
    }
}
