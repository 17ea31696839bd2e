//! Tables of data sets: Feather files (Arrow IPC), or the same columns as CSV.

mod csv;
mod feather;
mod flat;

use crate::RecordingError;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A column.
#[derive(Clone, Debug, PartialEq)]
enum Column {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Texts(Vec<String>),
}

/// A table in memory. Its columns are equally long and have no gaps.
#[derive(Debug)]
pub(crate) struct Table {
    path: PathBuf,
    rows: usize,
    columns: BTreeMap<String, Column>,
}

impl Table {
    /// Reads a table by its ending: `.feather` or `.csv`.
    pub(crate) fn read(path: &Path) -> Result<Self, RecordingError> {
        let data = fs::read(path).map_err(RecordingError::io(path, "read"))?;
        let wrong = |reason| RecordingError::source(path, None, reason);
        let columns = match path.extension().and_then(|end| end.to_str()) {
            Some("csv") => csv::columns(&data).map_err(|(line, reason)| RecordingError::source(path, line, reason))?,
            _ => feather::columns(&data).map_err(wrong)?,
        };
        let rows = columns.values().map(Column::len).max().unwrap_or(0);
        match columns.iter().find(|(_, column)| column.len() != rows) {
            Some((name, column)) => Err(wrong(format!("column {name} has {} rows, others {rows}", column.len()))),
            None => Ok(Self { path: path.into(), rows, columns }),
        }
    }

    /// `folder/name` with either ending, if it is there.
    pub(crate) fn find(folder: &Path, name: &str) -> Option<PathBuf> {
        ["feather", "csv"].iter().map(|end| folder.join(format!("{name}.{end}"))).find(|path| path.is_file())
    }

    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.columns.contains_key(name)
    }

    /// A column of numbers.
    pub(crate) fn floats(&self, name: &str) -> Result<Cow<'_, [f64]>, RecordingError> {
        match self.column(name)? {
            Column::Floats(values) => Ok(Cow::Borrowed(values)),
            Column::Integers(values) => Ok(Cow::Owned(values.iter().map(|&value| value as f64).collect())),
            Column::Texts(_) => Err(self.wrong(format!("column {name} holds texts, expected numbers"))),
        }
    }

    /// A column of whole numbers.
    pub(crate) fn integers(&self, name: &str) -> Result<&[i64], RecordingError> {
        match self.column(name)? {
            Column::Integers(values) => Ok(values),
            _ => Err(self.wrong(format!("column {name} does not hold whole numbers"))),
        }
    }

    /// A column of texts.
    pub(crate) fn texts(&self, name: &str) -> Result<&[String], RecordingError> {
        match self.column(name)? {
            Column::Texts(values) => Ok(values),
            _ => Err(self.wrong(format!("column {name} does not hold texts"))),
        }
    }

    pub(crate) fn wrong(&self, reason: impl Into<String>) -> RecordingError {
        RecordingError::source(&self.path, None, reason)
    }

    fn column(&self, name: &str) -> Result<&Column, RecordingError> {
        self.columns.get(name).ok_or_else(|| {
            let there = self.columns.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            self.wrong(format!("no column {name}; there: {there}"))
        })
    }
}

impl Column {
    const fn len(&self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Floats(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }
}
