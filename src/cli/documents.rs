//! Sections of the documents that are made from the code, and checked against it.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Tests run side by side, and two sections may be on one page.
static WRITING: Mutex<()> = Mutex::new(());

/// Checks that what `page` has between the markers of that name is `made`; writes it there first if
/// `UPDATE_DOCS` is set. `source` is what it is made from.
#[track_caller]
pub(crate) fn has_section(page: &str, name: &str, made: &str, source: &str) {
    let _alone = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(&begin).expect("the page has the marker");
    let (section, after) = rest.split_once(&end).expect("the page has the end marker");

    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{made}{end}{after}")).unwrap();
        return;
    }

    assert!(
        section == made,
        "the table of {name} in {page} is not that of {source}; renew it: \
         UPDATE_DOCS=1 cargo test --lib the_documents_have"
    );
}
