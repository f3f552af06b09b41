//! The policy file: the keys of a scenario's `[policy]` table at the top level, with `algorithms`
//! beside them. Every fault names the file, line, key and remedy.

use std::ops::Range;
use std::path::{Path, PathBuf};

use jwtbench_verifier::policy::PolicySpec;

use crate::ScenarioError;
use crate::format::bounded_file;
use crate::format::parse::File;
use crate::format::policy::WirePolicy;

/// What to do about a key that there is not.
const REMEDY: &str = "a policy file has the keys of a scenario's [policy], at its top level";

/// A policy file, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyFile {
    /// The file.
    pub path: PathBuf,
    /// The policy, which is valid.
    pub spec: PolicySpec,
    /// Whether the file itself says which algorithms are allowed.
    pub names_algorithms: bool,
}

impl PolicyFile {
    /// Reads and checks a policy file.
    ///
    /// # Errors
    /// As for [`read`].
    pub fn read(path: &Path) -> Result<PolicyFile, ScenarioError> {
        let text = text_of(path)?;
        let spec = parse(path, &text)?;
        // The text was parsed before, so it is a table.
        let table: toml::Table = toml::from_str(&text).unwrap_or_default();
        let names_algorithms = table.contains_key("algorithms");
        Ok(PolicyFile { path: path.into(), spec, names_algorithms })
    }
}

/// Reads the policy of a policy file.
///
/// # Errors
/// If the file cannot be read, or the first fault of its policy.
pub fn read(path: &Path) -> Result<PolicySpec, ScenarioError> {
    parse(path, &text_of(path)?)
}

fn text_of(path: &Path) -> Result<String, ScenarioError> {
    bounded_file::read_to_string(path, bounded_file::POLICY).map_err(|error| {
        let message = format!("cannot be read ({error}); name a policy file, in TOML");
        ScenarioError { path: path.into(), line: None, message }
    })
}

/// Parses the text of a policy file. The result is the default policy with the overrides of the
/// file, and is valid.
///
/// # Errors
/// The first fault, with its file, line, key and remedy.
pub fn parse(path: &Path, text: &str) -> Result<PolicySpec, ScenarioError> {
    let file = File { path, text };
    match toml::from_str::<WirePolicy>(text) {
        Ok(wire) => wire.resolve().or_else(|fault| {
            let at = place(text, fault.key);
            file.fault(at, format!("`{}` {}", fault.key, fault.reason))
        }),
        Err(error) => file.unreadable(&error, REMEDY),
    }
}

/// The place where the text sets a key. For a key of a table, its last part is looked up.
pub(crate) fn place(text: &str, key: &str) -> Option<Range<usize>> {
    let name = key.rsplit('.').next().unwrap_or(key);
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.split_once('=').is_some_and(|(left, _)| left.trim() == name) {
            return Some(start..start + line.len());
        }
        start += line.len();
    }
    None
}

/// The text of a policy file with every key written out. [`parse`] reads it back.
pub fn text(spec: &PolicySpec) -> String {
    // The values are texts, numbers and lists of texts, all of which TOML can represent.
    toml::to_string(&WirePolicy::from(spec)).unwrap_or_default()
}

/// The policy as JSON with the keys of a policy file, each of them written out.
pub fn to_json(spec: &PolicySpec) -> serde_json::Value {
    serde_json::to_value(WirePolicy::from(spec)).unwrap_or_default()
}

/// Reads a policy from the JSON of [`to_json`].
///
/// # Errors
/// The first fault.
pub fn from_json(value: serde_json::Value) -> Result<PolicySpec, String> {
    let wire: WirePolicy = serde_json::from_value(value).map_err(|error| error.to_string())?;
    wire.resolve().map_err(|fault| fault.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jwtbench_verifier::algorithm::Algorithm;
    use jwtbench_verifier::policy::{ClaimNames, Profile, ScopeForm, SenderConstraint};
    use jwtbench_verifier::proof::ProofPolicy;

    use super::*;

    fn read(text: &str) -> Result<PolicySpec, String> {
        parse(Path::new("api.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_is_the_default_policy() {
        assert_eq!(read(""), Ok(PolicySpec::default()));
    }

    #[test]
    fn a_file_overrides_the_default() {
        let base = PolicySpec::default();
        let rows = [
            ("tenant = \"\"", PolicySpec { tenant: None, ..base.clone() }),
            ("tenant = \"globex\"", PolicySpec { tenant: Some("globex".into()), ..base.clone() }),
            (
                "algorithms = [\"PS256\", \"Ed25519\"]",
                PolicySpec { algorithms: vec![Algorithm::PS256, Algorithm::EdDSA], ..base.clone() },
            ),
            ("leeway = \"0s\"", PolicySpec { leeway: Duration::ZERO, ..base.clone() }),
            (
                "[claims]\nscope-form = \"array\"\nscope = \"scp\"",
                PolicySpec {
                    claims: ClaimNames {
                        scope: "scp".into(),
                        scope_form: ScopeForm::Array,
                        ..ClaimNames::default()
                    },
                    ..base
                },
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_fault_has_its_line_and_remedy() {
        let rows: [(&str, &[&str]); 9] = [
            ("\nisuer = \"x\"", &["api.toml:2: ", "`isuer`", "`issuer`", "at its top level"]),
            ("[policy]\nissuer = \"x\"", &["api.toml:1: ", "`policy`", "at its top level"]),
            ("issuer = \"x\"\nleeway = 30", &["api.toml:2: ", "`leeway`", "expected a string"]),
            ("leeway = \"30\"", &["api.toml:1: ", "is no duration", "5s"]),
            ("\n\nleeway = \"10m\"", &["api.toml:3: ", "`leeway`", "choose 0 s to 300 s"]),
            ("algorithms = [\"HS256\"]", &["api.toml:1: ", "`HS256`", "ES256"]),
            ("algorithms = []", &["api.toml:1: ", "allow at least one"]),
            ("[claims]\nclient = []", &["api.toml:2: ", "`claims.client`", "at least one"]),
            ("issuer = ", &["api.toml:1: "]),
        ];
        for (text, words) in rows {
            let error = read(text).expect_err(text);
            for word in words {
                assert!(error.contains(word), "`{word}` is not in: {error}");
            }
        }
        let error = super::read(Path::new("no/such.toml")).expect_err("no file").to_string();
        assert!(error.contains("no/such.toml: cannot be read"), "{error}");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let other = PolicySpec {
            issuer: "https://\"quoted\"\\ü\n".into(),
            audience: vec!["a".into(), "b".into()],
            algorithms: Algorithm::ALL.to_vec(),
            types: vec!["JWT".into(), "absent".into()],
            leeway: Duration::from_millis(1500),
            max_token_bytes: 1 << 20,
            max_header_bytes: 1,
            max_age: Some(Duration::new(3600, 1)),
            required_claims: vec!["auth_time".into()],
            prohibited_claims: vec!["nonce".into()],
            kid_required: false,
            tenant: None,
            clients: vec!["web".into()],
            subject_kinds: vec!["user".into()],
            required_scopes: Vec::new(),
            profile: Profile::Plain,
            sender_constraint: SenderConstraint::Off,
            proof: ProofPolicy {
                algorithms: vec![Algorithm::EdDSA],
                max_bytes: 1000,
                max_age: Duration::from_millis(1500),
                needs_nonce: true,
            },
            claims: ClaimNames {
                scope: "scp".into(),
                scope_form: ScopeForm::Array,
                tenant: "org".into(),
                client: vec!["azp".into()],
                subject_kind: "kind".into(),
                authorization_version: "rights".into(),
            },
        };
        let required = SenderConstraint::Required;
        let bound = PolicySpec { sender_constraint: required, ..PolicySpec::default() };
        for spec in [PolicySpec::default(), bound, other] {
            let written = text(&spec);
            assert_eq!(from_json(to_json(&spec)), Ok(spec.clone()), "as JSON");
            assert_eq!(read(&written), Ok(spec), "{written}");
        }
    }
}
