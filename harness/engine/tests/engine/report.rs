//! What the reports must say: every test renders a made-up result and looks for its meaning. The
//! pages are left under the target directory's `tmp` for a person to look at.

pub mod fixture;
mod generator;
mod width;

use jwtbench_report::shown::is_unshown;
use jwtbench_report::{
    TerminalStyle, answer_list, check_table, csv, html, junit, markdown, picture, ranking_table,
    terminal, terminal_verdict,
};
use jwtbench_result::{Measurement, RunResult};

const PLAIN: TerminalStyle = TerminalStyle { colour: false, width: 80 };

fn forms(result: &RunResult) -> [(&'static str, String); 3] {
    [("terminal", terminal(result, PLAIN)), ("markdown", markdown(result)), ("html", html(result))]
}

/// The part of `text` from the first `from` after `start` to the next `to`.
fn part<'a>(text: &'a str, start: &str, from: &str, to: &str) -> &'a str {
    let after = &text[text.find(start).expect("start is there")..];
    let after = &after[after.find(from).expect("from is there")..];
    &after[..after.find(to).unwrap_or(after.len())]
}

fn save(name: &str, text: &str) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(folder.join(name), text).expect("the target directory is writable");
}

#[test]
fn forms_are_pure_functions_of_the_result() {
    let result = fixture::result();
    for ((name, once), (_, again)) in forms(&result).iter().zip(&forms(&result)) {
        assert_eq!(once, again, "{name}");
    }
    save("report.html", &html(&result));
    save("summary.md", &markdown(&result));
    save("terminal.txt", &terminal(&result, PLAIN));
}

#[test]
fn the_verdict_says_what_decides() {
    for (name, text) in forms(&fixture::result()) {
        let line = "FAILED: 1 wrong verdict, 1 expectation missed, 1 invalid trial";
        assert!(text.contains(line), "{name}");
    }
    for (name, text) in forms(&fixture::clean()) {
        assert!(text.contains("PASSED: ") && !text.contains("FAILED"), "{name}");
        assert!(text.contains("none wrong, all 12 expectations met"), "{name}");
    }
}

#[test]
fn a_wrong_or_invalid_trial_shows_its_error_and_no_number() {
    let result = fixture::result();
    let wrong = "1 wrong verdict: expired due JWT_EXPIRED, got JWT_BAD_SIGNATURE";
    let invalid = "graviola needs a CPU with AVX2 and BMI2";
    // The figures that the wrong row would have had.
    let figures = ["170 µs", "241 µs", "11.8 k/s"];

    let page = html(&result);
    let mix = &page[page.find("id=\"scenario-hot-path-realistic-mix\"").expect("anchor")..];
    let es256 = part(mix, "<strong>ES256</strong>", "<tbody>", "</tbody>");
    let row = part(es256, "core:rust-crypto", "core:rust-crypto", "</tr>");
    assert!(row.contains(wrong), "{row}");
    assert!(figures.iter().all(|f| !row.contains(f)), "{row}");
    assert!(page.contains(&format!("<td class=\"fault\" colspan=\"7\">{invalid}")));

    let summary = markdown(&result).replace('\\', "");
    let es256 = part(&summary, "realistic-mix: ", "| ES256 |", "\n\n");
    let row = es256.lines().find(|l| l.contains("`core:rust-crypto`")).expect("a row");
    assert!(row.contains(wrong), "{row}");
    assert!(figures.iter().all(|f| !row.contains(f)), "{row}");
    assert!(ranking_table(&result).contains(invalid));

    let text = terminal(&result, PLAIN);
    let es256 = part(&text, "hot-path/realistic-mix", "  ES256", "\n\n");
    let rows: Vec<&str> = es256.lines().filter(|l| l.contains(" core:rust-crypto")).collect();
    assert_eq!(rows.len(), 1, "{es256}");
    assert!(rows[0].contains("ERROR 1 wrong verdict"), "{es256}");
}

#[test]
fn a_faulty_contender_is_never_the_fastest() {
    let mut result = fixture::result();
    let fastest = |m: &&mut jwtbench_result::Measurement| m.contender == "core:graviola";
    for measurement in result.measurements.iter_mut().filter(fastest) {
        measurement.verdicts.wrong = 1;
    }
    let table = ranking_table(&result);
    let first = table.lines().nth(2).expect("a row");
    assert!(first.starts_with("| RS256 | `core:aws-lc-rs` | 17.8 µs |"), "{table}");
}

#[test]
fn answers_say_which_and_how_sure() {
    let mut result = fixture::clean();
    let accepts = |m: &&Measurement| m.scenario == "hot-path/accept" && m.algorithm == "RS256";
    let fastest = result.measurements.iter().filter(accepts);
    let fastest = fastest.clone().find(|m| m.contender == "core:graviola").cloned();
    let mut hit = fastest.expect("it is measured");
    hit.scenario = "verdict-cache/repeat".into();
    let row = &mut hit.phases[0].outcomes[0];
    if let Some(latency) = &mut row.latency {
        latency.service.p50_ns = 500;
    }
    result.measurements.push(hit);
    let list = answer_list(&result);
    let sentences = [
        "- **RS256**: `core:graviola`, 16.7 µs at the median, 1.13× the bare signature check; next",
        "next `core:aws-lc-rs`, 1.07× of that (",
        " over 3 rounds).",
        "- **RS256, a whole library**: `jsonwebtoken:aws-lc-rs` takes 1.13× of `core:aws-lc-rs` (",
        "), and 1.21× of `core:graviola` (",
        "- **RS256 to ES256**: 0 bytes more a token, 26.9 µs more a verification (2.61×).",
        "- **RS256, a verdict cache**: a hit takes 500 ns, 1/33 of `core:graviola`;",
    ];
    for sentence in sentences {
        assert!(list.contains(sentence), "`{sentence}` is not in:\n{list}");
    }
    for (name, text) in forms(&result).iter().filter(|(name, _)| *name != "terminal") {
        assert!(text.contains("Answers") && text.contains("26.9 µs more"), "{name}");
    }
    for measurement in &mut result.measurements {
        if measurement.contender == "core:graviola" {
            measurement.error = Some("no AVX2".into());
        }
    }
    assert!(!answer_list(&result).contains("graviola"), "who has a fault is no answer");
    result.measurements.retain(|m| !m.contender.starts_with("raw:"));
    assert_eq!(answer_list(&result), "", "nothing to answer without a bound");
    assert!(!html(&result).contains("#answers"), "and no link to it");
}

#[test]
fn missed_expectations_come_with_their_figures() {
    for (name, text) in forms(&fixture::result()) {
        let text = text.replace("</code>", "").replace("<code>", "").replace("<strong>", "");
        let text = text.replace(['*', '`'], "").split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text.replace("&lt;", "<");
        assert!(text.contains("expected all.users.valid.lockouts <= 2, was 190"), "{name}");
    }
}

#[test]
fn debug_builds_and_partial_results_are_marked_at_the_top() {
    let mut result = fixture::result();
    result.machine.profile = "debug".to_owned();
    result.partial = true;
    for (name, text) in forms(&result) {
        let verdict = text.find("FAILED").expect("a verdict");
        for mark in ["DEBUG BUILD", "PARTIAL RESULT"] {
            let at = text.find(mark).unwrap_or(usize::MAX);
            assert!(at < verdict, "{mark} in {name}");
        }
    }
    assert!(terminal(&result, PLAIN).starts_with("!! DEBUG BUILD"));
    assert!(markdown(&result).starts_with("> [!WARNING]\n> **DEBUG BUILD"));
    for (name, text) in forms(&fixture::result()) {
        assert!(!text.contains("DEBUG BUILD") && !text.contains("PARTIAL"), "{name}");
    }
}

#[test]
fn bounds_and_floors_are_apart_from_the_ranked() {
    let result = fixture::result();
    let page = html(&result);
    let ranked = part(&page, "<strong>RS256</strong>", "<tbody>", "</tbody>");
    assert!(ranked.contains("core:ring") && ranked.contains("jsonwebtoken:aws-lc-rs"));
    assert!(!ranked.contains("raw:") && !ranked.contains("null"));
    let table = ranking_table(&result);
    assert!(!table.contains("raw:") && !table.contains("null"), "{table}");
    // core:ring over raw:ring under RS256: 23.2 / 21.3.
    assert!(table.contains("| RS256 | `core:ring` | 23.2 µs | 86.2 k/s | 1.09× |"), "{table}");
    assert!(terminal(&result, PLAIN).contains("· core:null (floor)"));
}

#[test]
fn terminal_lines_fit_and_carry_no_codes_unless_asked() {
    let result = fixture::result();
    for width in [20, 80, 120] {
        let text = terminal(&result, TerminalStyle { colour: false, width });
        for line in text.lines() {
            assert!(line.chars().count() <= width.max(80), "{width}: {line}");
        }
        assert!(!text.contains('\u{1b}'));
    }
    let coloured = terminal(&result, TerminalStyle { colour: true, width: 80 });
    let escapes = ["\u{1b}[1m", "\u{1b}[2m", "\u{1b}[1;31m", "\u{1b}[1;32m", "\u{1b}[0m"];
    let bare = escapes.iter().fold(coloured.clone(), |text, code| text.replace(code, ""));
    assert_ne!(coloured, bare);
    assert_eq!(bare, terminal(&result, PLAIN), "colour changes nothing else");
}

#[test]
fn hostile_names_stay_text() {
    let mut result = fixture::result();
    let hostile = "<script>alert(1)</script>|`x`\n\u{1b}[31m\"'&";
    result.command = hostile.to_owned();
    result.machine.cpu = hostile.to_owned();
    result.versions.insert(hostile.to_owned(), hostile.to_owned());
    for scenario in &mut result.scenarios {
        scenario.title = hostile.to_owned();
        scenario.analysis = hostile.to_owned();
        scenario.text = hostile.to_owned();
    }
    for m in &mut result.measurements {
        m.contender.push_str(hostile);
        m.findings.iter_mut().for_each(|f| f.reason = hostile.to_owned());
        m.conformance.iter_mut().for_each(|c| c.class = hostile.to_owned());
        m.expectations.iter_mut().for_each(|e| e.key = hostile.to_owned());
        m.wrong.iter_mut().for_each(|w| w.class = hostile.to_owned());
        m.error = m.error.as_ref().map(|_| hostile.to_owned());
        for mark in m.timeline.iter_mut().flat_map(|t| &mut t.marks) {
            mark.label = hostile.to_owned();
        }
        for row in m.phases.iter_mut().flat_map(|p| &mut p.outcomes) {
            row.stream = hostile.to_owned();
        }
    }
    let page = html(&result);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    assert_balanced(&page);
    for line in markdown(&result).lines().filter(|l| l.contains("script")) {
        let outside = line.split('`').step_by(2).collect::<String>();
        assert!(!outside.contains("<script"), "{line}");
    }
    let text = terminal(&result, PLAIN);
    assert!(!text.contains('\u{1b}'), "no foreign escape codes");
}

/// The JSON pointers of every text in a value.
fn texts(value: &serde_json::Value, at: &str, into: &mut Vec<String>) {
    match value {
        serde_json::Value::String(_) => into.push(at.to_owned()),
        serde_json::Value::Array(list) => {
            list.iter().enumerate().for_each(|(n, one)| texts(one, &format!("{at}/{n}"), into));
        }
        serde_json::Value::Object(members) => {
            let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
            members.iter().for_each(|(name, one)| {
                texts(one, &format!("{at}/{}", escaped(name)), into);
            });
        }
        _ => {}
    }
}

/// Every text of a result that holds what would drive a terminal, in every form that is shown.
#[test]
fn no_text_of_a_foreign_result_drives_a_terminal() {
    const ODD: &str = "\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\r\u{0}";
    let mut value = serde_json::to_value(fixture::result()).unwrap();
    let mut pointers = Vec::new();
    texts(&value, "", &mut pointers);
    // Alike but for places in lists: what may hold any text is found out once.
    let is_place = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let shape = |pointer: &str| -> String {
        pointer.split('/').map(|part| if is_place(part) { "*" } else { part }).collect()
    };
    let mut is_free: std::collections::BTreeMap<String, bool> = Default::default();
    for pointer in &pointers {
        let is_known = is_free.get(&shape(pointer)).copied();
        if is_known == Some(false) {
            continue;
        }
        let place = value.pointer_mut(pointer).unwrap();
        let text = place.as_str().unwrap().to_owned();
        *place = format!("{text}{ODD}").into();
        if is_known.is_none() {
            let reads = serde_json::from_value::<RunResult>(value.clone()).is_ok();
            is_free.insert(shape(pointer), reads);
            if !reads {
                *value.pointer_mut(pointer).unwrap() = text.into();
            }
        }
    }
    assert!(is_free.values().filter(|is_free| **is_free).count() > 20, "{is_free:?}");
    let result: RunResult = serde_json::from_value(value).unwrap();
    let style = TerminalStyle { colour: false, width: 100 };
    let forms = [
        ("terminal", terminal(&result, style)),
        ("verdict", terminal_verdict(&result, style)),
        ("matrix", check_table(&result, style)),
        ("Markdown", markdown(&result)),
        ("ranking", ranking_table(&result)),
        ("answers", answer_list(&result)),
        ("JUnit", junit(&result)),
        ("page", html(&result)),
        ("picture", picture(&result)),
        ("CSV", csv(&result)),
    ];
    for (name, text) in &forms {
        let is_odd = |c| is_unshown(c) && c != '\t';
        assert_eq!(text.lines().find(|line| line.contains(is_odd)), None, "{name}");
    }
    let mut reader = quick_xml::Reader::from_str(&forms[6].1);
    while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
}

#[test]
fn the_page_is_whole_and_loads_nothing() {
    for result in [fixture::result(), fixture::clean()] {
        let page = html(&result);
        for reference in ["http://", "https://", "<script", "<link", "<img", "@import", "url("] {
            assert!(!page.contains(reference), "{reference}");
        }
        assert_balanced(&page);
        assert_anchors(&page);
    }
}

#[test]
fn a_result_without_measurements_is_still_a_page() {
    let mut result = fixture::result();
    result.measurements.clear();
    result.partial = true;
    for (name, text) in forms(&result) {
        assert!(text.contains("PARTIAL RESULT"), "{name}");
    }
    assert_eq!(ranking_table(&result), "");
    assert_balanced(&html(&result));
}

#[test]
fn degenerate_figures_draw_no_nonsense() {
    let mut result = fixture::result();
    for m in &mut result.measurements {
        m.rounds.clear();
        m.throughput_per_s = f64::NAN;
        m.service_curve.iter_mut().for_each(|p| p.ns = 0);
        m.expectations.iter_mut().for_each(|e| e.value = f64::NAN);
        for row in m.phases.iter_mut().flat_map(|p| &mut p.outcomes) {
            row.latency = Default::default();
        }
        for bin in m.timeline.iter_mut().flat_map(|t| &mut t.bins) {
            *bin = Default::default();
        }
    }
    for (name, text) in forms(&result) {
        assert!(!text.contains("NaN") && !text.contains("inf"), "{name}");
    }
}

#[test]
fn trials_in_virtual_time_are_judged_and_not_timed() {
    let mut result = fixture::result();
    result.measurements.iter_mut().for_each(|m| m.virtual_time = true);
    for (name, text) in forms(&result) {
        assert!(text.contains("VIRTUAL TIME"), "{name}");
        assert!(text.contains("1 wrong verdict"), "{name}");
    }
    assert_eq!(ranking_table(&result), "");
}

#[test]
fn a_full_run_stays_under_three_megabytes() {
    let mut result = fixture::result();
    for at in 0..120 {
        let trial = fixture::dynamic("outage/refused", "core:ring", "ES256", at);
        result.measurements.push(trial);
    }
    let size = html(&result).len();
    assert!(size < 3_000_000, "{size} bytes");
}

/// Every element that is opened is closed, in order.
fn assert_balanced(page: &str) {
    const VOID: [&str; 3] = ["meta", "br", "hr"];
    let body = page.split_once("</style>").expect("a style element").1;
    let mut open = vec!["html", "head"];
    for tag in body.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a tag ends");
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().expect("a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// Every link leads to an id that is there once.
fn assert_anchors(page: &str) {
    for link in page.split("href=\"#").skip(1) {
        let (anchor, _) = link.split_once('"').expect("an attribute ends");
        let ids = page.matches(&format!("id=\"{anchor}\"")).count();
        assert_eq!(ids, 1, "{anchor}");
    }
}
