//! Several trusted issuers, kept apart. The request says for which tenant it is, and that alone
//! chooses what verifies its token: the token never does (RFC 8725 §3.8).

use std::collections::BTreeMap;
use std::fmt;

/// What verifies the tokens of each tenant: verifier, keys and cache, none of it shared.
#[derive(Clone, Debug)]
pub struct Tenants<V> {
    verifiers: BTreeMap<Box<str>, V>,
}

/// A tenant was named twice, or had no name.
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
    /// The verifier of each tenant.
    ///
    /// # Errors
    /// [`InvalidTenant`]: a second verifier for a tenant would leave open which one decides.
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

    /// What verifies the tokens of requests for this tenant, compared to the byte; `None` if no
    /// issuer is trusted for it.
    pub fn choose(&self, tenant: &str) -> Option<&V> {
        self.verifiers.get(tenant)
    }

    /// As [`Tenants::choose`], for a verifier that changes as it works.
    pub fn choose_mut(&mut self, tenant: &str) -> Option<&mut V> {
        self.verifiers.get_mut(tenant)
    }
}
