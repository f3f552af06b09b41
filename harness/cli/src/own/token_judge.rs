//! The verifier with a policy and a key set from files. It has no key cache, since the set never
//! changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use jwtbench_scenario::format::bounded_file;
use jwtbench_scenario::format::policy_file;
use jwtbench_scenario::token::class::Stage;
use jwtbench_scenario::token::corpus::KidFact;
use jwtbench_scenario::token::own::Accepted;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::Backend;
use jwtbench_verifier::claims::Claims;
use jwtbench_verifier::explanation::{Evidence, Explanation, UnusedEntries, UnusedEntry};
use jwtbench_verifier::jwk::{Entry, SkipKind};
use jwtbench_verifier::key_set::{KeySet, SetFault};
use jwtbench_verifier::policy::{Policy, PolicySpec, SenderConstraint};
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::proof::AcceptedProof;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::verifier::{Proven, Request, Scratch, Verifier};

use crate::Failure;
use crate::output::tell;
use crate::own::key_file;
use crate::own::lines::TokenLine;
use crate::own::presented::{Presentation, Refusal};

/// The most unused entries that are reported one by one.
const MAX_NOTES: usize = 16;
/// The most unused entries that are reported for a set without a usable entry.
const MAX_FAULTS: usize = 4;

/// A checked policy and a checked key set from files.
pub struct PolicyAndKeys {
    /// The policy.
    pub policy: Policy,
    /// The key set.
    pub set: Arc<KeySet>,
    /// The key set as its file holds it.
    pub body: Vec<u8>,
    /// The entries of the set that verify no token.
    unused: Arc<UnusedEntries>,
    jwks: PathBuf,
}

impl PolicyAndKeys {
    /// Reads both files.
    pub fn read(policy: &Path, jwks: &Path) -> Result<PolicyAndKeys, Failure> {
        PolicyAndKeys::of(policy_file::read(policy)?, policy, jwks)
    }

    /// Reads a key set for the policy of the file `policy`.
    pub fn of(spec: PolicySpec, policy: &Path, jwks: &Path) -> Result<PolicyAndKeys, Failure> {
        let body = bounded_file::read(jwks, bounded_file::KEY_SET).map_err(|error| {
            let jwks = jwks.display();
            let remedy = "name a file that holds a JWK set";
            Failure::Usage(format!("{jwks}: cannot be read ({error}); {remedy}"))
        })?;
        PolicyAndKeys::of_body(spec, policy, key_file::without_mark(&body), jwks)
    }

    /// Checks a policy and the text of a key set; the paths are for messages.
    pub fn of_body(
        spec: PolicySpec,
        policy: &Path,
        body: &[u8],
        jwks: &Path,
    ) -> Result<PolicyAndKeys, Failure> {
        let policy_fault = |fault| Failure::Usage(format!("{}: {fault}", policy.display()));
        let checked = Policy::new(spec).map_err(policy_fault)?;
        // The allowed algorithms decide which keys are usable, here and in a run.
        let allowed = &checked.spec().algorithms;
        let fault = |reason: String| Failure::Usage(format!("{}: {reason}", jwks.display()));
        // Published secrets are reported in any case, also if the set is refused.
        for secret in key_file::published_secrets(body) {
            tell(format!("{}: {secret}", jwks.display()));
        }
        let (parsed, unused) = UnusedEntries::beside(body, allowed);
        let parsed = parsed
            .map_err(|set_fault| fault(why_not(set_fault, body, (allowed, &unused), policy)))?;
        let (set, unused) = (Arc::<KeySet>::default().succeed(parsed), Arc::new(unused));
        Ok(PolicyAndKeys { policy: checked, set, body: body.into(), unused, jwks: jwks.into() })
    }

    /// The same key set under another policy, which must allow the same algorithms.
    pub fn under(self, policy: Policy) -> PolicyAndKeys {
        PolicyAndKeys { policy, ..self }
    }
}

/// A verdict, and the time until it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedVerdict {
    /// The verdict, with the facts about an accepted token.
    pub verdict: Result<Accepted, Rejection>,
    /// The kid in the token's header.
    pub kid: KidFact,
    /// The stage that refuses the token whatever keys are held: because of its text, or because of
    /// claims that are not proven.
    pub refused_at: Option<Stage>,
    /// The instant at which the verdict changes by the clock alone; `None` for never.
    pub changes_at: Option<UnixTime>,
}

/// A judge of tokens over one backend.
pub struct TokenJudge {
    verifier: Verifier,
    scratch: Scratch,
    keys: PreparedKeys,
    /// The backend, which verifies proofs too.
    backend: &'static dyn Backend,
    unused: Arc<UnusedEntries>,
    jwks: PathBuf,
    /// The keys that the backend refuses, as messages name them.
    refused: Vec<String>,
}

impl TokenJudge {
    /// Prepares the keys for a backend.
    pub fn new(
        backend: &'static dyn Backend,
        policy_and_keys: &PolicyAndKeys,
    ) -> Result<TokenJudge, Failure> {
        let PolicyAndKeys { policy, set, jwks, .. } = policy_and_keys;
        let allowed = &policy.spec().algorithms;
        if let Some(unknown) = allowed.iter().find(|algorithm| !backend.supports(**algorithm)) {
            return Err(Failure::Usage(format!(
                "core:{} does not verify {unknown}, which the policy allows; try another contender",
                backend.name()
            )));
        }
        let keys = PreparedKeys::prepare(backend, allowed, set);
        let (usable, refused) = refusals(&keys, allowed);
        if refused.len() == usable {
            let name = backend.name();
            let jwks = jwks.display();
            return Err(Failure::Usage(format!(
                "{jwks}: core:{name} takes none of its keys; try another contender"
            )));
        }
        let scratch = Scratch::new(policy);
        let verifier = Verifier::new(policy.clone());
        let unused = Arc::clone(&policy_and_keys.unused);
        Ok(TokenJudge { verifier, scratch, keys, backend, unused, jwks: jwks.clone(), refused })
    }

    /// The length in bytes of the longest token that is read whole.
    pub fn max_token_bytes(&self) -> usize {
        self.verifier.policy().spec().max_token_bytes
    }

    /// Messages about the entries and keys of the set that are not used.
    pub fn notes(&self) -> Vec<String> {
        let jwks = self.jwks.display();
        let unused = self.unused.all();
        let (told, more) = unused.split_at(unused.len().min(MAX_NOTES));
        let mut notes: Vec<String> = told.iter().map(|entry| format!("{jwks}: {entry}")).collect();
        if !more.is_empty() {
            let kinds = counted(more.iter().map(kind));
            notes.push(format!("{jwks}: {} more entries are not used: {kinds}", more.len()));
        }
        let (told, more) = self.refused.split_at(self.refused.len().min(MAX_NOTES));
        notes.extend(told.iter().map(|key| format!("{jwks}: the backend refuses {key}")));
        if !more.is_empty() {
            notes.push(format!("{jwks}: the backend refuses {} more keys", more.len()));
        }
        notes
    }

    /// The verdict on one token at `now`.
    pub fn judge(&mut self, token: &[u8], now: UnixTime) -> Result<(), Rejection> {
        let TokenJudge { verifier, scratch, keys, .. } = self;
        let proven = verifier.prove(verifier.open(token, scratch)?, keys)?;
        verifier.in_force(&proven, &Request::default(), now)
    }

    /// The verdict on one token that is presented with a proof, a certificate, or neither. What is
    /// accepted by a proof must still be used up, which is the last step.
    pub fn judge_presented(
        &mut self,
        token: &[u8],
        presented: &Presentation<'_>,
        now: UnixTime,
    ) -> Result<Option<AcceptedProof>, Refusal> {
        let TokenJudge { verifier, scratch, keys, backend, .. } = self;
        let proven = verifier.prove(verifier.open(token, scratch)?, keys)?;
        // What the token says of itself, before its sender and after.
        let alone = verifier.in_force(&proven, &Request::default(), now);
        let comes_later =
            |code: &Rejection| *code == Rejection::SenderMismatch || code.status() == 403;
        let is_off = verifier.policy().spec().sender_constraint == SenderConstraint::Off;
        if is_off || alone.as_ref().is_err_and(|code| !comes_later(code)) {
            alone?;
            return Ok(None);
        }
        let bound = proven.claims.confirmation.as_ref();
        let [jkt, x5t] = [
            bound.and_then(|bound| bound.jkt.as_deref()),
            bound.and_then(|bound| bound.x5t_s256.as_deref()),
        ];
        let accepted = presented.prove(token, jkt, (*backend, now))?;
        presented.certify(x5t)?;
        let request = Request { proof: jkt.or(x5t), ..Request::default() };
        verifier.in_force(&proven, &request, now)?;
        Ok(accepted)
    }

    /// The verdict on one token, with the facts about an accepted one and the time until it
    /// changes.
    pub fn judge_at_length(&mut self, token: &[u8], now: UnixTime) -> TimedVerdict {
        let TokenJudge { verifier, scratch, keys, .. } = self;
        let refused = |code, kid, refused_at| TimedVerdict {
            verdict: Err(code),
            kid,
            refused_at,
            changes_at: None,
        };
        let mut opened = match verifier.open(token, scratch) {
            Ok(opened) => opened,
            Err(code) => return refused(code, KidFact::Absent, Some(Stage::Open)),
        };
        let kid = match opened.kid() {
            Some(kid) => KidFact::Named(kid.into()),
            None if opened.has_kid() => KidFact::TooLong,
            None => KidFact::Absent,
        };
        let refuses_itself = verifier.refuses_itself(&mut opened, now);
        let refused_at = refuses_itself.then_some(Stage::Claims);
        let proven = match verifier.prove(opened, keys) {
            Ok(proven) => proven,
            Err(code) => return refused(code, kid, refused_at),
        };
        let code = verifier.in_force(&proven, &Request::default(), now);
        let Claims { expires, issued_at, .. } = proven.claims;
        let accepted = Accepted { thumbprint: proven.thumbprint, expires, issued_at };
        let changes_at = next_change(verifier, &proven, code, now);
        TimedVerdict { verdict: code.map(|()| accepted), kid, refused_at, changes_at }
    }

    /// The explanation of a verdict.
    pub fn explain(
        &self,
        verdict: Result<(), Rejection>,
        line: &TokenLine<'_>,
        now: UnixTime,
    ) -> Explanation {
        let evidence = Evidence {
            token: line.token,
            length: line.length,
            policy: self.verifier.policy(),
            keys: self.keys.set(),
            unused: &self.unused,
            request: Request::default(),
            now,
        };
        Explanation::of(verdict, &evidence)
    }
}

/// The number of keys in a set that are for an allowed algorithm, and those of them that the
/// backend refuses, as messages name them.
fn refusals(keys: &PreparedKeys, allowed: &[Algorithm]) -> (usize, Vec<String>) {
    let (mut usable, mut refused) = (0, Vec::new());
    for entry in keys.set().entries() {
        let key = entry.key.as_ref().filter(|key| allowed.contains(&key.jwk.algorithm));
        let Some(key) = key else { continue };
        usable += 1;
        if !keys.is_ready(key.slot) {
            let kid = entry.kid.as_ref().map_or("no kid".into(), |kid| format!("kid `{kid}`"));
            refused.push(format!("the {} key of {kid}", key.jwk.algorithm));
        }
    }
    (usable, refused)
}

/// The first instant after `now` at which step 10 of the contract gives another verdict.
fn next_change(
    verifier: &Verifier,
    proven: &Proven<'_>,
    code: Result<(), Rejection>,
    now: UnixTime,
) -> Option<UnixTime> {
    let spec = verifier.policy().spec();
    let leeway = spec.leeway;
    let Claims { expires, not_before, issued_at, is_issued_between, .. } = proven.claims;
    let mut edges = vec![expires + leeway];
    edges.extend(not_before.map(|not_before| not_before - leeway));
    // An `iat` between two nanoseconds is no longer in the future at the later one.
    let between = Duration::from_nanos(u64::from(is_issued_between));
    edges.extend(issued_at.map(|issued_at| issued_at - leeway + between));
    // A token at exactly its greatest age is not yet too old.
    let too_old = |issued_at| Some(issued_at + spec.max_age? + leeway + Duration::from_nanos(1));
    edges.extend(issued_at.and_then(too_old));
    edges.retain(|edge| *edge > now);
    edges.sort_unstable();
    let differs = |edge: &UnixTime| verifier.in_force(proven, &Request::default(), *edge) != code;
    edges.into_iter().find(differs)
}

/// A message that says why a file is no usable key set, and what to do.
fn why_not(
    fault: SetFault,
    body: &[u8],
    (allowed, unused): (&[Algorithm], &UnusedEntries),
    policy: &Path,
) -> String {
    match fault {
        SetFault::NotAKeySet => format!("{fault}: it {}", key_file::instead(body)),
        // The fault may be in what is not read of a set.
        _ if bounded_file::encoding_fault(body).is_some() => {
            format!("it {}", key_file::instead(body))
        }
        SetFault::Empty => format!("{fault}; fetch the set again, or publish a key"),
        SetFault::BadEntry => format!("{fault}; take the entry out of the set"),
        SetFault::NoUsableKey => {
            let allowed_names: Vec<&str> = allowed.iter().map(|known| known.name()).collect();
            let first = unused.all().iter().take(MAX_FAULTS).map(|entry| format!("; {entry}"));
            format!(
                "{fault} ({}): {}{}; set `algorithms` in {} to those of the keys",
                allowed_names.join(", "),
                kinds(body, allowed),
                first.collect::<String>(),
                policy.display()
            )
        }
    }
}

/// The entries of a set without a usable entry, counted by their fault.
fn kinds(body: &[u8], allowed: &[Algorithm]) -> String {
    #[derive(Deserialize)]
    struct Set<'a> {
        #[serde(borrow)]
        keys: Vec<&'a RawValue>,
    }
    let set: Set<'_> = serde_json::from_slice(body).unwrap_or(Set { keys: Vec::new() });
    counted(set.keys.into_iter().map(|raw| match Entry::parse(raw.get(), allowed) {
        Ok(Entry::Fits(_, jwk)) => format!("for {}", jwk.algorithm),
        Ok(Entry::NeverFits(_)) => "for no token".into(),
        Err(kind) => kind.name().into(),
    }))
}

/// The fault of an entry, in a word or two.
fn kind(entry: &UnusedEntry) -> String {
    entry.kind.map_or("for no token", SkipKind::name).into()
}

/// The kinds, each with its number of occurrences.
fn counted(kinds: impl Iterator<Item = String>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    kinds.for_each(|kind| *counts.entry(kind).or_default() += 1);
    let counts: Vec<String> =
        counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    counts.join(", ")
}

#[cfg(test)]
mod tests {
    use jwtbench_verifier::backend::{InvalidKey, VerifyingKey};
    use jwtbench_verifier::jwk::CheckedJwk;
    use jwtbench_verifier::key_set::ParsedSet;

    use super::*;

    /// A backend that takes no key on P-256.
    struct WithoutP256;

    impl Backend for WithoutP256 {
        fn name(&self) -> &'static str {
            "without-p256"
        }

        fn version(&self) -> &'static str {
            "none"
        }

        fn supports(&self, _: Algorithm) -> bool {
            true
        }

        fn prepare(
            &self,
            algorithm: Algorithm,
            jwk: &CheckedJwk,
        ) -> Result<Box<dyn VerifyingKey>, InvalidKey> {
            match algorithm {
                Algorithm::ES256 => Err(InvalidKey),
                _ => jwtbench_verifier::backend::null::Null.prepare(algorithm, jwk),
            }
        }
    }

    /// Keys of RFC 8037 (appendix A.2) and RFC 7517 (appendix A.1).
    #[test]
    fn keys_that_a_backend_refuses_are_named() {
        let body = br#"{"keys":[
            {"kty":"OKP","crv":"Ed25519","kid":"one","alg":"EdDSA",
             "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            {"kty":"EC","crv":"P-256","kid":"two","alg":"ES256",
             "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
             "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;
        let allowed = [Algorithm::EdDSA, Algorithm::ES256];
        let parsed = ParsedSet::parse(body, &allowed).unwrap();
        let set = Arc::<KeySet>::default().succeed(parsed);
        let named = vec!["the ES256 key of kid `two`".to_owned()];
        let prepared = |allowed| PreparedKeys::prepare(&WithoutP256, allowed, &set);
        assert_eq!(refusals(&prepared(&allowed), &allowed), (2, named));
        let first = &allowed[..1];
        assert_eq!(refusals(&prepared(first), first), (1, vec![]), "not allowed");
    }
}
