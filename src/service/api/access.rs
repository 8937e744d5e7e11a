//! What the service API sees of the registrar: enrollments and records, nothing of what is under
//! way.

use crate::service::instance::Enrollments;
use crate::service::registrar::Registrar;
use crate::service::store::Store;

impl Registrar {
    /// Reads the enrollments in place. `read` must be quick: registrations wait for it.
    pub(super) fn read_enrollments<T>(&self, read: impl FnOnce(&Enrollments) -> T) -> T {
        read(&self.enrollments.read().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// Changes the enrollments; nobody sees a change by halves.
    pub(super) fn change_enrollments<T>(&self, change: impl FnOnce(&mut Enrollments) -> T) -> T {
        change(&mut self.enrollments.write().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// The registration records.
    pub(super) fn records(&self) -> &Store {
        &self.store
    }
}
