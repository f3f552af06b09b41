//! Suggestions for a name that does not exist.

/// The lowest similarity at which a name is suggested (Jaro-Winkler, from 0 to 1).
const LEAST: f64 = 0.8;

/// The known name that is most similar to the one given, if any is similar enough. A name whose
/// part after a colon or a slash equals the given name (`ring`, `accept`) is a full match.
/// Otherwise the spelling decides.
pub fn nearest<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let given = given.to_lowercase();
    let likeness = |name: &str| match name.rsplit_once([':', '/']) {
        Some((_, end)) if end == given => 1.0,
        Some((_, end)) => strsim::jaro_winkler(end, &given).max(strsim::jaro_winkler(name, &given)),
        None => strsim::jaro_winkler(name, &given),
    };
    let scored = known.into_iter().map(|name| (likeness(name), name));
    // Of equally similar names, the first is taken.
    let best = scored.reduce(|best, one| if one.0 > best.0 { one } else { best });
    best.filter(|(score, _)| *score >= LEAST).map(|(_, name)| name)
}

/// The suggestion of [`nearest`] as the end of a sentence; empty if no name is similar enough.
pub fn did_you_mean<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    nearest(given, known).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_nearly_right_is_found() {
        let contenders = ["core:ring", "core:aws-lc-rs", "raw:ring", "jsonwebtoken:aws-lc-rs"];
        let rows = [
            ("ring", Some("core:ring"), "a backend is meant as the core's"),
            ("aws-lc-rs", Some("core:aws-lc-rs"), "the same"),
            ("core:rng", Some("core:ring"), "a letter is missing"),
            ("core:aws_lc_rs", Some("core:aws-lc-rs"), "another dash"),
            ("Core:Ring", Some("core:ring"), "another case"),
            ("jsonwebtokens:aws-lc-rs", Some("jsonwebtoken:aws-lc-rs"), "a letter too many"),
            ("zzz", None, "nothing alike"),
            ("", None, "nothing given"),
        ];
        for (given, expected, why) in rows {
            assert_eq!(nearest(given, contenders), expected, "{given}: {why}");
        }
        let said = did_you_mean("ring", contenders);
        assert_eq!(said, "; did you mean `core:ring`?");
    }
}
