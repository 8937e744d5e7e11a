//! A query that has been understood, and its rows.

use serde_json::{Map, Value};
use thiserror::Error;

use super::expression::{Expression, Path};

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

    /// Whether every twin is a row, so that none needs to be looked at.
    pub(in crate::service::hub_api) fn is_all_twins(&self) -> bool {
        self.gives_twins() && self.top.is_none() && self.condition.is_none()
    }

    /// The rows for these twins, in their order. A member that a twin lacks is left out of its row.
    pub(in crate::service::hub_api) fn rows(
        &self,
        twins: impl Iterator<Item = Value>,
    ) -> Vec<Value> {
        let fits = |twin: &Value| match &self.condition {
            Some(condition) => condition.holds(twin),
            None => true,
        };
        let found = twins.filter(fits);
        let limit = self.top.unwrap_or(usize::MAX);
        match &self.selection {
            Selection::Everything => found.take(limit).collect(),
            Selection::Count(name) => vec![Value::Object(Map::from_iter([(
                name.clone(),
                found.take(limit).count().into(),
            )]))],
            Selection::Columns(columns) => {
                found.take(limit).map(|twin| row(columns, &twin)).collect()
            }
        }
    }
}

fn row(columns: &[(Path, String)], twin: &Value) -> Value {
    let members =
        columns.iter().filter_map(|(path, name)| Some((name.clone(), path.of(twin)?.clone())));
    Value::Object(members.collect())
}
