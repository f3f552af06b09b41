//! How many bytes the bodies of all fetches in flight may take together. However many fetches a
//! cache policy starts at once, and however much it lets each of them bring, the process stays
//! within this.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::host_fault::HostFault;

/// The most bytes that one trial keeps: five bodies of the fault `huge-body`.
pub const MAX_BODIES: usize = 256 << 20;

/// Bytes that may be taken, and those that are.
#[derive(Debug)]
pub struct BodyBudget {
    limit: usize,
    taken: AtomicUsize,
}

/// The part that one body has taken; given back when it is dropped.
#[derive(Debug)]
pub struct BodyShare {
    budget: Arc<BodyBudget>,
    bytes: usize,
}

impl BodyBudget {
    /// So many bytes, none of them taken.
    pub fn new(limit: usize) -> Arc<BodyBudget> {
        Arc::new(BodyBudget { limit, taken: AtomicUsize::new(0) })
    }

    /// The share of a body of which nothing has come yet.
    pub fn share(self: &Arc<BodyBudget>) -> BodyShare {
        BodyShare { budget: Arc::clone(self), bytes: 0 }
    }

    /// Bytes that are taken.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

impl BodyShare {
    /// Takes more.
    ///
    /// # Errors
    /// [`HostFault::Bodies`] if that is over the limit; then nothing more was taken.
    pub fn grow(&mut self, by: usize) -> Result<(), HostFault> {
        let limit = self.budget.limit;
        let more = |taken: usize| taken.checked_add(by).filter(|taken| *taken <= limit);
        let grown = self.budget.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        grown.map_err(|_| HostFault::Bodies { limit })?;
        self.bytes += by;
        Ok(())
    }
}

impl Drop for BodyShare {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let budget = BodyBudget::new(100);
        let (mut one, mut other) = (budget.share(), budget.share());
        assert_eq!(one.grow(60), Ok(()));
        assert_eq!(other.grow(41), Err(HostFault::Bodies { limit: 100 }), "over the limit");
        assert_eq!((other.grow(40), budget.taken()), (Ok(()), 100), "up to the limit");
        assert_eq!(one.grow(usize::MAX), Err(HostFault::Bodies { limit: 100 }), "no overflow");
        drop(one);
        assert_eq!((other.grow(60), budget.taken()), (Ok(()), 100));
        drop(other);
        assert_eq!(budget.taken(), 0);
    }
}
