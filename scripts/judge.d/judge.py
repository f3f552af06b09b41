"""The validation contract, written down a second time, over joserfc (and so OpenSSL).

Reads a conformance pack and judges every token of it. Exits with 1 on a disagreement that is not
explained below.
"""

import base64
import collections
import json
import math
import pathlib
import re
import sys
from fractions import Fraction

import tomli
from joserfc.jwk import import_key
from joserfc.jws import JWSRegistry

# Where this judge and the pack may differ: class -> why. Empty, and it should stay so.
EXPLAINED = {}

ALGORITHM = {"EdDSA": "EdDSA", "Ed25519": "EdDSA"}
KEY_TYPE = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
CURVE = {"ES256": "P-256", "ES384": "P-384", "EdDSA": "Ed25519"}
SIGNATURE_BYTES = {"ES256": 64, "ES384": 96, "EdDSA": 64}
LAST_SECOND = 253402300799


class Refused(Exception):
    """Carries the reason code."""


def refuse_unless(condition, code):
    if not condition:
        raise Refused(code)


def seconds(text):
    """A duration as humantime writes it: `1h 30m`."""
    units = {"s": 1, "m": 60, "h": 3600, "day": 86400, "days": 86400, "ms": Fraction(1, 1000)}
    return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)([a-z]+)", text))


def decode(part):
    refuse_unless(re.fullmatch(rb"[A-Za-z0-9_-]*", part) and len(part) % 4 != 1, "JWT_MALFORMED")
    raw = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    refuse_unless(base64.urlsafe_b64encode(raw).rstrip(b"=") == part, "JWT_MALFORMED")
    return raw


class Number(str):
    """A JSON number as it is written."""


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def read_object(raw, levels, members):
    def unique(pairs):
        counts = collections.Counter(name for name, _ in pairs)
        found = dict(pairs)
        found[None] = {name for name, count in counts.items() if count > 1}
        return found

    def strict(name):
        raise ValueError(name)

    try:
        text = raw.decode("utf-8")
        top = json.loads(text, object_pairs_hook=unique, parse_int=Number, parse_float=Number,
                         parse_constant=strict)
    except (ValueError, RecursionError):
        raise Refused("JWT_MALFORMED") from None
    refuse_unless(isinstance(top, dict), "JWT_MALFORMED")
    refuse_unless(not top.pop(None) & set(members), "JWT_MALFORMED")
    refuse_unless(depth(top) <= levels, "JWT_MALFORMED")
    return top


def is_text(value):
    return isinstance(value, str) and not isinstance(value, Number)


def header_of(part, policy):
    raw = decode(part)
    refuse_unless(len(raw) <= policy["max-header-bytes"], "JWT_MALFORMED")
    header = read_object(raw, 16, ["alg", "kid", "typ", "crit", "b64"])
    refuse_unless(is_text(header.get("alg")), "JWT_MALFORMED")
    refuse_unless("kid" not in header or is_text(header["kid"]), "JWT_MALFORMED")
    alg = header["alg"]
    refuse_unless(alg.lower() != "none", "JWT_ALG_NONE")
    alg = ALGORITHM.get(alg, alg)
    refuse_unless(alg in [ALGORITHM.get(a, a) for a in policy["algorithms"]], "JWT_ALG_NOT_ALLOWED")
    typ = header.get("typ")
    if "typ" not in header:
        refuse_unless("absent" in policy["types"], "JWT_TYPE_MISMATCH")
    else:
        refuse_unless(is_text(typ), "JWT_TYPE_MISMATCH")
        short = re.sub("^application/", "", typ.lower())
        allowed = [t.lower() for t in policy["types"] if t != "absent"]
        refuse_unless(short in allowed, "JWT_TYPE_MISMATCH")
    refuse_unless("crit" not in header and "b64" not in header, "JWT_CRIT_UNSUPPORTED")
    return header, alg


def usable(entry, alg):
    """Whether an entry of the set verifies signatures of this algorithm."""
    return (
        entry.get("kty") == KEY_TYPE[alg[:2]]
        and entry.get("crv", CURVE.get(alg)) == CURVE.get(alg)
        and ALGORITHM.get(entry.get("alg", alg), entry.get("alg", alg)) == alg
        and entry.get("use", "sig") == "sig"
        and "verify" in entry.get("key_ops", ["verify"])
    )


def key_of(header, alg, policy, entries):
    kid = header.get("kid")
    refuse_unless(kid is not None or not policy["kid-required"], "JWT_UNKNOWN_KID")
    refuse_unless(kid is None or len(kid.encode()) <= 256, "JWT_UNKNOWN_KID")
    named = [entry for entry in entries if kid is None or entry.get("kid") == kid]
    refuse_unless(named, "JWT_UNKNOWN_KID")
    material = ("kty", "crv", "n", "e", "x", "y")
    fitting = {json.dumps([e.get(m) for m in material]): e for e in named if usable(e, alg)}
    refuse_unless(fitting, "JWT_KEY_MISMATCH")
    refuse_unless(len(fitting) == 1, "JWT_KEY_AMBIGUOUS")
    return next(iter(fitting.values()))


def check_signature(entry, alg, signing_input, signature):
    expected = SIGNATURE_BYTES.get(alg) or len(decode(entry["n"].encode()))
    refuse_unless(len(signature) == expected, "JWT_BAD_SIGNATURE")
    key = import_key({k: v for k, v in entry.items() if k in ("kty", "crv", "n", "e", "x", "y")})
    model = JWSRegistry(algorithms=[alg]).get_alg(alg)
    try:
        is_good = model.verify(signing_input, signature, key)
    except Exception:  # A library may say no in its own way.
        is_good = False
    refuse_unless(is_good, "JWT_BAD_SIGNATURE")


def numeric_date(value):
    refuse_unless(isinstance(value, Number), "JWT_CLAIM_INVALID")
    refuse_unless(math.isfinite(float(value)), "JWT_CLAIM_INVALID")
    date = Fraction(value)
    refuse_unless(date < LAST_SECOND + 1, "JWT_CLAIM_INVALID")
    return date


def asked_texts(policy):
    """Texts that the policy asks for beside those that are always read (RFC 7519 section 4)."""
    names = policy["claims"]
    return [
        *([names["tenant"]] if policy.get("tenant") else []),
        *([names["subject-kind"]] if policy["subject-kinds"] else []),
        *(names["client"] if policy["clients"] else []),
        *(["client_id"] if policy["profile"] == "rfc9068" else []),
    ]


def typed(claims, policy):
    """Every claim that is asked for has its JSON type."""
    names = policy["claims"]
    for name in ["iss", "sub", "jti", "token_use", *asked_texts(policy)]:
        refuse_unless(name not in claims or is_text(claims[name]), "JWT_CLAIM_INVALID")
    aud = claims.get("aud", [])
    refuse_unless(is_text(aud) or (isinstance(aud, list) and all(map(is_text, aud))),
                  "JWT_CLAIM_INVALID")
    for name in ["exp", "nbf", "iat"]:
        if name in claims:
            numeric_date(claims[name])
    if policy["sender-constraint"] != "off":
        cnf = claims.get("cnf", {})
        refuse_unless(isinstance(cnf, dict), "JWT_CLAIM_INVALID")
        texts = all(is_text(cnf.get(member, "")) for member in ("jkt", "x5t#S256"))
        refuse_unless(texts, "JWT_CLAIM_INVALID")
    if names["scope"] in claims and policy["required-scopes"]:
        check_scope_type(claims[names["scope"]], names["scope-form"])


def check_scope_type(scope, form):
    if form == "array":
        good = isinstance(scope, list) and all(map(is_text, scope))
    else:
        good = is_text(scope)
    refuse_unless(good, "JWT_CLAIM_INVALID")


def proven_claims(part, policy):
    names = policy["claims"]
    members = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "token_use",
               *asked_texts(policy), *policy["required-claims"], *policy["prohibited-claims"],
               *([names["scope"]] if policy["required-scopes"] else []),
               *(["cnf"] if policy["sender-constraint"] != "off" else [])]
    claims = read_object(decode(part), 64, members)
    typed(claims, policy)
    required = ["iss", "sub", "aud", "exp", *policy["required-claims"]]
    if "max-age" in policy:
        required.append("iat")
    if policy["profile"] == "rfc9068":
        required += ["iat", "jti", "client_id"]
    if policy.get("tenant"):
        required.append(names["tenant"])
    for name in required:
        refuse_unless(claims.get(name) not in (None, "", [], [""]), "JWT_CLAIM_MISSING")
    refuse_unless(claims["iss"] == policy["issuer"], "JWT_ISSUER_MISMATCH")
    aud = [claims["aud"]] if is_text(claims["aud"]) else claims["aud"]
    refuse_unless(set(aud) & set(policy["audience"]), "JWT_AUDIENCE_MISMATCH")
    scope = claims.get(names["scope"]) if policy["required-scopes"] else None
    granted = [] if scope is None else scope if isinstance(scope, list) else scope.split(" ")
    word = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
    refuse_unless(all(word.fullmatch(g) for g in granted), "JWT_SCOPE_INVALID")
    return claims, granted


def in_force(claims, granted, policy, pack):
    names, now, leeway = policy["claims"], pack["now"], seconds(policy["leeway"])
    date = {name: Fraction(claims[name]) for name in ("exp", "nbf", "iat") if name in claims}
    refuse_unless(now - leeway < date["exp"], "JWT_EXPIRED")
    refuse_unless(now + leeway >= date.get("nbf", now), "JWT_NOT_YET_VALID")
    refuse_unless(now + leeway >= date.get("iat", now), "JWT_ISSUED_IN_FUTURE")
    if "max-age" in policy:
        refuse_unless(now - date["iat"] <= seconds(policy["max-age"]) + leeway, "JWT_TOO_OLD")
    refuse_unless(claims.get("token_use", "access") == "access", "JWT_TYPE_MISMATCH")
    refuse_unless(not set(policy["prohibited-claims"]) & set(claims), "JWT_TYPE_MISMATCH")
    # No request of a pack comes with a proof.
    constraint = policy["sender-constraint"]
    bound = constraint == "required" or (constraint == "if-present" and "cnf" in claims)
    refuse_unless(not bound, "JWT_SENDER_MISMATCH")
    refuse_unless(claims.get("jti") not in pack["revoked"], "JWT_REVOKED")
    least = pack["authorization_versions"].get(claims["sub"])
    if least is not None:
        version = claims.get(names["authorization-version"])
        is_version = isinstance(version, Number) and version.isdigit()
        refuse_unless(is_version and int(version) >= least, "JWT_STALE_AUTHORIZATION")
    if policy.get("tenant"):
        refuse_unless(claims[names["tenant"]] == policy["tenant"], "JWT_TENANT_MISMATCH")
    kinds, clients = policy["subject-kinds"], policy["clients"]
    refuse_unless(not kinds or claims.get(names["subject-kind"]) in kinds, "JWT_SUBJECT_KIND")
    client = next((claims[name] for name in names["client"] if name in claims), None)
    refuse_unless(not clients or client in clients, "JWT_CLIENT_MISMATCH")
    refuse_unless(set(policy["required-scopes"]) <= set(granted), "JWT_SCOPE_INSUFFICIENT")


def judge(token, policy, entries, pack):
    """The code, or ACCEPT."""
    try:
        refuse_unless(token, "JWT_MISSING")
        refuse_unless(len(token) <= policy["max-token-bytes"], "JWT_OVERSIZED")
        parts = token.split(b".")
        refuse_unless(len(parts) != 5, "JWT_ENCRYPTED")
        refuse_unless(len(parts) == 3, "JWT_MALFORMED")
        header, alg = header_of(parts[0], policy)
        entry = key_of(header, alg, policy, entries)
        check_signature(entry, alg, token.rpartition(b".")[0], decode(parts[2]))
        claims, granted = proven_claims(parts[1], policy)
        in_force(claims, granted, policy, pack)
    except Refused as refusal:
        return str(refusal)
    return "ACCEPT"


def main(root):
    disagreements = 0
    for folder in sorted(path for path in pathlib.Path(root).iterdir() if path.is_dir()):
        policy = tomli.loads((folder / "policy.toml").read_text())
        entries = json.loads((folder / "jwks.json").read_text())["keys"]
        pack = json.loads((folder / "pack.json").read_text())
        classes, count = set(), 0
        for line in (folder / "tokens.jsonl").read_text().splitlines():
            due = json.loads(line)
            token = due.get("token", "").encode() or base64.b64decode(due.get("token_base64", ""))
            got = judge(token, policy, entries, pack)
            count += 1
            classes.add(due["class"])
            wanted = due.get("code", "ACCEPT")
            if got != wanted:
                why = EXPLAINED.get(due["class"])
                disagreements += why is None
                print(f"{folder.name}: line {due['line']} {due['class']}: due {wanted}, "
                      f"judged {got}{': ' + why if why else ''}")
        print(f"{folder.name}: {count} tokens of {len(classes)} classes judged")
    print(f"{disagreements} disagreements")
    return 1 if disagreements else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
