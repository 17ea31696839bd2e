//! The results as JUnit XML, which every CI system shows.

use super::page::escaped;
use super::result::{DriveResult, Status};
use crate::evaluate::criteria::{Level, Verdict};
use std::fmt::Write as _;

/// One suite a drive: its reference and each criterion are cases.
#[must_use]
pub fn junit(results: &[DriveResult]) -> String {
    let mut suites = String::new();
    let (mut tests, mut failures, mut errors) = (0, 0, 0);
    for result in results {
        let drive = escaped(&result.drive);
        let (mut cases, mut own) = (String::new(), [0_u64; 4]);
        let mut case = |name: &str, inside: &str| {
            own[0] += 1;
            own[1] += u64::from(inside.starts_with("<failure"));
            own[2] += u64::from(inside.starts_with("<error"));
            own[3] += u64::from(inside.starts_with("<skipped"));
            let name = escaped(name);
            let _ = writeln!(cases, "    <testcase classname=\"{drive}\" name=\"{name}\">{inside}</testcase>");
        };
        let message = escaped(result.error.as_deref().unwrap_or_default());
        case(
            "replay and reference",
            &match (result.status, &result.error) {
                (Status::BadInput, _) => format!("<error message=\"{message}\"/>"),
                (_, Some(_)) => format!("<failure message=\"{message}\"/>"),
                _ => String::new(),
            },
        );
        for one in &result.criteria {
            let told = escaped(&one.told());
            case(
                &one.name,
                &match (one.verdict, one.level) {
                    (Verdict::Failed, Level::Error) => format!("<failure message=\"{told}\"/>"),
                    (Verdict::Failed, Level::Warn) => format!("<system-out>warning: {told}</system-out>"),
                    (Verdict::NotJudged, _) => "<skipped message=\"nothing to judge\"/>".to_string(),
                    (Verdict::Passed, _) => String::new(),
                },
            );
        }
        let seconds = result.seconds;
        let [count, failed, broken, skipped] = own;
        let _ = writeln!(
            suites,
            "  <testsuite name=\"{drive}\" tests=\"{count}\" failures=\"{failed}\" errors=\"{broken}\" \
             skipped=\"{skipped}\" time=\"{seconds:.3}\">\n{cases}  </testsuite>"
        );
        (tests, failures, errors) = (tests + count, failures + failed, errors + broken);
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"chauffeur check\" tests=\"{tests}\" \
         failures=\"{failures}\" errors=\"{errors}\">\n{suites}</testsuites>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn failures_and_errors_are_counted_and_text_is_escaped() {
        let mut failed = DriveResult::new("a<b", Path::new("a.mcap"));
        failed.fail("differs \"here\" & there".into());
        let mut broken = DriveResult::new("c", Path::new("c.mcap"));
        (broken.status, broken.error) = (Status::BadInput, Some("no drive".into()));
        let text = junit(&[failed, broken, DriveResult::new("d", Path::new("d.mcap"))]);
        let document = elements(&text);
        assert_eq!(document, (3, 1, 1), "{text}");
        assert!(text.contains("a&lt;b") && text.contains("differs &quot;here&quot; &amp; there"), "{text}");
    }

    /// Cases, failures and errors by their elements.
    fn elements(text: &str) -> (usize, usize, usize) {
        let count = |what: &str| text.matches(what).count();
        (count("<testcase"), count("<failure"), count("<error"))
    }
}
