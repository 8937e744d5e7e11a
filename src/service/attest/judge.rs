//! Which enrollment decided.

use std::fmt;

use crate::service::enrollment::Enrollment;

/// Which enrollment decided, and why it goes before another (D.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judge {
    /// None: what the device brings proves nothing to anybody, or no enrollment fits it.
    Nobody,
    /// Its own, which no group gets past, whatever its state.
    Individual {
        /// Its name.
        name: String,
        /// The group that would have taken the device.
        instead_of: Option<String>,
    },
    /// A group, because a certificate of the chain is its.
    Group(String),
    /// The device has no enrollment of its own, and no group knows its key.
    Groups {
        /// How many groups with keys there are.
        count: usize,
    },
}

impl Judge {
    /// The device's own enrollment.
    pub(super) fn individual(own: &Enrollment, instead_of: Option<String>) -> Self {
        Self::Individual { name: own.name().to_owned(), instead_of }
    }
}

impl fmt::Display for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => Ok(()),
            Self::Individual { name, instead_of: None } => {
                write!(f, "individual enrollment {name:?} decides, before any group; ")
            }
            Self::Individual { name, instead_of: Some(group) } => write!(
                f,
                "individual enrollment {name:?} decides, whatever its state; enrollment group \
                 {group:?} would take the device, but is not asked; "
            ),
            Self::Group(name) => write!(f, "enrollment group {name:?} decides; "),
            Self::Groups { count } => write!(
                f,
                "it has no individual enrollment, and none of {count} enrollment group(s) with \
                 symmetric keys takes it; "
            ),
        }
    }
}
