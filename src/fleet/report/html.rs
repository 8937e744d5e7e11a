//! A report as one page that needs nothing else: styles and charts are in it, scripts there are
//! none, and it loads nothing.

use std::fmt::Write;

use super::run_info::RunInfo;
use super::summary::Report;
use super::svg::{escaped, outcome_chart, phase_chart, rate_chart};
use super::text::{expected, outcome_name};
use super::units::{counted, grouped, per_second, percent};
use crate::explain::entry;
use crate::fleet::Phase;
use crate::text::spoken;

const STYLE: &str = include_str!("page.css");
/// Rows of a table; the JSON has all.
const ROWS: usize = 100;
/// What the strokes in the chart of the phases mean.
const STROKES: &str = "<p class=\"soft key\">Each area is higher where more devices took that long; \
    strokes, from dark to light:\
    <span><i class=\"stroke\"></i>p50</span> <span><i class=\"stroke p90\"></i>p90</span> \
    <span><i class=\"stroke p99\"></i>p99</span> <span><i class=\"stroke max\"></i>max</span></p>";

impl Report {
    /// The report as an HTML document.
    pub fn html(&self) -> String {
        let tally = &self.tally;
        let title = format!(
            "{} of {} assigned",
            grouped(tally.assigned),
            counted(tally.devices, "device", "devices")
        );
        let mut page = String::new();
        if let Some(why) = self.bottleneck() {
            let _ = writeln!(
                page,
                "<section class=\"warn\"><b>The generator was the bottleneck:</b> {}. The times \
                 below are its own as much as the service's; {}.</section>",
                escaped(&why),
                escaped(self.generator.remedy())
            );
        }
        self.tiles(&mut page);
        if !tally.timeline.launched().is_empty() {
            section(
                &mut page,
                "Rate",
                &format!(
                    "<p class=\"soft key\">Devices a second:\
                     <span><i style=\"background:var(--soft)\"></i>launched</span> \
                     <span><i style=\"background:var(--good)\"></i>assigned</span> \
                     <span><i style=\"background:var(--bad)\"></i>failed</span> \
                     <span><i style=\"background:var(--hold)\"></i>throttled (429, 5xx)</span></p>{}",
                    rate_chart(&tally.timeline)
                ),
            );
        }
        if !tally.phases.is_empty() {
            let charts = phase_chart(self) + STROKES + &self.phase_table();
            section(&mut page, "Time of each phase", &charts);
        }
        section(
            &mut page,
            "Outcomes",
            &(outcome_chart(self, outcome_name) + &self.failure_table()),
        );
        if !tally.hubs.is_empty() {
            section(&mut page, "Hubs", &self.hub_table());
        }
        section(&mut page, "Generator", &self.generator_table());
        if !self.runs.is_empty() {
            section(&mut page, "What was run", &run_table(&self.runs));
        }
        let began = self.runs.first().map(|run| format!("{}, ", run.began)).unwrap_or_default();
        let about = format!("{began}{} from first to last", spoken(self.elapsed));
        document(&title, &about, &page)
    }

    fn tiles(&self, page: &mut String) {
        let tally = &self.tally;
        let p99 = tally.phase(Phase::Assigned).and_then(|latency| latency.percentile(99.0));
        let failed = if tally.failed() > 0 { "bad" } else { "" };
        page.push_str("<div class=\"tiles\">\n");
        let left_out = if tally.left_out > 0 { "bad" } else { "" };
        let certificates = [
            ("", grouped(tally.issued), "certificates issued"),
            (left_out, grouped(tally.left_out), "assigned without a certificate"),
        ];
        let certificates = certificates.into_iter().filter(|_| tally.has_requests());
        let outcomes = [
            ("good", grouped(tally.assigned), "assigned"),
            (failed, grouped(tally.failed()), "failed"),
            ("", grouped(tally.refused()), "refused, as expected"),
        ];
        let others = [
            ("", per_second(self.rate()), "assigned, on average"),
            ("", p99.map_or_else(|| "–".to_owned(), spoken), "p99 until assigned"),
            ("", grouped(tally.throttled), "throttled (429, 5xx)"),
            ("", grouped(tally.lost), "connections lost"),
            ("", grouped(tally.retries), "retries"),
        ];
        for (class, number, name) in outcomes.into_iter().chain(certificates).chain(others) {
            let _ = writeln!(
                page,
                "<div class=\"tile {class}\"><b>{number}</b><span>{name}</span></div>"
            );
        }
        page.push_str("</div>\n");
    }

    fn phase_table(&self) -> String {
        let rows = self.tally.phases.iter().map(|(phase, latency)| {
            let times = [50.0, 90.0, 99.0, 100.0]
                .map(|at| latency.percentile(at).map(spoken).unwrap_or_default());
            let [p50, p90, p99, max] = times;
            vec![phase.name().to_owned(), grouped(latency.count()), p50, p90, p99, max]
        });
        table(&["phase", "#devices", "#p50", "#p90", "#p99", "#max"], rows)
    }

    fn failure_table(&self) -> String {
        if self.tally.failures.is_empty() {
            return String::new();
        }
        let mut failures: Vec<_> = self.tally.failures.iter().collect();
        failures.sort_by_key(|(_, failure)| std::cmp::Reverse(failure.devices));
        let rows = failures.into_iter().map(|(code, failure)| {
            let remedy = entry(code).and_then(|entry| entry.remedies.first());
            vec![
                outcome_name(code) + &expected(failure),
                grouped(failure.devices),
                failure.example.clone(),
                remedy.map(|hint| hint.text.to_owned()).unwrap_or_default(),
            ]
        });
        table(&["outcome", "#devices", "for example", "try"], rows)
    }

    fn hub_table(&self) -> String {
        let mut hubs: Vec<_> = self.tally.hubs.iter().collect();
        hubs.sort_by_key(|(_, devices)| std::cmp::Reverse(**devices));
        let all = self.tally.assigned.max(1) as f64;
        let rows = hubs.into_iter().map(|(hub, devices)| {
            vec![hub.clone(), grouped(*devices), percent(*devices as f64 / all)]
        });
        table(&["hub", "#devices", "#share"], rows)
    }

    fn generator_table(&self) -> String {
        let health = &self.generator;
        let verdict = self.bottleneck().map_or_else(
            || "no: the figures are the service's".to_owned(),
            |why| format!("yes: {why}"),
        );
        let rows = [
            ("bottleneck", verdict),
            ("processors used", percent(health.cpu_share)),
            ("event loop late by", format!("{} at most", spoken(health.max_lag))),
            ("late starts", grouped(health.late_starts)),
            ("connections open at the same time", format!("{} at most", grouped(health.open_peak))),
        ];
        let rows = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]);
        table(&["", ""], rows)
    }
}

/// What was run, each run in a row.
pub(super) fn run_table(runs: &[RunInfo]) -> String {
    let rows = runs.iter().map(|run| {
        vec![
            run.began.clone(),
            run.command.clone(),
            run.target(),
            run.program.clone(),
            run.machine(),
        ]
    });
    table(&["began", "command", "service", "program", "machine"], rows)
}

/// The whole page; `about` is not HTML yet.
pub(super) fn document(title: &str, about: &str, body: &str) -> String {
    let (title, about) = (escaped(title), escaped(about));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title} – provision-sim fleet</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n<p class=\"soft\">provision-sim fleet, {about}</p>\n{body}</main>\n</body>\n</html>\n"
    )
}

pub(super) fn section(page: &mut String, title: &str, content: &str) {
    let _ = writeln!(page, "<section><h2>{title}</h2>\n{content}\n</section>");
}

/// A table; columns whose title begins with `#` are numbers. Each cell knows its title, which small
/// screens show beside it.
pub(super) fn table(titles: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let class = |title: &str| if title.starts_with('#') { " class=\"n\"" } else { "" };
    let mut html = "<table>".to_owned();
    if titles.iter().any(|title| !title.is_empty()) {
        html.push_str("<tr class=\"head\">");
        for title in titles {
            let _ = write!(html, "<th{}>{}</th>", class(title), title.trim_start_matches('#'));
        }
        html.push_str("</tr>\n");
    }
    let mut left_off = 0_u64;
    for (index, row) in rows.enumerate() {
        if index >= ROWS {
            left_off += 1;
            continue;
        }
        html.push_str("<tr>");
        for (title, cell) in titles.iter().zip(row) {
            let name = title.trim_start_matches('#');
            let name = match name.is_empty() {
                true => String::new(),
                false => format!(" data-name=\"{name}\""),
            };
            let _ = write!(html, "<td{}{name}>{}</td>", class(title), escaped(&cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>");
    if left_off > 0 {
        let _ = write!(html, "<p class=\"soft\">… and {} more</p>", grouped(left_off));
    }
    html
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{report_of, result};
    use super::super::{GeneratorHealth, Report};
    use super::*;
    use crate::fleet::DeviceResult;

    const HOSTILE: &str = "\"><script>alert('x')</script><img src=http://evil.example/>&";

    fn sample() -> Report {
        report_of(&[
            DeviceResult {
                phases: vec![(Phase::Tls, Duration::from_millis(30))],
                ..result("a", Ok("hub-1"), 0, 1500)
            },
            result("b", Err(("400207", "status code: 400")), 0, 5),
        ])
    }

    #[test]
    fn the_page_has_the_figures_and_all_charts() {
        let page = sample().html();

        for part in [
            "<title>1 of 2 devices assigned",
            "400207 CustomAllocationFailed",
            "status code: 400",
            "<td data-name=\"hub\">hub-1</td><td class=\"n\" data-name=\"devices\">1</td>\
             <td class=\"n\" data-name=\"share\">100 %</td>",
            "<i class=\"stroke p99\"></i>p99",
            "tls: 1 devices, p50 30 ms",
            "no: the figures are the service",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert_eq!(page.matches("<svg ").count(), 3);
        assert_eq!(page.matches("<svg ").count(), page.matches("</svg>").count());
        assert!(!page.contains("NaN") && !page.contains("inf\""), "{page}");
    }

    #[test]
    fn the_page_says_what_was_run_and_when_the_service_said_later() {
        let run = RunInfo {
            began: "2026-03-02T08:15:30Z".to_owned(),
            command: format!("fleet {HOSTILE}"),
            ..RunInfo::default()
        };
        let throttled =
            DeviceResult { throttled_at: vec![(0, 3)], ..result("a", Ok("hub-1"), 0, 1500) };
        let page = Report { runs: vec![run], ..report_of(&[throttled]) }.html();

        assert!(page.contains("provision-sim fleet, 2026-03-02T08:15:30Z, 1.5 s from"), "{page}");
        assert!(page.contains("<title>throttled, 3.00/s at most</title>"), "{page}");
        assert!(page.contains("data-name=\"command\">fleet &quot;&gt;&lt;script"), "{page}");
        assert!(!page.contains("<script"), "{page}");
        assert!(!sample().html().contains("throttled, "), "no line where there was none");
    }

    /// A screen of 400 pixels: no column is cut, no letter too small.
    #[test]
    fn on_small_screens_cells_stand_below_each_other_with_their_names() {
        let page = sample().html();
        let small = page.split("@media (max-width: 640px)").nth(1).unwrap();

        assert!(small.contains("td[data-name]::before { content: attr(data-name)"), "{small}");
        assert!(!page.contains("min-width: 560px"), "charts must not be wider than the screen");
        for row in page.split("<tr>").skip(1) {
            let row = row.split("</tr>").next().unwrap();
            let (cells, names) = (row.matches("<td").count(), row.matches("data-name=").count());
            // The table of the generator has a name in its first cell.
            assert!(names == cells || (cells, names) == (2, 0), "{row}");
        }
    }

    #[test]
    fn what_others_wrote_is_escaped_wherever_it_stands() {
        let mut report = report_of(&[
            result("a", Ok("hub-1"), 0, 10),
            result("b", Err((HOSTILE, HOSTILE)), 0, 10),
        ]);
        // No device is assigned to such a hub; the report of another machine may name it.
        report.tally.hubs = [(HOSTILE.to_owned(), 1)].into();
        let page = report.html();

        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(page.matches("&lt;script&gt;alert(&#39;x&#39;)").count() >= 3, "{page}");
    }

    #[test]
    fn the_page_loads_nothing() {
        let page = sample().html();

        for outside in ["http://", "https://", "src=", "href=", "url(", "@import", "<script"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn a_generator_that_was_the_bottleneck_is_said_aloud() {
        let mut report = sample();
        report.generator = GeneratorHealth { late_starts: 2, ..report.generator };

        assert!(report.html().contains("The generator was the bottleneck:</b> 100 % of the"));
        assert!(!sample().html().contains("was the bottleneck"));
    }

    #[test]
    fn long_tables_end() {
        let results: Vec<_> =
            (0..150).map(|n| result("a", Ok(&format!("hub-{n:03}")), 0, 10)).collect();

        let page = report_of(&results).html();

        assert!(page.contains("hub-099") && !page.contains("hub-100"));
        assert!(page.contains("… and 50 more"));
    }
}
