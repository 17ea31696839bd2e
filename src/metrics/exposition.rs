//! The exposition format: a family is a `# HELP` line, a `# TYPE` line and its samples.

use super::buckets::Buckets;
use super::counts::Counts;
use crate::runtime::statistics::peak_memory_mb;
use control::safety::Mode;
use std::fmt::Write as _;

/// The text of all families.
pub(super) fn text(counts: &Counts) -> String {
    let mut page = Page(String::with_capacity(16 << 10));
    page.family("chauffeur_info", "gauge", "The program's version; always 1.");
    page.sample("chauffeur_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    frames(counts, &mut page);
    times(counts, &mut page);
    control(counts, &mut page);
    edges(counts, &mut page);
    if let Some(megabytes) = peak_memory_mb() {
        page.one("chauffeur_peak_memory_bytes", "gauge", "The most memory that the process has had.", megabytes * 1e6);
    }
    page.0
}

fn frames(counts: &Counts, page: &mut Page) {
    page.one("chauffeur_frames_total", "counter", "Frames that reached the log.", counts.frames as f64);
    page.one(
        "chauffeur_frames_dropped_total",
        "counter",
        "Complete sets that the door dropped.",
        counts.dropped as f64,
    );
    page.each("chauffeur_frames_skipped_total", "Frames that a stage could not use.", "stage", &counts.skipped);
    page.each("chauffeur_findings_total", "Frames with something odd about the sensors.", "finding", &counts.findings);
    page.one(
        "chauffeur_points_rejected_total",
        "counter",
        "Points that were not finite.",
        counts.rejected_points as f64,
    );
    page.one("chauffeur_plans_total", "counter", "Plans.", counts.plans as f64);
    page.one("chauffeur_tracks", "gauge", "Tracks of the last frame.", counts.tracks as f64);
    page.maybe("chauffeur_speed_mps", "Own speed.", counts.speed_mps);
}

fn times(counts: &Counts, page: &mut Page) {
    let name = "chauffeur_part_seconds";
    page.family(name, "histogram", "Time of a frame in a part of the corridor.");
    for (part, buckets) in &counts.parts {
        page.histogram(name, &[("part", part)], buckets);
    }
    let name = "chauffeur_frame_seconds";
    page.family(name, "histogram", "From a frame's first sensor message until it is logged.");
    page.histogram(name, &[], &counts.end_to_end);
}

fn control(counts: &Counts, page: &mut Page) {
    page.one("chauffeur_commands_total", "counter", "Commands.", counts.commands as f64);
    page.each("chauffeur_stop_commands_total", "Commands to stop, by reason.", "reason", &counts.stops);
    page.each(
        "chauffeur_fallback_commands_total",
        "Commands of the simple controller, by reason.",
        "reason",
        &counts.fallbacks,
    );
    page.maybe(
        "chauffeur_plan_age_seconds",
        "Age of the plan that the last command follows, by stamps.",
        counts.plan_age_s,
    );
    if let Some(now) = counts.mode {
        page.family("chauffeur_mode", "gauge", "1 for the mode that the car is in.");
        for mode in Mode::ALL {
            page.sample("chauffeur_mode", &[("mode", mode.name())], f64::from(u8::from(mode == now)));
        }
    }
}

fn edges(counts: &Counts, page: &mut Page) {
    let (name, (sensors, others)) = ("chauffeur_log_lost_total", counts.log_lost);
    page.family(name, "counter", "Messages that the log had no room for.");
    page.sample(name, &[("kind", "sensors")], sensors as f64);
    page.sample(name, &[("kind", "others")], others as f64);
    let ended = f64::from(u8::from(counts.log_ended));
    page.one("chauffeur_log_ended", "gauge", "1 if the log ended before the drive, as on a full disk.", ended);
    if !counts.clock_offsets_s.is_empty() {
        let name = "chauffeur_clock_offset_seconds";
        page.family(name, "gauge", "What is added to a sensor's own time.");
        for (sensor, offset) in &counts.clock_offsets_s {
            page.sample(name, &[("sensor", sensor)], *offset);
        }
    }
    if let Some((connected, lost)) = counts.viewers {
        page.one("chauffeur_viewers", "gauge", "Viewers of the live view.", connected as f64);
        page.one("chauffeur_viewer_messages_lost_total", "counter", "Messages that a slow viewer missed.", lost as f64);
    }
}

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (place, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if place == 0 { '{' } else { ',' });
        }
        self.0.push_str(if labels.is_empty() { " " } else { "} " });
        let _ = writeln!(self.0, "{}", Number(value));
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn maybe(&mut self, name: &str, help: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.one(name, "gauge", help, value);
        }
    }

    fn each(&mut self, name: &str, help: &str, label: &str, counts: &std::collections::BTreeMap<&'static str, u64>) {
        self.family(name, "counter", help);
        for (key, count) in counts {
            self.sample(name, &[(label, key)], *count as f64);
        }
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], buckets: &Buckets) {
        let bucket = format!("{name}_bucket");
        for (edge, count) in buckets.cumulative() {
            let edge = Number(edge).to_string();
            let labels: Vec<(&str, &str)> = labels.iter().copied().chain([("le", edge.as_str())]).collect();
            self.sample(&bucket, &labels, count as f64);
        }
        self.sample(&format!("{name}_sum"), labels, buckets.sum_s());
        self.sample(&format!("{name}_count"), labels, buckets.count() as f64);
    }
}

/// A number as the format wants it.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            value if value.is_nan() => f.write_str("NaN"),
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            value => write!(f, "{value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    /// A reader of the format's grammar: family, then its samples, each as name, labels, value.
    fn read(text: &str) -> Vec<(String, BTreeMap<String, String>, f64)> {
        assert!(text.ends_with('\n'));
        let name_is_good = |name: &str| {
            !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !name.starts_with(|c: char| c.is_ascii_digit())
        };
        let mut samples = Vec::new();
        let mut families = BTreeSet::new();
        let mut family = (String::new(), String::new());
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let name = help.split(' ').next().unwrap().to_string();
                let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap().to_string();
                assert!(name_is_good(&name) && families.insert(name.clone()), "{line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind.as_str()), "{kind}");
                assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
                family = (name, kind);
                continue;
            }
            let end = line.find(['{', ' ']).unwrap();
            let (name, mut rest) = line.split_at(end);
            assert!(name_is_good(name));
            let own = match family.1.as_str() {
                "histogram" => ["_bucket", "_sum", "_count"].iter().any(|end| format!("{}{end}", family.0) == name),
                _ => family.0 == name,
            };
            assert!(own, "{name} in family {}", family.0);
            let mut labels = BTreeMap::new();
            if rest.starts_with('{') {
                loop {
                    let (label, after) = rest[1..].split_once("=\"").unwrap();
                    assert!(name_is_good(label));
                    let mut value = String::new();
                    let mut chars = after.char_indices();
                    let close = loop {
                        match chars.next().unwrap() {
                            (_, '\\') => value.push(match chars.next().unwrap().1 {
                                'n' => '\n',
                                other => other,
                            }),
                            (at, '"') => break at,
                            (_, other) => value.push(other),
                        }
                    };
                    assert!(labels.insert(label.to_string(), value).is_none(), "{line}");
                    rest = &after[close + 1..];
                    if rest.starts_with('}') {
                        rest = &rest[1..];
                        break;
                    }
                    assert!(rest.starts_with(','), "{line}");
                }
            }
            let value = match rest.strip_prefix(' ').unwrap() {
                "+Inf" => f64::INFINITY,
                number => number.parse().unwrap(),
            };
            samples.push((name.to_string(), labels, value));
        }
        samples
    }

    #[test]
    fn an_empty_page_follows_the_grammar() {
        let samples = read(&Metrics::default().text());
        assert!(samples.iter().any(|(name, _, value)| name == "chauffeur_frames_total" && *value == 0.0));
    }

    #[test]
    fn a_full_page_follows_the_grammar_and_histograms_add_up() {
        let mut counts = Counts { mode: Some(Mode::Engaged), viewers: Some((2, 7)), ..Counts::default() };
        counts.skipped.insert("decode", 3);
        counts.clock_offsets_s.insert("odd \"name\" \\ with\nall".into(), -0.25);
        counts.speed_mps = Some(f64::NAN);
        for part in ["decode", "queue"] {
            let buckets = counts.parts.entry(part).or_default();
            (0..100).for_each(|n| buckets.record(Duration::from_micros(1 << (n % 24))));
        }
        let page = text(&counts);
        assert!(page.contains("chauffeur_speed_mps NaN\n"));
        let samples = read(&page.replace("chauffeur_speed_mps NaN", "chauffeur_speed_mps 0"));
        let of = |name: &str| samples.iter().filter(move |(own, ..)| own == name);
        assert_eq!(of("chauffeur_mode").map(|(_, _, value)| value).sum::<f64>(), 1.0);
        let offset = of("chauffeur_clock_offset_seconds").next().unwrap();
        assert_eq!((offset.1["sensor"].as_str(), offset.2), ("odd \"name\" \\ with\nall", -0.25));
        for part in ["decode", "queue"] {
            let buckets: Vec<f64> =
                of("chauffeur_part_seconds_bucket").filter(|s| s.1["part"] == part).map(|s| s.2).collect();
            assert!(buckets.is_sorted() && buckets.last() == Some(&100.0), "{buckets:?}");
            assert!(of("chauffeur_part_seconds_count").any(|s| s.1["part"] == part && s.2 == 100.0));
        }
    }
}
