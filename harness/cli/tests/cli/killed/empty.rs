//! A command that was ended before anything was finished: what it leaves is shown, and is in
//! nobody's way.

use super::*;

/// A command that was ended before its first row: what is known is shown, that is no success, and
/// the next command needs no leave to begin anew.
#[test]
fn a_part_without_a_row_is_in_nobodys_way() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let short = ["run", "hot-path/accept", "-q", "--rounds", "2", "--duration", "5ms"];
    let short = [&short[..], &["--contender", "core:ring", "--algorithm", "ES256"]].concat();
    let simulate = ["simulate", "policy/drill", "--cache-policy", "default", "--offsets", "1"];
    let simulate = [&simulate[..], &["--draws", "1", "-q"]].concat();
    let duel = ["duel", "core:ring", "core:ring", "--algorithm", "ES256", "--blocks", "6", "-q"];
    let rows: [(&str, &[&str], &[&str]); 3] = [
        (PART, &short, &["terminal", "markdown", "html", "json", "junit"]),
        ("simulation.jsonl.part", &simulate, &["terminal", "markdown", "html", "json", "junit"]),
        ("duel.jsonl.part", &duel, &["terminal", "markdown", "json"]),
    ];
    for (part, arguments, forms) in rows {
        let again = [arguments, &["--out", part.split_once('.').unwrap().0]].concat();
        let out = folder.join(part.split_once('.').unwrap().0);
        let mut child = command(folder, &again).spawn().unwrap();
        wait_for("the head", || lines(&out.join(part)) > 0);
        child.kill().unwrap();
        child.wait().unwrap();
        let text_of = fs::read_to_string(out.join(part)).unwrap();
        fs::write(out.join(part), text_of.split_inclusive('\n').next().unwrap()).unwrap();
        for form in forms {
            let shown = out.to_str().unwrap();
            let output = jwtbench(folder, &["report", shown, "--format", form]);
            let said = text(&output.stderr);
            assert!(output.status.code() == Some(1), "{part} {form}: {said}");
            assert!(said.contains("nothing is finished yet"), "{part} {form}: {said}");
            assert!(!text(&output.stdout).contains("PASSED"), "{part} {form}");
        }
        // Nor in that of another verb.
        let other = match part.starts_with("simulation") {
            true => [&short[..], &["--out", out.to_str().unwrap()]].concat(),
            false => [&simulate[..], &["--out", out.to_str().unwrap()]].concat(),
        };
        fs::copy(out.join(part), folder.join("head")).unwrap();
        let output = jwtbench(folder, &other);
        assert!(output.status.success() && !out.join(part).exists(), "{}", text(&output.stderr));
        fs::remove_dir_all(&out).unwrap();
        fs::create_dir(&out).unwrap();
        fs::copy(folder.join("head"), out.join(part)).unwrap();
        let output = jwtbench(folder, &again);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{part}: {}", text(&output.stderr));
        assert!(!out.join(part).exists(), "{part}: {}", text(&output.stderr));
    }
}
