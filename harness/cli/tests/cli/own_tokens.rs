//! `run --tokens`: the user's own tokens as a corpus, with the verdicts on which the core agrees.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jwtbench_result::{RunResult, StoredForm};
use serde_json::Value;
use tempfile::TempDir;

use crate::binary::jwtbench_on;

/// A pack of one algorithm, its texts one a line in `tokens.txt`.
fn pack() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let args = ["mint", "--out", "@", "--algorithm", "EdDSA", "--per-class", "2"];
    assert!(jwtbench_on(folder.path(), &args).status.success());
    let inner = folder.path().join("EdDSA");
    (folder, inner)
}

fn tokens(folder: &Path, keep: impl Fn(&Value) -> bool) -> usize {
    let lines = fs::read_to_string(folder.join("tokens.jsonl")).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    // Revocation is the issuer's to tell, and no file says it.
    let stateless =
        |line: &Value| !["revoked", "stale-version"].contains(&line["class"].as_str().unwrap());
    let texts: Vec<String> = lines
        .filter(|line| stateless(line) && keep(line))
        .filter_map(|line| line["token"].as_str().map(str::to_owned))
        .filter(|text| !text.contains(['\n', '\r']))
        .collect();
    fs::write(folder.join("tokens.txt"), texts.join("\n") + "\n").unwrap();
    texts.len()
}

const FILES: [&str; 10] = [
    "run",
    "--tokens",
    "@tokens.txt",
    "--jwks",
    "@jwks.json",
    "--policy",
    "@policy.toml",
    "--now",
    "1767225600",
    "--json",
];

#[test]
fn measures_and_judges_the_users_tokens() {
    let (_pack, folder) = pack();
    let count = tokens(&folder, |_| true);
    assert!(count > 100, "{count} tokens");
    let more = ["--out", "@out", "--duration", "60ms", "--rounds", "1", "--contender", "core:*"];
    let output = jwtbench_on(&folder, &[&FILES[..], &more].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("JWT_EXPIRED") && said.contains("ACCEPT"), "{said}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let measurements = result["measurements"].as_array().unwrap();
    assert!(measurements.len() >= 3, "every backend");
    for measurement in measurements {
        assert_eq!(measurement["scenario"], "own/tokens");
        assert_eq!(measurement["verdicts"]["wrong"], 0);
        let codes = measurement["conformance"].as_array().unwrap().iter();
        let codes: BTreeSet<&str> = codes.map(|cell| cell["got"].as_str().unwrap()).collect();
        assert!(codes.len() > 20, "{codes:?}");
    }
    assert!(folder.join("out/index.html").exists());
}

#[test]
fn bounds_run_where_every_token_is_good() {
    let (_pack, folder) = pack();
    assert!(tokens(&folder, |line| line["class"] == "valid") > 0);
    let more = ["--out", "@out", "--duration", "20ms", "--rounds", "1"];
    let output = jwtbench_on(&folder, &[&FILES[..], &more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let contenders = result["measurements"].as_array().unwrap().iter();
    let contenders: Vec<&str> = contenders.map(|m| m["contender"].as_str().unwrap()).collect();
    for name in ["core:ring", "raw:ring", "jsonwebtoken:aws-lc-rs", "null:"] {
        assert!(contenders.contains(&name), "{name} is not among {contenders:?}");
    }
}

/// What a replay is told, what it ends with and what it says.
type Row<'a> = (&'a [&'a str], i32, &'a str);

#[test]
fn a_replay_takes_the_same_tokens_again_and_no_others() {
    let (_pack, folder) = pack();
    tokens(&folder, |line| line["class"] == "valid" || line["class"] == "expired");
    let more = ["--out", "@out", "--duration", "20ms", "--rounds", "1", "--contender", "core:ring"];
    let output = jwtbench_on(&folder, &[&FILES[..], &more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(folder.join("tokens.txt")).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    fs::write(folder.join("others.txt"), rest).unwrap();
    assert!(!first.is_empty());
    let rows: [Row<'_>; 6] = [
        (&["--tokens", "@tokens.txt", "--jwks", "@jwks.json"], 0, "core:ring"),
        (&["--tokens", "@others.txt", "--jwks", "@jwks.json"], 2, "tokens are not the same"),
        (&["--tokens", "@none.txt", "--jwks", "@jwks.json"], 2, "none.txt: cannot be read"),
        (&["--tokens", "@tokens.txt", "--jwks", "@none.json"], 2, "none.json: cannot be read"),
        (&["--tokens", "@tokens.txt"], 2, "--jwks"),
        (&[], 2, "name them again with --tokens and --jwks"),
    ];
    for (options, code, words) in rows {
        let replay = ["replay", "@out", "-q", "--out", "@again", "--force"];
        let output = jwtbench_on(&folder, &[&replay[..], options].concat());
        let [out, err] = [output.stdout, output.stderr].map(|t| String::from_utf8(t).unwrap());
        assert_eq!(output.status.code(), Some(code), "{options:?}: {err}");
        let said = format!("{out}{err}").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(words), "{options:?}: {said}");
    }
    let [base, again] = ["out", "again"].map(|name| {
        let result = RunResult::read(&folder.join(name).join("result.jsonl")).unwrap();
        let result = serde_json::to_value(&result).unwrap();
        assert_eq!(result["scenarios"][0]["judged_at_s"], 1_767_225_600);
        result["measurements"][0]["verdict_stream"]["hash"].clone()
    });
    assert_eq!(base, again, "the same verdicts, as of the same instant");
}

#[test]
fn faults_are_named() {
    let (_pack, folder) = pack();
    tokens(&folder, |line| line["class"] == "valid");
    fs::write(folder.join("empty.txt"), "").unwrap();
    let swap = |from: &'static str, to: &'static str| {
        FILES.map(|arg| if arg == from { to } else { arg }).to_vec()
    };
    let rows = [
        (swap("@tokens.txt", "@none.txt"), "cannot be read"),
        (swap("@tokens.txt", "@empty.txt"), "holds no token"),
        (swap("@jwks.json", "@policy.toml"), "no JSON object with an array `keys`"),
        (swap("@policy.toml", "@jwks.json"), "jwks.json"),
        (vec!["run", "--tokens", "@tokens.txt"], "--jwks"),
        ([&FILES[..], &["hot-path/accept"]].concat(), "cannot be used with"),
        ([&FILES[..], &["--algorithm", "RS256", "--out", "@out"]].concat(), "none of your tokens"),
    ];
    for (args, words) in rows {
        let output = jwtbench_on(&folder, &args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
}

/// A folder with the files of a case, and an instant within the life of its tokens.
fn case(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    folder
}

const AS_OF: &str = "1795000000";

fn lines(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("tokens.txt")).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn write_lines(folder: &Path, lines: &[&str]) {
    fs::write(folder.join("tokens.txt"), lines.join("\n") + "\n").unwrap();
}

/// The code that `verify` gives to each line.
fn verified(folder: &Path, policy: &str, now: &str) -> Vec<String> {
    let args = ["verify", "-q", "--policy", policy, "--jwks", "@jwks.json", "--now", now];
    let output = jwtbench_on(folder, &[&args[..], &["@tokens.txt"]].concat());
    let code = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["code"].as_str().unwrap_or("ACCEPT").to_owned()
    };
    String::from_utf8(output.stdout).unwrap().lines().map(code).collect()
}

/// Exit code, result and stderr of a run on the files of a folder.
fn measured(folder: &Path, policy: &str, more: &[&str]) -> (i32, Value, String) {
    let files = ["run", "--tokens", "@tokens.txt", "--jwks", "@jwks.json", "--policy", policy];
    // Long enough for a policy that keeps no key, which fetches for each token.
    let short = ["--json", "--out", "@out", "--force", "--duration", "200ms", "--rounds", "1"];
    let output = jwtbench_on(folder, &[&files[..], &short, more].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    let result = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code().unwrap(), result, said)
}

/// Cells of all conformance matrices of a result: contender, due, got.
fn cells(result: &Value) -> Vec<[String; 3]> {
    let measurements = result["measurements"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |measurement: &Value| {
        let cells = measurement["conformance"].as_array().unwrap().iter();
        let contender = text(&measurement["contender"]);
        let cell = |cell: &Value| [contender.clone(), text(&cell["due"]), text(&cell["got"])];
        cells.map(cell).collect::<Vec<_>>()
    };
    measurements.flat_map(of).collect()
}

#[test]
fn a_run_gives_captured_tokens_the_verdicts_of_verify() {
    let rows = [
        ("no-alg-two-algorithms", "@policy.toml", "no `alg` under two allowed algorithms"),
        ("no-kid", "@policy.toml", "no `kid`, an empty one, null"),
        ("no-kid-two-keys", "@policy.toml", "no `kid`, and two keys that fit"),
        ("expires-soon", "@policy.toml", "a token that expires while it runs"),
        ("sizes-and-headers", "@policy.toml", "long tokens, unusual keys, EdDSA by two names"),
        ("sizes-and-headers", "@policy-large.toml", "the same under wide limits"),
        ("one-or-many", "@policy.toml", "roles as a text and as an array"),
        ("rsa-forms", "@policy.toml", "RSA keys as they are written"),
        ("ec-forms", "@policy.toml", "EC keys as they are written"),
    ];
    for (name, policy, reason) in rows {
        let folder = case(name);
        let folder = folder.path();
        let due: BTreeSet<String> = verified(folder, policy, AS_OF).into_iter().collect();
        let (exit, result, said) =
            measured(folder, policy, &["--now", AS_OF, "--contender", "core:[!n]*"]);
        assert_eq!(exit, 0, "{name}, {reason}: {said}");
        let mut given: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for [contender, due, got] in cells(&result) {
            assert_eq!(due, got, "{name}, {reason}: {contender}");
            given.entry(contender).or_default().insert(got);
        }
        assert!(given.len() >= 3, "{name}: every backend");
        assert!(given.values().all(|codes| *codes == due), "{name}, {reason}: {given:?}, {due:?}");
    }
}

#[test]
fn keys_of_one_type_are_a_set_for_tokens_of_another() {
    let (one, other) = (case("no-kid-two-keys"), case("no-alg-two-algorithms"));
    let es256 = lines(other.path())[1].clone();
    let rs256 = lines(one.path())[0].clone();
    let text = fs::read_to_string(one.path().join("jwks.json")).unwrap();
    let mut set: Value = serde_json::from_str(&text).unwrap();
    set["keys"].as_array_mut().unwrap().truncate(1);
    for (kid, code) in [("e1", "JWT_KEY_MISMATCH"), ("other", "JWT_UNKNOWN_KID")] {
        set["keys"][0]["kid"] = kid.into();
        fs::write(one.path().join("jwks.json"), set.to_string()).unwrap();
        write_lines(one.path(), &[&es256, &rs256]);
        assert_eq!(verified(one.path(), "@policy.toml", AS_OF), [code, "ACCEPT"]);
        let (exit, result, said) = measured(one.path(), "@policy.toml", &["--now", AS_OF]);
        assert_eq!(exit, 0, "{kid}: {said}");
        let refused: Vec<[String; 3]> =
            cells(&result).into_iter().filter(|[_, due, _]| due != "ACCEPT").collect();
        assert!(refused.len() > 4, "{kid}: {refused:?}");
        for [contender, due, got] in refused {
            let expected = if contender.starts_with("core:") { code } else { "REFUSE" };
            assert_eq!((due.as_str(), got.as_str()), (code, expected), "{kid}: {contender}");
        }
    }
}

/// Every contender accepts, bounds and floors are there, and nothing is found on a library.
fn all_accept(folder: &Path, reason: &str) {
    let (exit, result, said) = measured(folder, "@policy.toml", &["--now", AS_OF]);
    assert_eq!(exit, 0, "{reason}: {said}");
    let cells = cells(&result);
    for name in ["core:ring", "raw:ring", "core:null", "null:", "jsonwebtoken:rust-crypto"] {
        assert!(cells.iter().any(|[contender, ..]| contender == name), "{reason}: {name}");
    }
    for [contender, due, got] in cells {
        assert_eq!((&*due, &*got), ("ACCEPT", "ACCEPT"), "{reason}: {contender}");
    }
}

#[test]
fn good_tokens_are_accepted_by_all() {
    let folder = case("no-kid");
    let good = lines(folder.path());
    write_lines(folder.path(), &[&good[0], &good[1]]);
    all_accept(folder.path(), "no `kid`, one key of each type");
    all_accept(case("expires-soon").path(), "one expires in a second");

    let folder = case("no-alg-two-algorithms");
    let es256 = lines(folder.path())[1].clone();
    write_lines(folder.path(), &[&es256]);
    let text = fs::read_to_string(folder.path().join("jwks.json")).unwrap();
    let mut set: Value = serde_json::from_str(&text).unwrap();
    set["keys"][0]["kid"] = set["keys"][1]["kid"].clone();
    let unreadable = serde_json::json!({ "kty": "EC", "crv": "P-256", "kid": 7 });
    set["keys"].as_array_mut().unwrap().insert(0, unreadable);
    fs::write(folder.path().join("jwks.json"), set.to_string()).unwrap();
    all_accept(folder.path(), "a key of another type under its kid, an entry that is no key");
}

#[test]
fn the_clock_stands_and_what_it_would_change_is_counted() {
    let rows = [
        ("1795000000", "ACCEPT", "1 of 2", "one of them for a second"),
        ("1795000001", "ACCEPT JWT_EXPIRED", "0 of 2", "what has expired stays so"),
        ("1794999999", "JWT_ISSUED_IN_FUTURE", "2 of 2", "both in a second"),
        ("1795003600", "JWT_EXPIRED", "0 of 2", "both are over"),
    ];
    for (now, codes, count, reason) in rows {
        let folder = case("expires-soon");
        let folder = folder.path();
        let longer = ["--duration", "100ms", "--rounds", "3", "--contender", "core:[!n]*"];
        let longer = [&longer[..], &["--now", now]].concat();
        let files = ["run", "--tokens", "@tokens.txt", "--jwks", "@jwks.json"];
        let files = [&files[..], &["--policy", "@policy.toml", "--json", "--out", "@out"]].concat();
        let output = jwtbench_on(folder, &[&files[..], &longer].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{reason}: {said}");
        assert!(said.contains(&format!("stands at {now}")), "{reason}: {said}");
        assert!(said.contains(&format!("{count} verdicts would change")), "{reason}: {said}");
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let analysis = result["scenarios"][0]["analysis"].as_str().unwrap();
        assert!(analysis.contains(count), "{reason}: {analysis}");
        let given: BTreeSet<String> = cells(&result).into_iter().map(|[.., got]| got).collect();
        let given: Vec<String> = given.into_iter().collect();
        assert_eq!(given.join(" "), codes, "{reason}");
    }
}

#[test]
fn a_cache_policy_has_its_say_on_leeway_and_kid() {
    let (_pack, folder) = pack();
    tokens(&folder, |_| true);
    let text = fs::read_to_string(folder.join("policy.toml")).unwrap();
    let lenient = text.replace("kid-required = true", "kid-required = false");
    fs::write(folder.join("lenient.toml"), lenient).unwrap();
    let as_of = ["--now", "1767225600", "--contender", "core:ring", "--cache-policy"];
    for preset in ["istio-envoy-like", "krakend-like", "aws-jwt-verify-like"] {
        for policy in ["@policy.toml", "@lenient.toml"] {
            let (exit, result, said) = measured(&folder, policy, &[&as_of[..], &[preset]].concat());
            assert_eq!(exit, 0, "{preset} {policy}: {said}");
            assert!(cells(&result).len() > 20, "{preset} {policy}");
        }
        let replay = ["replay", "@out", "--tokens", "@tokens.txt", "--jwks", "@jwks.json"];
        let output = jwtbench_on(&folder, &[&replay[..], &["--out", "@again", "--force"]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{preset}, again: {said}");
        assert!(said.contains("the clock of the verifier stands at 1767225600"), "{said}");
    }

    let folder = case("no-kid");
    let good = lines(folder.path());
    write_lines(folder.path(), &[&good[0], &good[1]]);
    for by_kid in ["jwks-rsa-java-like", "krakend-cache-like"] {
        let named = case("no-kid");
        let by_kid = ["--now", AS_OF, "--contender", "core:ring", "--cache-policy", by_kid];
        let (exit, _, said) = measured(named.path(), "@policy.toml", &by_kid);
        assert_eq!(exit, 0, "keys are held by kid: {said}");
    }
    let required = ["--now", AS_OF, "--cache-policy", "aws-jwt-verify-like"];
    let (exit, result, said) = measured(folder.path(), "@policy.toml", &required);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("2 JWT_UNKNOWN_KID"), "{said}");
    assert!(cells(&result).iter().all(|[_, due, got]| due != "ACCEPT" && got != "ACCEPT"));
}

#[test]
fn contenders_that_cannot_run_are_told_or_refused() {
    let folder = case("no-alg-two-algorithms");
    let rows: [(&[&str], i32, &str); 5] = [
        (&[], 0, "RS256: tokens refused: 1 of 1; bounds and floors take every token for good"),
        (&["--contender", "raw:ring"], 0, "left out: raw:ring"),
        (&["--contender", "raw:ring", "--algorithm", "RS256"], 2, "--contender raw:ring: none"),
        (&["--contender", "core:ring", "--contender", "batch:*"], 2, "not verified by batch:dalek"),
        (&["--contender", "null:", "--algorithm", "RS256"], 2, "--contender null:: none"),
    ];
    for (more, code, words) in rows {
        let (exit, result, said) =
            measured(folder.path(), "@policy.toml", &[&["--now", AS_OF], more].concat());
        assert_eq!(exit, code, "{more:?}: {said}");
        assert!(said.contains(words), "{more:?}: {said}");
        if code == 0 {
            let refused = cells(&result).into_iter().filter(|[_, due, _]| due != "ACCEPT");
            let is_bound = |name: &str| name.starts_with("raw:") || name.contains("null");
            assert!(refused.into_iter().all(|[contender, ..]| !is_bound(&contender)), "{more:?}");
        }
    }
}
