//! Where a value stands in a file: `enrollmentGroups[0].attestation.type`.

use std::fmt;

/// The way from the root of a document to one of its values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct MemberPath(Vec<Segment>);

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Segment {
    Member(String),
    Item {
        /// Counted from 0.
        index: usize,
        /// What the record that stands there is called.
        name: Option<String>,
    },
}

impl MemberPath {
    /// The path of these members, one in the other.
    pub fn of(members: &[&str]) -> Self {
        Self(members.iter().map(|name| Segment::Member((*name).to_owned())).collect())
    }

    /// The member of this name of the object here.
    pub fn member(&self, name: &str) -> Self {
        self.with(Segment::Member(name.to_owned()))
    }

    /// The item of this index, counted from 0, of the list here.
    pub fn item(&self, index: usize) -> Self {
        self.with(Segment::Item { index, name: None })
    }

    /// As [`item`](Self::item), for a record that errors can call by its name.
    pub fn record(&self, index: usize, name: Option<&str>) -> Self {
        self.with(Segment::Item { index, name: name.map(str::to_owned) })
    }

    /// The path that leads on from here.
    pub fn join(&self, rest: &Self) -> Self {
        Self(self.0.iter().chain(&rest.0).cloned().collect())
    }

    /// The path to what holds a member of this name, if it leads to one.
    #[cfg(feature = "service")]
    pub(super) fn holder(&self, name: &str) -> Self {
        match self.0.split_last() {
            Some((Segment::Member(last), holder)) if last == name => Self(holder.to_vec()),
            _ => self.clone(),
        }
    }

    fn with(&self, segment: Segment) -> Self {
        let mut path = self.clone();
        path.0.push(segment);
        path
    }

    #[cfg(feature = "service")]
    pub(super) fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The path in words, with the names that records of lists have:
    /// `enrollmentGroups "pumps": attestation.type`.
    pub(super) fn shown<'a>(&self, name: impl Fn(&[Segment]) -> Option<&'a str>) -> String {
        let mut shown = String::new();
        for (index, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Item { index: item, name: known } => {
                    match known.as_deref().or_else(|| name(&self.0[..=index])) {
                        Some(name) => shown.push_str(&format!(" {name:?}")),
                        None => shown.push_str(&format!("[{item}]")),
                    }
                }
                Segment::Member(member) => {
                    if shown.ends_with('"') {
                        shown.push_str(": ");
                    } else if !shown.is_empty() {
                        shown.push('.');
                    }
                    shown.push_str(member);
                }
            }
        }
        shown
    }
}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(|_| None))
    }
}

impl From<&serde_path_to_error::Path> for MemberPath {
    fn from(path: &serde_path_to_error::Path) -> Self {
        use serde_path_to_error::Segment as Step;
        let segments = path.iter().map_while(|step| match step {
            Step::Seq { index } => Some(Segment::Item { index: *index, name: None }),
            Step::Map { key } => Some(Segment::Member(key.clone())),
            Step::Enum { .. } | Step::Unknown => None,
        });
        Self(segments.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_the_records_that_have_a_name() {
        let root = MemberPath::default();
        let group = root.member("service").member("enrollmentGroups").item(1);
        let path = group.join(&root.member("iotHubs").item(0));

        assert_eq!(path.to_string(), "service.enrollmentGroups[1].iotHubs[0]");
        let names = |path: &[Segment]| (path == group.segments()).then_some("pumps");
        assert_eq!(path.shown(names), "service.enrollmentGroups \"pumps\": iotHubs[0]");
        let record = root.member("enrollmentGroups").record(0, Some("pumps"));
        assert_eq!(record.to_string(), "enrollmentGroups \"pumps\"");
        assert_eq!(root.to_string(), "");
    }
}
