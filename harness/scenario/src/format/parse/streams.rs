//! The parser of the `[[stream]]` tables and of the changes that phases make to streams.

use std::ops::Range;

use toml::Spanned;

use jwtbench_verifier::policy::PolicySpec;

use crate::format::wire::{
    WireRate, WireReuse, WireScenario, WireStream, WireTokens, WireTokensNamed,
};
use crate::model::capacity::Rate;
use crate::token::class::Class;
use crate::token::fit::check_class;
use crate::{Arrivals, Load, Reuse, Stream, StreamSetting};

use super::{Checked, File, HOLDERS};

pub(super) fn streams(
    file: &File<'_>,
    wire: &WireScenario,
    load: &Load,
    policy: &PolicySpec,
) -> Checked<Vec<Stream>> {
    let mut streams: Vec<Stream> = Vec::new();
    for given in &wire.stream {
        let stream: &WireStream = given.get_ref();
        let known = ["all", "endpoint"].contains(&stream.name.as_str())
            || streams.iter().any(|known| known.name == stream.name);
        if known || stream.name.is_empty() || stream.name.contains('.') {
            let message = format!(
                "stream name `{}` is taken, empty, has a dot, or is `all` or `endpoint`; \
                 choose another",
                stream.name
            );
            return file.fault(Some(given.span()), message);
        }
        let holders = stream.holders.unwrap_or(HOLDERS);
        if holders == 0 || holders > 1_000_000 {
            return file.fault(Some(given.span()), "`holders` is not between 1 and 1000000");
        }
        let rates = Rates::read(file, &stream.rate, &stream.rate_to, load)?;
        rates.check(file, given.span(), load)?;
        let tokens = stream.tokens.as_ref();
        let base = stream_setting(file, given.span(), rates, tokens, policy)?;
        let settings = (0..=wire.phase.len()).map(|phase| {
            let [begin, end] = span_of(wire, load, phase);
            let [rate, rate_to] = [begin, end].map(|part| base.rate.towards(base.rate_to, part));
            StreamSetting { rate, rate_to, ..base.clone() }
        });
        let settings = settings.collect();
        let reuse = match stream.reuse {
            WireReuse::Uniform => Reuse::Uniform,
            WireReuse::Zipf => Reuse::Zipf,
        };
        streams.push(Stream { name: stream.name.clone(), holders, reuse, settings });
    }
    change_in_phases(file, wire, load, policy, &mut streams)?;
    if streams.is_empty() {
        return file.fault(None, "no [[stream]]; a scenario has at least one");
    }
    check_ramp(file, wire, load)?;
    Ok(streams)
}

/// Applies the changes that phases make to streams, and adds the streams that only a phase names.
fn change_in_phases(
    file: &File<'_>,
    wire: &WireScenario,
    load: &Load,
    policy: &PolicySpec,
    streams: &mut Vec<Stream>,
) -> Checked<()> {
    for (index, phase) in wire.phase.iter().enumerate() {
        for (name, given) in &phase.get_ref().streams {
            let place = streams.iter().position(|stream| stream.name == *name);
            let place = place.unwrap_or_else(|| {
                let settings = vec![StreamSetting::default(); wire.phase.len() + 1];
                let (name, reuse) = (name.clone(), Reuse::Uniform);
                streams.push(Stream { name, holders: HOLDERS, reuse, settings });
                streams.len() - 1
            });
            let base = &streams[place].settings[index + 1];
            let silent = given.rate.as_ref().is_some_and(|rate| rate.get_ref().is_zero());
            let mut rates = match silent {
                true => Rates::default(),
                false => Rates::read(file, &given.rate, &given.rate_to, load)?,
            };
            if rates.rate.is_none() && rates.rate_to.is_none() && base.rate.per_s > 0.0 {
                rates = Rates { rate: Some(base.rate), rate_to: Some(base.rate_to) };
            }
            let mut setting = match &given.tokens {
                _ if silent => StreamSetting::default(),
                Some(tokens) => {
                    rates.check(file, phase.span(), load)?;
                    stream_setting(file, phase.span(), rates, Some(tokens), policy)?
                }
                None => {
                    let [rate, rate_to] = rates.both();
                    StreamSetting { rate, rate_to, ..base.clone() }
                }
            };
            if !silent && setting.shares.is_empty() {
                let message = format!("stream `{name}` has no `tokens` here and none elsewhere");
                return file.fault(Some(phase.span()), message);
            }
            std::mem::swap(&mut streams[place].settings[index + 1], &mut setting);
        }
    }
    Ok(())
}

/// The beginning and the end of a phase, as shares of the whole duration.
fn span_of(wire: &WireScenario, load: &Load, phase: usize) -> [f64; 2] {
    let at = |index: usize| wire.phase.get(index).map(|phase| phase.get_ref().at.0);
    let begin = phase.checked_sub(1).and_then(at).unwrap_or_default();
    let end = at(phase).unwrap_or(load.duration);
    [begin, end].map(|instant| instant.as_secs_f64() / load.duration.as_secs_f64())
}

fn check_ramp(file: &File<'_>, wire: &WireScenario, load: &Load) -> Checked<()> {
    let mut phases = wire.phase.iter().flat_map(|phase| phase.get_ref().streams.values());
    let in_phase = phases.any(|given| given.rate_to.is_some());
    let rises = in_phase || wire.stream.iter().any(|given| given.get_ref().rate_to.is_some());
    if load.arrivals == Arrivals::Ramp && !rises {
        let message = "[load]: a ramp needs a stream with `rate-to`, where its `rate` leads to";
        return file.fault(Some(wire.load.span()), message);
    }
    Ok(())
}

/// The rates of a table. Each rate is checked on its own.
#[derive(Clone, Copy, Default)]
struct Rates {
    rate: Option<Rate>,
    rate_to: Option<Rate>,
}

impl Rates {
    fn read(
        file: &File<'_>,
        rate: &Option<Spanned<WireRate>>,
        rate_to: &Option<Spanned<WireRate>>,
        load: &Load,
    ) -> Checked<Rates> {
        let read = |key: &str, given: &Option<Spanned<WireRate>>| {
            let Some(given) = given else { return Ok(None) };
            let fault = |message: String| file.fault(Some(given.span()), message);
            let rate = match given.get_ref() {
                WireRate::PerSecond(per_s) if *per_s > 0.0 && *per_s <= 10e6 => {
                    Rate::per_second(*per_s)
                }
                WireRate::PerSecond(per_s) => {
                    return fault(format!(
                        "`{key}` = {per_s} is not above 0 and at most 10 million"
                    ));
                }
                WireRate::Text(text) => {
                    let rate = Rate::parse(text).map(Some);
                    return rate.or_else(|message| fault(format!("`{key}`: {message}")));
                }
            };
            Ok(Some(rate))
        };
        let rates = Rates { rate: read("rate", rate)?, rate_to: read("rate-to", rate_to)? };
        let span = |given: &Option<Spanned<WireRate>>| given.as_ref().map(Spanned::span);
        if rates.rate_to.is_some() && load.arrivals != Arrivals::Ramp {
            let message = "`rate-to` means something to a ramp only; choose arrivals = \"ramp\"";
            return file.fault(span(rate_to), message);
        }
        if rates.rate_to.is_some() && rates.rate.is_none() {
            return file.fault(span(rate_to), "`rate-to` needs a `rate` to begin with");
        }
        Ok(rates)
    }

    /// Checks that there is a rate if the load needs one, and none in a closed loop.
    fn check(self, file: &File<'_>, span: Range<usize>, load: &Load) -> Checked<()> {
        match (load.arrivals, self.rate) {
            (Arrivals::Closed, Some(_)) => {
                file.fault(Some(span), "a closed loop has no `rate`; remove it, or choose poisson")
            }
            (Arrivals::Closed, None) | (_, Some(_)) => Ok(()),
            (_, None) => file.fault(Some(span), "an open loop needs a `rate` per second"),
        }
    }

    fn both(self) -> [Rate; 2] {
        let rate = self.rate.unwrap_or_default();
        [rate, self.rate_to.unwrap_or(rate)]
    }
}

fn stream_setting(
    file: &File<'_>,
    span: Range<usize>,
    rates: Rates,
    tokens: Option<&WireTokens>,
    policy: &PolicySpec,
) -> Checked<StreamSetting> {
    let fault = |message: String| file.fault(Some(span.clone()), message);
    let Some(tokens) = tokens else {
        return fault("a stream needs `tokens`, such as { valid = 100 }".into());
    };
    let [rate, rate_to] = rates.both();
    let tokens = match tokens {
        WireTokens::Shares(tokens) => tokens,
        WireTokens::Named(WireTokensNamed::EveryClass) => {
            let every = every_class(policy).or_else(fault)?;
            return Ok(StreamSetting { rate, rate_to, ..every });
        }
    };
    let mut shares = Vec::new();
    for (name, share) in tokens {
        let Some(class) = Class::find(name) else {
            return fault(format!("unknown token class `{name}`; `jwtbench list` shows them"));
        };
        if share.is_nan() || *share <= 0.0 {
            return fault(format!("the share of `{name}` is not above 0"));
        }
        if let Err(remedy) = check_class(class, policy) {
            return fault(format!("class `{name}` means nothing unless [policy] has {remedy}"));
        }
        shares.push((class, *share));
    }
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    if (sum - 100.0).abs() > 1e-6 {
        return fault(format!("the shares of `tokens` sum to {sum}, not to 100"));
    }
    shares.sort_by_key(|(class, _)| *class);
    if shares.iter().all(|(class, _)| class.row().only.is_some()) {
        let name = shares[0].0.name();
        return fault(format!(
            "class `{name}` is for some algorithms only; mix it with one for all, such as `valid`"
        ));
    }
    Ok(StreamSetting { rate, rate_to, shares, in_turn: false })
}

/// The setting in which every class has an equal share and the classes take turns.
fn every_class(policy: &PolicySpec) -> Result<StreamSetting, String> {
    for class in Class::all() {
        if let Err(remedy) = check_class(class, policy) {
            let name = class.name();
            return Err(format!("class `{name}` means nothing unless [policy] has {remedy}"));
        }
    }
    let share = 100.0 / Class::all().count() as f64;
    let shares = Class::all().map(|class| (class, share)).collect();
    Ok(StreamSetting { shares, in_turn: true, ..StreamSetting::default() })
}
