//! Whole libraries. Each is used as its documentation shows, at its best (keys are prepared once
//! and found by `kid`) and as strictly as it allows. They are judged by accept or refuse.

use std::fmt;

use jwtbench_verifier::algorithm::Algorithm;

#[cfg(feature = "jsonwebtoken-11")]
use super::jsonwebtoken::major_11;
use super::jsonwebtoken::major_12;
use super::{Contender, Setup};

/// A whole library. Variants behind a feature exist only in builds with that feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignLibrary {
    /// The newest major version of jsonwebtoken, over one of its providers.
    Jsonwebtoken(Provider),
    /// The major version of jsonwebtoken before the newest, over one of the same providers.
    #[cfg(feature = "jsonwebtoken-11")]
    Jsonwebtoken11(Provider),
    /// josekit, over OpenSSL.
    #[cfg(feature = "josekit")]
    Josekit,
    /// jwt-simple with its feature `pure-rust`.
    #[cfg(feature = "jwt-simple")]
    JwtSimple,
}

/// The crypto provider of jsonwebtoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// The provider of the feature `aws_lc_rs`.
    AwsLcRs,
    /// The provider of the feature `rust_crypto`.
    RustCrypto,
}

impl Provider {
    /// The provider's name within a contender's name.
    pub const fn name(self) -> &'static str {
        match self {
            Provider::AwsLcRs => "aws-lc-rs",
            Provider::RustCrypto => "rust-crypto",
        }
    }
}

impl ForeignLibrary {
    /// Every library of this build.
    pub const ALL: &[ForeignLibrary] = &[
        ForeignLibrary::Jsonwebtoken(Provider::AwsLcRs),
        ForeignLibrary::Jsonwebtoken(Provider::RustCrypto),
        #[cfg(feature = "jsonwebtoken-11")]
        ForeignLibrary::Jsonwebtoken11(Provider::AwsLcRs),
        #[cfg(feature = "jsonwebtoken-11")]
        ForeignLibrary::Jsonwebtoken11(Provider::RustCrypto),
        #[cfg(feature = "josekit")]
        ForeignLibrary::Josekit,
        #[cfg(feature = "jwt-simple")]
        ForeignLibrary::JwtSimple,
    ];

    /// The versions of the library and of the software below it.
    pub fn version(self) -> String {
        match self {
            ForeignLibrary::Jsonwebtoken(provider) => major_12::version(provider).into(),
            #[cfg(feature = "jsonwebtoken-11")]
            ForeignLibrary::Jsonwebtoken11(provider) => major_11::version(provider).into(),
            #[cfg(feature = "josekit")]
            ForeignLibrary::Josekit => super::josekit::version(),
            #[cfg(feature = "jwt-simple")]
            ForeignLibrary::JwtSimple => super::jwt_simple::VERSION.into(),
        }
    }

    /// Whether the library verifies this algorithm.
    pub fn supports(self, algorithm: Algorithm) -> bool {
        match self {
            #[cfg(feature = "jwt-simple")]
            ForeignLibrary::JwtSimple => true,
            _ => algorithm != Algorithm::MlDsa44,
        }
    }

    /// Builds one instance, for one worker.
    pub(super) fn build<'c>(self, setup: &Setup<'c>) -> Box<dyn Contender<'c> + 'c> {
        match self {
            ForeignLibrary::Jsonwebtoken(provider) => {
                Box::new(major_12::Jsonwebtoken::new(provider, setup))
            }
            #[cfg(feature = "jsonwebtoken-11")]
            ForeignLibrary::Jsonwebtoken11(provider) => {
                Box::new(major_11::Jsonwebtoken::new(provider, setup))
            }
            #[cfg(feature = "josekit")]
            ForeignLibrary::Josekit => Box::new(super::josekit::Josekit::new(setup)),
            #[cfg(feature = "jwt-simple")]
            ForeignLibrary::JwtSimple => Box::new(super::jwt_simple::JwtSimple::new(setup)),
        }
    }
}

impl fmt::Display for ForeignLibrary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForeignLibrary::Jsonwebtoken(provider) => write!(f, "jsonwebtoken:{}", provider.name()),
            #[cfg(feature = "jsonwebtoken-11")]
            ForeignLibrary::Jsonwebtoken11(provider) => {
                write!(f, "jsonwebtoken-11:{}", provider.name())
            }
            #[cfg(feature = "josekit")]
            ForeignLibrary::Josekit => f.write_str("josekit:openssl"),
            #[cfg(feature = "jwt-simple")]
            ForeignLibrary::JwtSimple => f.write_str("jwt-simple:pure-rust"),
        }
    }
}
