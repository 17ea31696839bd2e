//! As much of FlatBuffers as Arrow's metadata needs: tables, vectors and strings, every offset checked.

use super::feather::Decoded;

/// A table within a buffer.
#[derive(Clone, Copy)]
pub(super) struct Flat<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Flat<'a> {
    /// The table that a buffer begins with.
    pub(super) fn root(data: &'a [u8]) -> Decoded<Self> {
        let at = unsigned(data, 0)?;
        Ok(Self { data, at })
    }

    /// Where the value of a field lies; `None` if it is at its default.
    fn field(&self, index: usize) -> Decoded<Option<usize>> {
        let back = i32::from_le_bytes(array(self.data, self.at)?);
        let vtable = (self.at as i64).checked_sub(back.into()).and_then(|at| usize::try_from(at).ok());
        let vtable = vtable.ok_or("a table without a description")?;
        let length = usize::from(u16::from_le_bytes(array(self.data, vtable)?));
        let slot = 4 + 2 * index;
        if slot + 2 > length {
            return Ok(None);
        }
        let offset = u16::from_le_bytes(array(self.data, vtable + slot)?);
        Ok(Some(self.at + usize::from(offset)).filter(|_| offset > 0))
    }

    /// A number; zero by default.
    pub(super) fn number<const SIZE: usize>(&self, index: usize) -> Decoded<[u8; SIZE]> {
        self.field(index)?.map_or(Ok([0; SIZE]), |at| array(self.data, at))
    }

    pub(super) fn table(&self, index: usize) -> Decoded<Option<Self>> {
        let Some(at) = self.field(index)? else { return Ok(None) };
        Ok(Some(Self { data: self.data, at: forward(self.data, at)? }))
    }

    pub(super) fn text(&self, index: usize) -> Decoded<&'a str> {
        let Some((start, length)) = self.vector(index)? else { return Ok("") };
        let bytes = self.data.get(start..start.saturating_add(length)).ok_or("a text beyond the end")?;
        std::str::from_utf8(bytes).map_err(|error| error.to_string())
    }

    /// The tables of a vector.
    pub(super) fn tables(&self, index: usize) -> Decoded<Vec<Self>> {
        let Some((start, length)) = self.vector(index)? else { return Ok(Vec::new()) };
        if length > self.data.len() / 4 {
            return Err(format!("a vector of {length} tables"));
        }
        let table = |n: usize| Ok(Self { data: self.data, at: forward(self.data, start + 4 * n)? });
        (0..length).map(table).collect()
    }

    /// The structures of a vector, each as its bytes.
    pub(super) fn structures(&self, index: usize, size: usize) -> Decoded<Vec<&'a [u8]>> {
        let Some((start, length)) = self.vector(index)? else { return Ok(Vec::new()) };
        let bytes = self.data.get(start..start.saturating_add(length.saturating_mul(size)));
        Ok(bytes.ok_or_else(|| format!("a vector of {length} structures"))?.chunks_exact(size).collect())
    }

    /// Start and length of a vector.
    fn vector(&self, index: usize) -> Decoded<Option<(usize, usize)>> {
        let Some(at) = self.field(index)? else { return Ok(None) };
        let start = forward(self.data, at)?;
        Ok(Some((start + 4, unsigned(self.data, start)?)))
    }
}

fn forward(data: &[u8], at: usize) -> Decoded<usize> {
    Ok(at + unsigned(data, at)?)
}

fn unsigned(data: &[u8], at: usize) -> Decoded<usize> {
    Ok(u32::from_le_bytes(array(data, at)?) as usize)
}

/// So many bytes at a place.
pub(super) fn array<const SIZE: usize>(data: &[u8], at: usize) -> Decoded<[u8; SIZE]> {
    let bytes = at.checked_add(SIZE).and_then(|end| data.get(at..end));
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| format!("{SIZE} bytes at byte {at} lie beyond the end"))
}
