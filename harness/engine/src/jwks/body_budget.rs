//! The limit in bytes on the bodies of all fetches in flight together. The process stays within it,
//! however many fetches a cache policy starts at once and however large a body it allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::host_fault::HostFault;

/// The most bytes of bodies that one trial holds at once: five bodies of the fault `huge-body`.
pub const MAX_BODIES: usize = 256 << 20;

/// A number of bytes that may be taken, and the number that is taken.
#[derive(Debug)]
pub struct BodyBudget {
    limit: usize,
    taken: AtomicUsize,
}

/// The part of the budget that one body has taken. It is given back on drop.
#[derive(Debug)]
pub struct BodyShare {
    budget: Arc<BodyBudget>,
    bytes: usize,
}

impl BodyBudget {
    /// A budget of `limit` bytes, none of them taken.
    pub fn new(limit: usize) -> Arc<BodyBudget> {
        Arc::new(BodyBudget { limit, taken: AtomicUsize::new(0) })
    }

    /// An empty share, for a body of which nothing has arrived yet.
    pub fn share(self: &Arc<BodyBudget>) -> BodyShare {
        BodyShare { budget: Arc::clone(self), bytes: 0 }
    }

    /// The number of bytes that are taken.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

impl BodyShare {
    /// Takes `by` more bytes.
    ///
    /// # Errors
    /// [`HostFault::Bodies`] if that exceeds the limit. Then nothing more is taken.
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
