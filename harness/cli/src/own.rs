//! The user's own tokens for `run`. They are read and judged by the core over every backend, and
//! the verdicts are compared with each other before anything is measured.

pub(crate) mod key_file;
pub(crate) mod lines;
pub(crate) mod presented;
pub(crate) mod token_judge;
use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use rayon::prelude::*;
use serde_json::Value;

use jwtbench_engine::judge::judgement::spell;
use jwtbench_engine::real::clock::unix_now;
use jwtbench_engine::session::OwnCorpus;
use jwtbench_engine::trial::TrialError;
use jwtbench_scenario::Scenario;
use jwtbench_scenario::format::bounded_file;
use jwtbench_scenario::token::own::{OwnJudge, OwnToken};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::{self, Backend};
use jwtbench_verifier::policy::Policy;
use jwtbench_verifier::proof::ProofPolicy;
use jwtbench_verifier::unix_time::UnixTime;

use crate::own::lines::Lines;
use crate::own::token_judge::{PolicyAndKeys, TimedVerdict, TokenJudge};

use super::Failure;

/// The most tokens of a corpus, so that it fits in memory.
const MAX_TOKENS: usize = 1_000_000;

/// The user's tokens, and what they are judged by.
#[derive(Args, Clone, Debug, Default)]
pub struct OwnArgs {
    /// Your own tokens, one a line, instead of scenarios; with --jwks and --policy
    #[arg(long, value_name = "FILE", requires_all = ["jwks", "policy"],
          conflicts_with_all = ["scenarios", "full", "rate"])]
    pub tokens: Option<PathBuf>,
    /// Your issuer's key set (RFC 7517)
    #[arg(long, value_name = "FILE", requires = "tokens")]
    jwks: Option<PathBuf>,
    /// Your policy, as for `verify`: tokens are minted to it, your own are judged by it
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Judge your tokens as of this instant [default: the wall clock]
    #[arg(long, value_name = "UNIX_SECONDS", requires = "tokens", allow_negative_numbers = true)]
    now: Option<i64>,
}

impl OwnArgs {
    /// Reads policy and key set; `None` if the user gave no tokens.
    pub fn policy_and_keys(&self) -> Result<Option<PolicyAndKeys>, Failure> {
        match (&self.tokens, &self.jwks, &self.policy) {
            (Some(_), Some(jwks), Some(policy)) => {
                let read = PolicyAndKeys::read(policy, jwks)?;
                if read.policy.spec().proof != ProofPolicy::default() {
                    return Err(Failure::Usage(format!(
                        "{} says what a proof must be, and only `jwtbench verify` reads proofs; \
                         leave such keys out",
                        policy.display()
                    )));
                }
                Ok(Some(read))
            }
            _ => Ok(None),
        }
    }

    /// The path of the tokens; meaningless if the user gave none.
    pub fn path(&self) -> &Path {
        self.tokens.as_deref().unwrap_or(Path::new(""))
    }

    /// Reads the tokens and judges them as this scenario requires.
    pub fn read(
        &self,
        policy_and_keys: PolicyAndKeys,
        scenario: &Scenario,
    ) -> Result<OwnCorpus, Failure> {
        // A whole second, so that a replay can judge at the same instant.
        let seconds = self.now.unwrap_or_else(|| unix_now().seconds());
        read(self.path(), policy_and_keys, scenario, UnixTime::from_seconds(seconds))
    }
}

/// Reads tokens, and judges them as of `now` by this policy and these keys. The scenario's cache
/// policy sets the leeway and says what becomes of tokens without `kid`.
pub fn read(
    tokens: &Path,
    policy_and_keys: PolicyAndKeys,
    scenario: &Scenario,
    now: UnixTime,
) -> Result<OwnCorpus, Failure> {
    let policy = policy_and_keys.policy.spec().clone();
    let first = policy.algorithms[0];
    let judging = Policy::new(scenario.policy_for(first)).map_err(TrialError::from)?;
    let policy_and_keys = policy_and_keys.under(judging);
    let texts = texts(tokens, policy.max_token_bytes)?;
    let mut judges = judges(&policy_and_keys)?;
    let mut by_algorithm: BTreeMap<Algorithm, Vec<OwnToken>> = BTreeMap::new();
    for (line, bytes) in (1u64..).zip(texts) {
        let timed = agreed(&mut judges, &bytes, now, line)?;
        let TimedVerdict { verdict, kid, refused_at, changes_at } = timed;
        let named = algorithm(&bytes).filter(|named| policy.algorithms.contains(named));
        let token = OwnToken { bytes, verdict, kid, refused_at, changes_at };
        by_algorithm.entry(named.unwrap_or(first)).or_default().push(token);
    }
    if by_algorithm.is_empty() {
        let shown = tokens.display();
        let message = format!("{shown}: holds no token; put one on each line");
        return Err(Failure::Usage(message));
    }
    let keys = policy_and_keys.set.entries().iter().filter_map(|entry| {
        let kid = entry.kid.as_deref().unwrap_or_default().to_owned();
        Some((kid, entry.key.as_ref()?.jwk.thumbprint))
    });
    let keys = keys.collect();
    let notes = judges[0].1.notes();
    let judge = OwnJudge { policy, key_set: policy_and_keys.body, keys, now };
    Ok(OwnCorpus { judge, tokens: by_algorithm, notes })
}

/// The messages before the tokens are measured for `lasting`: the unused entries of the key set,
/// the verdicts, counted, and how many of them would change if the clock went on.
pub fn told(own: &OwnCorpus, lasting: Duration) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for token in own.tokens.values().flatten() {
        let code = token.verdict.as_ref().map(|_| ()).map_err(|code| *code);
        *counts.entry(spell(code)).or_default() += 1;
    }
    let counts: Vec<String> =
        counts.iter().map(|(code, count)| format!("{count} {code}")).collect();
    let mut told = own.notes.clone();
    told.push(format!(
        "verdicts on which the core agrees over all backends: {}",
        counts.join(", ")
    ));
    let (now, changing) = (own.judge.now.seconds(), changing(own, lasting));
    told.push(format!("the clock of the verifier stands at {now} while it runs; {changing}"));
    told
}

/// A phrase that says how many verdicts would change in this time if the clock went on.
pub fn changing(own: &OwnCorpus, lasting: Duration) -> String {
    let tokens = || own.tokens.values().flatten();
    let until = own.judge.now + lasting;
    let changing = tokens().filter(|token| token.changes_at.is_some_and(|at| at <= until));
    format!(
        "{} of {} verdicts would change in the {:.1} s that are planned if it went on",
        changing.count(),
        tokens().count(),
        lasting.as_secs_f64()
    )
}

/// The core over every backend that supports all algorithms of the policy.
fn judges(policy_and_keys: &PolicyAndKeys) -> Result<Vec<(&'static str, TokenJudge)>, Failure> {
    let allowed = &policy_and_keys.policy.spec().algorithms;
    let fits = |known: &&dyn Backend| allowed.iter().all(|algorithm| known.supports(*algorithm));
    let backends: Vec<&dyn Backend> = backend::available().into_iter().filter(fits).collect();
    // Each judge prepares every key of the set.
    let judges = backends
        .into_par_iter()
        .map(|backend| Ok((backend.name(), TokenJudge::new(backend, policy_and_keys)?)))
        .collect::<Result<Vec<(&str, TokenJudge)>, Failure>>()?;
    if judges.is_empty() {
        let names: Vec<&str> = allowed.iter().map(|algorithm| algorithm.name()).collect();
        return Err(Failure::Usage(format!(
            "no backend of this build verifies all that the policy allows ({}); name fewer in its \
             `algorithms`",
            names.join(", ")
        )));
    }
    Ok(judges)
}

fn texts(path: &Path, limit: usize) -> Result<Vec<Box<[u8]>>, Failure> {
    let fault = |reason: String| Failure::Usage(format!("{}: {reason}", path.display()));
    let file = bounded_file::open(path, bounded_file::TOKENS)
        .map_err(|error| fault(format!("cannot be read ({error}); name a file of tokens")))?;
    let mut lines = Lines::new(BufReader::new(file), limit);
    let (mut texts, mut held) = (Vec::<Box<[u8]>>::new(), 0);
    while let Some(line) =
        lines.next().map_err(|error| fault(format!("cannot be read ({error})")))?
    {
        let line_length = line.length as u64;
        texts.push(line.token.into());
        if texts.len() > MAX_TOKENS {
            return Err(fault(format!("holds over {MAX_TOKENS} tokens; name a part of them")));
        }
        held += line_length;
        if held > bounded_file::TOKENS {
            let most = bounded_file::TOKENS;
            return Err(fault(format!("holds over {most} bytes; name a part of them")));
        }
    }
    Ok(texts)
}

/// The verdict on which all backends agree.
fn agreed(
    judges: &mut [(&str, TokenJudge)],
    token: &[u8],
    now: UnixTime,
    line: u64,
) -> Result<TimedVerdict, Failure> {
    let mut verdicts =
        judges.iter_mut().map(|(name, judge)| (*name, judge.judge_at_length(token, now)));
    let Some((first, timed)) = verdicts.next() else {
        return Err(Failure::Error("no backend runs on this machine".into()));
    };
    for (name, other) in verdicts {
        if other != timed {
            let code = |timed: &TimedVerdict| {
                spell(timed.verdict.as_ref().map(|_| ()).map_err(|code| *code))
            };
            let (one, two) = (code(&timed), code(&other));
            return Err(Failure::Wrong(format!(
                "line {line}: core:{first} says {one}, core:{name} says {two}; one of them is \
                 wrong, so nothing is measured"
            )));
        }
    }
    Ok(timed)
}

/// The algorithm that the header names. It is unverified, and used only to group the tokens.
fn algorithm(token: &[u8]) -> Option<Algorithm> {
    let header = token.split(|byte| *byte == b'.').next()?;
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    Algorithm::from_name(header["alg"].as_str()?)
}
