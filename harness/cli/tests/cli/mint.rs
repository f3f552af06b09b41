//! The conformance pack: the same to the byte for a seed, the committed sample up to date, private
//! keys only for who asks. And of all that tokens are made of nothing shows in any other output.

#![allow(clippy::unwrap_used)]

use crate::binary;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use binary::{ROOT, jwtbench};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

const PER_CLASS: &str = "3";

fn mint(folder: &Path, more: &[&str]) -> Output {
    let out = folder.to_str().unwrap();
    let args = ["mint", "--out", out, "--algorithm", "ES256", "--per-class", PER_CLASS];
    jwtbench(&[&args[..], more].concat())
}

fn minted(more: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = mint(folder.path(), more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

/// Every file below a folder, by its path.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let below = files(&path).into_iter();
            found.extend(below.map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            found.push((name, fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn the_committed_sample_is_what_the_command_makes() {
    let sample = Path::new(ROOT).join("reports/pack");
    let fresh = minted(&[]);
    let remedy =
        "refresh it: jwtbench mint --out reports/pack --algorithm ES256 --per-class 3 --force";
    assert!(files(&sample) == files(fresh.path()), "reports/pack is out of date; {remedy}");
}

#[test]
fn another_seed_gives_another_pack() {
    let (one, two) = (minted(&[]), minted(&["--seed", "2"]));
    let names = |folder: &Path| files(folder).into_iter().map(|(name, _)| name).collect();
    let [first, second]: [BTreeSet<String>; 2] = [names(one.path()), names(two.path())];
    assert_eq!(first, second);
    let tokens = |folder: &Path| fs::read(folder.join("ES256/tokens.jsonl")).unwrap();
    assert_ne!(tokens(one.path()), tokens(two.path()));
}

/// A pack says what is due at its own instant: holders have had their tokens for up to a lifetime
/// of 5 minutes, and `max-age` may be shorter.
#[test]
fn no_token_of_a_pack_is_older_than_its_policy_allows() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    let (own, pack) = (own.to_str().unwrap(), folder.path().join("pack"));
    assert!(jwtbench(&["list", "--write", own]).status.success());
    let path = Path::new(own).join("conformance/every-class.toml");
    let text = fs::read_to_string(&path).unwrap();
    let rows = [("max-age = \"2m\"", 0), ("max-age = \"1s\"\nleeway = \"1s\"", 2)];
    for (keys, due) in rows {
        let text = text.replace("max-age = \"1h\"", keys);
        assert!(text.contains(keys), "{keys}: it is in the file");
        fs::write(&path, text).unwrap();
        let output = mint(&pack, &["--scenarios", own, "--force", "-q"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(due), "{keys}: {said}");
        assert_eq!(said.contains("cannot hold: all its tokens are older"), due == 2, "{said}");
    }
    let of = |name: &str| pack.join("ES256").join(name);
    let text = fs::read_to_string(of("tokens.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    // What state decides, `verify` is not told.
    let is_of_state = |line: &Value| {
        let states = ["JWT_REVOKED", "JWT_STALE_AUTHORIZATION"];
        line["code"].as_str().is_some_and(|code| states.contains(&code))
    };
    let whole = |line: &Value| {
        line["token"].as_str().is_some_and(|token| !token.is_empty() && !token.contains('\n'))
    };
    let lines: Vec<Value> = lines.filter(|line| whole(line) && !is_of_state(line)).collect();
    let tokens: Vec<&str> = lines.iter().map(|line| line["token"].as_str().unwrap()).collect();
    fs::write(of("tokens"), tokens.join("\n")).unwrap();
    let about: Value = serde_json::from_slice(&fs::read(of("pack.json")).unwrap()).unwrap();
    let now = about["now"].to_string();
    let [policy, jwks, tokens] = ["policy.toml", "jwks.json", "tokens"].map(of);
    let [policy, jwks, tokens] = [&policy, &jwks, &tokens].map(|path| path.to_str().unwrap());
    let verify = ["verify", "--policy", policy, "--jwks", jwks, "--now", &now, tokens];
    let output = jwtbench(&verify);
    let text = String::from_utf8(output.stdout).unwrap();
    let verdicts = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let verdicts: Vec<Value> = verdicts.collect();
    assert_eq!(verdicts.len(), lines.len(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(lines.iter().filter(|line| line["class"] == "valid").count() > 0, "good ones are left");
    for (verdict, line) in verdicts.iter().zip(&lines) {
        let given = [&verdict["verdict"], &verdict["code"]];
        assert_eq!(given, [&line["verdict"], &line["code"]], "{}", line["class"]);
    }
}

#[test]
fn a_pack_is_not_overwritten_unasked() {
    let folder = minted(&[]);
    let again = mint(folder.path(), &[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--force"));
    assert!(mint(folder.path(), &["--force"]).status.success());
}

/// The private members of every key (RFC 7518 §6.2.2).
fn private_members(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("ES256/private-keys.json")).unwrap();
    let set: Value = serde_json::from_str(&text).unwrap();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["d"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn private_keys_only_for_who_asks() {
    let with = minted(&["--with-private-keys"]);
    let private = private_members(with.path());
    assert!(private.len() >= 4, "the issuer's keys, the attacker's and the other issuer's");
    for (name, bytes) in files(minted(&[]).path()) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!name.contains("private"), "{name}");
        assert!(private.iter().all(|secret| !text.contains(secret)), "a private key in {name}");
    }
}

/// Nobody else can read them, whatever the umask; and those of another pack do not stay.
#[cfg(unix)]
#[test]
fn private_keys_are_their_owners_alone_and_not_left_over() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = minted(&["--with-private-keys"]);
    let keys = folder.path().join("ES256/private-keys.json");
    let mode = || fs::metadata(&keys).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(mint(folder.path(), &["--with-private-keys", "--force"]).status.success());
    assert_eq!(mode(), 0o600, "it was another file before");
    let names =
        || -> Vec<String> { files(folder.path()).into_iter().map(|(name, _)| name).collect() };
    assert!(!names().iter().any(|name| name.contains("part")), "{:?}", names());
    assert!(mint(folder.path(), &["--force"]).status.success());
    assert!(!names().iter().any(|name| name.contains("private")), "{:?}", names());
    // What cannot be written: nothing of it is left.
    fs::create_dir_all(keys.join("in-the-way")).unwrap();
    let output = mint(folder.path(), &["--with-private-keys", "--force"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!names().iter().any(|name| name.ends_with(".json.part")), "{:?}", names());
}

/// What must show nowhere: tokens, their payloads and signatures, subjects, token identifiers.
fn secrets(folder: &Path) -> Vec<String> {
    let mut secrets = private_members(folder);
    let lines = fs::read_to_string(folder.join("ES256/tokens.jsonl")).unwrap();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let Some(token) = line["token"].as_str() else { continue };
        secrets.extend(token.split('.').skip(1).map(|part| part.trim().to_owned()));
        let payload = token.split('.').nth(1).unwrap_or_default();
        let claims = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
        let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
        let personal = ["sub", "jti"].map(|name| claims[name].as_str().map(str::to_owned));
        secrets.extend(personal.into_iter().flatten());
    }
    // Shorter ones are no secrets: `admin`, an empty part.
    secrets.retain(|secret| secret.len() >= 20);
    secrets.sort();
    secrets.dedup();
    secrets
}

#[test]
fn nothing_of_a_token_shows_anywhere() {
    let pack = minted(&["--with-private-keys"]);
    let secrets = secrets(pack.path());
    assert!(secrets.len() > 400, "{} secrets", secrets.len());
    let part = |name: &str| pack.path().join("ES256").join(name).display().to_string();
    let lines = fs::read_to_string(part("tokens.jsonl")).unwrap();
    let tokens = lines.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["token"].as_str().map(|token| token.replace(['\n', '\r'], " ") + "\n")
    });
    fs::write(part("tokens.txt"), tokens.collect::<String>()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run").display().to_string();
    let narrow = ["conformance/every-class", "--algorithm", "ES256"];
    let commands: [Vec<&str>; 5] = [
        [&["check"], &narrow[..], &["--json"]].concat(),
        [&["check"], &narrow[..]].concat(),
        [&["run"], &narrow[..], &["--duration", "50ms", "--out", &out, "--json"]].concat(),
        vec!["report", &out],
        vec!["verify", "--policy", "P", "--jwks", "J", "--now", "1767225600", "--explain", "T"],
    ];
    let [policy, jwks, text] = ["policy.toml", "jwks.json", "tokens.txt"].map(part);
    let mut shown: Vec<(String, Vec<u8>)> = Vec::new();
    for command in &commands {
        let named = |arg: &&str| match *arg {
            "P" => policy.clone(),
            "J" => jwks.clone(),
            "T" => text.clone(),
            other => other.to_owned(),
        };
        let args: Vec<String> = command.iter().map(named).collect();
        let output = jwtbench(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let said = [output.stdout, output.stderr].concat();
        assert!(said.len() > 100, "{command:?} says something");
        shown.push((command.join(" "), said));
    }
    shown.extend(files(folder.path()));
    assert!(shown.iter().any(|(name, _)| name.ends_with("index.html")), "the reports are there");
    for (name, bytes) in &shown {
        let text = String::from_utf8_lossy(bytes);
        let leak = secrets.iter().find(|secret| text.contains(secret.as_str()));
        assert_eq!(leak, None, "shown by {name}");
    }
}
