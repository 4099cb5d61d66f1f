#!/usr/bin/env python3
"""jwt_vectors.py: prints tests/records/jwt.txt, valid and forged bearer
tokens. It uses only Python's hmac and json, so that the expected results
do not come from the code under test.
"""
import base64
import hashlib
import hmac
import json

KEY = b"0123456789abcdef0123456789abcdef"
OLD = b"fedcba9876543210fedcba9876543210"
OTHER = b"another key of thirty-two bytes!"
NOW = 1795168800  # WORLD_NOW of route_world.h, in seconds
DIGITS = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
          "0123456789-_")
HEADER = {"alg": "HS256", "typ": "JWT"}
rows, issued = [], []


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def text(x):
    if isinstance(x, bytes):
        return x
    if not isinstance(x, str):
        x = json.dumps(x, separators=(",", ":"))
    return x.encode()


def sign(signed, key=KEY):
    mac = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return signed + "." + encode(mac)


def token(header, claims, key=KEY):
    return sign(encode(text(header)) + "." + encode(text(claims)), key)


def claims(**more):
    """The claims of a valid token with some changed; None removes one."""
    all_of_them = {"tenant_id": "acme", "exp": NOW + 3600, **more}
    return {k: v for k, v in all_of_them.items() if v is not None}


def good(*tokens):
    rows.extend((t, "+acme") for t in tokens)


def refused(why, *tokens):
    rows.extend((t, why) for t in tokens)


def of_header(**more):
    return token({"alg": "HS256", **more}, claims())


def of_claims(**more):
    return token(HEADER, claims(**more))


def next_digit(part):
    """The same bytes with another last digit, if that has spare bits."""
    return part[:-1] + DIGITS[DIGITS.index(part[-1]) ^ 1]


def make():
    one = of_claims()
    head, body, mac = one.split(".")
    good(one, token({"alg": "HS256"}, claims()), of_header(kid="2026-11"),
         of_header(typ="jwt"), of_header(typ="Jwt"),
         token(HEADER, claims(), OLD), of_claims(exp=NOW - 59),
         of_claims(nbf=NOW + 60, iat=NOW + 60),
         of_claims(iss="us", aud=["x", "them"]),
         # A time may have a fraction (RFC 7519, NumericDate).
         token(HEADER, '{"tenant_id":"acme","exp":1.8e9}'),
         of_claims(exp=NOW + 0.5, iat=1.5))
    refused("three parts", "", "a.b", one + ".x", "." + one)
    evil = encode(text(claims(tenant_id="evil")))
    refused("signature", "..", head + "." + body + ".", one + "=", one + " ",
            one[:-1], next_digit(one), token(HEADER, claims(), OTHER),
            head + "." + evil + "." + mac,
            encode(b'{"alg":"none"}') + "." + body + ".",
            encode(b'{"alg":"none"}') + "." + body + "." + mac)
    # All tokens from here on are signed with our key but must be refused.
    refused("not signed with HS256", token({"typ": "JWT"}, claims()),
            *(of_header(alg=a) for a in
              ("none", "None", "RS256", "HS512", "ES256", "hs256", "", None,
               ["HS256"])))
    refused("fields other than alg", of_header(crit=["exp"]),
            of_header(jku="https://evil/"), of_header(jwk={}),
            of_header(x5u="https://evil/"), of_header(x5c=[]),
            of_header(b64=False), of_header(zip="DEF"), of_header(cty="JWT"))
    refused("its kid is no", of_header(kid="../../dev/null"),
            of_header(kid="x'; --"), of_header(kid=5))
    refused("its typ is not JWT", of_header(typ="JWE"),
            of_header(typ="at+jwt"), of_header(typ=""), of_header(typ="jwtx"),
            of_header(typ=5))
    spare = encode(b'{"alg":"HS256"} ')
    refused("header is not a JSON object",
            token('{"alg":"HS256","alg":"none"}', claims()),
            token('["HS256"]', claims()),
            token(b'{"alg":"HS256"}\0', claims()), token(b"\xff", claims()),
            sign(next_digit(spare) + "." + body), sign(head + "=." + body),
            sign(head[:5] + "+" + head[6:] + "." + body), sign("." + body))
    refused("claims are not a JSON object", sign(head + "." + body + "="),
            sign(head + "."), token(HEADER, "[]"),
            *(token(HEADER, '{"tenant_id":"acme",' + x) for x in
              ('"exp":1795172400,"exp":1}', '"exp":1795172400} {}',
               '"exp":1e999}', '"exp":99999999999999999999}')))
    refused("not a time", *(token(HEADER, '{"tenant_id":"acme","exp":%s}' % x)
                         for x in ("null", "1e300")),
            of_claims(exp=2 ** 63 - 1), of_claims(exp=-1),
            of_claims(exp=-0.5),
            of_claims(exp="1795172400"), of_claims(exp=True),
            of_claims(nbf="1"), of_claims(iat=-5), of_claims(iat=-0.5))
    refused("never expires", of_claims(exp=None))
    refused("expired", of_claims(exp=NOW - 60), of_claims(exp=0))
    refused("not valid yet", of_claims(nbf=NOW + 61), of_claims(iat=NOW + 61))
    refused("names no tenant", of_claims(tenant_id=None),
            of_claims(tenant_id=7))
    refused("not a valid tenant name", *(of_claims(tenant_id=t) for t in
                                ("", "../x", "a b", "-x", "x" * 65)))


def make_issued():
    for want, more in (
            ("+acme", {"iss": "us", "aud": "them"}),
            ("+acme", {"iss": "us", "aud": ["other", "them"]}),
            ("iss", {"aud": "them"}), ("iss", {"iss": "we", "aud": "them"}),
            ("iss", {"iss": ["us"], "aud": "them"}), ("aud", {"iss": "us"}),
            ("aud", {"iss": "us", "aud": "us"}),
            ("aud", {"iss": "us", "aud": ["x"]}),
            ("aud", {"iss": "us", "aud": {"them": 1}}),
            ("aud", {"iss": "us", "aud": []})):
        issued.append((of_claims(**more), want))


make()
make_issued()
print("# Made by tests/unit/jwt_vectors.py, read by test_jwt.c: what a bearer token\n"
      "# comes to, '+' and the tenant or a part of the reason; a tab; the token.")
for t, want in rows:
    print(f"{want}\t{t}")
print("# With issuer us and audience them")
for t, want in issued:
    print(f"{want}\t{t}")
