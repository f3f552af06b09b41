"""Random proofs of possession, judged by a second writing of the rules and by `jwtbench verify`.

Usage: proofs.py JWTBENCH NUMBER SEED
"""

import base64
import hashlib
import json
import random
import re
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

NOW = 1_800_000_000
LEEWAY = 30
MAX_AGE = 60
MAX_BYTES = 4096
MAX_DEPTH = 16
METHOD = "GET"
URL = "https://api.example/orders/%7Eme?page=2"
CERTIFICATE = bytes([0x30, 0x82, 1, 2, 3])
POLICY = """
issuer = "https://issuer.example"
audience = ["api"]
algorithms = ["EdDSA"]
tenant = ""
required-scopes = ["read"]
profile = "plain"
"""


class Refused(Exception):
    """A refusal, by its code."""


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def strict(text):
    """RFC 7515 §2: no padding, no other alphabet, no stray bits."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        raise ValueError(text)
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64(data) != text:
        raise ValueError(text)
    return data


class Key:
    """A key of a client or of the issuer."""

    def __init__(self, rng, kind):
        self.kind = kind
        if kind == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
            x = self.private.public_key().public_bytes_raw()
            self.jwk = {"crv": "Ed25519", "kty": "OKP", "x": b64(x)}
        else:
            self.private = ec.derive_private_key(rng.getrandbits(250) + 1, ec.SECP256R1())
            numbers = self.private.public_key().public_numbers()
            x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
            self.jwk = {"crv": "P-256", "kty": "EC", "x": b64(x), "y": b64(y)}

    @property
    def jkt(self):
        return thumbprint(self.jwk)

    def sign(self, data):
        if self.kind == "EdDSA":
            return self.private.sign(data)
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def thumbprint(jwk):
    names = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y")}[jwk["kty"]]
    text = json.dumps({name: jwk[name] for name in names}, separators=(",", ":"))
    return b64(hashlib.sha256(text.encode()).digest())


# The second writing of the rules.


class Number(str):
    """A number as it is written."""


def read(data, names):
    """One JSON object without a duplicate of what is read, of at most MAX_DEPTH levels."""

    def constant(text):
        raise ValueError(text)

    def pairs(items):
        return Pairs(items)

    value = json.loads(
        data.decode("utf-8"),
        object_pairs_hook=pairs,
        parse_int=Number,
        parse_float=Number,
        parse_constant=constant,
    )
    if not isinstance(value, Pairs) or depth(value) > MAX_DEPTH:
        raise ValueError("no object")
    own = [name for name, _ in value if name in names]
    if len(own) != len(set(own)):
        raise ValueError("a duplicate")
    return dict(value)


class Pairs(list):
    """The members of an object, in order."""


def depth(value):
    if isinstance(value, Pairs):
        return 1 + max((depth(inner) for _, inner in value), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def is_text(value):
    return isinstance(value, str) and not isinstance(value, Number)


PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}


def public_key(jwk, alg):
    """RFC 9449 §4.3, checks 6 and 7. Returns the key and its thumbprint."""
    if not isinstance(jwk, Pairs):
        raise Refused("JWT_PROOF_KEY_INVALID")
    names = [name for name, _ in jwk]
    known = {"kty", "kid", "alg", "use", "key_ops", "crv", "n", "e", "x", "y", "pub"}
    members = dict(jwk)
    is_bad = bool(PRIVATE & set(names)) or any(names.count(name) > 1 for name in known)
    for name in known - {"key_ops"}:
        is_bad |= name in members and not is_text(members[name])
    ops = members.get("key_ops", ["verify"])
    is_bad |= not isinstance(ops, list) or isinstance(ops, Pairs)
    if is_bad or "kty" not in members or "verify" not in ops:
        raise Refused("JWT_PROOF_KEY_INVALID")
    if members.get("use", "sig") != "sig":
        raise Refused("JWT_PROOF_KEY_INVALID")
    aliases = {"EdDSA": {"EdDSA", "Ed25519"}, "ES256": {"ES256"}}[alg]
    if members.get("alg", alg) not in aliases:
        raise Refused("JWT_PROOF_KEY_INVALID")
    try:
        if alg == "EdDSA":
            assert (members["kty"], members["crv"]) == ("OKP", "Ed25519")
            x = strict(members["x"])
            assert len(x) == 32 and any(x)
            return ed25519.Ed25519PublicKey.from_public_bytes(x), thumbprint(members)
        assert (members["kty"], members["crv"]) == ("EC", "P-256")
        x, y = strict(members["x"]), strict(members["y"])
        assert len(x) == len(y) == 32
        numbers = ec.EllipticCurvePublicNumbers(
            int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
        )
        return numbers.public_key(), thumbprint(members)
    except (AssertionError, KeyError, ValueError):
        raise Refused("JWT_PROOF_KEY_INVALID") from None


def verifies(key, alg, data, signature):
    try:
        if alg == "EdDSA":
            key.verify(signature, data)
        else:
            r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
            key.verify(encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


UNRESERVED = r"[A-Za-z0-9\-._~]"
PATH = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")


def normal(url):
    """RFC 3986 §6.2.2 and §6.2.3, of http and https, without query and fragment."""
    found = re.fullmatch(r"(?i:(https?))://([^/?#]*)([^?#]*)([?#][!-~]*)?", url)
    if not found:
        return None
    scheme, authority, path = found[1].lower(), found[2], found[3]
    host = re.fullmatch(r"([A-Za-z0-9\-._~!$&'()*+,;=]+)(?::([0-9]*))?", authority)
    if not host or not PATH.fullmatch(path):
        return None
    port = int(host[2] or {"http": 80, "https": 443}[scheme])
    if port > 65535:
        return None
    if port == 0 and host[2]:
        port = {"http": 80, "https": 443}[scheme]

    def decoded(match):
        character = chr(int(match[0][1:], 16))
        return character if re.fullmatch(UNRESERVED, character) else match[0].upper()

    path = re.sub(r"%[0-9A-Fa-f]{2}", decoded, path) or "/"
    segments = []
    parts = path[1:].split("/")
    for at, part in enumerate(parts):
        is_last = at == len(parts) - 1
        if part == ".." and segments:
            segments.pop()
        if part not in (".", ".."):
            segments.append(part)
        elif is_last:
            segments.append("")
    return scheme, host[1].lower(), port, "/" + "/".join(segments)


def check_proof(proof, token, jkt, nonces):
    """RFC 9449 §4.3. Returns the thumbprint and the jti."""
    if len(proof) > MAX_BYTES:
        raise Refused("JWT_PROOF_OVERSIZED")
    parts = proof.split(".")
    try:
        if len(parts) != 3:
            raise ValueError("parts")
        header = read(strict(parts[0]), {"typ", "alg", "jwk", "crit", "b64"})
        signature = strict(parts[2])
        if not is_text(header.get("alg")) or "crit" in header or "b64" in header:
            raise ValueError("header")
    except (ValueError, RecursionError):
        raise Refused("JWT_PROOF_MALFORMED") from None
    typ = header.get("typ")
    if not is_text(typ) or not re.fullmatch(r"(?i:(application/)?dpop\+jwt)", typ):
        raise Refused("JWT_PROOF_TYPE_MISMATCH")
    alg = {"ES256": "ES256", "EdDSA": "EdDSA", "Ed25519": "EdDSA"}.get(header["alg"])
    if alg is None:
        raise Refused("JWT_PROOF_ALG_NOT_ALLOWED")
    key, own = public_key(header.get("jwk"), alg)
    if own != jkt:
        raise Refused("JWT_SENDER_MISMATCH")
    data = f"{parts[0]}.{parts[1]}".encode()
    if len(signature) != 64 or not verifies(key, alg, data, signature):
        raise Refused("JWT_PROOF_BAD_SIGNATURE")
    try:
        claims = read(strict(parts[1]), {"jti", "htm", "htu", "iat", "ath", "nonce"})
    except (ValueError, RecursionError):
        raise Refused("JWT_PROOF_MALFORMED") from None
    required = all(is_text(claims.get(name)) for name in ("jti", "htm", "htu"))
    optional = all(is_text(claims.get(name, "")) for name in ("ath", "nonce"))
    if not required or not optional or not isinstance(claims.get("iat"), Number):
        raise Refused("JWT_PROOF_CLAIM_INVALID")
    if claims["htm"] != METHOD:
        raise Refused("JWT_PROOF_METHOD_MISMATCH")
    htu = claims["htu"]
    if "?" in htu or "#" in htu or normal(htu) != normal(URL):
        raise Refused("JWT_PROOF_TARGET_MISMATCH")
    if abs(Decimal(claims["iat"]) - NOW) > MAX_AGE + LEEWAY:
        raise Refused("JWT_PROOF_TIME_MISMATCH")
    if claims.get("ath") != b64(hashlib.sha256(token.encode()).digest()):
        raise Refused("JWT_PROOF_TOKEN_MISMATCH")
    if nonces and claims.get("nonce") not in nonces:
        raise Refused("JWT_PROOF_NONCE_MISMATCH")
    if not 1 <= len(claims["jti"].encode()) <= 256:
        raise Refused("JWT_PROOF_ID_INVALID")
    return own, claims["jti"]


def certificate_hash(field):
    text = field[1:-1] if len(field) >= 2 and field[0] == field[-1] == ":" else None
    try:
        der = base64.b64decode(text or "", validate=True)
    except ValueError:
        der = b""
    if text is None or der[:1] != b"\x30":
        raise Refused("JWT_CERTIFICATE_MALFORMED")
    return b64(hashlib.sha256(der).digest())


def due(line, nonces, used):
    """The code that is due to a line; None for an accepted token."""
    token, proof, certificate = line
    try:
        if token.fault in ("JWT_EXPIRED",):
            raise Refused(token.fault)
        burned = None
        if proof:
            burned = check_proof(proof, token.text, token.cnf.get("jkt"), nonces)
        elif "jkt" in token.cnf:
            raise Refused("JWT_SENDER_MISMATCH")
        x5t = token.cnf.get("x5t#S256")
        if x5t:
            if not certificate or certificate_hash(certificate) != x5t:
                raise Refused("JWT_SENDER_MISMATCH")
        if token.fault:
            raise Refused(token.fault)
        if burned in used:
            raise Refused("JWT_PROOF_REPLAYED")
        if burned:
            used.add(burned)
    except Refused as refused:
        return str(refused)
    return None


# What is judged.


class Token:
    """An access token, and the fault that it has of its own."""

    def __init__(self, issuer, cnf, fault=None):
        claims = {
            "iss": "https://issuer.example",
            "aud": "api",
            "sub": "a",
            "exp": NOW - 100 if fault == "JWT_EXPIRED" else NOW + 600,
            "scope": "other" if fault == "JWT_SCOPE_INSUFFICIENT" else "read",
        }
        if cnf:
            claims["cnf"] = cnf
        header = {"alg": "EdDSA", "kid": "one", "typ": "at+jwt"}
        data = ".".join(b64(json.dumps(part).encode()) for part in (header, claims))
        self.text = f"{data}.{b64(issuer.sign(data.encode()))}"
        self.cnf, self.fault = cnf or {}, fault


def json_text(rng, value, twice):
    """JSON, sometimes with white space, escapes in names, or a member twice."""
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.1:
        text = text.replace(",", " ,\n").replace(":", "\t: ") if '"htu"' not in text else text
    if twice:
        name = rng.choice(list(value) or ["jti"])
        first = json.dumps(name)
        if rng.random() < 0.5:
            first = '"' + "".join(f"\\u{ord(c):04x}" for c in name) + '"'
        text = f"{{{first}:{json.dumps(value.get(name))},{text[1:]}"
    return text.encode()


HTUS = [
    "https://api.example/orders/~me", "HTTPS://API.example:443/orders/%7eme",
    "https://api.example/./orders/x/../~me", "https://api.example/orders/~me/",
    "https://api.example/orders%2F~me", "https://api.example/orders/~me?page=2",
    "https://api.example/orders/~me#a", "http://api.example/orders/~me",
    "https://api.example:444/orders/~me", "https://api.example:0443/orders/~me",
    "https://api.example:/orders/~me", "https://api.example/Orders/~me",
    "https://me@api.example/orders/~me", "https://api.example/orders/ ~me", "", "/orders/~me",
    "https://api.example/%6frders/%7E%6de", "https://api.example//orders/~me",
    "https://api.example/orders/%2e%2E/orders/~me", "https://api.example/orders/%zz",
]  # fmt: skip
ODD = [None, True, 1, 1.5, "", "x", [], ["x"], {}, {"a": 1}]


def deep(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


def random_proof(rng, token, clients):
    """A proof, good or with up to three faults."""
    bound = [key for key in clients if key.jkt == token.cnf.get("jkt")]
    key = (bound or clients)[0] if rng.random() < 0.93 else rng.choice(clients)
    header = {"typ": "dpop+jwt", "alg": key.kind, "jwk": dict(key.jwk)}
    claims = {
        "jti": str(rng.randrange(2000)) if rng.random() < 0.1 else rng.randbytes(8).hex(),
        "htm": METHOD,
        "htu": HTUS[0],
        "iat": NOW + rng.randint(-80, 80),
        "ath": b64(hashlib.sha256(token.text.encode()).digest()),
        "nonce": rng.choice(["new", "old"]),
    }
    twice = [False, False]
    changes = {"key": key, "raw": None}
    for _ in range(rng.choice([0, 0, 1, 1, 1, 2, 3])):
        change(rng, header, claims, twice, changes)
    parts = [json_text(rng, one, flag) for one, flag in zip((header, claims), twice)]
    if changes["raw"] == "array":
        parts[rng.randrange(2)] = b"[1]"
    if changes["raw"] == "bytes":
        at = rng.randrange(2)
        parts[at] = parts[at][:5] + b"\xff" + parts[at][5:]
    texts = [b64(part) for part in parts]
    if changes["raw"] == "padded":
        texts[rng.randrange(2)] += "="
    data = ".".join(texts)
    signature = b64(changes["key"].sign(data.encode()))
    if changes["raw"] == "signature":
        signature = rng.choice([signature[:-1], signature[:-2], "", signature + "A", "A" * 86])
    if changes["raw"] == "parts":
        return rng.choice([data, f"{data}.{signature}.", f"{data}.{signature}.a.b", "."])
    return f"{data}.{signature}"


def change(rng, header, claims, twice, changes):
    """One change, which may be a fault."""
    jwk = header.get("jwk")
    kind = rng.randrange(17)
    if kind == 0:
        header["typ"] = rng.choice(
            ["JWT", "DPoP+JWT", "application/dpop+jwt", "Application/DPOP+jwt", "dpop+jwt ", 1]
        )
    elif kind == 1:
        header["alg"] = rng.choice(["ES256", "EdDSA", "Ed25519", "none", "HS256", "RS256", 1])
    elif kind == 2:
        header[rng.choice(["crit", "b64"])] = rng.choice([["exp"], True, "x"])
    elif kind == 3:
        header.pop(rng.choice(list(header)), None)
    elif kind == 4 and isinstance(jwk, dict):
        name = rng.choice(["d", "k", "p", "oth", "use", "alg", "kid", "key_ops", "x5c", "priv"])
        jwk[name] = {
            "use": rng.choice(["sig", "enc", 1]),
            "alg": rng.choice(["ES256", "EdDSA", "Ed25519", "RS256", "ECDH-ES", "x"]),
            "key_ops": rng.choice([["verify"], ["sign"], [], "verify"]),
            "x5c": ["a"],
        }.get(name, "AAAA")
    elif kind == 5 and isinstance(jwk, dict):
        name = rng.choice([name for name in ("x", "y", "crv", "kty") if name in jwk] or ["x"])
        jwk[name] = rng.choice(["AAAA", "", "P-384", "EC", "oct", "RSA", 1, "=" * 43, "A" * 43])
    elif kind == 6:
        header["jwk"] = rng.choice(ODD)
    elif kind == 7:
        claims[rng.choice(list(claims) or ["jti"])] = rng.choice(ODD)
    elif kind == 8:
        claims.pop(rng.choice(list(claims) or ["jti"]), None)
    elif kind == 9:
        claims["htm"] = rng.choice(["get", "POST", "GET ", "GET"])
    elif kind == 10:
        claims["htu"] = rng.choice(HTUS)
    elif kind == 11:
        claims["iat"] = NOW + rng.choice(
            [-91, -90, 90, 91, -90.5, 90.5, -90.0000000001, 90.0000000001, -1e6, 1e6]
        )
    elif kind == 12:
        claims["ath"] = b64(hashlib.sha256(b"another").digest())
    elif kind == 13:
        claims["jti"] = rng.choice(["", "x" * 256, "x" * 257, "\u00e9" * 128, "\u00e9" * 129])
    elif kind == 14:
        claims["nonce"] = rng.choice(["new", "old", "older", ""])
    elif kind == 15:
        twice[rng.randrange(2)] = True
    elif kind == 16:
        where = rng.choice([header, claims])
        where["other"] = rng.choice([deep(14), deep(15), deep(16), "x" * 3000, 1e308])
    if rng.random() < 0.1:
        changes["raw"] = rng.choice(["array", "bytes", "padded", "signature", "parts"])
    if rng.random() < 0.05:
        changes["key"] = Key(rng, changes["key"].kind)


def lines_of(rng, number):
    issuer = Key(rng, "EdDSA")
    clients = [Key(rng, kind) for kind in ("EdDSA", "ES256", "EdDSA", "ES256")]
    x5t = b64(hashlib.sha256(CERTIFICATE).digest())
    tokens = [Token(issuer, None), Token(issuer, {"x5t#S256": x5t})]
    for key in clients:
        tokens += [Token(issuer, {"jkt": key.jkt})] * 3
        tokens.append(Token(issuer, {"jkt": key.jkt, "x5t#S256": x5t}))
        tokens.append(Token(issuer, {"jkt": key.jkt}, "JWT_EXPIRED"))
        tokens.append(Token(issuer, {"jkt": key.jkt}, "JWT_SCOPE_INSUFFICIENT"))
    field = f":{base64.b64encode(CERTIFICATE).decode()}:"
    lines = []
    for _ in range(number):
        token = rng.choice(tokens)
        proof = "" if rng.random() < 0.05 else random_proof(rng, token, clients)
        certificate = rng.choice([field, field, field, "", ":MIIB:", "MIIB", ":AAAA:", ":"])
        lines.append((token, proof, certificate))
    issuer.jwk.update({"kid": "one", "alg": "EdDSA"})
    return issuer, lines


def judged(program, issuer, lines, nonces):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nonce = 'proof-nonce = "required"\n' if nonces else ""
        (folder / "api.toml").write_text(nonce + POLICY)
        (folder / "jwks.json").write_text(json.dumps({"keys": [issuer.jwk]}))
        columns = zip(*((token.text, proof, certificate) for token, proof, certificate in lines))
        for file, column in zip(("tokens", "proofs", "certificates"), columns):
            (folder / file).write_text("".join(text + "\n" for text in column))
        flags = [flag for nonce in nonces for flag in ("--nonce", nonce)]
        command = [
            program, "verify", "--policy", "api.toml", "--jwks", "jwks.json",
            "--proofs", "proofs", "--certificates", "certificates",
            "--request", f"{METHOD} {URL}", "--now", str(NOW), *flags, "tokens",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return [json.loads(line).get("code") for line in done.stdout.splitlines()]


def main():
    program, number, seed = str(Path(sys.argv[1]).resolve()), int(sys.argv[2]), int(sys.argv[3])
    rng = random.Random(seed)
    counts, wrong = {}, 0
    for nonces in ([], ["new", "old"]):
        issuer, lines = lines_of(rng, number // 2)
        used = set()
        expected = [due(line, nonces, used) for line in lines]
        got = judged(program, issuer, lines, nonces)
        assert len(got) == len(expected), "a verdict a line"
        for line, mine, theirs in zip(lines, expected, got):
            counts[mine or "accepted"] = counts.get(mine or "accepted", 0) + 1
            if mine != theirs:
                wrong += 1
                if wrong <= 10:
                    # These keys are of this run, and of no use to anybody.
                    parts = [part + "=" * (-len(part) % 4) for part in line[1].split(".")[:2]]
                    shown = [base64.urlsafe_b64decode(part) for part in parts if part.strip("=")]
                    print(f"due {mine}, got {theirs}: {shown}")
    total = sum(counts.values())
    for code, count in sorted(counts.items(), key=lambda pair: -pair[1]):
        print(f"{count:7} {code}")
    print(f"{total} proofs, seed {seed}: {wrong} disagreements")
    if wrong or len(counts) < 17:
        sys.exit(1)


main()
