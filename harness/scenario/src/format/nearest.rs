//! What somebody may have meant who wrote a name that there is not.

/// Names less alike than this are another thing (Jaro and Winkler: 0 to 1).
const LEAST: f64 = 0.8;

/// The known name that is most like the one given, if any is: one that ends in it behind a colon or
/// a slash (`ring`, `accept`), or one that is spelt nearly so.
pub fn nearest<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let given = given.to_lowercase();
    let likeness = |name: &str| match name.rsplit_once([':', '/']) {
        Some((_, end)) if end == given => 1.0,
        Some((_, end)) => strsim::jaro_winkler(end, &given).max(strsim::jaro_winkler(name, &given)),
        None => strsim::jaro_winkler(name, &given),
    };
    let scored = known.into_iter().map(|name| (likeness(name), name));
    // Of equals the first.
    let best = scored.reduce(|best, one| if one.0 > best.0 { one } else { best });
    best.filter(|(score, _)| *score >= LEAST).map(|(_, name)| name)
}

/// The same as the end of a sentence: empty if nothing is alike.
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
