//! Suggestions for a name that does not exist.

/// Names less alike than this are another thing (Jaro and Winkler: 0 to 1), unless they are one
/// slip apart.
const LEAST: f64 = 0.8;

/// The known name that is most similar to the one given, if any is similar enough. A name whose
/// part after a colon or a slash equals the given name (`ring`, `accept`) is a full match.
/// Otherwise the spelling decides.
pub fn nearest<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let given = given.to_lowercase();
    let of_name = |name: &str| match name.rsplit_once([':', '/']) {
        Some((_, end)) if end == given => f64::INFINITY,
        Some((_, end)) => likeness(end, &given).max(likeness(name, &given)),
        None => likeness(name, &given),
    };
    let scored = known.into_iter().map(|name| (of_name(name), name));
    // Of equally similar names, the first is taken.
    let best = scored.reduce(|best, one| if one.0 > best.0 { one } else { best });
    best.filter(|(score, _)| *score >= LEAST).map(|(_, name)| name)
}

/// How alike two words are: from 0 to 1; over 1 if one slip makes one of the other, that is a
/// letter too many, too few or wrong, or two neighbours that changed places. A single letter is no
/// word.
fn likeness(one: &str, other: &str) -> f64 {
    let is_word = one.chars().count().min(other.chars().count()) > 1;
    let is_one_slip = is_word && strsim::osa_distance(one, other) <= 1;
    strsim::jaro_winkler(one, other) + if is_one_slip { 1.0 } else { 0.0 }
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
        let verbs = ["run", "check", "mint", "man", "list", "report", "help"];
        let rows = [
            ("rnu", Some("run"), "two letters changed places"),
            ("rn", Some("run"), "a letter is missing in a short word"),
            ("hepl", Some("help"), "two letters changed places"),
            ("mna", Some("man"), "the same"),
            ("mnit", Some("mint"), "the same"),
            ("lst", Some("list"), "a letter is missing"),
            ("repotr", Some("report"), "two letters changed places at the end"),
            ("r", None, "a letter may be anything"),
            ("nur", None, "two slips in a short word"),
            ("foo", None, "nothing alike"),
        ];
        for (given, expected, why) in rows {
            assert_eq!(nearest(given, verbs), expected, "{given}: {why}");
        }
        let one_slip = nearest("valid-b", ["valid-long-b", "valid-a"]);
        assert_eq!(one_slip, Some("valid-a"), "one slip before what only begins alike");
        let said = did_you_mean("ring", contenders);
        assert_eq!(said, "; did you mean `core:ring`?");
    }
}
