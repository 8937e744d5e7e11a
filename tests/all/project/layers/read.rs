//! What the items of one module define and mention, by name.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, ImplItem, Item, ItemUse, Lit, Macro, Meta, Path, TraitItem, UseTree,
    Visibility,
};

/// A path as written, name by name.
pub type Names = Vec<String>;

/// What a module defines and mentions. Names that are brought in within a function count for the
/// whole module.
#[derive(Debug, Default)]
pub struct Mentions {
    /// The names of its items.
    pub definitions: BTreeSet<String>,
    /// The names that `use` brings in, re-exports among them, and what they stand for. More than one
    /// path for a name: one for each namespace or function.
    pub imports: BTreeMap<String, Vec<Names>>,
    /// The paths of `use …::*`.
    pub globs: Vec<Names>,
    /// Every path of two names or more, those of `use` included.
    pub paths: BTreeSet<Names>,
}

impl Mentions {
    /// Those of a module's items, without those of the modules inside.
    pub fn of(items: &[Item]) -> Self {
        let mut mentions = Self::default();
        for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
            mentions.definitions.extend(name(item));
            mentions.visit_item(item);
        }
        mentions
    }

    fn read_use(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.read_use(&with(&path.ident), &path.tree),
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.read_use(before, tree));
            }
            UseTree::Name(name) if name.ident == "self" => {
                let Some(last) = before.last() else { return };
                self.bring_in(last.clone(), before.to_vec());
            }
            UseTree::Name(name) => self.bring_in(name.ident.to_string(), with(&name.ident)),
            UseTree::Rename(name) => self.bring_in(name.rename.to_string(), with(&name.ident)),
            UseTree::Glob(_) => self.globs.push(before.to_vec()),
        }
    }

    fn bring_in(&mut self, name: String, path: Names) {
        self.paths.insert(path.clone());
        self.imports.entry(name).or_default().push(path);
    }

    fn mention(&mut self, path: &Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            self.paths.insert(path.segments.iter().map(|name| name.ident.to_string()).collect());
        }
    }

    /// The paths in what a macro is given, where no more is known than that it is tokens.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut path = Names::new();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Ident(name) => {
                    if !is_colons(&tokens[..at]) {
                        self.end_path(&mut path);
                    }
                    path.push(name.to_string());
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => {}
                TokenTree::Group(group) => {
                    self.end_path(&mut path);
                    self.read_tokens(group.stream());
                }
                _ => self.end_path(&mut path),
            }
        }
        self.end_path(&mut path);
    }

    fn end_path(&mut self, path: &mut Names) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.paths.insert(path);
        }
    }
}

/// Whether these tokens end with `::`.
fn is_colons(tokens: &[TokenTree]) -> bool {
    let is_colon =
        |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':');
    tokens.len() >= 2 && tokens[tokens.len() - 2..].iter().all(is_colon)
}

impl<'ast> Visit<'ast> for Mentions {
    fn visit_item(&mut self, item: &'ast Item) {
        if !matches!(item, Item::Mod(_)) && !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        let is_test = matches!(item, TraitItem::Fn(item) if is_for_tests(&item.attrs));
        if !is_test {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            self.read_use(&[], &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        self.mention(path);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.mention(&call.path);
        self.read_tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.read_tokens(list.tokens.clone());
            if attribute.path().is_ident("serde") {
                self.read_serde(list.tokens.clone());
            }
        }
    }

    /// `pub(in …)` says who may see, not what is taken.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

impl Mentions {
    /// Serde's attributes give functions and modules as text: `with = "super::duration"`.
    fn read_serde(&mut self, tokens: TokenStream) {
        for token in tokens {
            let TokenTree::Literal(literal) = token else { continue };
            let Lit::Str(text) = Lit::new(literal) else { continue };
            if let Ok(path) = text.parse::<Path>() {
                self.mention(&path);
            }
        }
    }
}

/// Whether it is compiled for tests alone.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let Meta::List(list) = &attribute.meta else { return false };
        let words: Vec<_> =
            list.tokens.clone().into_iter().map(|token| token.to_string()).collect();
        match &words[..] {
            [test] => test == "test",
            [all, conditions] => {
                all == "all" && conditions.split(['(', ',', ')']).any(|word| word.trim() == "test")
            }
            _ => false,
        }
    })
}

/// The lines of its docs.
pub fn docs(attributes: &[Attribute]) -> Vec<String> {
    attributes.iter().filter_map(|attribute| text(attribute, "doc")).collect()
}

/// What `#[path = "…"]` says.
pub fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| text(attribute, "path"))
}

fn text(attribute: &Attribute, name: &str) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(value) = &pair.value else { return None };
    match &value.lit {
        Lit::Str(text) if pair.path.is_ident(name) => Some(text.value()),
        _ => None,
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
