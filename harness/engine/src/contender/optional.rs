//! Contenders that exist only in a build with a feature, so that other builds can say what is
//! missing.

/// A contender and the feature that includes it.
pub struct Optional {
    /// The contender's name, `kind:name`.
    pub name: &'static str,
    /// The feature of the package `jwtbench`.
    pub feature: &'static str,
    /// Whether this build has it.
    is_built: bool,
}

const fn row(name: &'static str, feature: &'static str, is_built: bool) -> Optional {
    Optional { name, feature, is_built }
}

const ALL: [Optional; 8] = [
    row("core:openssl", "openssl", cfg!(feature = "openssl")),
    row("raw:openssl", "openssl", cfg!(feature = "openssl")),
    row("core:rscrypto", "rscrypto", cfg!(feature = "rscrypto")),
    row("raw:rscrypto", "rscrypto", cfg!(feature = "rscrypto")),
    row("jsonwebtoken-11:aws-lc-rs", "jsonwebtoken-11", cfg!(feature = "jsonwebtoken-11")),
    row("jsonwebtoken-11:rust-crypto", "jsonwebtoken-11", cfg!(feature = "jsonwebtoken-11")),
    row("josekit:openssl", "josekit", cfg!(feature = "josekit")),
    row("jwt-simple:pure-rust", "jwt-simple", cfg!(feature = "jwt-simple")),
];

impl Optional {
    /// The contenders that this build lacks.
    pub fn missing() -> impl Iterator<Item = &'static Optional> {
        ALL.iter().filter(|optional| !optional.is_built)
    }

    /// A sentence that says what is wrong and how to correct it.
    pub fn remedy(&self) -> String {
        let (name, feature) = (self.name, self.feature);
        format!("{name} is not in this build; build with `--features {feature}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::ContenderSpec;

    /// The table agrees with the build: no contender is both known and missing, and each row is one
    /// of the two.
    #[test]
    fn the_table_is_true() {
        let known: Vec<String> = ContenderSpec::known().iter().map(ToString::to_string).collect();
        for optional in &ALL {
            let is_known = known.iter().any(|name| name == optional.name);
            assert_eq!(is_known, optional.is_built, "{}", optional.name);
        }
        let built = ALL.iter().filter(|optional| optional.is_built).count();
        let always = known.iter().filter(|name| ALL.iter().all(|row| row.name != **name)).count();
        assert_eq!(known.len(), always + built);
        let missing: Vec<&str> = Optional::missing().map(|optional| optional.name).collect();
        assert!(missing.iter().all(|name| !known.iter().any(|known| known == name)));
        assert_eq!(missing.len() + built, ALL.len());
    }
}
