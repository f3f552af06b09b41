//! The user's own tokens as a corpus. Their texts come from a file. Each has the verdict on which
//! the core agreed over all backends. No token is minted and no key is generated.

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
use crate::model::place::{Ordinal, PhasePlace, StreamPlace, TokenPlace};
use crate::model::state::StoreSetting;
use crate::plan::{Arrival, Plan, PlanParts};
use crate::token::class::{Class, Stage};
use crate::token::corpus::{Corpus, Facts, KidFact, Token, TokenRef};
use crate::{
    Arrivals, Instances, IssuerSpec, Load, Phase, Reuse, Scenario, ScenarioParts, Stream,
    StreamSetting,
};

/// The name of the family, and of the only stream, of the user's own tokens.
pub const OWN: &str = "own";
/// The label under which the user's keys are published.
const LABEL: &str = "yours";

/// One of the user's own tokens.
#[derive(Clone, Debug)]
pub struct OwnToken {
    /// The text of the token.
    pub bytes: Box<[u8]>,
    /// The verdict of the core on every backend.
    pub verdict: Result<Accepted, Rejection>,
    /// The kid in its header.
    pub kid: KidFact,
    /// The stage at which it is refused regardless of the held keys: by its text, or by its
    /// unverified claims.
    pub refused_at: Option<Stage>,
    /// The instant from which a running clock would lead to another verdict; `None` if there is
    /// none.
    pub changes_at: Option<UnixTime>,
}

/// The facts about an accepted token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The thumbprint of the key that signed it.
    pub thumbprint: Thumbprint,
    /// The claim `exp`.
    pub expires: UnixTime,
    /// The claim `iat`.
    pub issued_at: Option<UnixTime>,
}

/// The inputs by which the user's tokens are judged.
#[derive(Clone, Debug)]
pub struct OwnJudge {
    /// The policy as it stands in its file. The cache policy may add settings.
    pub policy: PolicySpec,
    /// The JWK set, unchanged.
    pub key_set: Vec<u8>,
    /// The kids and thumbprints of its keys.
    pub keys: Vec<(String, Thumbprint)>,
    /// The instant as of which the verdicts were given.
    pub now: UnixTime,
}

/// The scenario of the tokens from `path` under a policy. It is a hot path in a closed loop.
pub fn scenario(path: &Path, policy: &PolicySpec) -> Scenario {
    let policy = policy.clone();
    let setting = StreamSetting { shares: vec![(Class::own(), 100.0)], ..StreamSetting::default() };
    let start = Phase {
        name: "start".into(),
        at: Duration::ZERO,
        endpoint: EndpointSetting::default(),
        skew: Skew::None,
        store: StoreSetting::default(),
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
        issuer: IssuerSpec { rsa_bits: RSA_BITS, token_lifetime: Duration::from_secs(300) },
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
        state: None,
        replaced: Replaced::default(),
        phases: vec![start],
        events: Vec::new(),
        expectations: Vec::new(),
    })
}

impl Plan {
    /// The plan that repeats `tokens` in a cycle, as of the instant of their verdicts.
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
        let name = |ordinal| TokenRef {
            class: Class::own(),
            stream: StreamPlace(0),
            ordinal: Ordinal(ordinal),
            issue: 0,
        };
        let refs: Vec<TokenRef> = (0..tokens.len() as u32).map(name).collect();
        let arrival = |token| Arrival {
            at: Tick::ZERO,
            stream: StreamPlace(0),
            phase: PhasePlace(0),
            token: TokenPlace(token),
        };
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
        // For a refused token, `fault` says whether its times are the reason.
        expires: accepted.map_or(UnixTime(i128::MAX), |accepted| accepted.expires),
        not_before: None,
        issued_at: accepted.and_then(|accepted| accepted.issued_at).unwrap_or(now),
        jwt_id: "".into(),
        is_revoked: false,
        subject: "".into(),
        version: None,
        versioned: None,
        holder: None,
    };
    Token { bytes: token.bytes.clone(), class: Class::own(), facts }
}
