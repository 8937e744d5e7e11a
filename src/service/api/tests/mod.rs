//! The service API as clients see it, call by call, against the recorded bodies.

mod authorization;
mod bulk;
mod enrollments;
mod hostile;
mod lists;
mod registrations;
