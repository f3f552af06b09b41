//! How long revoked tokens stay trusted: for each revocation and each instance, the last instant at
//! which what the instance held would have let the token pass.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jwtbench_scenario::model::place::{TokenPlace, WorkerPlace};
use jwtbench_verifier::state_check::{StateCheck, StateCounters, StateToken};
use jwtbench_verifier::tick::Tick;

use super::fleet::StateFleet;
use super::truth::{StateTruth, TokenRevocation};

/// A revoked token at one instance.
#[derive(Clone, Copy, Debug)]
struct Exposure {
    /// The revocation, by its place in the truth.
    revocation: u32,
    /// The last instant at which the token is known to be, or to have been, trusted.
    until: Tick,
    /// The instant since which it has been trusted, as far as a revoked token may be.
    since: Tick,
    /// What a monitor had seen of trouble at that instant.
    alarms: u64,
    /// The instant at which a monitor saw trouble while the token was trusted, if it did.
    noticed_at: Option<Tick>,
}

/// An exposure that is over: revocation, instance, end.
type ClosedExposure = (u32, u32, Tick);

/// Whether a store that is asked for a key now would let its tokens pass, and until when.
pub(crate) type AskedUntil<'s> = dyn Fn(&str) -> Option<Tick> + 's;

/// The exposures of a fleet.
pub(crate) struct Exposures {
    truth: Arc<StateTruth>,
    /// The exposures of each instance that may still grow.
    open: Vec<Vec<Exposure>>,
    /// Those that are over.
    closed: Vec<ClosedExposure>,
    /// The longest time for which a token was trusted and no monitor saw trouble.
    silence: Duration,
    /// For each token its revocation, if it has one.
    by_token: HashMap<TokenPlace, u32>,
    /// Whether an instance may trust a token again that it refused.
    reopens: bool,
}

/// The seconds for which the revoked tokens stayed trusted, one for each revocation and instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExposureTimes {
    /// In seconds; `None` if it was beyond the horizon.
    pub(crate) spans: Vec<Option<f64>>,
    /// The longest that no counter of its instance told of, in seconds.
    pub(crate) silence_s: f64,
}

impl ExposureTimes {
    /// Whether nobody looked at the machines.
    pub(crate) fn is_unobserved(&self) -> bool {
        self.spans.is_empty()
    }

    /// What was seen of the tokens that workers accepted: each as its place, its arrival and the
    /// instant of its verdict. Of a token that was not accepted after its revocation nothing was
    /// seen.
    pub(crate) fn seen(
        truth: &StateTruth,
        accepted: impl Iterator<Item = (TokenPlace, Tick, Tick)>,
    ) -> ExposureTimes {
        let mut last = HashMap::<TokenPlace, Tick>::new();
        for (token, arrival, end) in accepted {
            if truth.revoked_at(token) <= arrival {
                let known = last.entry(token).or_insert(end);
                *known = end.max(*known);
            }
        }
        let seen = |one: &TokenRevocation| {
            last.get(&one.token).map(|end| Some(end.since(one.at).as_secs_f64()))
        };
        let spans = truth.revocations.iter().filter_map(seen).collect();
        ExposureTimes { spans, silence_s: 0.0 }
    }
}

impl Exposure {
    /// The time for which the token has been trusted up to now without a sign of trouble.
    fn silent(&self, now: Tick) -> Duration {
        self.noticed_at.unwrap_or(Tick::MAX).min(self.until).min(now).since(self.since)
    }
}

/// The instant until which an instance lets a token pass if nothing else becomes known; `None` if
/// it does not.
fn trusted(
    check: &StateCheck,
    token: &StateToken<'_>,
    asked: &AskedUntil<'_>,
    now: Tick,
) -> Option<Tick> {
    match check.peek(token, now) {
        Some(_) => check.trusts_until(token, now),
        None => asked(token.key.unwrap_or_default()),
    }
}

/// What a monitor would see of trouble.
fn alarms(counters: &StateCounters) -> u64 {
    counters.failures + counters.gaps + counters.unsure + counters.broken
}

impl Exposures {
    /// No exposure so far. `reopens` says whether an instance may trust a token again that it
    /// refused.
    pub(crate) fn new(truth: Arc<StateTruth>, instances: u32, reopens: bool) -> Exposures {
        let numbered = (0u32..).zip(&truth.revocations);
        let by_token = numbered.map(|(number, one)| (one.token, number)).collect();
        Exposures {
            truth: Arc::clone(&truth),
            open: vec![Vec::new(); instances as usize],
            closed: Vec::new(),
            silence: Duration::ZERO,
            by_token,
            reopens,
        }
    }

    /// A token has been revoked: every instance that trusts it is exposed. `asked` is what the
    /// store would answer.
    pub(crate) fn begin(
        &mut self,
        revocation: u32,
        fleet: &StateFleet,
        asked: &AskedUntil<'_>,
        now: Tick,
    ) {
        let token = self.truth.revocations[revocation as usize].state_token();
        for number in 0..fleet.len() {
            let (until, alarms) = fleet.look(number, |check| {
                (trusted(check, &token, asked, now), alarms(check.counters()))
            });
            let (until, is_trusted) = (until.unwrap_or(now), until.is_some());
            let exposure = Exposure { revocation, until, since: now, alarms, noticed_at: None };
            match is_trusted || self.reopens {
                true => self.open[number as usize].push(exposure),
                false => self.closed.push((revocation, number, now)),
            }
        }
    }

    /// Looks again at an instance that has learned something, or has lost something.
    pub(crate) fn look(
        &mut self,
        number: u32,
        fleet: &StateFleet,
        asked: &AskedUntil<'_>,
        now: Tick,
    ) {
        let open = &mut self.open[number as usize];
        if open.is_empty() {
            return;
        }
        let (truth, closed, reopens) = (&self.truth, &mut self.closed, self.reopens);
        let silence = &mut self.silence;
        fleet.look(number, |check| {
            let seen = alarms(check.counters());
            open.retain_mut(|one| {
                let revocation = &truth.revocations[one.revocation as usize];
                let end = revocation.end;
                if one.noticed_at.is_none() && one.until >= now && seen > one.alarms {
                    one.noticed_at = Some(now);
                }
                if now >= end {
                    one.until = one.until.min(end);
                    *silence = one.silent(now).max(*silence);
                    closed.push((one.revocation, number, one.until));
                    return false;
                }
                match trusted(check, &revocation.state_token(), asked, now) {
                    Some(until) => {
                        if one.until < now {
                            *silence = one.silent(now).max(*silence);
                            (one.since, one.alarms, one.noticed_at) = (now, seen, None);
                        }
                        one.until = until;
                    }
                    None => {
                        one.until = one.until.min(now);
                        *silence = one.silent(now).max(*silence);
                        if !reopens {
                            closed.push((one.revocation, number, one.until));
                            return false;
                        }
                    }
                }
                true
            });
        });
    }

    /// A monitor of an instance sees trouble, if its counters have risen.
    pub(crate) fn alarm(&mut self, number: u32, fleet: &StateFleet, now: Tick) {
        let seen = fleet.look(number, |check| alarms(check.counters()));
        let trusting = self.open[number as usize].iter_mut();
        let pending = trusting.filter(|one| one.noticed_at.is_none() && one.until >= now);
        pending.filter(|one| seen > one.alarms).for_each(|one| one.noticed_at = Some(now));
    }

    /// A token was accepted at this instance although it was revoked.
    pub(crate) fn accepted(&mut self, worker: WorkerPlace, token: TokenPlace, at: Tick) {
        let Some(&revocation) = self.by_token.get(&token) else {
            return;
        };
        let open = &mut self.open[worker.index()];
        match open.iter_mut().find(|one| one.revocation == revocation) {
            Some(one) if one.until >= at => {}
            Some(one) => {
                self.silence = one.silent(at).max(self.silence);
                (one.since, one.until) = (at, at);
            }
            None => {
                let (until, since, alarms) = (at, at, u64::MAX);
                open.push(Exposure { revocation, until, since, alarms, noticed_at: Some(at) });
            }
        }
    }

    /// The seconds of all exposures, at the horizon.
    pub(crate) fn finish(self, horizon: Tick) -> ExposureTimes {
        let last =
            |one: &Exposure| horizon.min(self.truth.revocations[one.revocation as usize].end);
        let silent = self.open.iter().flatten().map(|one| one.silent(last(one)));
        let silence = silent.max().unwrap_or_default().max(self.silence);
        let silence_s = silence.as_secs_f64();
        let mut times = ExposureTimes { silence_s, ..ExposureTimes::default() };
        let open = (0u32..).zip(self.open).flat_map(|(number, open)| {
            let one = move |one: Exposure| (one.revocation, number, one.until);
            open.into_iter().map(one)
        });
        let mut all: Vec<ClosedExposure> = self.closed.into_iter().chain(open).collect();
        all.sort_unstable();
        // An instance that trusted a token again has several; the last one counts.
        for own in all.chunk_by(|one, next| (one.0, one.1) == (next.0, next.1)) {
            let Some((number, _, until)) = own.last().copied() else {
                continue;
            };
            let revocation = &self.truth.revocations[number as usize];
            let until = until.min(revocation.end);
            let span = until.since(revocation.at).as_secs_f64();
            times.spans.push((until <= horizon).then_some(span));
        }
        times
    }
}
