/*
 * jwt: checks and creates bearer tokens: JWTs signed with HS256, and no other
 * algorithm.
 *
 * A token is valid if it has three parts in canonical base64url, at most 8 KiB;
 * one of our keys made its signature; its header has HS256 and no member that
 * changes how it is read (crit, jku, jwk, x5u); exp is in the future, and nbf
 * and iat, if present, in the past (without fractions, with a tolerance of
 * JWT_LEEWAY_S); iss and aud are those of the configuration; and it names a
 * tenant. No claim is read before the signature is verified. To revoke all
 * tokens, change the key.
 */
#ifndef COMMON_TOKENS_JWT_H
#define COMMON_TOKENS_JWT_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JWT_TOKEN_MAX 8192
#define JWT_KEY_LEAST 32
#define JWT_KEYS 2
#define JWT_LEEWAY_S 60

/* From the configuration. Everything is borrowed. */
struct jwt_rules {
	const char *keys[JWT_KEYS];    /* the current key, the previous key */
	size_t keys_n;                 /* 0: tokens are not required */
	const char *issuer, *audience; /* NULL: any */
	const char *tenant_claim;
};

/* The other claims of a token; "" if absent. */
struct jwt_claims {
	bool has_role;  /* there is a role, in any form */
	bool are_short; /* these claims are texts, and not too long; if
			 * false, they are not all here */
	char role[16];
	char subject[192]; /* sub: the person for whom it was created */
	char id[65];       /* jti: the id used to revoke it */
	char teams[1024];  /* a list of names, each with a newline after it */
	bool in_teams;     /* there is such a list, which may be empty */
	int64_t expires_s; /* exp */
};

/* Returns 0, the tenant, which has RECORD_MAX_TENANT + 1 bytes, and the other
 * claims; or -1 and *why, which may be logged because it contains no part of
 * the token. */
int jwt_check(const struct jwt_rules *rules, const char *token, int64_t now_ms,
    char *tenant, struct jwt_claims *c, struct buf *why)
    __attribute__((warn_unused_result));

/* The content of a token besides issuer and audience, which come from the
 * rules. Texts are UTF-8, borrowed. */
struct jwt_content {
	const char *tenant, *role, *id;
	const char *subject;         /* NULL: no particular person */
	const char *teams;           /* separated by commas; NULL: none */
	int64_t issued_s, expires_s; /* since 1970 */
};

/* Appends a token that jwt_check() accepts, signed with the current key.
 * Returns -1 and *why, without any part of a secret, if the rules have no key,
 * or if their tenant_claim is the name of another claim. */
int jwt_sign(const struct jwt_rules *rules, const struct jwt_content *c,
    struct buf *token, struct buf *why) __attribute__((warn_unused_result));

/* The rules of a section, [listen] or [serve]: secret_key, its files, issuer,
 * audience, tenant_claim. */

/* Must be zeroed before jwt_conf_read(). */
struct jwt_conf {
	struct jwt_rules rules;  /* without keys if none is configured */
	char *secrets[JWT_KEYS]; /* the keys of rules, owned */
};

/* Returns 0, or -1 with *code and *why. Call jwt_conf_release() in any case.
 * The configuration is borrowed. */
int jwt_conf_read(struct jwt_conf *j, const struct conf *conf,
    const char *section, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));
void jwt_conf_release(struct jwt_conf *j);

/* For the header "Authorization: Bearer TOKEN" (RFC 6750). */

/* Appends the token of the header's value, without surrounding spaces, which
 * are not part of it (RFC 9112). Returns false if there is no such header
 * (NULL), or it has another scheme. */
bool bearer_add(struct buf *to, const char *header)
    __attribute__((warn_unused_result));

#endif
