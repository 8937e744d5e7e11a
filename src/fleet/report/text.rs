//! A report for people, in a terminal.

use std::fmt::Write;
use std::time::Duration;

use super::units::{counted, grouped, per_second, percent};
use super::{Failure, Latency, Report};
use crate::explain::entry;
use crate::fleet::Phase;
use crate::text::{inert, spoken};

/// Rows of the histogram, about.
const ROWS: f64 = 10.0;
/// Columns of its longest bar.
const BAR: f64 = 40.0;
/// Failures and hubs shown; the JSON has all.
const LIST: usize = 12;

/// What bars are drawn with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bars {
    /// Block elements, in eighths of a column.
    #[default]
    Unicode,
    /// Number signs, and no other character outside ASCII: where the terminal's is not UTF-8.
    Ascii,
}

impl Report {
    /// The summary, in UTF-8.
    pub fn text(&self) -> String {
        self.text_with(Bars::Unicode)
    }

    /// The summary, drawn with `bars`.
    pub fn text_with(&self, bars: Bars) -> String {
        let mut text = String::new();
        // A string takes whatever is written.
        let _ = self
            .head(&mut text)
            .and_then(|()| self.times(&mut text))
            .and_then(|()| self.histogram(&mut text, bars))
            .and_then(|()| self.failures(&mut text))
            .and_then(|()| self.hubs(&mut text))
            .and_then(|()| self.machine(&mut text))
            .and_then(|()| self.run(&mut text));
        match bars {
            Bars::Unicode => text,
            Bars::Ascii => ascii(&text),
        }
    }

    fn head(&self, out: &mut String) -> std::fmt::Result {
        let tally = &self.tally;
        let share = |number: u64| percent(number as f64 / tally.devices.max(1) as f64);
        writeln!(
            out,
            "{} in {}, {} assigned",
            counted(tally.devices, "device", "devices"),
            spoken(self.elapsed),
            per_second(self.rate())
        )?;
        writeln!(out)?;
        for (name, number) in [("assigned", tally.assigned), ("failed", tally.failed())] {
            writeln!(out, "  {name:<10}{:>12}  {:>9}", grouped(number), share(number))?;
        }
        if tally.refused() > 0 {
            let (number, share) = (grouped(tally.refused()), share(tally.refused()));
            writeln!(out, "  {:<10}{number:>12}  {share:>9}  as their list expects", "refused")?;
        }
        if tally.has_requests() {
            for (name, number, meaning) in [
                ("issued", tally.issued, "certificates"),
                (
                    "left out",
                    tally.left_out,
                    "assigned without the certificate that they asked for",
                ),
            ] {
                writeln!(out, "  {name:<10}{:>12}  {meaning}", grouped(number))?;
            }
        }
        for (name, number, meaning) in [
            ("retries", tally.retries, "began again"),
            ("throttled", tally.throttled, "told to come later (429, 5xx)"),
            ("lost", tally.lost, "open connections that broke"),
        ] {
            writeln!(out, "  {name:<10}{:>12}  {meaning}", grouped(number))?;
        }
        Ok(())
    }

    fn times(&self, out: &mut String) -> std::fmt::Result {
        if self.tally.phases.is_empty() {
            return Ok(());
        }
        let [p50, p90, p99, max] = ["p50", "p90", "p99", "max"];
        writeln!(out)?;
        writeln!(out, "  {:<10}{:>12}{p50:>10}{p90:>10}{p99:>10}{max:>10}", "phase", "devices")?;
        for (phase, latency) in &self.tally.phases {
            write!(out, "  {:<10}{:>12}", phase.name(), grouped(latency.count()))?;
            for percent in [50.0, 90.0, 99.0, 100.0] {
                write!(out, "{:>10}", latency.percentile(percent).map(spoken).unwrap_or_default())?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    fn histogram(&self, out: &mut String, bars: Bars) -> std::fmt::Result {
        let Some(rows) = self.tally.phase(Phase::Assigned).and_then(rows) else { return Ok(()) };
        let most = rows.iter().map(|row| row.devices).max().unwrap_or(1).max(1);
        writeln!(out)?;
        writeln!(out, "  assigned, after they were meant to begin")?;
        for Row { from, to, devices } in rows {
            let length = devices as f64 / most as f64 * BAR;
            let width = to.saturating_sub(from);
            let range = format!("{:>8} – {:>8}", edge(from, width), edge(to, width));
            writeln!(out, "  {range:<20} {} {}", bar(length, bars), grouped(devices))?;
        }
        Ok(())
    }

    fn failures(&self, out: &mut String) -> std::fmt::Result {
        if self.tally.failures.is_empty() {
            return Ok(());
        }
        let mut failures: Vec<_> = self.tally.failures.iter().collect();
        failures.sort_by_key(|(_, failure)| std::cmp::Reverse(failure.devices));
        writeln!(out)?;
        writeln!(out, "  failures")?;
        for (code, failure) in failures.iter().take(LIST) {
            let expected = expected(failure);
            writeln!(out, "  {:>10}  {}{expected}", grouped(failure.devices), outcome_name(code))?;
            writeln!(out, "{:14}{}", "", one_line(&failure.example))?;
        }
        rest(out, failures.len())?;
        if let Some((code, _)) = failures
            .iter()
            .find(|(code, failure)| entry(code).is_some() && failure.expected < failure.devices)
        {
            writeln!(out, "              what to do: provision-sim explain {code}")?;
        }
        Ok(())
    }

    fn hubs(&self, out: &mut String) -> std::fmt::Result {
        if self.tally.hubs.is_empty() {
            return Ok(());
        }
        let mut hubs: Vec<_> = self.tally.hubs.iter().collect();
        hubs.sort_by_key(|(_, devices)| std::cmp::Reverse(**devices));
        writeln!(out)?;
        writeln!(out, "  hubs")?;
        for (hub, devices) in hubs.iter().take(LIST) {
            writeln!(out, "  {:>10}  {}", grouped(**devices), one_line(hub))?;
        }
        rest(out, hubs.len())
    }

    fn machine(&self, out: &mut String) -> std::fmt::Result {
        let health = &self.generator;
        writeln!(out)?;
        writeln!(
            out,
            "  generator: {} of its processors, event loop up to {} late, {}, {} at most",
            percent(health.cpu_share),
            spoken(health.max_lag),
            counted(health.late_starts, "late start", "late starts"),
            counted(health.open_peak, "connection", "connections"),
        )?;
        if let Some(why) = self.bottleneck() {
            writeln!(out, "  THE GENERATOR WAS THE BOTTLENECK: {why}.")?;
            writeln!(
                out,
                "  The times above are its own as much as the service's;\n  {}.",
                health.remedy()
            )?;
        }
        Ok(())
    }

    fn run(&self, out: &mut String) -> std::fmt::Result {
        let Some(run) = self.runs.first() else { return Ok(()) };
        let more = match self.runs.len() {
            1 => String::new(),
            all => format!(" (the first of {all})"),
        };
        for (name, value) in [
            ("run", format!("{} on {}{more}", run.began, run.machine())),
            ("service", run.target()),
            ("program", run.program.clone()),
            ("command", run.command.clone()),
        ] {
            writeln!(out, "  {:<11}{}", format!("{name}:"), inert(&value))?;
        }
        Ok(())
    }
}

/// An edge of a row that is so wide: with as many digits as tell it from the next.
fn edge(time: Duration, width: Duration) -> String {
    const SECOND: Duration = Duration::from_secs(1);
    if width >= SECOND {
        return spoken(time);
    }
    let (unit, name) = if time >= SECOND { (1.0, "s") } else { (1e-3, "ms") };
    let steps = [1.0, 0.1, 0.01];
    let decimals = steps.iter().position(|step| width.as_secs_f64() / unit >= *step);
    format!("{:.*} {name}", decimals.unwrap_or(steps.len()), time.as_secs_f64() / unit)
}

/// A text of reports without characters outside ASCII.
pub fn ascii(text: &str) -> String {
    text.replace("µs", "us").replace('–', "-").replace('…', "...").replace('×', "x")
}

/// How many of them were expected to.
pub(super) fn expected(failure: &Failure) -> String {
    match failure.expected {
        0 => String::new(),
        all if all == failure.devices => ", as expected".to_owned(),
        some => format!(", {} of them as expected", grouped(some)),
    }
}

/// A code with its name in the catalogue: `400207 CustomAllocationFailed`, else its title.
pub(super) fn outcome_name(code: &str) -> String {
    let named = entry(code).map(|entry| entry.name.unwrap_or(entry.title));
    match named {
        Some(name) => format!("{} {name}", one_line(code)),
        None => one_line(code),
    }
}

/// What others wrote, which must not move the cursor or the lines (J-241).
fn one_line(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", inert(&text[..end])),
        None => inert(text).into_owned(),
    }
}

fn rest(out: &mut String, all: usize) -> std::fmt::Result {
    match all.checked_sub(LIST) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(out, "  {:>10}  more: -o json has them all", grouped(more as u64)),
    }
}

struct Row {
    from: Duration,
    to: Duration,
    devices: u64,
}

/// Equal steps of a round width, from the shortest to the longest.
fn rows(latency: &Latency) -> Option<Vec<Row>> {
    let min = latency.recorded().next()?.0.as_micros();
    let max = latency.max()?.as_micros();
    let width = round_width(max.saturating_sub(min) as f64 / ROWS);
    let start = min / width;
    let mut rows: Vec<_> = (start..=max / width)
        .map(|step| Row { from: micros(step * width), to: micros((step + 1) * width), devices: 0 })
        .collect();
    for (value, devices) in latency.recorded() {
        let index = usize::try_from((value.as_micros() / width).saturating_sub(start));
        if let Some(row) = index.ok().and_then(|index| rows.get_mut(index)) {
            row.devices += devices;
        }
    }
    Some(rows)
}

fn micros(micros: u128) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// The next of 1, 2, 5, 10, 20 … microseconds.
fn round_width(least: f64) -> u128 {
    let mut decade = 1;
    loop {
        for factor in [1, 2, 5] {
            if (factor * decade) as f64 >= least {
                return factor * decade;
            }
        }
        decade *= 10;
    }
}

/// A bar of so many columns; what is more than nothing shows.
fn bar(length: f64, bars: Bars) -> String {
    let width = BAR as usize;
    let bar = match bars {
        Bars::Ascii => "#".repeat(length.ceil() as usize),
        Bars::Unicode => {
            let eighths = (length * 8.0).ceil() as usize;
            let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
            format!("{}{}", "█".repeat(eighths / 8), part[eighths % 8])
        }
    };
    format!("{bar:<width$}")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{report_of, result};
    use super::super::{GeneratorHealth, Report, RunInfo};
    use super::*;

    fn sample() -> Report {
        let mut results: Vec<_> =
            (0..20).map(|n| result("x", Ok("hub-1"), n * 100, 1000 + n * 100)).collect();
        results.push(result("y", Err(("400207", "Custom allocation failed\n\u{1b}[31m")), 0, 5));
        results[0].phases = vec![(Phase::Tls, Duration::from_millis(30))];
        report_of(&results)
    }

    #[test]
    fn rows_have_edges_that_differ() {
        let ms = Duration::from_millis;

        assert_eq!(edge(ms(3050), ms(40)), "3.05 s");
        assert_eq!(edge(ms(3051), ms(9)), "3.051 s");
        assert_eq!(edge(ms(50), ms(2)), "50 ms");
        assert_eq!(edge(ms(50), Duration::from_micros(300)), "50.0 ms");
        assert_eq!(edge(ms(125_000), ms(2000)), "2 min 5 s");
    }

    #[test]
    fn the_summary_reads_well() {
        let text = sample().text();

        for line in [
            "21 devices in 4.8 s, 4.17/s assigned",
            "  assigned            20     95.2 %",
            "  failed               1      4.8 %",
            "  phase          devices       p50       p90       p99       max",
            "  tls                  1     30 ms     30 ms     30 ms     30 ms",
            "     1.0 s –    1.2 s  ████████████████████████████████████████ 2",
            "           1  400207 CustomAllocationFailed",
            "              Custom allocation failed\\n\\u{1b}[31m",
            "              what to do: provision-sim explain 400207",
            "          20  hub-1",
            "  generator: 25 % of its processors, event loop up to 1.3 ms late, 0 late starts, \
             7 connections at most",
        ] {
            assert!(text.lines().any(|found| found.trim_end() == line), "{line:?} in\n{text}");
        }
        assert!(!text.contains("BOTTLENECK"), "{text}");
    }

    #[test]
    fn the_summary_says_what_was_run() {
        let run = RunInfo {
            began: "2026-03-02T08:15:30Z".to_owned(),
            command: "provision-sim fleet --group-key '****'\n".to_owned(),
            service: "localhost:8883".to_owned(),
            id_scope: "0ne00002193".to_owned(),
            transport: "mqtt".to_owned(),
            program: "provision-sim 0.1.0".to_owned(),
            processors: 2,
            system: "linux x86_64".to_owned(),
        };
        let mut report = Report { runs: vec![run.clone()], ..sample() };

        let text = report.text();
        report.runs.push(run);

        for line in [
            "  run:       2026-03-02T08:15:30Z on 2 processors, linux x86_64",
            "  service:   localhost:8883 by mqtt, ID scope 0ne00002193",
            "  program:   provision-sim 0.1.0",
            "  command:   provision-sim fleet --group-key '****'\\n",
        ] {
            assert!(text.lines().any(|found| found == line), "{line:?} in\n{text}");
        }
        assert!(report.text().contains("x86_64 (the first of 2)"), "{}", report.text());
    }

    #[test]
    fn j_231_what_was_expected_to_fail_is_told_apart() {
        let mut results = vec![result("a", Ok("hub-1"), 0, 10), result("b", Ok("hub-1"), 0, 10)];
        results[1].outcome = crate::fleet::Outcome::Refused {
            code: "400207".to_owned(),
            message: "no toaster".to_owned(),
        };
        let report = report_of(&results);
        let text = report.text();

        for line in [
            "  failed               0        0 %",
            "  refused              1       50 %  as their list expects",
            "           1  400207 CustomAllocationFailed, as expected",
        ] {
            assert!(text.lines().any(|found| found == line), "{line:?} in\n{text}");
        }
        assert!(!text.contains("what to do"), "{text}");
        assert!(report.html().contains("refused, as expected"));
        let json = report.to_json();
        assert_eq!((&json["failed"], &json["refused"]), (&0.into(), &1.into()));
        assert_eq!(json["outcomes"]["400207"], 1);
        assert_eq!(Report::from_json(&json).unwrap(), report);
    }

    #[test]
    fn without_utf_8_everything_is_ascii() {
        let text = sample().text_with(Bars::Ascii);

        assert!(text.is_ascii(), "{text}");
        assert!(text.contains(" 1.0 s -    1.2 s "), "{text}");
        assert!(text.contains(&"#".repeat(40)), "{text}");
    }

    #[test]
    fn a_generator_that_was_the_bottleneck_is_said_aloud() {
        let mut report = sample();
        report.generator = GeneratorHealth { cpu_share: 0.97, ..report.generator };

        let text = report.text();

        assert!(text.contains("THE GENERATOR WAS THE BOTTLENECK: it used 97 %"), "{text}");
    }

    #[test]
    fn the_rows_hold_all_devices() {
        for results in [
            vec![result("x", Ok("h"), 0, 0)],
            vec![result("x", Ok("h"), 0, 1), result("x", Ok("h"), 0, 9_999_999)],
            (0..500).map(|n| result("x", Ok("h"), 0, n * n)).collect(),
        ] {
            let report = report_of(&results);
            let rows = rows(report.tally.phase(Phase::Assigned).unwrap()).unwrap();

            assert!(rows.len() <= ROWS as usize + 2, "{}", rows.len());
            assert_eq!(rows.iter().map(|row| row.devices).sum::<u64>(), results.len() as u64);
        }
    }
}
