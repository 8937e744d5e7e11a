//! A query that has been understood, and its rows.

use thiserror::Error;

use super::expression::{Expression, Path};
use crate::wire::{Members, Payload};

/// A query that has been understood: `SELECT … FROM devices [WHERE …]`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::service::hub_api) struct Query {
    pub(super) top: Option<usize>,
    pub(super) selection: Selection,
    pub(super) condition: Option<Expression>,
}

/// Why a text is no query that is answered here. It names the word at which that shows.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{found} at position {position}: {expected}")]
pub(in crate::service::hub_api) struct QueryError {
    /// The word, quoted, or where the text ends.
    pub(super) found: String,
    /// Where it begins, in characters counted from 1.
    pub(super) position: usize,
    /// What may stand there.
    pub(super) expected: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Selection {
    /// Whole twins.
    Everything,
    /// One row with the number of twins.
    Count(String),
    /// Some members of each, under a name.
    Columns(Vec<(Path, String)>),
}

impl Query {
    /// Whether the rows are whole twins, and not a selection from them.
    pub(in crate::service::hub_api) fn gives_twins(&self) -> bool {
        self.selection == Selection::Everything
    }

    /// How many rows there are at most.
    pub(in crate::service::hub_api) fn limit(&self) -> usize {
        self.top.unwrap_or(usize::MAX)
    }

    /// The one row of a query that counts twins: their number under its name; none of any other.
    pub(in crate::service::hub_api) fn count(
        &self,
        twins: impl Iterator<Item = Members>,
    ) -> Option<Payload> {
        let Selection::Count(name) = &self.selection else { return None };
        let count = twins.filter(|twin| self.fits(twin)).take(self.limit()).count();
        let mut row = Members::default();
        row.add(name, &count);
        Some(Payload::of(&row))
    }

    /// The row for a twin, if it is one that is asked for. A member that it lacks is left out.
    pub(in crate::service::hub_api) fn row(&self, twin: &Members) -> Option<Payload> {
        if !self.fits(twin) {
            return None;
        }
        match &self.selection {
            Selection::Everything => Some(Payload::of(twin)),
            Selection::Count(_) => None,
            Selection::Columns(columns) => Some(Payload::of(&row(columns, twin))),
        }
    }

    fn fits(&self, twin: &Members) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.holds(twin))
    }
}

fn row(columns: &[(Path, String)], twin: &Members) -> Members {
    columns.iter().fold(Members::default(), |row, (path, name)| match path.text(twin) {
        // Of two with one name the last counts.
        Some(value) => {
            let mut row = row.without(&[name]);
            row.add(name, &value);
            row
        }
        None => row,
    })
}
