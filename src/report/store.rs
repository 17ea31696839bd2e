//! Pictures and sweeps of all drives of a page, each different one once.

use super::page::Page;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// A block is written when it has so many bytes.
const BLOCK_BYTES: usize = 256 << 10;

/// Items of one kind on their way into the page. Two drives made from the same sensors share them.
pub struct Store {
    kind: &'static str,
    compress: bool,
    places: BTreeMap<[u8; 32], usize>,
    block: Vec<u8>,
}

impl Store {
    /// Without items. `compress`: they are not compressed in themselves.
    #[must_use]
    pub const fn new(kind: &'static str, compress: bool) -> Self {
        Self { kind, compress, places: BTreeMap::new(), block: Vec::new() }
    }

    /// Keeps an item and gives its place in the store.
    ///
    /// # Errors
    /// The page cannot be written.
    pub fn put<W: Write>(&mut self, item: &[u8], page: &mut Page<W>) -> io::Result<usize> {
        let next = self.places.len();
        let digest = Sha256::digest(item).into();
        let place = *self.places.entry(digest).or_insert(next);
        if place == next {
            let length = u32::try_from(item.len()).map_err(io::Error::other)?;
            self.block.extend_from_slice(&length.to_le_bytes());
            self.block.extend_from_slice(item);
            if self.block.len() >= BLOCK_BYTES {
                self.flush(page)?;
            }
        }
        Ok(place)
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The page cannot be written.
    pub fn flush<W: Write>(&mut self, page: &mut Page<W>) -> io::Result<()> {
        if !self.block.is_empty() {
            page.block(self.kind, self.compress, &self.block)?;
            self.block.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_items_are_kept_once() {
        let mut page = Page::begin(Vec::new()).unwrap();
        let before = page.bytes();
        let mut store = Store::new("sweeps", true);
        let places: Vec<usize> =
            [b"one", b"two", b"one"].iter().map(|item| store.put(*item, &mut page).unwrap()).collect();
        assert_eq!(places, [0, 1, 0]);
        assert_eq!(page.bytes(), before);
        store.flush(&mut page).unwrap();
        assert!(page.bytes() > before);
    }
}
