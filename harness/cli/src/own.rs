//! The user's own tokens for `run`: read, judged by the core over every backend, and held against
//! each other before anything is measured.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use serde_json::Value;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::{self, Backend};
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::unix_time::UnixTime;

use jwtbench_engine::result::judgement::spell;
use jwtbench_engine::scenario::own::{Accepted, Desk, OwnToken};
use jwtbench_engine::trial::clock::unix_now;

use super::Failure;
use super::verify::bench::{Bench, Papers};
use super::verify::lines::Lines;

/// At most this many tokens, so that a corpus stays in memory.
const MAX_TOKENS: usize = 1_000_000;

/// Where the user's tokens are, and what they are judged by.
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

/// The user's tokens by algorithm, and what they are judged by.
pub struct OwnTokens {
    /// Policy, keys, instant.
    pub desk: Desk,
    /// The tokens of each algorithm; those that name none stand with the first.
    pub tokens: BTreeMap<Algorithm, Vec<OwnToken>>,
}

impl OwnArgs {
    /// Reads and judges the tokens; `None` if the user named none.
    pub fn read(&self) -> Result<Option<OwnTokens>, Failure> {
        let (Some(tokens), Some(jwks), Some(policy)) = (&self.tokens, &self.jwks, &self.policy)
        else {
            return Ok(None);
        };
        // A whole second, so that a replay can judge at the same instant.
        let seconds = self.now.unwrap_or_else(|| unix_now().seconds());
        let papers = Papers::read(policy, jwks)?;
        OwnTokens::read(tokens, papers, UnixTime::from_seconds(seconds)).map(Some)
    }
}

impl OwnTokens {
    /// Reads tokens, and judges them by these papers as of `now`.
    pub fn read(tokens: &Path, papers: Papers, now: UnixTime) -> Result<OwnTokens, Failure> {
        let spec = papers.policy.spec();
        let texts = texts(tokens, spec.max_token_bytes)?;
        let mut court: Vec<(&str, Bench)> = Vec::new();
        let fits = |known: &&dyn Backend| spec.algorithms.iter().all(|a| known.supports(*a));
        for backend in backend::available().into_iter().filter(fits) {
            court.push((backend.name(), Bench::new(backend, &papers)?));
        }
        let mut by_algorithm: BTreeMap<Algorithm, Vec<OwnToken>> = BTreeMap::new();
        for (line, bytes) in (1u64..).zip(texts) {
            let verdict = agreed(&mut court, &bytes, now, line)?;
            let named = algorithm(&bytes).filter(|named| spec.algorithms.contains(named));
            let algorithm = named.unwrap_or(spec.algorithms[0]);
            by_algorithm.entry(algorithm).or_default().push(OwnToken { bytes, verdict });
        }
        if by_algorithm.is_empty() {
            let shown = tokens.display();
            let message = format!("{shown}: holds no token; put one on each line");
            return Err(Failure::Usage(message));
        }
        let keys = papers.set.entries().iter().filter_map(|entry| {
            let kid = entry.kid.as_deref().unwrap_or_default().to_owned();
            Some((kid, entry.key.as_ref()?.jwk.thumbprint))
        });
        let keys = keys.collect();
        let desk = Desk { policy: spec.clone(), key_set: papers.body, keys, now };
        Ok(OwnTokens { desk, tokens: by_algorithm })
    }

    /// The verdicts, counted: what is due in the run.
    pub fn verdicts(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for token in self.tokens.values().flatten() {
            let code = token.verdict.as_ref().map(|_| ()).map_err(|code| *code);
            *counts.entry(spell(code)).or_default() += 1;
        }
        let counts: Vec<String> =
            counts.iter().map(|(code, count)| format!("{count} {code}")).collect();
        format!("verdicts on which the core agrees over all backends: {}", counts.join(", "))
    }

    /// Whether all are accepted.
    pub fn all_accepted(&self) -> bool {
        self.tokens.values().flatten().all(|token| token.verdict.is_ok())
    }
}

fn texts(path: &Path, limit: usize) -> Result<Vec<Box<[u8]>>, Failure> {
    let fault = |reason: String| Failure::Usage(format!("{}: {reason}", path.display()));
    let file = File::open(path)
        .map_err(|error| fault(format!("cannot be read ({error}); name a file of tokens")))?;
    let mut lines = Lines::new(BufReader::new(file), limit);
    let mut texts: Vec<Box<[u8]>> = Vec::new();
    while let Some(line) =
        lines.next().map_err(|error| fault(format!("cannot be read ({error})")))?
    {
        texts.push(line.token.into());
        if texts.len() > MAX_TOKENS {
            return Err(fault(format!("holds over {MAX_TOKENS} tokens; name a part of them")));
        }
    }
    Ok(texts)
}

/// The verdict that every backend gives.
fn agreed(
    court: &mut [(&str, Bench)],
    token: &[u8],
    now: UnixTime,
    line: u64,
) -> Result<Result<Accepted, Rejection>, Failure> {
    let mut verdicts = court.iter_mut().map(|(name, bench)| (*name, bench.judge(token, now)));
    let Some((first, verdict)) = verdicts.next() else {
        return Err(Failure::Error("no backend runs on this machine".into()));
    };
    for (name, other) in verdicts {
        if other != verdict {
            let code = |verdict: &Result<Accepted, Rejection>| {
                spell(verdict.as_ref().map(|_| ()).map_err(|code| *code))
            };
            let (one, two) = (code(&verdict), code(&other));
            return Err(Failure::Wrong(format!(
                "line {line}: core:{first} says {one}, core:{name} says {two}; one of them is \
                 wrong, so nothing is measured"
            )));
        }
    }
    Ok(verdict)
}

/// What the header names, unverified: only to sort by.
fn algorithm(token: &[u8]) -> Option<Algorithm> {
    let header = token.split(|byte| *byte == b'.').next()?;
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    Algorithm::from_name(header["alg"].as_str()?)
}
