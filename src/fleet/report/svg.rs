//! The charts of the page, as inline SVG. Colours are those of the page's style sheet.
//!
//! Everything that comes from outside passes through [`escaped`].

use std::fmt::Write;
use std::time::Duration;

use super::text::expected;
use super::units::{grouped, per_second, percent};
use super::{Latency, Report, Timeline};
use crate::fleet::Phase;
use crate::text::spoken;

const WIDTH: f64 = 860.0;
/// Points of a line: more than are seen are averaged.
const POINTS: usize = 430;
// Room for labels in the letters that small screens have.
const LEFT: f64 = 120.0;
const RIGHT: f64 = 48.0;

/// Text as it may stand in an element or a quoted attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// Launched, assigned and failed devices a second, over the time of the run.
pub(super) fn rate_chart(timeline: &Timeline) -> String {
    const HEIGHT: f64 = 300.0;
    const TOP: f64 = 12.0;
    const BOTTOM: f64 = 28.0;
    let steps = timeline.launched().len();
    let joined = steps.div_ceil(POINTS).max(1);
    let seconds = (joined as u64 * timeline.seconds_per_step()) as f64;
    let rates = |counts: &[u64]| -> Vec<f64> {
        counts.chunks(joined).map(|chunk| chunk.iter().sum::<u64>() as f64 / seconds).collect()
    };
    let mut lines = vec![
        ("launched", rates(timeline.launched())),
        ("assigned", rates(timeline.assigned())),
        ("failed", rates(timeline.failed())),
    ];
    if timeline.throttled().iter().any(|count| *count > 0) {
        lines.push(("throttled", rates(timeline.throttled())));
    }
    let most = lines.iter().flat_map(|(_, rates)| rates).copied().fold(0.0, f64::max);
    let top = round_up(most);
    let total = (steps as u64 * timeline.seconds_per_step()) as f64;
    let x = |at: f64| LEFT + at / total.max(1.0) * (WIDTH - LEFT - RIGHT);
    let y = |rate: f64| HEIGHT - BOTTOM - rate / top * (HEIGHT - TOP - BOTTOM);

    let mut svg = open(HEIGHT, "Devices launched, assigned, failed and throttled in each second");
    for part in 0..=4 {
        let rate = top * f64::from(part) / 4.0;
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{LEFT}" x2="{:.1}" y1="{y:.1}" y2="{y:.1}"/><text class="end" x="{:.1}" y="{:.1}">{}</text>"#,
            WIDTH - RIGHT,
            LEFT - 8.0,
            y(rate) + 4.0,
            per_second(rate),
            y = y(rate),
        );
    }
    for at in ticks(timeline.seconds_per_step() * steps as u64) {
        let _ = write!(
            svg,
            r#"<text class="middle" x="{:.1}" y="{:.1}">{}</text>"#,
            x(at as f64),
            HEIGHT - 8.0,
            if at == 0 { "0".to_owned() } else { spoken(Duration::from_secs(at)) },
        );
    }
    for (name, rates) in &lines {
        // A rate holds for the whole of its step.
        let mut path = String::new();
        for (step, rate) in rates.iter().enumerate() {
            let (from, to) = (step as f64 * seconds, (step + 1) as f64 * seconds);
            let command = if step == 0 { 'M' } else { 'L' };
            let _ = write!(
                path,
                "{command}{:.1} {:.1}H{:.1}",
                x(from.min(total)),
                y(*rate),
                x(to.min(total))
            );
        }
        let peak = per_second(rates.iter().copied().fold(0.0, f64::max));
        let _ = write!(
            svg,
            r#"<path class="line {name}" d="{path}"><title>{name}, {peak} at most</title></path>"#
        );
    }
    svg + "</svg>"
}

/// How the time of each phase is spread, on one logarithmic scale.
pub(super) fn phase_chart(report: &Report) -> String {
    const ROW: f64 = 46.0;
    const AXIS: f64 = 28.0;
    const NAMES: f64 = 130.0;
    let phases: Vec<_> =
        report.tally.phases.iter().filter(|(_, latency)| latency.count() > 0).collect();
    let height = ROW * phases.len() as f64 + AXIS;
    let lowest = phases.iter().filter_map(|(_, latency)| latency.min()).min().unwrap_or_default();
    let highest = phases.iter().filter_map(|(_, latency)| latency.max()).max().unwrap_or_default();
    let low = log(lowest).floor();
    let high = log(highest).ceil().max(low + 1.0);
    let x = |at: f64| NAMES + (at - low) / (high - low) * (WIDTH - NAMES - RIGHT);

    let mut svg = open(height, "How long each phase took, on a logarithmic scale");
    let mut decade = low;
    while decade <= high {
        let at = Duration::from_micros(10_f64.powf(decade) as u64);
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="0" y2="{:.1}"/><text class="middle" x="{:.1}" y="{:.1}">{}</text>"#,
            height - AXIS,
            x(decade),
            height - 8.0,
            spoken(at),
            x = x(decade),
        );
        decade += 1.0;
    }
    for (row, (phase, latency)) in phases.into_iter().enumerate() {
        let base = ROW * (row + 1) as f64 - 4.0;
        let _ = write!(
            svg,
            r#"<text class="end" x="{:.1}" y="{:.1}">{}</text>"#,
            NAMES - 12.0,
            base - 8.0,
            phase.name()
        );
        ridge(&mut svg, *phase, latency, (low, high), (base, ROW - 12.0), x);
    }
    svg + "</svg>"
}

/// One phase: an area as high as a bin is full, and marks at the percentiles.
fn ridge(
    svg: &mut String,
    phase: Phase,
    latency: &Latency,
    (low, high): (f64, f64),
    (base, height): (f64, f64),
    x: impl Fn(f64) -> f64,
) {
    const BINS: usize = 160;
    let mut bins = [0_u64; BINS];
    for (value, devices) in latency.recorded() {
        let bin = ((log(value) - low) / (high - low) * BINS as f64) as usize;
        bins[bin.min(BINS - 1)] += devices;
    }
    let most = bins.iter().max().copied().unwrap_or(1).max(1) as f64;
    let at = |bin: usize| x(low + (high - low) * bin as f64 / BINS as f64);
    let mut path = format!("M{:.1} {base:.1}", at(0));
    for (bin, devices) in bins.iter().enumerate() {
        let top = base - *devices as f64 / most * height;
        let _ = write!(path, "V{top:.1}H{:.1}", at(bin + 1));
    }
    let times = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("max", 100.0)]
        .map(|(name, at)| (name, latency.percentile(at).unwrap_or_default()));
    let told: Vec<_> =
        times.iter().map(|(name, time)| format!("{name} {}", spoken(*time))).collect();
    let _ = write!(
        svg,
        r#"<path class="area" d="{path}V{base:.1}Z"><title>{}: {} devices, {}</title></path>"#,
        phase.name(),
        grouped(latency.count()),
        told.join(", ")
    );
    for (name, time) in times {
        let _ = write!(
            svg,
            r#"<line class="mark {name}" x1="{x:.1}" x2="{x:.1}" y1="{:.1}" y2="{base:.1}"><title>{name} {}</title></line>"#,
            base - height,
            spoken(time),
            x = x(log(time)),
        );
    }
}

/// A bar for each way in which devices ended.
pub(super) fn outcome_chart(report: &Report, name: impl Fn(&str) -> String) -> String {
    const ROW: f64 = 52.0;
    const NUMBERS: f64 = 220.0;
    /// More failures are in the table below.
    const BARS: usize = 12;
    let tally = &report.tally;
    let mut rows = vec![("assigned".to_owned(), tally.assigned, "assigned")];
    let mut failures: Vec<_> = tally.failures.iter().collect();
    failures.sort_by_key(|(_, failure)| std::cmp::Reverse(failure.devices));
    rows.extend(failures.into_iter().take(BARS).map(|(code, failure)| {
        let class = if failure.expected == failure.devices { "refused" } else { "failed" };
        (name(code) + &expected(failure), failure.devices, class)
    }));
    let mut svg = open(ROW * rows.len() as f64, "Devices by outcome");
    for (row, (name, devices, class)) in rows.iter().enumerate() {
        let y = ROW * row as f64;
        let share = *devices as f64 / tally.devices.max(1) as f64;
        let width = (share * (WIDTH - NUMBERS)).max(if *devices > 0 { 2.0 } else { 0.0 });
        let _ = write!(
            svg,
            r#"<text x="0" y="{:.1}">{}</text><rect class="{class}" x="0" y="{:.1}" width="{width:.1}" height="16" rx="3"/><text x="{:.1}" y="{:.1}">{} · {}</text>"#,
            y + 20.0,
            escaped(&shortened(name, 56)),
            y + 28.0,
            width + 8.0,
            y + 41.0,
            grouped(*devices),
            percent(share),
        );
    }
    svg + "</svg>"
}

fn open(height: f64, label: &str) -> String {
    format!(r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">"#)
}

/// The decadic logarithm of the microseconds, of one at least.
fn log(duration: Duration) -> f64 {
    (duration.as_micros().max(1) as f64).log10()
}

/// Where a time axis of so many seconds is marked: at round times, each of which is where it says.
fn ticks(total: u64) -> impl Iterator<Item = u64> {
    const STEPS: [u64; 14] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];
    const MOST: u64 = 6;
    // Beyond twelve hours in whole hours.
    let hours = total.div_ceil(MOST).div_ceil(3600).max(1) * 3600;
    let step = STEPS.into_iter().find(|step| total / step <= MOST).unwrap_or(hours);
    (0..=total / step).map(move |tick| tick * step)
}

/// A round number of that size or a little more, 1 at least: the top of an axis.
fn round_up(number: f64) -> f64 {
    let decade = 10_f64.powf(number.max(1.0).log10().floor());
    let steps = [1.0, 2.0, 4.0, 5.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * decade).find(|top| *top >= number).unwrap_or(number)
}

fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_axis_is_marked_at_round_times() {
        let marks = |total| ticks(total).collect::<Vec<_>>();

        assert_eq!(marks(0), [0]);
        assert_eq!(marks(7), [0, 2, 4, 6]);
        assert_eq!(marks(25), [0, 5, 10, 15, 20, 25]);
        assert_eq!(marks(90), [0, 20, 40, 60, 80]);
        assert_eq!(marks(3600), [0, 600, 1200, 1800, 2400, 3000, 3600]);
        assert_eq!(marks(100_000), [0, 18_000, 36_000, 54_000, 72_000, 90_000]);
    }

    #[test]
    fn nothing_that_html_means_something_by_is_left() {
        assert_eq!(
            escaped("<a href='x' id=\"y\">&\n"),
            "&lt;a href=&#39;x&#39; id=&quot;y&quot;&gt;&amp; "
        );
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (number, top) in
            [(0.0, 1.0), (1.0, 1.0), (9.0, 10.0), (952.0, 1000.0), (3100.0, 4000.0)]
        {
            assert!((round_up(number) - top).abs() < 1e-9, "{number}: {}", round_up(number));
        }
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!((shortened("äöü", 2), shortened("äöü", 3)), ("äö…".into(), "äöü".into()));
    }
}
