//! References on disk: one text file for each drive and kind of replay, a line for what made it and a line for each frame.

use crate::evaluate::reference::{FORMAT, Line, Maker};
use crate::replay::Mode;
use anyhow::{Context, ensure};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A reference that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// What made it.
    pub maker: Maker,
    /// Its frames.
    pub lines: Vec<Line>,
}

/// The references of one drive.
pub struct References {
    folder: PathBuf,
    name: String,
}

impl References {
    /// Those of the drive of this name.
    #[must_use]
    pub fn new(folder: &Path, name: &str) -> Self {
        Self { folder: folder.to_path_buf(), name: name.to_string() }
    }

    /// Where they are, for a message.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("{}/{}.*.jsonl", self.folder.display(), self.name)
    }

    /// The file of one kind.
    #[must_use]
    pub fn path(&self, mode: Mode) -> PathBuf {
        self.folder.join(format!("{}.{}.jsonl", self.name, mode.name()))
    }

    /// Reads a reference; none if there is no file.
    ///
    /// # Errors
    /// Names the file, the line and what is wrong.
    pub fn read(&self, mode: Mode) -> anyhow::Result<Option<Reference>> {
        let path = self.path(mode);
        if !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
        let mut lines = text.lines().enumerate();
        let (_, first) = lines.next().with_context(|| format!("{}: the file is empty", path.display()))?;
        let maker: Maker = serde_json::from_str(first).with_context(|| format!("{}: line 1", path.display()))?;
        let (path, format) = (path.display(), maker.format);
        ensure!(format == FORMAT, "{path}: format {format} is not {FORMAT}, which this program reads: use --update");
        let line = |(number, text): (usize, &str)| {
            serde_json::from_str::<Line>(text).with_context(|| format!("{path}: line {}", number + 1))
        };
        let lines = lines.map(line).collect::<anyhow::Result<Vec<Line>>>()?;
        Ok(Some(Reference { maker, lines }))
    }

    /// Writes a reference: whole or not at all.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn write(&self, mode: Mode, maker: &Maker, lines: &[Line]) -> anyhow::Result<()> {
        let path = self.path(mode);
        let mut text = serde_json::to_string(maker)?;
        for line in lines {
            write!(text, "\n{}", serde_json::to_string(line)?)?;
        }
        text.push('\n');
        std::fs::create_dir_all(&self.folder).with_context(|| format!("{}", self.folder.display()))?;
        let part = path.with_extension("jsonl.part");
        std::fs::write(&part, text).with_context(|| format!("{}", part.display()))?;
        std::fs::rename(&part, &path).with_context(|| format!("{}", path.display()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let references = References::new(folder.path(), "street");
        assert_eq!(references.read(Mode::Lossless).unwrap(), None);
        let maker = Maker { format: FORMAT, version: "1".into(), ..Maker::default() };
        let lines = vec![Line::default(); 3];
        references.write(Mode::Lossless, &maker, &lines).unwrap();
        assert_eq!(references.read(Mode::Lossless).unwrap(), Some(Reference { maker: maker.clone(), lines }));
        assert_eq!(references.read(Mode::Faithful).unwrap(), None);
        let future = Maker { format: 9, ..maker };
        references.write(Mode::Lossless, &future, &[]).unwrap();
        let said = format!("{:#}", references.read(Mode::Lossless).unwrap_err());
        assert!(said.contains("street.lossless.jsonl: format 9 is not 1"), "{said}");
        std::fs::write(references.path(Mode::Lossless), "{}\n").unwrap();
        let said = format!("{:#}", references.read(Mode::Lossless).unwrap_err());
        assert!(said.contains("street.lossless.jsonl: line 1: missing field"), "{said}");
    }
}
