//! Figures as a person reads them, with three significant digits and a suitable unit. Pure; knows
//! nothing of results.

/// A duration in nanoseconds: `842 ns`, `24.3 µs`, `1.24 ms`, `12.0 s`, `15.0 min`, `2.50 h`.
pub fn nanoseconds(ns: f64) -> String {
    const UNITS: [(f64, &str); 5] =
        [(1e3, "µs"), (1e6, "ms"), (1e9, "s"), (60e9, "min"), (3600e9, "h")];
    if !ns.is_finite() {
        return "–".to_owned();
    }
    if ns.abs() < 999.5 {
        return format!("{ns:.0} ns");
    }
    // The next unit is used from 1000 on; for seconds from 600 on, for minutes from 90 on.
    let limits = [999.5e3, 999.5e6, 600e9, 5400e9, f64::INFINITY];
    let unit = limits.iter().position(|limit| ns.abs() < *limit).unwrap_or(4);
    let (size, name) = UNITS[unit];
    format!("{} {name}", significant(ns / size))
}

/// A rate per second: `842 /s`, `41.2 k/s`, `1.24 M/s`.
pub fn rate(per_s: f64) -> String {
    if !per_s.is_finite() {
        return "–".to_owned();
    }
    match per_s {
        r if r < 999.5 => format!("{} /s", significant(r)),
        r if r < 999.5e3 => format!("{} k/s", significant(r / 1e3)),
        r if r < 999.5e6 => format!("{} M/s", significant(r / 1e6)),
        r => format!("{} G/s", significant(r / 1e9)),
    }
}

/// A count with thousands separated: `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 lockout`, `2,000 lockouts`.
pub fn counted(n: u64, noun: &str) -> String {
    let ending = if n == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(n))
}

/// A ratio: `1.08×`, `12.3×`, `420×`.
pub fn ratio(value: f64) -> String {
    if value.is_finite() { format!("{}×", significant(value)) } else { "–".to_owned() }
}

/// A share in 0..=1 as a percentage: `0.4 %`.
pub fn share(value: f64) -> String {
    format!("{:.1} %", value * 100.0)
}

/// A number of bytes: `842 B`, `6.53 KiB`, `62.7 GiB`.
pub fn bytes(n: f64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if n < 1024.0 {
        return format!("{n:.0} B");
    }
    let mut size = n / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{} {}", significant(size), UNITS[unit])
}

/// The value that an expectation measured. It is in nanoseconds if the key names a latency,
/// otherwise it is a count.
pub fn expected(key: &str, value: f64) -> String {
    let is_latency = [".response.", ".service.", ".lateness."].iter().any(|m| key.contains(m));
    match (is_latency, value.is_finite()) {
        (_, false) => "nothing measured".to_owned(),
        (true, true) => nanoseconds(value),
        (false, true) if value.fract() == 0.0 && value >= 0.0 => count(value as u64),
        (false, true) => significant(value),
    }
}

/// Three significant digits, never in exponential form.
fn significant(value: f64) -> String {
    match value.abs() {
        v if v < 9.995 => format!("{value:.2}"),
        v if v < 99.95 => format!("{value:.1}"),
        v if v < 999.5 => format!("{value:.0}"),
        _ if value > 0.0 => count(value.round() as u64),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_the_unit_that_fits() {
        let rows = [
            (0.0, "0 ns"),
            (999.4, "999 ns"),
            (999.6, "1.00 µs"),
            (24_300.0, "24.3 µs"),
            (999_499.0, "999 µs"),
            (999_501.0, "1.00 ms"),
            (1.24e6, "1.24 ms"),
            (12e9, "12.0 s"),
            (900e9, "15.0 min"),
            (9000e9, "2.50 h"),
            (f64::NAN, "–"),
        ];
        for (ns, text) in rows {
            assert_eq!(nanoseconds(ns), text);
        }
    }

    #[test]
    fn rates_and_counts_keep_three_digits() {
        assert_eq!(rate(41_234.0), "41.2 k/s");
        assert_eq!(rate(999_900.0), "1.00 M/s");
        assert_eq!(rate(12.0), "12.0 /s");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(counted(1, "lockout"), "1 lockout");
        assert_eq!(counted(0, "lockout"), "0 lockouts");
        assert_eq!(ratio(1.0), "1.00×");
        assert_eq!(ratio(1234.0), "1,234×");
        assert_eq!(bytes(6690.0), "6.53 KiB");
    }

    #[test]
    fn expectations_of_latency_are_durations() {
        assert_eq!(expected("flood.users.ACCEPT.response.p99", 1.5e6), "1.50 ms");
        assert_eq!(expected("all.users.valid.lockouts", 12.0), "12");
        assert_eq!(expected("all.users.valid.lockouts", f64::NAN), "nothing measured");
    }
}
