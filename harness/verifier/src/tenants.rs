//! Several trusted issuers, kept apart. The request names its tenant, and this alone chooses the
//! verifier of its token. The token never does (RFC 8725 §3.8).

use std::collections::BTreeMap;
use std::fmt;

/// The verifiers of the tenants. Each tenant has its own verifier, keys and cache; none of it is
/// shared.
#[derive(Clone, Debug)]
pub struct Tenants<V> {
    verifiers: BTreeMap<Box<str>, V>,
}

/// The error for a tenant that is named twice or has no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTenant(pub Box<str>);

impl fmt::Display for InvalidTenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            "" => f.write_str("a tenant has an empty name; name it"),
            name => write!(f, "tenant `{name}` stands twice; give each tenant one verifier"),
        }
    }
}

impl std::error::Error for InvalidTenant {}

impl<V> Tenants<V> {
    /// Collects the verifiers of the tenants.
    ///
    /// # Errors
    /// Returns [`InvalidTenant`] if a tenant has an empty name or is named twice. With a second
    /// verifier for a tenant, it would be open which one decides.
    pub fn new<N: Into<Box<str>>>(
        verifiers: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Tenants<V>, InvalidTenant> {
        let mut tenants = Tenants { verifiers: BTreeMap::new() };
        for (name, verifier) in verifiers {
            let name = name.into();
            if name.is_empty() || tenants.verifiers.contains_key(&name) {
                return Err(InvalidTenant(name));
            }
            tenants.verifiers.insert(name, verifier);
        }
        Ok(tenants)
    }

    /// The verifier for requests of this tenant, compared byte by byte. `None` if no issuer is
    /// trusted for it.
    pub fn choose(&self, tenant: &str) -> Option<&V> {
        self.verifiers.get(tenant)
    }

    /// The verifier of [`Tenants::choose`] as mutable, for a verifier with state.
    pub fn choose_mut(&mut self, tenant: &str) -> Option<&mut V> {
        self.verifiers.get_mut(tenant)
    }
}
