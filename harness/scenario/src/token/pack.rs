//! A conformance pack: the tokens of one plan, each with the verdict due at the instant of tick 0,
//! in a form that any language can read.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use jwtbench_verifier::algorithm::Algorithm;

use crate::plan::Plan;
use crate::token::class::{Class, Stage};
use crate::token::corpus::Token;
use crate::token::fit::UnfitClass;

/// The name of the file that explains how to use a pack.
pub const README: &str = "README.md";
/// The first line of that file, by which a folder is recognised as a pack.
pub const TITLE: &str = "# A conformance pack for JWT verifiers";
/// The size in bytes above which one token of each class is enough.
const LONG: usize = 16 << 10;
/// The size in bytes above which tokens are left out. They are of the same kind as shorter ones.
const LONGEST: usize = 128 << 10;
/// The authorization version in force for every subject that has one.
pub const AUTHORIZATION_VERSION: u64 = 2;

/// The first line of the README of a pack that is not finished.
pub const UNFINISHED_TITLE: &str = "# An unfinished conformance pack";

/// One algorithm's part of a pack.
pub struct Pack<'p> {
    plan: &'p Plan,
    tokens: Vec<&'p Token>,
    /// The JWK set (RFC 7517 §5).
    pub key_set: Vec<u8>,
}

/// The content of `pack.json`: the facts that a verifier needs beside the policy and the key set.
#[derive(Serialize)]
struct PackFacts<'p> {
    algorithm: &'p str,
    seed: u64,
    now: i64,
    revoked: Vec<&'p str>,
    authorization_versions: BTreeMap<&'p str, u64>,
    corpus_hash: &'p str,
}

/// One line of the tokens file.
#[derive(Serialize)]
struct PackLine<'p> {
    line: usize,
    class: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_base64: Option<String>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    forged: bool,
}

impl<'p> Pack<'p> {
    /// A pack of the first `per_class` tokens of each class that have its verdict at tick 0.
    ///
    /// # Errors
    /// The first class that has no such token.
    pub fn of(plan: &'p Plan, per_class: u32) -> Result<Pack<'p>, UnfitClass> {
        let mut taken: HashMap<Class, u32> = HashMap::new();
        let mut few = |token: &&Token| {
            if token.bytes.len() > LONGEST {
                return false;
            }
            let count = taken.entry(token.class).or_default();
            if is_too_old(token, plan) {
                return false;
            }
            *count += 1;
            *count <= if token.bytes.len() > LONG { 1 } else { per_class }
        };
        let mut tokens: Vec<&Token> = plan.corpus.tokens.iter().filter(|t| few(t)).collect();
        tokens.sort_by_key(|token| token.class);
        if let Some((class, _)) = taken.into_iter().filter(|(_, count)| *count == 0).min() {
            let what = "all its tokens are older at the start than `max-age` allows; raise it";
            return Err(UnfitClass::new(plan, class, what));
        }
        Ok(Pack { plan, tokens, key_set: plan.timeline.epochs()[0].body.clone() })
    }

    /// The number of tokens.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether the pack has no tokens.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The instant, the revoked tokens and the authorization versions, as JSON.
    pub fn about(&self) -> String {
        let facts = || self.tokens.iter().map(|token| &token.facts);
        let versioned = facts().filter_map(|facts| facts.versioned.as_deref());
        let about = PackFacts {
            algorithm: self.plan.algorithm.name(),
            seed: self.plan.seed,
            now: self.plan.epoch.seconds(),
            revoked: facts().filter(|facts| facts.is_revoked).map(|f| &*f.jwt_id).collect(),
            authorization_versions: versioned.map(|sub| (sub, AUTHORIZATION_VERSION)).collect(),
            corpus_hash: &self.plan.corpus.hash,
        };
        serde_json::to_string_pretty(&about).unwrap_or_default() + "\n"
    }

    /// The tokens, one JSON object per line.
    pub fn tokens(&self) -> String {
        let mut lines = String::new();
        for (line, token) in (1..).zip(&self.tokens) {
            let row = token.class.row();
            let text = std::str::from_utf8(&token.bytes).ok();
            let line = PackLine {
                line,
                class: row.name,
                token: text,
                token_base64: text.is_none().then(|| STANDARD.encode(&token.bytes)),
                verdict: if row.due.is_none() { "accept" } else { "reject" },
                code: row.due.map(|due| due.code()),
                status: row.due.map(|due| due.status()),
                forged: row.forged,
            };
            lines.push_str(&serde_json::to_string(&line).unwrap_or_default());
            lines.push('\n');
        }
        lines
    }
}

/// Whether a token is too old at tick 0 although its class says otherwise. Holders have had their
/// tokens for up to a lifetime, and `max-age` may be shorter.
fn is_too_old(token: &Token, plan: &Plan) -> bool {
    let (row, policy) = (token.class.row(), &plan.scenario.policy);
    let is_decided_before = row.due.is_some() && row.stage <= Stage::Time;
    let oldest = policy.max_age.map(|age| token.facts.issued_at + age + plan.scenario.leeway());
    !is_decided_before && oldest.is_some_and(|oldest| plan.epoch > oldest)
}

/// The README in the folder while a pack is being made. If the command is killed, it explains which
/// parts can be used.
pub fn unfinished_readme() -> String {
    format!(
        "{UNFINISHED_TITLE}\n\n`jwtbench mint` is at work here, or was cut short. A folder that \
         holds `pack.json` is whole, any other is not.\n"
    )
}

/// The README of a pack. It explains how to judge a library, and names the requested algorithms
/// that are missing.
pub fn readme(algorithms: &[Algorithm], missing: &[Algorithm], seed: u64) -> String {
    let folders: Vec<String> = algorithms.iter().map(|a| format!("- `{}/`", a.name())).collect();
    let names: Vec<&str> = missing.iter().map(|algorithm| algorithm.name()).collect();
    let partial = match names.as_slice() {
        [] => String::new(),
        names => format!("**Partial: interrupted before {} was made.**\n\n", names.join(", ")),
    };
    format!(
        "{TITLE}\n\n{partial}\
         Made by `jwtbench mint --seed {seed}`. Tokens that a verifier of access tokens must \
         accept or refuse, each really signed with keys made for this pack, with the verdict due. \
         One folder for each algorithm:\n\n{}\n\n\
         | file | what it holds |\n|---|---|\n\
         | `policy.toml` | What the verifier is told: issuer, audience, limits, claims. |\n\
         | `jwks.json` | The issuer's key set (RFC 7517). Nothing else is ever fetched. |\n\
         | `pack.json` | `now`, in seconds since 1970: judge every token at this instant. \
         `revoked`: `jti`s taken back. `authorization_versions`: the least version in force, by \
         subject. |\n\
         | `tokens.jsonl` | A token a line: `class`, `token` (`token_base64` if no UTF-8), \
         `verdict` (`accept`, `reject`), and for a refusal `code` and `status`. |\n\n\
         ## To judge a library\n\n\
         1. Configure it as `policy.toml` says, as strictly as it allows, with only the folder's \
         algorithm allowed.\n\
         2. Give it `jwks.json` and set its clock to `now`. If its clock cannot be set, switch its \
         time checks off, and judge `exp`, `nbf` and `iat` by hand or leave those classes out.\n\
         3. Verify every line and compare accept or reject. Codes are ours; no other library is \
         held to them.\n\
         4. A line with `\"forged\": true` that is accepted is a forgery let through. Every other \
         difference has to be read: the standard may permit it, or the check may be the \
         application's.\n\n\
         With jwtbench itself: `jwtbench verify --policy policy.toml --jwks jwks.json --now NOW \
         TOKENS`, where TOKENS has one token a line.\n",
        folders.join("\n"),
    )
}
