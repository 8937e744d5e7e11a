//! Changes to one enrollment at a time, kept before anybody sees them.

use std::sync::Arc;

use super::error::ApiError;
use crate::service::enrollment::{Enrollment, Kind};
use crate::service::registrar::Registrar;
use crate::service::store::{Batch, Change};
use crate::sources::Sources;

/// One enrollment, to be changed; notes what has to be kept of it.
#[derive(Debug)]
pub(super) struct Edit<'a> {
    registrar: &'a Registrar,
    changes: Batch,
}

impl Edit<'_> {
    /// What time it is, and what keys are made.
    pub(super) fn sources(&self) -> &Sources {
        &self.registrar.sources
    }

    /// The enrollment of that kind and name.
    pub(super) fn find(&self, kind: Kind, name: &str) -> Option<Arc<Enrollment>> {
        self.registrar.read_enrollments(|all| all.find(kind, name).cloned())
    }

    /// Adds or replaces.
    pub(super) fn put(&mut self, enrollment: Enrollment) -> Arc<Enrollment> {
        let enrollment = Arc::new(enrollment);
        self.changes.push(Change::PutEnrollment(enrollment.clone()));
        enrollment
    }

    /// Takes one away.
    pub(super) fn remove(&mut self, kind: Kind, name: &str) {
        self.changes.push(Change::RemoveEnrollment(kind, name.to_owned()));
    }
}

impl Registrar {
    /// Changes the enrollment of that name; nobody sees it before it is kept. When this returns, it
    /// is.
    ///
    /// # Errors
    ///
    /// As `change` says, or if nothing can be kept.
    pub(super) async fn change_enrollment<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Edit<'_>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let _held = self.records().hold_enrollment(name).await;
        let mut edit = Edit { registrar: self, changes: Batch::new() };
        let changed = change(&mut edit)?;
        self.records().commit(edit.changes).await.map_err(|_| ApiError::internal())?;
        Ok(changed)
    }
}
