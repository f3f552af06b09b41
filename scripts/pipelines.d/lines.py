"""Runs every script line of action.yml and of .gitlab/jwtbench.yml in an empty folder: with a cargo that
installs the binary under test, and with a service of comments on loopback. Usage: lines.py BINARY FOLDER"""

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
BINARY, FOLDER = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()

# What `cargo install` would leave: the binary below `--root`.
CARGO = f"""#!/usr/bin/env bash
set -eu
[[ "$1 $2 $3" == "install --locked --path" && -f "$4/Cargo.toml" && "$5" == --features ]]
[[ "$7" == --root ]]
mkdir -p "$8/bin"
ln -sf {BINARY} "$8/bin/jwtbench"
"""

SHORT = ("hot-path/accept --algorithm EdDSA --contender core:ring --contender raw:ring --duration 100ms "
         "--rounds 6")
IMPOSSIBLE = """title = "An expectation that nothing meets"
analysis = "No cache does without an attempt."
[load]
arrivals = "constant"
duration = "1h"
[[stream]]
name = "users"
rate = 0.01
tokens = { valid = 100 }
[expect]
"all.all.attempts_per_hour.worst" = "<= 0"
"""


class Comments(BaseHTTPRequestHandler):
    """Comments of both services: listed, written, changed."""

    known, asked = [], []
    # As a token that may not write meets it.
    is_closed = False

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(403 if Comments.is_closed else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        page = int(re.search(r"page=(\d+)$", self.path)[1])
        # The first page is full of others' comments.
        others = [{"id": 1, "body": "another"}] * 100
        self.answer(others if page == 1 else Comments.known)

    def write(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        headers = {name.lower(): value for name, value in self.headers.items()}
        Comments.asked.append((self.command, self.path, headers, body))
        Comments.known = [{"id": 7, "body": body}]
        self.answer({"id": 7})

    do_POST = do_PATCH = do_PUT = write

    def log_message(self, *_):
        pass


def expand(text, context):
    """The expressions that these files use: a name, or one of a few conditions."""
    def value(match):
        name = match[1].strip()
        if name not in context:
            sys.exit(f"lines: no value for ${{{{ {name} }}}}")
        return context[name]
    return re.sub(r"\$\{\{(.*?)\}\}", value, str(text))


def bash(script, folder, env):
    """The exit code of a script, run as both services do."""
    done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=folder,
                          env=env, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def action(name, inputs, api, pull_request=""):
    """Exit code, summary and log of a use of the action."""
    folder = FOLDER / name
    (folder / "temp").mkdir(parents=True)
    definition = yaml.safe_load((ROOT / "action.yml").read_text())
    given = {key: expand(one.get("default", ""), {"github.token": "a-token"})
             for key, one in definition["inputs"].items()}
    unknown = set(inputs) - set(given)
    assert not unknown, unknown
    given.update(inputs)
    context = {f"inputs.{key}": value for key, value in given.items()}
    context.update({"github.action_path": str(ROOT), "runner.temp": str(folder / "temp"),
                    "github.event.pull_request.number": pull_request})
    files = {key: folder / f"temp/{key}" for key in ("GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for path in files.values():
        path.touch()
    env = {"PATH": f"{FOLDER / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "GITHUB_API_URL": api,
           "GITHUB_REPOSITORY": "acme/api", **{key: str(path) for key, path in files.items()}}
    log, code = [], 0
    for step in definition["runs"]["steps"]:
        condition = step.get("if", "")
        if "inputs.comment == 'true'" in condition and given["comment"] != "true":
            continue
        if code and "!cancelled()" not in condition:
            continue
        own = {key: expand(value, context) for key, value in step.get("env", {}).items()}
        ended, text = bash(step["run"], folder, {**env, **own})
        log.append(text)
        code = code or ended
        for line in files["GITHUB_OUTPUT"].read_text().splitlines():
            key, _, value = line.partition("=")
            context[f"steps.{step.get('id')}.outputs.{key}"] = value
    assert files["GITHUB_PATH"].read_text().strip().endswith("/bin")
    return code, files["GITHUB_STEP_SUMMARY"].read_text(), "".join(log), folder


def gitlab(name, variables, api):
    """The same by the job of GitLab."""
    folder = FOLDER / name
    folder.mkdir(parents=True)
    job = yaml.safe_load((ROOT / ".gitlab/jwtbench.yml").read_text())[".jwtbench"]
    source, revision = snapshot()
    env = {"PATH": f"{FOLDER / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "CI_API_V4_URL": api,
           "CI_PROJECT_ID": "5", "CI_MERGE_REQUEST_IID": "3", **job["variables"],
           "JWTBENCH_SOURCE": str(source), "JWTBENCH_REVISION": revision, **variables}
    # One shell for all lines, as a runner has it.
    code, log = bash("\n".join(job["before_script"] + job["script"]), folder, env)
    summary = folder / env["OUT"] / "summary.md"
    junit = folder / job["artifacts"]["reports"]["junit"].replace("$OUT", env["OUT"])
    assert code in (1, 2) or junit.exists(), "JUnit is where the job says"
    return code, summary.read_text(), log, folder


def snapshot():
    """A repository with the files as they are here, committed or not, and its one commit."""
    path = FOLDER / "source"
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "-C", path]
    env = {"PATH": os.environ["PATH"], "HOME": str(FOLDER)}
    if not path.exists():
        path.mkdir()
        files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "scripts", "harness/cli"],
                               cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
        subprocess.run(["cp", "--parents", "--no-dereference", *files, path], cwd=ROOT, check=True)
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
            subprocess.run([*git, *words], check=True, env=env)
    revision = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True, env=env)
    return path, revision.stdout.strip()


def gate_again():
    """What an earlier gate left in a folder is never taken for what comes of a later one."""
    folder = FOLDER / "again"
    folder.mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "JWTBENCH": str(BINARY), "OUT": "out"}
    for verb, good in (("check", "hot-path/accept"), ("run", SHORT)):
        for scenario, due, word in ((good, 0, "PASSED"), ("no/such", 2, "left no result")):
            code, log = bash(f"{ROOT}/scripts/gate {verb} {scenario}", folder, env)
            summary = (folder / "out/summary.md").read_text()
            held(f"{verb} {scenario.split()[0]}, in the same folder", (code, summary, log, folder), due, [word])
    own = f"BASE=out/result {ROOT}/scripts/gate run {SHORT}"
    held("a base where the new run goes", (*bash(own, folder, env)[:1], "", "", folder), 2, [])


def held(what, ended, code, words):
    """The exit code and the words of the summary."""
    got, summary, log, _ = ended
    if got != code or any(word not in summary for word in words):
        sys.exit(f"lines: {what}: exit code {got} instead of {code}, or the summary lacks one of {words}:\n"
                 f"{summary[:2000]}\n{log[-2000:]}")
    print(f"{what}: exit code {code}")
    return ended


def main():
    (FOLDER / "bin").mkdir()
    (FOLDER / "bin/cargo").write_text(CARGO)
    (FOLDER / "bin/cargo").chmod(0o755)
    mine = FOLDER / "mine.toml"
    mine.write_text(IMPOSSIBLE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Comments)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api = f"http://127.0.0.1:{server.server_port}"

    run = {"verb": "run", "arguments": SHORT}
    base = held("run without a base", action("first", run, api), 0, ["Nothing was compared", "PASSED"])
    stored = {"base": str(base[3] / "jwtbench-out/result")}
    slower = {**run, **stored, "arguments": f"{SHORT} --plant drag=900%", "compare": "--strict"}
    ended = action("slower", slower, api)
    # A machine that is busy beside us proves nothing, and `--strict` says so.
    quiet = "REGRESSED" in ended[1]
    held("run beside a base, ten times slower", ended, 3 if quiet else 6, [] if quiet else ["INVALID"])
    held("run beside a base of another kind",
         action("other", {**run, **stored, "arguments": f"{SHORT} --seed 2"}, api), 2, ["Not compared"])
    held("check", action("check", {"verb": "check", "arguments": "unknown-kid/*"}, api), 0, ["PASSED"])
    held("a scenario that is not there",
         action("absent", {"verb": "check", "arguments": "no/such"}, api), 2, ["left no result"])
    missed = {"verb": "simulate", "arguments": f"{mine} --cache-policy default --offsets 1 --draws 1",
              "comment": "true"}
    for turn, method in (("first", "POST"), ("second", "PATCH")):
        held(f"simulate, {turn} comment", action(f"missed-{turn}", missed, api, "12"), 5, ["attempts_per_hour"])
        asked = Comments.asked[-1]
        assert asked[0] == method and asked[1].startswith("/repos/acme/api/issues/"), asked[:2]
        assert asked[2]["authorization"] == "Bearer a-token" and "attempts_per_hour" in asked[3]
    Comments.known = []
    variables = {"VERB": "simulate", "ARGUMENTS": missed["arguments"], "JWTBENCH_TOKEN": "b-token"}
    for turn, method in (("first", "POST"), ("second", "PUT")):
        ended = held(f"GitLab, simulate, {turn} note", gitlab(f"note-{turn}", variables, api), 5,
                     ["attempts_per_hour"])
        asked = Comments.asked[-1]
        assert asked[0] == method and asked[1].startswith("/projects/5/merge_requests/3/notes"), asked[:2]
        assert asked[2]["private-token"] == "b-token" and "b-token" not in ended[2]
    Comments.is_closed = True
    held("simulate, a comment that may not be written", action("closed", missed, api, "12"), 5, [])
    held("GitLab, simulate, a note that may not be written", gitlab("lab-closed", variables, api), 5, [])
    Comments.is_closed = False
    gate_again()
    held("GitLab, check", gitlab("lab-check", {"ARGUMENTS": "hot-path/accept"}, api), 0, ["PASSED"])


main()
