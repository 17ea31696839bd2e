//! The results as one page: a table, no script, nothing to load.

use super::result::{DriveResult, Status};
use crate::evaluate::criteria::{Level, Verdict};
use std::fmt::Write as _;
use std::path::Path;

const STYLE: &str = "body{font:14px/1.4 system-ui,sans-serif;margin:2em;max-width:105em;color:#222;background:#fff}\
table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}\
th{background:#f3f3f3}td.n{text-align:right;font-variant-numeric:tabular-nums}.passed{color:#06692d}.FAILED,.BAD{color:#b00020;font-weight:600}\
.warn{color:#8a5a00}.why{color:#444;min-width:24em;max-width:44em}details,p{max-width:75em}details{margin:1em 0}caption{text-align:left;font-weight:600;padding:.3em 0}h2{margin-top:2em;border-top:1px solid #ccc;padding-top:1em}code{background:#f3f3f3;padding:0 .2em}";

/// What a reader must know.
const LEGEND: &str = "<details open><summary>How to read this</summary><p>Each drive was replayed by this version of the program. It <b>passed</b> if \
every stage made what its <i>reference</i> says, frame by frame, and all criteria hold. It <b>failed</b> if a frame differs, a criterion is broken, or \
the drive was silent. It <b>could not be used</b> if the file, its reference or the set-up is broken: that says nothing of driving. <i>Replayed</i>: \
<b>lossless</b> from the sensors on, <b>from-detections</b> and <b>from-plan</b> from what the drive recorded of them; <b>exact</b> compares every bit, \
<b>networks</b> allows what another device changes in the last digits. A wanted change: <code>chauffeur check ... --update</code>, and commit the \
references.</details>";

/// Text for XML and HTML.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML has no place for the other control characters.
            letter if letter.is_control() && !matches!(letter, '\n' | '\t') => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

/// A link to a file, relative to the page where it lies beside it.
fn link(path: &Path, folder: &Path, text: &str) -> String {
    let target = path.strip_prefix(folder).unwrap_or(path).display().to_string();
    format!("<a href=\"{}\">{text}</a>", escaped(&target))
}

/// The page of all results; `folder` is where it will lie.
#[must_use]
pub fn page(results: &[DriveResult], folder: &Path) -> String {
    let count = |status| results.iter().filter(|result| result.status == status).count();
    let (passed, failed, bad) = (count(Status::Passed), count(Status::Failed), count(Status::BadInput));
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>chauffeur check: {failed} of {} failed</title><style>{STYLE}</style>\n<h1>chauffeur check</h1>\n\
         <p>{} drives: <span class=\"passed\">{passed} passed</span>, {failed} failed, {bad} could not be used.</p>\n{LEGEND}\n",
        results.len(),
        results.len()
    );
    out.push_str(
        "<table><tr><th>drive<th>result<th>why<th>replayed<th>frames<th>frames that differ<th>criteria failed<th>warnings\
         <th>seconds<th>slowest 1 % of frames, ms<th>memory, MB<th>files\n",
    );
    for (place, result) in results.iter().enumerate() {
        let number = |value: Option<f64>| value.map_or("-".to_string(), |value| format!("{value:.1}"));
        let word = result.status.word();
        let comparison = result.comparison.as_ref();
        let replay = comparison.map_or(result.mode.clone(), |one| format!("{}, {}", result.mode, one.tolerance));
        let frames = result.summary.as_ref().map_or(0, |summary| summary.frames);
        let differ = comparison.map_or("-".to_string(), |one| one.differ.to_string());
        let files = [("log", &result.log), ("numbers", &result.frames)];
        let files: Vec<String> =
            files.iter().filter_map(|(text, path)| Some(link(path.as_deref()?, folder, text))).collect();
        let _ = writeln!(
            out,
            "<tr><td><a href=\"#d{place}\">{}</a><td class=\"{word}\">{word}<td class=why>{}<td>{}<td class=n>{frames}<td class=n>{differ}<td class=n>{}\
             <td class=n>{}<td class=\"n measured\">{:.1}<td class=\"n measured\">{}<td class=\"n measured\">{}<td>{}",
            escaped(&result.drive),
            result.lines().first().map_or(String::new(), |why| escaped(why)),
            escaped(&replay),
            result.broken(Level::Error).count(),
            result.broken(Level::Warn).count(),
            result.seconds,
            number(result.latency_p99_ms),
            number(result.peak_memory_mb),
            files.join(", "),
        );
    }
    out.push_str("</table>\n");
    for (place, result) in results.iter().enumerate() {
        details(place, result, folder, &mut out);
    }
    out.push_str("</html>\n");
    out
}

fn details(place: usize, result: &DriveResult, folder: &Path, out: &mut String) {
    let word = result.status.word();
    let (name, path) = (escaped(&result.drive), escaped(&result.path.display().to_string()));
    let _ =
        writeln!(out, "<h2 id=\"d{place}\">{name}: <span class=\"{word}\">{word}</span></h2>\n<p><code>{path}</code>");
    for line in result.error.iter().chain(&result.changed) {
        let _ = writeln!(out, "<p>{}", escaped(line));
    }
    if let Some(first) = result.comparison.as_ref().and_then(|comparison| comparison.first.as_ref()) {
        let (frame, time_s, stage) = (first.frame, first.time_s, escaped(&first.stage));
        let _ =
            writeln!(out, "<table><caption>first difference: frame {frame}, {time_s:.1} s, stage {stage}</caption>");
        if first.fields.is_empty() {
            out.push_str("<tr><td>none of the frame's numbers: something smaller, such as the price of one candidate. Replay the version of the reference, too, and <code>chauffeur diff</code> of both logs names the field\n");
        } else {
            out.push_str("<tr><th>number<th>reference<th>this run\n");
        }
        for (name, old, new) in &first.fields {
            let _ = writeln!(out, "<tr><td>{}<td>{}<td>{}", escaped(name), escaped(old), escaped(new));
        }
        out.push_str("</table>\n");
    }
    if let (Some(log), true) = (&result.log, result.status == Status::Failed) {
        let log = log.strip_prefix(folder).unwrap_or(log).display().to_string();
        let _ = writeln!(
            out,
            "<p>To see it, in the folder of this page: <code>chauffeur report {} --output look.html</code>",
            escaped(&log)
        );
    }
    if !result.criteria.is_empty() {
        out.push_str("<table><caption>criteria: what must hold whatever the reference says</caption><tr><th>criterion<th>wanted<th>result<th>judged<th>failed<th>worst<th>frame\n");
        for one in &result.criteria {
            let (class, word) = match (one.verdict, one.level) {
                (Verdict::Passed, _) => ("passed", "passed"),
                (Verdict::NotJudged, _) => ("", "nothing to judge"),
                (Verdict::Failed, Level::Error) => ("FAILED", "FAILED"),
                (Verdict::Failed, Level::Warn) => ("warn", "warning"),
            };
            let frame = one.frame.map_or("-".to_string(), |frame| frame.to_string());
            let worst = escaped(one.worst.as_deref().unwrap_or("-"));
            let _ = writeln!(
                out,
                "<tr><td>{}<td>{}<td class=\"{class}\">{word}<td class=n>{}<td class=n>{}<td>{worst}<td class=n>{frame}",
                escaped(&one.name),
                escaped(&one.wanted),
                one.judged,
                one.failed
            );
        }
        out.push_str("</table>\n");
    }
    if let Some(summary) = &result.summary {
        let decisions: Vec<String> =
            summary.decisions.iter().map(|(kind, count)| format!("{count} {}", escaped(kind))).collect();
        let flips = summary.decision_flips_per_minute().map_or("-".to_string(), |flips| format!("{flips:.1}"));
        let recall = summary.detection_recall().map_or(String::new(), |recall| {
            let accuracy = summary.tracking_accuracy().unwrap_or(0.0);
            format!(
                "; {:.1} % of {} labelled objects detected, tracking accuracy {accuracy:.3}",
                100.0 * recall,
                summary.asked
            )
        });
        let _ = writeln!(
            out,
            "<p>{} frames in {:.1} s; decisions: {}; {flips} changes a minute{recall}",
            summary.frames,
            summary.duration_s,
            decisions.join(", ")
        );
    }
    if let Some(made) = &result.made {
        let engine = if made.engine.is_empty() { "no network".to_string() } else { escaped(&made.engine) };
        let _ =
            writeln!(out, "<p>version {}, {engine}, configuration <code>{}</code>", made.version, made.config_sha256);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_escapes_what_it_is_told() {
        let mut result = DriveResult::new("<drive>", Path::new("a&b.mcap"));
        result.fail("differs".into());
        result.log = Some(Path::new("out/logs/a.mcap").into());
        let text = page(&[result], Path::new("out"));
        for part in ["&lt;drive&gt;", "a&amp;b.mcap", "href=\"logs/a.mcap\"", "1 failed", "</html>"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("<script") && !text.contains("<drive>"));
    }
}
