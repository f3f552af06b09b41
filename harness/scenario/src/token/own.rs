//! The user's own tokens as a corpus: texts from a file, each with the verdict on which the core
//! agreed over all backends. Nothing is minted and no key is made.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::jwk::Thumbprint;
use jwtbench_verifier::policy::PolicySpec;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::wall_clock::Skew;

use crate::format::cache::{CacheSpec, Start};
use crate::format::overrides::Replaced;
use crate::issuer::signer::RSA_BITS;
use crate::issuer::{IssuerTimeline, Published};
use crate::model::endpoint::EndpointSetting;
use crate::plan::{Arrival, Plan, PlanParts};
use crate::token::class::{Class, Stage};
use crate::token::corpus::{Corpus, Facts, KidFact, Token, TokenRef};
use crate::{
    Arrivals, Instances, IssuerSpec, Load, Phase, Reuse, Scenario, ScenarioParts, Stream,
    StreamSetting,
};

/// The family, and the only stream, of the user's own tokens.
pub const OWN: &str = "own";
/// The label under which the user's keys are published.
const LABEL: &str = "yours";

/// One token of the user.
#[derive(Clone, Debug)]
pub struct OwnToken {
    /// Its text.
    pub bytes: Box<[u8]>,
    /// The verdict of the core on every backend.
    pub verdict: Result<Accepted, Rejection>,
    /// The kid in its header.
    pub kid: KidFact,
    /// Where it is refused whatever keys are held: by its text, or by claims that are not proven.
    pub refused_at: Option<Stage>,
    /// When a clock that goes on would give it another verdict; `None` for never.
    pub changes_at: Option<UnixTime>,
}

/// What is known of a token that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The key that signed it.
    pub thumbprint: Thumbprint,
    /// `exp`.
    pub expires: UnixTime,
    /// `iat`.
    pub issued_at: Option<UnixTime>,
}

/// What the user's tokens are judged by.
#[derive(Clone, Debug)]
pub struct OwnJudge {
    /// The policy as it stands in its file; a cache policy may say more.
    pub policy: PolicySpec,
    /// The JWK set, as it is.
    pub key_set: Vec<u8>,
    /// Kids and thumbprints of its keys.
    pub keys: Vec<(String, Thumbprint)>,
    /// The instant at which verdicts were given.
    pub now: UnixTime,
}

/// The scenario of tokens from `path` under a policy, a hot path in a closed loop.
pub fn scenario(path: &Path, policy: &PolicySpec) -> Scenario {
    let policy = policy.clone();
    let setting = StreamSetting { shares: vec![(Class::own(), 100.0)], ..StreamSetting::default() };
    let start = Phase {
        name: "start".into(),
        at: Duration::ZERO,
        endpoint: EndpointSetting::default(),
        skew: Skew::None,
    };
    Scenario(ScenarioParts {
        name: format!("{OWN}/tokens"),
        family: OWN.into(),
        path: path.into(),
        text: crate::format::policy_file::text(&policy),
        title: "Your own tokens".into(),
        analysis: "Tokens, key set and policy are yours. What is due to each token is the verdict \
                   on which the core agreed over all backends before the run. The clock of the \
                   verifier stands at the instant of those verdicts, so that none changes while it \
                   runs."
            .into(),
        canonical: false,
        algorithms: policy.algorithms.clone(),
        issuer: IssuerSpec {
            rsa_bits: RSA_BITS,
            token_lifetime: Duration::from_secs(300),
            revoked: 0,
            revocation_filter: None,
        },
        policy,
        own_algorithms: true,
        load: Load {
            arrivals: Arrivals::Closed,
            workers: 1,
            warmup: Duration::from_millis(20),
            duration: Duration::from_millis(500),
            rounds: 3,
            deadline: Duration::from_secs(1),
        },
        capacity_of: None,
        instances: Instances::default(),
        shed_after: None,
        sweep: Vec::new(),
        streams: vec![Stream {
            name: OWN.into(),
            holders: 1,
            reuse: Reuse::Uniform,
            settings: vec![setting],
        }],
        cache: CacheSpec {
            name: "default".into(),
            policy: jwtbench_verifier::cache_policy::CachePolicy::default(),
            start: Start::Warm,
        },
        replaced: Replaced::default(),
        phases: vec![start],
        events: Vec::new(),
        expectations: Vec::new(),
    })
}

impl Plan {
    /// The plan that goes through `tokens` again and again, at the instant of their verdicts.
    pub fn of_own(
        scenario: &Scenario,
        algorithm: Algorithm,
        judge: &OwnJudge,
        tokens: &[OwnToken],
    ) -> Plan {
        let publish = |(kid, thumbprint): &(String, Thumbprint)| Published {
            label: LABEL.into(),
            kid: kid.clone(),
            thumbprint: *thumbprint,
        };
        let published = judge.keys.iter().map(publish).collect();
        let timeline = IssuerTimeline::fixed(judge.key_set.clone(), published);
        let corpus = Corpus::of(tokens.iter().map(|token| minted(token, judge.now)).collect());
        let corpus = Arc::new(corpus);
        let name = |ordinal| TokenRef { class: Class::own(), stream: 0, ordinal, issue: 0 };
        let refs: Vec<TokenRef> = (0..tokens.len() as u32).map(name).collect();
        let arrival = |token| Arrival { at: Tick::ZERO, stream: 0, phase: 0, token };
        let cycle: Vec<Arrival> = (0..tokens.len() as u32).map(arrival).collect();
        let schedules = vec![cycle; scenario.load.workers as usize];
        let hash =
            crate::plan::fingerprint::plan_hash(scenario, algorithm, &schedules, &refs, &corpus);
        Plan(PlanParts {
            scenario: scenario.clone(),
            algorithm,
            seed: 0,
            epoch: judge.now,
            is_still: true,
            schedules,
            timeline,
            corpus,
            hash,
        })
    }
}

fn minted(token: &OwnToken, now: UnixTime) -> Token {
    let accepted = token.verdict.as_ref().ok();
    let settled = token.verdict.as_ref().map(|_| ()).map_err(|code| *code);
    let facts = Facts {
        fault: token.refused_at.zip(settled.err()),
        settled: Some(settled),
        kid: token.kid.clone(),
        signed_by: accepted.map(|accepted| accepted.thumbprint),
        // Of one that is refused, `fault` says whether its times refuse it.
        expires: accepted.map_or(UnixTime(i128::MAX), |accepted| accepted.expires),
        not_before: None,
        issued_at: accepted.and_then(|accepted| accepted.issued_at).unwrap_or(now),
        jwt_id: "".into(),
        is_revoked: false,
        versioned: None,
        holder: None,
    };
    Token { bytes: token.bytes.clone(), class: Class::own(), facts }
}
