//! What is wrong with a configuration.

use thiserror::Error;

use crate::text::MemberPath;

/// What is wrong with a configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path}: {reason}")]
pub struct ConfigError {
    path: MemberPath,
    reason: String,
}

impl ConfigError {
    /// At the member `path`, because of `reason`.
    pub(super) fn new(path: MemberPath, reason: impl ToString) -> Self {
        Self { path, reason: reason.to_string() }
    }

    /// The same of a record of a list, which errors call by its name.
    pub(super) fn within(self, list: &MemberPath, index: usize, name: Option<String>) -> Self {
        let record = list.record(index, name.as_deref());
        Self { path: record.join(&self.path), ..self }
    }

    /// The member that is wrong.
    pub fn path(&self) -> &MemberPath {
        &self.path
    }

    /// What is wrong with it.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}
