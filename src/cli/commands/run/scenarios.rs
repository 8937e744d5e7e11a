//! The files, read, and what of them is wanted.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::cli::args::against::Against;
use crate::cli::input::{plain, variable};
use crate::scenario::against::Prefix;
use crate::scenario::{Around, Scenario};
use crate::sources::{Clock, Sources};
use crate::text::{Glob, MAX_FILE, read_bytes, read_file};

/// A scenario file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    /// Where it is played, if not at a service of its own.
    pub(super) away: Option<Away>,
    /// What it says, or why that is not known: one file that cannot be read does not stop the others.
    pub(super) scenario: Result<Scenario, String>,
    /// What time it is in it, and what is left to chance.
    pub(super) sources: Sources,
}

/// A service that is there already.
#[derive(Debug)]
pub(super) struct Away {
    pub(super) against: Against,
    /// What the names begin with that the file has there.
    pub(super) prefix: Prefix,
}

impl File {
    /// Reads it, with the variables that the command line names, to be played there.
    pub(super) fn read(
        path: &Path,
        named: &BTreeMap<String, String>,
        away: Option<Away>,
        sources: Sources,
    ) -> Self {
        let shown = path.display();
        let folder = path.parent().unwrap_or(Path::new(""));
        let around = Around {
            named,
            sources: sources.clone(),
            environment: &variable,
            read_file: &|name| read_bytes(&folder.join(name), MAX_FILE),
            prefix: away.as_ref().map_or("", |away| away.prefix.as_str()),
        };
        let scenario = read_file(path, MAX_FILE)
            .map_err(|error| format!("cannot read {shown}: {}", plain(&error)))
            .and_then(|text| {
                Scenario::read(&text, &around).map_err(|error| format!("{shown}, {error}"))
            });
        let mut file = Self { path: path.to_owned(), away, scenario, sources };
        file.let_programs_wait();
        file
    }

    /// Somebody's own program waits in earnest, so that a clock which stands would find it too early.
    fn let_programs_wait(&mut self) {
        let Ok(scenario) = &mut self.scenario else { return };
        if self.sources.clock.stands() && scenario.runs_programs() {
            self.sources.clock = Clock::running(self.sources.now());
            scenario.sources = self.sources.clone();
        }
    }

    /// As it was named.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Leaves what fits: devices that register by themselves. Steps build on each other, and so all of them
    /// stay where one of them, the file or its title fits. A file that cannot be read stays too, for nobody
    /// knows what is in it.
    pub(super) fn keep(&mut self, filter: &Glob) {
        let path = self.name();
        let Ok(scenario) = &mut self.scenario else { return };
        let title = scenario.title.as_deref().unwrap_or_default();
        let fits = |name: &str| filter.matches(name);
        let is_whole = fits(&path)
            || fits(title)
            || scenario.has_steps && scenario.steps.iter().any(|step| fits(&step.name));
        if !is_whole {
            let is_left = !scenario.has_steps;
            scenario.steps.retain(|step| is_left && fits(&step.name));
        }
    }

    /// Whether there is nothing to play.
    pub(super) fn is_empty(&self) -> bool {
        self.scenario.as_ref().is_ok_and(|scenario| scenario.steps.is_empty())
    }

    /// What its steps are called.
    pub(super) fn names(&self) -> Vec<String> {
        let steps = self.scenario.iter().flat_map(|scenario| &scenario.steps);
        let mut names = Names::default();
        steps.map(|step| names.unique(&step.name)).collect()
    }

    /// What it is about; if it does not say so, its path.
    pub(super) fn title(&self) -> String {
        let title = self.scenario.as_ref().ok().and_then(|scenario| scenario.title.clone());
        title.unwrap_or_else(|| self.name())
    }

    /// What its cases belong to, as test systems group by: `fixtures.contoso.scenario`.
    pub(super) fn class(&self) -> String {
        let name = self.name();
        let path = name.strip_suffix(".toml").unwrap_or(&name);
        let parts = path.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | ".."));
        parts.collect::<Vec<_>>().join(".")
    }
}

/// Names of a file of which no two are the same.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, usize>);

impl Names {
    /// This one, and from the second time on with its number.
    pub(super) fn unique(&mut self, name: &str) -> String {
        let count = self.0.entry(name.to_owned()).or_default();
        *count += 1;
        match count {
            1 => name.to_owned(),
            count => format!("{name} ({count})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAA==";

    fn file(path: &str, ids: &[&str], rest: &str) -> File {
        let devices: String = ids
            .iter()
            .map(|id| format!("[[device]]\nregistrationId = \"{id}\"\ngroupKey = \"{KEY}\"\n"))
            .collect();
        let around = Around {
            sources: Sources::default(),
            named: &BTreeMap::new(),
            environment: &|_| None,
            read_file: &|_| Err(std::io::ErrorKind::NotFound.into()),
            prefix: "",
        };
        let scenario = Scenario::read(&format!("{devices}{rest}"), &around).unwrap();
        File { path: path.into(), away: None, scenario: Ok(scenario), sources: Sources::default() }
    }

    #[test]
    fn no_two_cases_of_a_file_are_called_the_same() {
        let mut names = Names::default();

        assert_eq!(
            ["a", "b", "a", "a"].map(|name| names.unique(name)),
            ["a", "b", "a (2)", "a (3)"]
        );
    }

    #[test]
    fn a_file_groups_its_cases() {
        for (path, class) in [
            ("fixtures/contoso/scenario.toml", "fixtures.contoso.scenario"),
            ("/a/../b.toml", "a.b"),
            ("..\\c.toml", "c"),
        ] {
            assert_eq!(file(path, &["a"], "").class(), class);
        }
    }

    #[test]
    fn a_filter_means_devices_or_whole_files() {
        for (filter, left) in
            [("pump-*", &["pump-1"][..]), ("*pumps.toml", &["pump-1", "valve"]), ("x*", &[])]
        {
            let mut file = file("tests/pumps.toml", &["pump-1", "valve"], "");

            file.keep(&Glob::new(filter).unwrap());

            assert_eq!((file.names().len(), file.is_empty()), (left.len(), left.is_empty()));
        }
    }

    #[test]
    fn steps_stay_together() {
        const STEPS: &str =
            "[[step]]\nname = \"first\"\nregister = \"a\"\n[[step]]\nregister = \"b\"\n";
        for (filter, left) in [("first", 2), ("a", 0)] {
            let mut file = file("steps.toml", &["a", "b"], STEPS);

            file.keep(&Glob::new(filter).unwrap());

            assert_eq!(file.names().len(), left, "{filter}");
        }
    }
}
