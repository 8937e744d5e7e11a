//! Sections of the README that are made from the code, and checked against it.

/// Checks that what stands between the markers of that name is `made`; writes it there instead if
/// `UPDATE_README` is set. `source` is what it is made from.
#[track_caller]
pub(crate) fn has_section(name: &str, made: &str, source: &str) {
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/diagnosis.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once(&begin).expect("the page has the marker");
    let (section, after) = rest.split_once(&end).expect("the page has the end marker");

    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, format!("{before}{begin}{made}{end}{after}")).unwrap();
        return;
    }

    assert!(
        section == made,
        "the table of {name} in docs/diagnosis.md is not that of {source}; renew it: \
         UPDATE_README=1 cargo test --lib the_readme_has -- --test-threads=1"
    );
}
