//! The tables of `docs/faults.md` are made from the words that the parser knows.

use provision_sim::service::{FaultPlace, FaultTransport, FaultWord, fault_words};

use super::document::root;

fn places() -> String {
    let row = |place: &FaultPlace| {
        format!("| `{place}` | {} | {} |\n", place.about(), transports(place.transports()))
    };
    let rows: String = FaultPlace::ALL.iter().map(row).collect();
    format!("| where | what is struck | transports |\n|---|---|---|\n{rows}")
}

fn conditions() -> String {
    let row = |word: &FaultWord| format!("| `{}` | {} |\n", form(word), word.about);
    let rows: String = fault_words().filter(|word| !word.is_deed()).map(row).collect();
    format!("| word | meaning |\n|---|---|\n{rows}")
}

fn deeds() -> String {
    let row = |word: &FaultWord| {
        let places: Vec<_> = word.places.iter().map(|place| format!("`{place}`")).collect();
        let places = places.join(", ");
        format!(
            "| `{}` | {} | {places} | {} |\n",
            form(word),
            word.about,
            transports(word.transports)
        )
    };
    let rows: String = fault_words().filter(|word| word.is_deed()).map(row).collect();
    format!("| word | what happens | where | transports |\n|---|---|---|---|\n{rows}")
}

/// A `|` would end the cell, also in code.
fn form(word: &FaultWord) -> String {
    word.form().replace('|', "\\|")
}

fn transports(all: &[FaultTransport]) -> String {
    if all == FaultTransport::ALL {
        return "all".to_owned();
    }
    let names: Vec<_> = all.iter().map(|it| format!("`{it}`")).collect();
    names.join(", ")
}

fn with_section(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    format!("{before}{begin}{table}{end}{after}")
}

#[test]
fn the_tables_of_faults_are_those_of_the_parser() {
    let path = root().join("docs/faults.md");
    let written = std::fs::read_to_string(&path).unwrap();

    let made = with_section(&written, "places", &places());
    let made = with_section(&made, "conditions", &conditions());
    let made = with_section(&made, "deeds", &deeds());

    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &made).unwrap();
        return;
    }
    assert!(
        made == written,
        "docs/faults.md is out of date; renew it: UPDATE_DOCS=1 cargo test --test all project::faults"
    );
}
