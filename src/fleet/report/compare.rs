//! Two runs side by side: what was faster, slower, more and less, as text, JSON and a page.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::html::{document, run_table, section, table};
use super::summary::Report;
use super::svg::{escaped, phase_chart};
use super::units::{counted, grouped, per_second};
use crate::fleet::Phase;
use crate::text::{inert, spoken};

/// The percentiles that are compared.
const PERCENTS: [(&str, f64); 3] = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0)];

/// A run, and what it is called: its file.
#[derive(Debug, Clone)]
pub struct Side {
    /// Where it comes from.
    pub name: String,
    /// How it went.
    pub report: Report,
}

/// Two runs. Ratios are the second by the first.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What is compared with.
    pub before: Side,
    /// What is compared.
    pub after: Side,
}

/// One figure of both.
struct Row {
    figure: String,
    values: [Option<f64>; 2],
    shown: [String; 2],
}

impl Row {
    /// How many times the first the second is; nothing of nothing, or where one of them is not known.
    fn ratio(&self) -> Option<f64> {
        let [before, after] = self.values;
        let (before, after) = (before?, after?);
        (before > 0.0).then_some(after / before)
    }

    fn shown_ratio(&self) -> String {
        match self.ratio() {
            Some(ratio) => format!("× {ratio:.2}"),
            None => "–".to_owned(),
        }
    }
}

impl Comparison {
    /// For people, in a terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (letter, side) in self.sides() {
            // A string takes whatever is written.
            let _ = writeln!(text, "{letter}  {}", inert(&head(side)));
        }
        let _ = writeln!(text, "\n{:<20}{:>12}{:>12}{:>10}", "", "A", "B", "B / A");
        for row in self.shown_counts().into_iter().chain(self.times()) {
            let ([before, after], ratio) = (&row.shown, row.shown_ratio());
            let _ = writeln!(text, "{:<20}{before:>12}{after:>12}{ratio:>10}", row.figure);
        }
        for (letter, why) in self.bottlenecks() {
            let _ = writeln!(
                text,
                "\n{letter}: THE GENERATOR WAS THE BOTTLENECK: {why}. Its times are its own as much as \
                 the service's."
            );
        }
        text
    }

    /// For programs; the form is described in `docs/fleet.md`.
    pub fn to_json(&self) -> Value {
        let mut ratios = Map::new();
        for (member, row) in COUNTS.iter().zip(self.counts()) {
            ratios.insert(member.member.to_owned(), json!(row.ratio()));
        }
        let mut phases = Map::new();
        for phase in self.phases() {
            let percentiles = PERCENTS.map(|(name, percent)| {
                (name.to_owned(), json!(self.time(phase, name, percent).ratio()))
            });
            phases.insert(phase.name().to_owned(), Map::from_iter(percentiles).into());
        }
        ratios.insert("phases".to_owned(), phases.into());
        let side = |side: &Side| json!({"name": side.name, "report": side.report.to_json()});
        json!({"before": side(&self.before), "after": side(&self.after), "ratios": ratios})
    }

    /// As one page that needs nothing else.
    pub fn html(&self) -> String {
        let mut page = String::new();
        for (letter, why) in self.bottlenecks() {
            let _ = writeln!(
                page,
                "<section class=\"warn\"><b>{letter}: the generator was the bottleneck:</b> {}. Its \
                 times are its own as much as the service's.</section>",
                escaped(&why)
            );
        }
        let rows = |rows: Vec<Row>| {
            let rows = rows.into_iter().map(|row| {
                let ratio = row.shown_ratio();
                let [before, after] = row.shown;
                vec![row.figure, before, after, ratio]
            });
            table(&["", "#A", "#B", "#B / A"], rows)
        };
        section(&mut page, "Devices", &rows(self.shown_counts()));
        section(&mut page, "Time of each phase", &rows(self.times()));
        for (letter, side) in self.sides() {
            if !side.report.tally.phases.is_empty() {
                section(&mut page, &format!("Phases of {letter}"), &phase_chart(&side.report));
            }
        }
        for (letter, side) in self.sides() {
            if !side.report.runs.is_empty() {
                section(&mut page, &format!("What {letter} was"), &run_table(&side.report.runs));
            }
        }
        let about = self.sides().map(|(letter, side)| format!("{letter}: {}", head(side)));
        document("Two runs compared", &about.join("; "), &page)
    }

    fn sides(&self) -> [(char, &Side); 2] {
        [('A', &self.before), ('B', &self.after)]
    }

    fn bottlenecks(&self) -> Vec<(char, String)> {
        let sides = self.sides().into_iter();
        sides.filter_map(|(letter, side)| Some((letter, side.report.bottleneck()?))).collect()
    }

    /// Without those of which neither run knows anything.
    fn shown_counts(&self) -> Vec<Row> {
        let rows = COUNTS.iter().zip(self.counts());
        let is_shown = |(count, row): &(&Count, Row)| {
            !count.is_rare || row.values.iter().flatten().any(|value| *value > 0.0)
        };
        rows.filter(is_shown).map(|(_, row)| row).collect()
    }

    fn counts(&self) -> Vec<Row> {
        let row = |count: &Count| {
            let values = self.sides().map(|(_, side)| (count.of)(&side.report));
            let shown = values.map(count.shown);
            Row { figure: count.figure.to_owned(), values: values.map(Some), shown }
        };
        COUNTS.iter().map(row).collect()
    }

    fn times(&self) -> Vec<Row> {
        let phases = self.phases().into_iter();
        phases
            .flat_map(|phase| PERCENTS.map(|(name, percent)| self.time(phase, name, percent)))
            .collect()
    }

    fn time(&self, phase: Phase, name: &str, percent: f64) -> Row {
        let times = self
            .sides()
            .map(|(_, side)| side.report.tally.phase(phase).and_then(|it| it.percentile(percent)));
        Row {
            figure: format!("{} {name}", phase.name()),
            values: times.map(|time| time.map(|time| time.as_secs_f64())),
            shown: times.map(|time| time.map_or_else(|| "–".to_owned(), spoken)),
        }
    }

    /// Those that devices of one of the two went through.
    fn phases(&self) -> Vec<Phase> {
        let has = |phase: &Phase| {
            self.sides().iter().any(|(_, side)| side.report.tally.phase(*phase).is_some())
        };
        Phase::ALL.into_iter().filter(has).collect()
    }
}

/// A figure that every run has.
struct Count {
    figure: &'static str,
    member: &'static str,
    of: fn(&Report) -> f64,
    shown: fn(f64) -> String,
    /// Whether it is left out where both runs have none.
    is_rare: bool,
}

const COUNTS: [Count; 9] = [
    count("devices", "devices", |report| report.tally.devices as f64),
    count("assigned", "assigned", |report| report.tally.assigned as f64),
    count("failed", "failed", |report| report.tally.failed() as f64),
    rare("issued", "issued", |report| report.tally.issued as f64),
    rare("left out", "leftOut", |report| report.tally.left_out as f64),
    Count {
        figure: "assigned, a second",
        member: "registrationsPerSecond",
        of: Report::rate,
        shown: per_second,
        is_rare: false,
    },
    count("throttled", "throttled", |report| report.tally.throttled as f64),
    count("lost", "lost", |report| report.tally.lost as f64),
    count("retries", "retries", |report| report.tally.retries as f64),
];

const fn count(figure: &'static str, member: &'static str, of: fn(&Report) -> f64) -> Count {
    Count { figure, member, of, shown: |number| grouped(number as u64), is_rare: false }
}

const fn rare(figure: &'static str, member: &'static str, of: fn(&Report) -> f64) -> Count {
    Count { is_rare: true, ..count(figure, member, of) }
}

/// `a.json: 200 devices in 5 s, 2026-03-02T08:15:30Z`.
fn head(side: &Side) -> String {
    let Side { name, report } = side;
    let devices = counted(report.tally.devices, "device", "devices");
    let began = report.runs.first().map(|run| format!(", {}", run.began)).unwrap_or_default();
    format!("{name}: {devices} in {}{began}", spoken(report.elapsed))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{report_of, result};
    use super::*;
    use crate::fleet::DeviceResult;

    fn side(name: &str, millis: u64, failed: usize) -> Side {
        let mut results: Vec<_> = (0..100)
            .map(|_| DeviceResult {
                phases: vec![(Phase::Tls, Duration::from_millis(millis / 100))],
                ..result("x", Ok("hub-1"), 0, millis)
            })
            .collect();
        results.extend((0..failed).map(|_| result("y", Err(("400207", "no")), 0, 5)));
        Side { name: name.to_owned(), report: report_of(&results) }
    }

    #[test]
    fn every_figure_stands_beside_the_others_with_the_ratio() {
        let mut compared =
            Comparison { before: side("a\u{1b}", 1000, 0), after: side("b", 2500, 3) };
        compared.after.report.tally.phases.remove(&Phase::Tls);

        let text = compared.text();

        for line in [
            "A  a\\u{1b}: 100 devices in 1 s",
            "B  b: 103 devices in 2.5 s",
            "                               A           B     B / A",
            "failed                         0           3         –",
            "assigned, a second         100/s      40.0/s    × 0.40",
            "tls p90                    10 ms           –         –",
            "assigned p99                 1 s       2.5 s    × 2.50",
        ] {
            assert!(text.lines().any(|found| found == line), "{line:?} in\n{text}");
        }
        let json = compared.to_json();
        assert_eq!(json["ratios"]["assigned"], 1.0);
        assert_eq!(json["ratios"]["failed"], Value::Null);
        let p50 = json["ratios"]["phases"]["assigned"]["p50"].as_f64().unwrap();
        assert!((p50 - 2.5).abs() < 0.01, "{p50}");
        assert_eq!(json["after"]["report"]["devices"], 103);
    }

    #[test]
    fn the_page_names_both_and_escapes_what_others_wrote() {
        let mut compared = Comparison { before: side("<a>", 1000, 0), after: side("b", 2500, 3) };
        compared.after.report.generator.cpu_share = 1.0;
        compared.after.report.runs =
            vec![super::super::RunInfo { command: "<script>".to_owned(), ..Default::default() }];

        let page = compared.html();

        assert!(page.contains("A: &lt;a&gt;: 100 devices in 1 s; B: b: 103"), "{page}");
        assert!(
            page.contains("<b>B: the generator was the bottleneck:</b> it used 100 %"),
            "{page}"
        );
        assert!(page.contains("× 2.50") && !page.contains("<script>"), "{page}");
        assert_eq!(page.matches("<svg ").count(), 2);
    }
}
