//! Proof that each rule can be broken, on crates of a few lines.

use std::path::Path;

use super::rules::{Fault, Rule, check};
use super::source::Source;

/// The faults of a crate with these files.
fn faults(files: &[(&str, &str)]) -> Vec<Fault> {
    let source = Source::load(&|file: &Path| {
        let found = files.iter().find(|(name, _)| Path::new(name) == file);
        found.map(|(_, text)| (*text).to_owned())
    });
    check(&source)
}

/// The only fault of a crate.
#[track_caller]
fn fault(files: &[(&str, &str)]) -> Fault {
    let mut faults = faults(files);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

const ROOT: &str = "//! - [`low`]: below.\n//! - [`high`]: above.\n pub mod high; pub mod low;";

#[test]
fn an_arrow_downwards_is_none_of_its_business() {
    let high = "use crate::low::Low; pub struct High(Low);";
    let files = [("src/lib.rs", ROOT), ("src/low.rs", "pub struct Low;"), ("src/high.rs", high)];

    assert!(faults(&files).is_empty());
}

#[test]
fn an_arrow_upwards_is_a_fault_that_names_both_files_and_what_is_taken() {
    for low in [
        "use crate::high::High;",
        "use super::high::{self, High};",
        "use crate::{high::{High}};",
        "fn f() { use super::high::High as Renamed; }",
        "fn f() -> crate::high::High { todo!() }",
        "fn f() { g::<super::high::High>() }",
        "fn f() { println!(\"{:?}\", crate::high::High) }",
        "use crate::high; fn f(h: high::High) {}",
        "#[derive(Deserialize)] struct Low { #[serde(with = \"crate::high::High\")] low: () }",
        "#[arg(value_parser = crate::high::High)] struct Low;",
        "mod inner { use super::super::high::High; }",
    ] {
        let files =
            [("src/lib.rs", ROOT), ("src/low.rs", low), ("src/high.rs", "pub struct High;")];

        let fault = fault(&files);

        assert_eq!(fault.rule, Rule::Upwards, "{low}");
        let text = fault.to_string();
        assert!(text.starts_with("in crate: low is below high, but src/low.rs takes "), "{text}");
        assert!(text.contains("High"), "{text}");
        assert!(text.ends_with(" from src/high.rs"), "{text}");
    }
}

#[test]
fn comments_texts_doc_examples_and_tests_take_nothing() {
    let low = r##"
        //! [`High`](crate::high::High)
        // use crate::high::High;
        /// ```
        /// use crate::high::High;
        /// ```
        pub const LOW: &str = "crate::high::High";
        pub(in super) struct Low;
        impl Low { #[cfg(test)] fn f() -> crate::high::High { todo!() } }
        #[cfg(test)] use crate::high::High;
        #[cfg(all(test, unix))] fn g() { crate::high::f() }
        #[cfg(test)] mod tests { use crate::high::High; }
        #[cfg(test)] mod low_tests;
        #[cfg(test)] #[path = "tests_of_low.rs"] mod more;
    "##;
    let test = "use crate::high::High;";
    let files = [
        ("src/lib.rs", ROOT),
        ("src/low.rs", low),
        ("src/low/low_tests.rs", test),
        ("src/tests_of_low.rs", test),
        ("src/high.rs", "pub struct High;"),
    ];

    assert!(faults(&files).is_empty());
}

#[test]
fn a_re_export_is_no_detour_around_the_order() {
    let root = format!("{ROOT} pub use high::High;");
    let through_the_root = ("src/low.rs", "use crate::High;");
    let files = [("src/lib.rs", &*root), through_the_root, ("src/high.rs", "pub struct High;")];
    assert_eq!(fault(&files).rule, Rule::Upwards);

    let files = [
        ("src/lib.rs", ROOT),
        ("src/low.rs", "use super::high::{Other};"),
        ("src/high/mod.rs", "mod inner; pub use inner::{self, *}; pub use inner::High as Other;"),
        ("src/high/inner.rs", "pub struct High;"),
    ];
    let text = fault(&files).to_string();
    assert!(text.ends_with("src/low.rs takes High from src/high/inner.rs"), "{text}");
}

/// The other way round: what the parent passes on from below is not taken from the parent.
#[test]
fn what_a_parent_passes_on_counts_for_where_it_is_defined() {
    let files = |parent| {
        [
            ("src/lib.rs", "mod low; mod folder;"),
            ("src/low.rs", "pub struct Low;"),
            ("src/folder/mod.rs", parent),
            ("src/folder/a.rs", "use super::{B, Low}; use crate::folder; pub struct A(B, Low);"),
            ("src/folder/b.rs", "pub struct B;"),
        ]
    };

    assert!(
        faults(&files("mod a; mod b; use crate::low::Low; pub use a::A; pub use b::*;")).is_empty()
    );

    let fault = fault(&files("mod a; mod b; pub struct Low; pub use a::A; pub use b::B;"));
    assert_eq!((fault.rule, fault.folder.to_string()), (Rule::Circle, "folder".to_owned()));
    let text = fault.to_string();
    assert!(text.contains("src/folder/a.rs takes Low from src/folder/mod.rs"), "{text}");
    assert!(text.contains("src/folder/mod.rs takes A from src/folder/a.rs"), "{text}");
}

#[test]
fn a_circle_is_found_at_any_depth() {
    let files = |c| {
        [
            ("src/lib.rs", "mod top;"),
            ("src/top/mod.rs", "mod deep;"),
            ("src/top/deep/mod.rs", "mod a; mod b; mod c; mod d; use a::A;"),
            ("src/top/deep/a.rs", "use super::b::B; pub struct A;"),
            ("src/top/deep/b.rs", "use super::c::C; pub struct B;"),
            ("src/top/deep/c/mod.rs", "mod inner; pub use inner::C;"),
            ("src/top/deep/c/inner.rs", c),
            ("src/top/deep/d.rs", "use super::a::A;"),
        ]
    };
    assert!(faults(&files("pub struct C;")).is_empty());

    let fault = fault(&files("pub struct C(super::super::a::A);"));

    assert_eq!((fault.rule, fault.folder.to_string()), (Rule::Circle, "top::deep".to_owned()));
    assert!(fault.text.starts_with("a, b, c import each other in a circle:"), "{fault}");
    assert!(
        fault.text.contains("src/top/deep/c/inner.rs takes A from src/top/deep/a.rs"),
        "{fault}"
    );
    assert!(!fault.text.contains("d.rs"), "{fault}");
}

#[test]
fn a_folder_with_a_list_has_an_order() {
    let files = [
        ("src/lib.rs", "mod folder;"),
        (
            "src/folder/mod.rs",
            "//! Its parts:\n//!\n//! - `a`: first,\n//!   and more.\n//! - `b`: second.\nmod a; mod b;",
        ),
        ("src/folder/a.rs", "use super::b::B;"),
        ("src/folder/b.rs", "pub struct B;"),
    ];

    let fault = fault(&files);

    assert_eq!(fault.rule, Rule::Upwards);
    assert_eq!(
        fault.to_string(),
        "in folder: a is below b, but src/folder/a.rs takes B from src/folder/b.rs"
    );
}

#[test]
fn a_list_has_every_module_once_and_no_other() {
    let list = |docs: &str| {
        let root = format!("{docs} mod a; mod b; mod inner {{}} #[cfg(test)] mod testing;");
        let files =
            [("src/lib.rs", &*root), ("src/a.rs", ""), ("src/b.rs", ""), ("src/testing.rs", "")];
        let faults = faults(&files);
        assert!(faults.iter().all(|fault| fault.rule == Rule::List), "{faults:?}");
        faults.into_iter().map(|fault| fault.text).collect::<Vec<_>>()
    };

    assert!(list("").is_empty());
    assert!(
        list("//! - [`a`]: x\n//! - `b`: y\n//! - [`Type`]: no module\n//! - `b` is no item")
            .is_empty()
    );
    assert_eq!(list("//! - `a`: x\n"), ["the list in the docs lacks b"]);
    assert_eq!(
        list("//! - `a`: x\n//! - `b`: x\n//! - `a`: x\n"),
        ["the list in the docs names a twice"]
    );
    assert_eq!(
        list("//! - `a`: x\n//! - `b`: x\n//! - `gone`: x\n"),
        ["the list in the docs names gone, which is not there"]
    );
}

#[test]
fn the_device_and_the_service_never_import_each_other() {
    let files = |device, service| {
        [
            ("src/lib.rs", "mod device; mod service;"),
            ("src/device.rs", device),
            ("src/service.rs", service),
        ]
    };

    for (device, service) in
        [("use crate::service::S;", "pub struct S;"), ("pub struct D;", "use crate::device::D;")]
    {
        assert_eq!(fault(&files(device, service)).rule, Rule::Halves, "{device} {service}");
    }
}
