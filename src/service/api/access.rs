//! What the service API sees of the registrar: enrollments and records, nothing of what is under
//! way.

use std::sync::Arc;

use super::error::ApiError;
use crate::service::enrollment::{Enrollment, Kind};
use crate::service::instance::Enrollments;
use crate::service::registrar::Registrar;
use crate::service::store::{Batch, Change};

/// The enrollments, to be changed; notes what has to be kept of it.
#[derive(Debug)]
pub(super) struct Edit<'a> {
    all: &'a mut Enrollments,
    changes: Batch,
}

impl Edit<'_> {
    /// The enrollment of that kind and name.
    pub(super) fn find(&self, kind: Kind, name: &str) -> Option<&Arc<Enrollment>> {
        self.all.find(kind, name)
    }

    /// Adds or replaces.
    pub(super) fn put(&mut self, enrollment: Enrollment) -> Arc<Enrollment> {
        let enrollment = Arc::new(enrollment);
        self.changes.push(Change::PutEnrollment(enrollment.clone()));
        self.all.put(enrollment.clone());
        enrollment
    }

    /// Takes one away.
    pub(super) fn remove(&mut self, kind: Kind, name: &str) {
        self.changes.push(Change::RemoveEnrollment(kind, name.to_owned()));
        self.all.remove(kind, name);
    }
}

impl Registrar {
    /// Changes the enrollments; nobody sees a change by halves. When this returns, it is kept.
    ///
    /// # Errors
    ///
    /// As `change` says, or if nothing can be kept.
    pub(super) async fn change_enrollments<T>(
        &self,
        change: impl FnOnce(&mut Edit<'_>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let (changed, receipt) = self.with_enrollments(|all| {
            let mut edit = Edit { all, changes: Batch::new() };
            let changed = change(&mut edit);
            // Handed over under the lock, so that the order is the same on the disk.
            (changed, self.records().submit(edit.changes))
        });
        receipt.kept().await.map_err(|_| ApiError::internal())?;
        changed
    }
}
