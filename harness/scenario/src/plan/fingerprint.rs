//! Hashes that decide whether two results are comparable. Values are written one by one, each under
//! its own tag. A field's position, its name in the source and its printed form do not matter. A
//! new field does not compile until it is decided whether it counts.

mod cache_policy;
mod plan;
mod policy;
mod state;
mod strategy;

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::format::hex::hex;

pub use cache_policy::cache_policy_hash;
pub use plan::flow_hash;
pub(crate) use plan::{issuance_hash, plan_hash};
pub use policy::policy_hash;
pub use strategy::state_strategy_hash;

/// SHA-256 over tagged values.
pub(crate) struct Fingerprint(Sha256);

/// A value that can be written into a fingerprint. Different values of a type write different
/// bytes.
pub(crate) trait Fingerprinted {
    /// Writes the value.
    fn write(&self, to: &mut Fingerprint);
}

impl Fingerprint {
    /// A fingerprint of an object of this kind. The version changes whenever the written values of
    /// that kind change.
    pub(crate) fn new(kind: &str, version: u32) -> Fingerprint {
        let mut fingerprint = Fingerprint(Sha256::new());
        fingerprint.field(kind, &version);
        fingerprint
    }

    /// Writes a value under a tag.
    pub(crate) fn field(&mut self, tag: &str, value: &(impl Fingerprinted + ?Sized)) {
        tag.write(self);
        value.write(self);
    }

    /// Writes the name of the enum variant of a value.
    pub(crate) fn variant(&mut self, name: &str) {
        name.write(self);
    }

    /// Writes bytes whose number follows from what was written before.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash, in lower-case hex.
    pub(crate) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

impl Fingerprinted for str {
    fn write(&self, to: &mut Fingerprint) {
        self.len().write(to);
        to.bytes(self.as_bytes());
    }
}

impl Fingerprinted for String {
    fn write(&self, to: &mut Fingerprint) {
        self.as_str().write(to);
    }
}

impl Fingerprinted for bool {
    fn write(&self, to: &mut Fingerprint) {
        to.bytes(&[u8::from(*self)]);
    }
}

impl Fingerprinted for u32 {
    fn write(&self, to: &mut Fingerprint) {
        u64::from(*self).write(to);
    }
}

impl Fingerprinted for u64 {
    fn write(&self, to: &mut Fingerprint) {
        to.bytes(&self.to_be_bytes());
    }
}

impl Fingerprinted for usize {
    fn write(&self, to: &mut Fingerprint) {
        (*self as u64).write(to);
    }
}

impl Fingerprinted for f64 {
    fn write(&self, to: &mut Fingerprint) {
        // Adding 0.0 turns -0.0 into 0.0.
        to.bytes(&(self + 0.0).to_bits().to_be_bytes());
    }
}

impl Fingerprinted for Duration {
    /// Writes the duration in nanoseconds.
    fn write(&self, to: &mut Fingerprint) {
        to.bytes(&self.as_nanos().to_be_bytes());
    }
}

impl<T: Fingerprinted> Fingerprinted for Option<T> {
    fn write(&self, to: &mut Fingerprint) {
        self.is_some().write(to);
        if let Some(value) = self {
            value.write(to);
        }
    }
}

impl<T: Fingerprinted> Fingerprinted for [T] {
    fn write(&self, to: &mut Fingerprint) {
        self.len().write(to);
        self.iter().for_each(|value| value.write(to));
    }
}

impl<T: Fingerprinted> Fingerprinted for Vec<T> {
    fn write(&self, to: &mut Fingerprint) {
        self.as_slice().write(to);
    }
}

#[cfg(test)]
mod tests;
