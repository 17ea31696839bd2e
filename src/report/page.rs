//! The page: one file with its style, its scripts and its data.
//!
//! What a drive says (names, reasons, log lines) is only ever inside compressed blocks in base64, and the scripts put it on the page as
//! text. The page's own policy lets no other script run and nothing be loaded.

use super::envelope::{base64, deflated};
use sha2::{Digest, Sha256};
use std::io::{self, Write};

const SKELETON: &str = include_str!("page/page.html");
/// The style of the plotting library, then ours.
const STYLES: [&str; 2] = [include_str!("page/uplot.min.css"), include_str!("page/page.css")];
/// In the order in which they run. The first is the plotting library uPlot, whose licence lies beside it.
const SCRIPTS: [&str; 7] = [
    include_str!("page/uplot.min.js"),
    include_str!("page/data.js"),
    include_str!("page/birdseye.js"),
    include_str!("page/camera.js"),
    include_str!("page/charts.js"),
    include_str!("page/facts.js"),
    include_str!("page/page.js"),
];
const UPLOT_LICENSE: &str = include_str!("page/uplot.LICENSE");

/// A page that is being written.
pub struct Page<W: Write> {
    out: W,
    bytes: u64,
    rest: &'static str,
}

impl<W: Write> Page<W> {
    /// Writes everything before the data.
    ///
    /// # Errors
    /// What the writer says.
    pub fn begin(out: W) -> io::Result<Self> {
        let hashes: Vec<String> =
            SCRIPTS.iter().map(|script| format!("'sha256-{}'", base64(&Sha256::digest(script)))).collect();
        let policy = format!(
            "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'",
            hashes.join(" ")
        );
        let (head, rest) = SKELETON.split_once("{{data}}").unwrap_or((SKELETON, ""));
        let mut page = Self { out, bytes: 0, rest };
        page.write(&head.replace("{{policy}}", &policy).replace("{{style}}", &STYLES.concat()))?;
        Ok(page)
    }

    /// Adds a block of data.
    ///
    /// # Errors
    /// What the writer says.
    pub fn block(&mut self, kind: &str, compress: bool, bytes: &[u8]) -> io::Result<()> {
        let (packing, text) = match compress {
            true => ("zlib", base64(&deflated(bytes)?)),
            false => ("none", base64(bytes)),
        };
        self.write(&format!(
            "<script type=\"application/octet-stream\" data-kind=\"{kind}\" data-packing=\"{packing}\">"
        ))?;
        self.write(&text)?;
        self.write("</script>\n")
    }

    /// Bytes so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes everything behind the data and gives the writer back.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        self.write("<!-- uPlot:\n")?;
        self.write(UPLOT_LICENSE)?;
        self.write("\n-->\n")?;
        for script in SCRIPTS {
            self.write("<script>")?;
            self.write(script)?;
            self.write("</script>\n")?;
        }
        let rest = self.rest;
        self.write(rest)?;
        self.out.flush()?;
        Ok((self.out, self.bytes))
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.bytes += text.len() as u64;
        self.out.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_loads_nothing() {
        let mut page = Page::begin(Vec::new()).unwrap();
        page.block("facts", true, b"</script><script>alert(1)</script>").unwrap();
        let (bytes, count) = page.finish().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.len() as u64, count);
        assert!(!text.contains("{{") && text.trim_end().ends_with("</html>"));
        assert!(!text.contains("alert(1)"));
        assert!(text.contains("Leon Sorokin"));
        for word in [" src=", " href=", "@import", "url("] {
            assert!(!text.contains(word), "{word}");
        }
    }

    #[test]
    fn no_script_ends_itself() {
        for script in SCRIPTS {
            assert!(!script.contains("</script") && !script.contains("<!--"));
        }
    }
}
