//! Rankings: the contenders of one hot-path scenario and algorithm, fastest first, with bounds and
//! floors kept apart. Knows nothing of any form.

use jwtbench_result::comparison::ratios_by_round;
use jwtbench_result::{Measurement, statistics};

use crate::subject::chapter::Chapter;
use crate::subject::fault::fault;
use crate::subject::speed::{Speed, speed};

/// The role of a contender in a ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A whole verifier: ranked.
    Ranked,
    /// `raw:`, the bare prepared signature check: no verifier on this backend can be faster.
    Bound,
    /// `core:null` and `null:`, which check no signature: what the core and the harness cost.
    Floor,
}

impl Role {
    /// The role of a contender by its name.
    pub fn of(contender: &str) -> Self {
        match contender.split_once(':') {
            Some(("raw", _)) => Role::Bound,
            Some(("null", _)) | Some(("core", "null")) => Role::Floor,
            _ => Role::Ranked,
        }
    }
}

/// The ranking of the contenders of one scenario and algorithm.
pub struct Ranking<'a> {
    /// The algorithm of the tokens.
    pub algorithm: &'a str,
    /// The rows: ranked contenders by median, then those that the host disturbed, then faulty ones,
    /// then bounds, then floors.
    pub rows: Vec<RankingRow<'a>>,
}

/// One contender in a ranking.
pub struct RankingRow<'a> {
    /// The trial.
    pub measurement: &'a Measurement,
    /// Whether it is ranked, a bound or a floor.
    pub role: Role,
    /// Its figures, or why it has none.
    pub speed: Result<Speed, String>,
    /// Median service time against the fastest `core:` contender's; `None` for a floor.
    pub to_fastest: Option<f64>,
    /// Median service time against the bare signature check of the same backend.
    pub to_bound: Option<f64>,
}

impl RankingRow<'_> {
    /// Whether the contender has figures and the host did not disturb too many of its rounds.
    pub fn is_sound(&self) -> bool {
        self.speed.is_ok() && self.measurement.noisy.is_none()
    }
}

impl Ranking<'_> {
    /// The fastest ranked contender that has no fault and was not disturbed.
    pub fn fastest(&self) -> Option<&RankingRow<'_>> {
        self.rows.iter().find(|r| r.role == Role::Ranked && r.is_sound())
    }

    /// Whether a bare signature check was measured beside the contenders.
    pub fn has_bound(&self) -> bool {
        self.rows.iter().any(|r| r.role == Role::Bound)
    }
}

/// The rankings of a chapter, one per algorithm. Trials in virtual time have no speed and are left
/// out.
pub fn rankings<'a>(chapter: &Chapter<'a>) -> Vec<Ranking<'a>> {
    let timed = chapter.measurements.iter().copied().filter(|m| !m.virtual_time);
    let mut rankings: Vec<Ranking> = Vec::new();
    for measurement in timed {
        let row = unrelated(measurement);
        match rankings.iter_mut().find(|r| r.algorithm == measurement.algorithm) {
            Some(ranking) => ranking.rows.push(row),
            None => rankings.push(Ranking { algorithm: &measurement.algorithm, rows: vec![row] }),
        }
    }
    for ranking in &mut rankings {
        relate(&mut ranking.rows);
        ranking.rows.sort_by(|a, b| {
            let median = |r: &RankingRow| r.speed.as_ref().map_or(f64::INFINITY, |s| s.p50_ns);
            let by_speed = median(a).total_cmp(&median(b));
            let by_soundness = b.is_sound().cmp(&a.is_sound());
            a.role.cmp(&b.role).then(by_soundness).then(by_speed)
        });
    }
    rankings
}

/// The part of a contender's name after the kind: the backend.
pub fn backend(contender: &str) -> &str {
    contender.split_once(':').map_or(contender, |(_, backend)| backend)
}

fn unrelated(measurement: &Measurement) -> RankingRow<'_> {
    let speed = match fault(measurement) {
        Some(fault) => Err(fault),
        None => speed(measurement).ok_or_else(|| "nothing was recorded".to_owned()),
    };
    let role = Role::of(&measurement.contender);
    RankingRow { measurement, role, speed, to_fastest: None, to_bound: None }
}

fn relate(rows: &mut [RankingRow]) {
    let median = |r: &RankingRow| r.speed.as_ref().ok().map(|s| s.p50_ns).filter(|ns| *ns > 0.0);
    let cores = rows.iter().filter(|r| r.role == Role::Ranked && r.is_sound());
    let cores = cores.filter(|r| r.measurement.contender.starts_with("core:"));
    let fastest = cores.filter_map(median).min_by(f64::total_cmp);
    let bounds: Vec<(&Measurement, f64)> = rows
        .iter()
        .filter(|r| r.role == Role::Bound)
        .filter_map(|r| Some((r.measurement, median(r)?)))
        .collect();
    for row in rows {
        let Some(own) = median(row) else { continue };
        let is_ranked = row.role != Role::Floor && row.is_sound();
        row.to_fastest = fastest.filter(|_| is_ranked).map(|ns| own / ns);
        let mine = row.measurement;
        let of_backend = |(bound, _): &&(&Measurement, f64)| {
            backend(&bound.contender) == backend(&mine.contender)
        };
        row.to_bound = match row.role {
            Role::Ranked => bounds.iter().find(of_backend).map(|(bound, ns)| {
                let rounds = ratios_by_round(mine, bound);
                if rounds.is_empty() { own / ns } else { statistics::median(&rounds) }
            }),
            Role::Bound | Role::Floor => None,
        };
    }
}
