//! A mint that is killed or interrupted: what it leaves is never taken for a pack.

use super::*;

#[test]
fn a_mint_that_is_killed() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let mint = ["mint", "--out", "pack", "-q", "--algorithm", "ES256", "--algorithm", "EdDSA"];
    let mut child = command(folder, &mint).spawn().unwrap();
    wait_for("the first", || folder.join("pack/.mint.part/ES256/jwks.json").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    for name in ["pack/README.md", "pack/ES256", "pack/EdDSA"] {
        assert!(!folder.join(name).exists(), "{name}: it looks like a pack");
    }
    let output = jwtbench(folder, &mint);
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("cut short"), "{said}");
    let output = jwtbench(folder, &[&mint[..], &["--force", "--with-private-keys"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    // A pack that is replaced leaves nothing of the old one, and what is not of a pack alone.
    fs::write(folder.join("pack/ES256/mine.txt"), "mine").unwrap();
    let output = jwtbench(folder, &[&mint[..], &["--force"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(folder.join("pack/ES256/mine.txt").exists());
    assert!(!folder.join("pack/ES256/private-keys.json").exists());
    let left = fs::read_dir(folder.join("pack")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut left: Vec<String> = left.map(|name| name.into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["ES256", "EdDSA", "README.md"]);
}

/// Ctrl-C while tokens are signed, and while private keys are written: nothing of either is left.
#[test]
fn a_mint_that_is_interrupted() {
    for seen in ["jwks.json", "private-keys.json"] {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        let algorithms = ["--algorithm", "ES256", "--algorithm", "EdDSA"];
        let mint = ["mint", "--out", "pack", "-q", "--with-private-keys"];
        let child = command(folder, &[&mint[..], &algorithms].concat()).spawn().unwrap();
        let making = folder.join("pack/.mint.part");
        let whole = folder.join("pack/README.md");
        let is_there = || making.join("ES256").join(seen).exists() || whole.exists();
        wait_for(seen, is_there);
        send("INT", &child);
        let output = child.wait_with_output().unwrap();
        assert!(!making.exists(), "{seen}: {}", text(&output.stderr));
        if whole.exists() {
            // It was faster than the signal.
            continue;
        }
        assert_eq!(output.status.code(), Some(130), "{seen}: {}", text(&output.stderr));
        for algorithm in ["ES256", "EdDSA"] {
            assert!(!folder.join("pack").join(algorithm).exists(), "{seen}: {algorithm} is left");
        }
    }
}
