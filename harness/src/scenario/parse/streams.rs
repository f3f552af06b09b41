//! The `[[stream]]` tables and what phases change about them.

use std::ops::Range;

use jwtbench_verifier::policy::PolicySpec;

use super::{Checked, File, HOLDERS};
use crate::scenario::class::Class;
use crate::scenario::wire::{WireScenario, WireStream, WireTokens, WireTokensNamed};
use crate::scenario::{Arrivals, Load, Stream, StreamSetting};

pub(super) fn streams(
    file: &File<'_>,
    wire: &WireScenario,
    load: &Load,
    policy: &PolicySpec,
) -> Checked<Vec<Stream>> {
    let mut streams: Vec<Stream> = Vec::new();
    let setting = |span: Range<usize>, rate: Option<f64>, tokens: Option<&WireTokens>| {
        stream_setting(file, span, rate, tokens, load, policy)
    };
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
        let base = setting(given.span(), stream.rate, stream.tokens.as_ref())?;
        let settings = vec![base; wire.phase.len() + 1];
        streams.push(Stream { name: stream.name.clone(), holders, settings });
    }
    for (index, phase) in wire.phase.iter().enumerate() {
        for (name, given) in &phase.get_ref().streams {
            let place = streams.iter().position(|stream| stream.name == *name);
            let place = place.unwrap_or_else(|| {
                let settings = vec![StreamSetting::default(); wire.phase.len() + 1];
                streams.push(Stream { name: name.clone(), holders: HOLDERS, settings });
                streams.len() - 1
            });
            let base = &streams[place].settings[0];
            let silent = given.rate == Some(0.0);
            let rate = given.rate.or(Some(base.rate).filter(|rate| *rate > 0.0));
            let mut setting = match &given.tokens {
                _ if silent => StreamSetting::default(),
                Some(tokens) => setting(phase.span(), rate, Some(tokens))?,
                None => StreamSetting { rate: rate.unwrap_or(0.0), ..base.clone() },
            };
            if !silent && setting.shares.is_empty() {
                let message = format!("stream `{name}` has no `tokens` here and none elsewhere");
                return file.fault(Some(phase.span()), message);
            }
            std::mem::swap(&mut streams[place].settings[index + 1], &mut setting);
        }
    }
    if streams.is_empty() {
        return file.fault(None, "no [[stream]]; a scenario has at least one");
    }
    Ok(streams)
}

fn stream_setting(
    file: &File<'_>,
    span: Range<usize>,
    rate: Option<f64>,
    tokens: Option<&WireTokens>,
    load: &Load,
    policy: &PolicySpec,
) -> Checked<StreamSetting> {
    let fault = |message: String| file.fault(Some(span.clone()), message);
    let Some(tokens) = tokens else {
        return fault("a stream needs `tokens`, such as { valid = 100 }".into());
    };
    let rate = match (load.arrivals, rate) {
        (Arrivals::Closed, None) => 0.0,
        (Arrivals::Closed, Some(_)) => {
            return fault("a closed loop has no `rate`; remove it, or choose poisson".into());
        }
        (_, Some(rate)) if rate > 0.0 && rate <= 10e6 => rate,
        (_, Some(rate)) => {
            return fault(format!("`rate` = {rate} is not above 0 and at most 10 million"));
        }
        (_, None) => return fault("an open loop needs a `rate` per second".into()),
    };
    let tokens = match tokens {
        WireTokens::Shares(tokens) => tokens,
        WireTokens::Named(WireTokensNamed::EveryClass) => {
            return every_class(policy, rate).or_else(fault);
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
        if let Err(remedy) = class.row().need.check(policy) {
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
    Ok(StreamSetting { rate, shares, in_turn: false })
}

/// Every class alike, in turn.
fn every_class(policy: &PolicySpec, rate: f64) -> Result<StreamSetting, String> {
    for class in Class::all() {
        if let Err(remedy) = class.row().need.check(policy) {
            let name = class.name();
            return Err(format!("class `{name}` means nothing unless [policy] has {remedy}"));
        }
    }
    let share = 100.0 / Class::all().count() as f64;
    let shares = Class::all().map(|class| (class, share)).collect();
    Ok(StreamSetting { rate, shares, in_turn: true })
}
