//! A mint that is killed or interrupted: what it leaves is never taken for a whole pack.

use std::collections::BTreeMap;

use super::*;

const MINT: [&str; 8] =
    ["mint", "--out", "pack", "-q", "--algorithm", "ES256", "--algorithm", "EdDSA"];

/// The files of an algorithm's folder, by name.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    entries.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

/// The finished algorithm is there to the byte, in a folder that is no pack and says what it is.
#[test]
fn a_mint_that_is_killed() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let keys = ["--with-private-keys"];
    let mut child = command(folder, &[&MINT[..], &keys].concat()).spawn().unwrap();
    let part = folder.join("pack/.mint.part");
    wait_for("the first", || part.join("ES256/pack.json").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    for name in ["pack/README.md", "pack/ES256", "pack/EdDSA"] {
        assert!(!folder.join(name).exists(), "{name}: it looks like a pack");
    }
    assert!(fs::read_to_string(part.join("README.md")).unwrap().contains("was cut short"));
    let finished = contents(&part.join("ES256"));
    assert!(!finished.contains_key("private-keys.json"), "no private key but where it belongs");
    let output = jwtbench(folder, &MINT);
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("cut short"), "{said}");
    let output = jwtbench(folder, &[&MINT[..], &["--force", "--with-private-keys"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut whole = contents(&folder.join("pack/ES256"));
    assert!(whole.remove("private-keys.json").is_some());
    assert!(whole == finished, "what was finished is what a whole pack holds");
    // A pack that is replaced leaves nothing of the old one, and what is not of a pack alone.
    fs::write(folder.join("pack/ES256/mine.txt"), "mine").unwrap();
    let output =
        jwtbench(folder, &["mint", "--out", "pack", "-q", "--algorithm", "PS256", "--force"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(contents(&folder.join("pack/ES256")).keys().collect::<Vec<_>>(), ["mine.txt"]);
    let left = fs::read_dir(folder.join("pack")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut left: Vec<String> = left.map(|name| name.into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["ES256", "PS256", "README.md"]);
}

/// Ctrl-C leaves what was finished by then, the algorithm under way included, marked as partial.
#[test]
fn a_mint_that_is_interrupted() {
    for seen in ["README.md", "ES256/pack.json"] {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        let more = ["--algorithm", "ES384", "--with-private-keys"];
        let child = command(folder, &[&MINT[..], &more].concat()).spawn().unwrap();
        let making = folder.join("pack/.mint.part");
        let readme = folder.join("pack/README.md");
        wait_for(seen, || making.join(seen).exists() || readme.exists());
        send("INT", &child);
        let output = child.wait_with_output().unwrap();
        let said = text(&output.stderr);
        assert!(!making.exists(), "{seen}: {said}");
        assert_eq!(output.status.code(), Some(130), "{seen}: {said}");
        if seen == "README.md" && said.contains("no pack is written") {
            assert!(!readme.exists() && !folder.join("pack/ES256").exists(), "{seen}");
            continue;
        }
        assert!(said.contains("of 3 algorithms, each whole"), "{seen}: {said}");
        assert!(fs::read_to_string(&readme).unwrap().contains("**Partial: interrupted before "));
        assert!(folder.join("pack/ES256/private-keys.json").exists(), "as was asked for");
        assert!(!folder.join("pack/ES384").exists(), "{seen}");
    }
}

/// A whole pack stays until another one is whole, and what was finished of that is beside it.
#[test]
fn a_mint_over_a_pack_that_is_interrupted() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    assert!(jwtbench(folder, &MINT).status.success());
    let before = contents(&folder.join("pack/ES256"));
    let more = ["--algorithm", "ES384", "--seed", "9", "--force"];
    let child = command(folder, &[&MINT[..], &more].concat()).spawn().unwrap();
    let part = folder.join("pack/.mint.part");
    wait_for("the first", || part.join("ES256/pack.json").exists());
    send("INT", &child);
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("holds the pack that it held before"), "{said}");
    assert!(contents(&folder.join("pack/ES256")) == before, "{said}");
    assert!(part.join("ES256/pack.json").exists(), "{said}");
    // One that was killed before anything was finished is in nobody's way.
    fs::remove_dir_all(part.join("ES256")).unwrap();
    fs::remove_dir_all(part.join("EdDSA")).unwrap_or_default();
    fs::remove_dir_all(folder.join("pack/ES256")).unwrap();
    fs::remove_dir_all(folder.join("pack/EdDSA")).unwrap();
    fs::remove_file(folder.join("pack/README.md")).unwrap();
    let output = jwtbench(folder, &MINT);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// A pack that cannot be put in its place is told of with where it is, and `--out` of a file with
/// what it is.
#[test]
fn a_mint_that_cannot_be_handed_over() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    assert!(jwtbench(folder, &MINT).status.success());
    fs::create_dir_all(folder.join("pack/ES256/private-keys.json/in-the-way")).unwrap();
    let output = jwtbench(folder, &[&MINT[..], &["--seed", "9", "--force"]].concat());
    let said = text(&output.stderr);
    let due = "what was finished is in pack/.mint.part, each algorithm whole";
    assert!(output.status.code() == Some(2) && said.contains(due), "{said}");
    assert!(folder.join("pack/.mint.part/ES256/pack.json").exists());
    assert!(!folder.join("pack/ES256/pack.json").exists(), "what is no longer whole says so");
    fs::write(folder.join("file"), "mine").unwrap();
    let output = jwtbench(folder, &["mint", "--out", "file", "-q"]);
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("cannot be written"), "{said}");
}

/// What is not of a pack is never written over.
#[test]
fn a_mint_into_a_folder_of_other_things() {
    let rows: [(&str, &[u8], &str); 4] = [
        ("README.md", b"mine", "of no pack"),
        ("README.md", b"\xff\xfem\0", "of no pack"),
        ("ES256/jwks.json", b"mine", "and no pack"),
        ("simulation.jsonl", b"mine", "holds a simulation"),
    ];
    for (name, bytes, due) in rows {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("pack").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        for more in [&[][..], &["--force"]] {
            let output = jwtbench(temporary.path(), &[&MINT[..], more].concat());
            let said = text(&output.stderr);
            assert!(output.status.code() == Some(2) && said.contains(due), "{name}: {said}");
            assert_eq!(fs::read(&path).unwrap(), bytes, "{name}");
        }
    }
}
