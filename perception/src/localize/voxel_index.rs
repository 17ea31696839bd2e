//! From a voxel's key to a number: a hash table whose content depends on the order of insertion alone.

/// Integer coordinates of a voxel: the floor of the position divided by the voxel's size.
pub(super) type VoxelKey = [i32; 3];

/// The key of the voxel that holds a position.
pub(super) fn voxel_key(position: [f64; 3], size_m: f64) -> VoxelKey {
    position.map(|v| floor(v / size_m))
}

/// The largest whole number not above a value; beyond 32 bits the last one. (The library's function is a call, unless the processor is known to
/// have the instruction.)
fn floor(value: f64) -> i32 {
    let truncated = value as i32;
    truncated.saturating_sub(i32::from(f64::from(truncated) > value))
}

const EMPTY: u32 = u32::MAX;
const SMALLEST: usize = 1024;

#[derive(Clone, Copy, Debug)]
struct Slot {
    key: VoxelKey,
    value: u32,
}

/// Open addressing with linear probing and a fixed hash (Teschner et al., 2003). It is never iterated.
#[derive(Clone, Debug)]
pub(super) struct VoxelIndex {
    slots: Vec<Slot>,
    len: usize,
}

impl VoxelIndex {
    pub(super) fn new() -> Self {
        Self { slots: vec![Slot { key: [0; 3], value: EMPTY }; SMALLEST], len: 0 }
    }

    /// Forgets all keys and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.slots.fill(Slot { key: [0; 3], value: EMPTY });
        self.len = 0;
    }

    /// The value of a key.
    pub(super) fn get(&self, key: VoxelKey) -> Option<u32> {
        let slot = self.slots[self.place(key)];
        (slot.value != EMPTY).then_some(slot.value)
    }

    /// The value of a key, which becomes `value` if the key is new. The flag tells whether it was new.
    pub(super) fn get_or_insert(&mut self, key: VoxelKey, value: u32) -> (u32, bool) {
        if 2 * self.len >= self.slots.len() {
            self.grow();
        }
        let place = self.place(key);
        let slot = &mut self.slots[place];
        if slot.value != EMPTY {
            return (slot.value, false);
        }
        *slot = Slot { key, value };
        self.len += 1;
        (value, true)
    }

    /// Where a key is, or the free place where it belongs. The table is at most half full, so there is one.
    fn place(&self, key: VoxelKey) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = hash(key) & mask;
        while self.slots[place].value != EMPTY && self.slots[place].key != key {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        let larger = vec![Slot { key: [0; 3], value: EMPTY }; 2 * self.slots.len()];
        let old = std::mem::replace(&mut self.slots, larger);
        for slot in old.into_iter().filter(|slot| slot.value != EMPTY) {
            let place = self.place(slot.key);
            self.slots[place] = slot;
        }
    }
}

fn hash(key: VoxelKey) -> usize {
    let [x, y, z] = key.map(|v| u64::from(v as u32));
    let mixed = x.wrapping_mul(73_856_093)
        ^ y.wrapping_mul(19_349_669).rotate_left(16)
        ^ z.wrapping_mul(83_492_791).rotate_left(32);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn behaves_like_a_sorted_map(keys in prop::collection::vec([-9..9i32, -9..9i32, -9..9i32], 0..3000)) {
            let (mut index, mut model) = (VoxelIndex::new(), BTreeMap::new());
            for (value, key) in keys.iter().enumerate() {
                let (found, new) = index.get_or_insert(*key, value as u32);
                prop_assert_eq!(new, !model.contains_key(key));
                prop_assert_eq!(found, *model.entry(*key).or_insert(value as u32));
            }
            prop_assert!(model.iter().all(|(key, value)| index.get(*key) == Some(*value)));
            prop_assert_eq!(index.get([99, 0, 0]), None);
            index.clear();
            prop_assert!(model.keys().all(|key| index.get(*key).is_none()));
        }
    }

    #[test]
    fn keys_floor_and_saturate() {
        assert_eq!(voxel_key([-0.1, 0.0, 1.9], 1.0), [-1, 0, 1]);
        assert_eq!(voxel_key([1e300, -1e300, f64::NAN], 0.5), [i32::MAX, i32::MIN, 0]);
    }
}
