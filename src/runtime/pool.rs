//! Buffers that are allocated at start and handed from frame to frame.

use crossbeam_queue::ArrayQueue;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A fixed number of buffers. An empty pool says so; it never allocates more.
#[derive(Debug)]
pub struct Pool<T> {
    free: Arc<ArrayQueue<T>>,
}

impl<T> Pool<T> {
    /// A pool of `size` (at least one) buffers made by `make`.
    #[must_use]
    pub fn new(size: usize, mut make: impl FnMut() -> T) -> Self {
        let free = ArrayQueue::new(size.max(1));
        while free.push(make()).is_ok() {
            if free.is_full() {
                break;
            }
        }
        Self { free: Arc::new(free) }
    }

    /// Takes a buffer, with whatever its last user left in it. `None` if all are out.
    #[must_use]
    pub fn lease(&self) -> Option<Leased<T>> {
        self.free.pop().map(|value| Leased { value: Some(value), home: Arc::clone(&self.free) })
    }
}

/// A buffer out of a pool; it returns there when dropped.
#[derive(Debug)]
pub struct Leased<T> {
    value: Option<T>,
    home: Arc<ArrayQueue<T>>,
}

impl<T> Drop for Leased<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            // The queue has room for every buffer it ever gave out.
            let _ = self.home.push(value);
        }
    }
}

impl<T> Deref for Leased<T> {
    type Target = T;

    #[allow(clippy::expect_used)]
    fn deref(&self) -> &T {
        self.value.as_ref().expect("a leased buffer is taken only by drop")
    }
}

impl<T> DerefMut for Leased<T> {
    #[allow(clippy::expect_used)]
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("a leased buffer is taken only by drop")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_pool_says_so_and_refills() {
        let pool = Pool::new(2, Vec::<u8>::new);
        let (first, second) = (pool.lease(), pool.lease());
        assert!(first.is_some() && second.is_some() && pool.lease().is_none());
        drop(first);
        assert!(pool.lease().is_some());
    }
}
