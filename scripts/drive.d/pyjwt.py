"""PyJWT, PyJWKClient and decode: a thread for each token, as a server would have. Reads and prints
what play.mjs does. It reads the wall clock for claims, so times are not checked. No token is
printed."""

import json
import os
import sys
import threading
import time

import jwt

lock = threading.Lock()
attempts = []
begin = 0.0


def clock():
    return time.time() * 1e3 - begin


def show(value):
    with lock:
        print(json.dumps(value), flush=True)


def count(event, _):
    """An attempt is a request of urllib's."""
    if event == "urllib.Request":
        attempts.append(clock())


def main():
    global begin
    setting = json.loads(sys.stdin.readline())
    arrivals = json.loads(sys.stdin.readline())
    client = jwt.PyJWKClient(setting["url"], **setting["options"])
    demands = {
        "algorithms": [setting["algorithm"]],
        "issuer": setting["issuer"],
        "audience": setting["audience"],
        "options": {"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    }

    def one(number, token):
        verdict = {"number": number, "start_ms": clock(), "accepted": False}
        try:
            jwt.decode(token, client.get_signing_key_from_jwt(token), **demands)
            verdict["accepted"] = True
        except Exception as error:  # whatever it is, the token is refused
            verdict["why"] = type(error).__name__
        show({**verdict, "end_ms": clock()})

    sys.addaudithook(count)
    show({"ready": True})
    begin = json.loads(sys.stdin.readline())
    for number, arrival in enumerate(arrivals):
        time.sleep(max(0.0, arrival["at_ms"] - clock()) / 1e3)
        threading.Thread(target=one, args=(number, arrival["token"]), daemon=True).start()
    time.sleep(max(0.0, setting["until_ms"] - clock()) / 1e3)
    show({"attempts_ms": attempts})
    # Those that still wait for an answer are let go.
    os._exit(0)


main()
