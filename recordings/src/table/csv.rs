//! Comma-separated values with a line of names. No quotes: no column in use holds a comma.

use super::Column;
use std::collections::BTreeMap;

type Wrong = (Option<usize>, String);

pub(super) fn columns(data: &[u8]) -> Result<BTreeMap<String, Column>, Wrong> {
    let text = std::str::from_utf8(data).map_err(|error| (None, error.to_string()))?;
    let mut lines = text.lines().enumerate();
    let Some((_, head)) = lines.next() else { return Err((None, "no line of names".into())) };
    let names = head.split(',').map(str::trim).collect::<Vec<_>>();
    let mut cells: Vec<Vec<&str>> = vec![Vec::new(); names.len()];
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let mut values = line.split(',');
        for column in &mut cells {
            let value = values.next().map(str::trim);
            column.push(value.ok_or_else(|| (Some(index + 1), format!("fewer than {} values", names.len())))?);
        }
        if values.next().is_some() {
            return Err((Some(index + 1), format!("more than {} values", names.len())));
        }
    }
    Ok(names.into_iter().map(str::to_owned).zip(cells.iter().map(|cells| typed(cells))).collect())
}

/// Whole numbers if all are, else numbers, else texts.
fn typed(cells: &[&str]) -> Column {
    if let Ok(values) = cells.iter().map(|cell| cell.parse::<i64>()).collect() {
        return Column::Integers(values);
    }
    match cells.iter().map(|cell| cell.parse::<f64>()).collect() {
        Ok(values) => Column::Floats(values),
        Err(_) => Column::Texts(cells.iter().map(|&cell| cell.to_owned()).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_their_kinds_and_bad_lines_are_named() {
        let found = columns(b"stamp_ns,x,name\n315973157899927214,1,a\n-1,2.5,b\n").unwrap();
        assert_eq!(found["stamp_ns"], Column::Integers(vec![315_973_157_899_927_214, -1]));
        assert_eq!(found["x"], Column::Floats(vec![1.0, 2.5]));
        assert_eq!(found["name"], Column::Texts(vec!["a".into(), "b".into()]));
        assert_eq!(columns(b"a,b\n1,2\n1\n").unwrap_err(), (Some(3), "fewer than 2 values".into()));
        assert_eq!(columns(b"a,b\n1,2,3\n").unwrap_err(), (Some(2), "more than 2 values".into()));
        assert!(columns(b"").is_err());
    }
}
