/*
 * jwt: bearer tokens, JWTs that are signed with HS256 and with nothing else.
 * libjwt is seen in jwt.c only.
 *
 * A token counts when it has three parts in canonical base64url, 8 KiB at
 * most; when one of our keys has made its signature; when its header says
 * HS256 and bears nothing that could steer a reader (crit, jku, jwk, x5u);
 * when exp lies ahead, and nbf and iat, if there are any, behind, all whole
 * numbers, by our clock and a minute more; when iss and aud are what the
 * configuration wants; and when it names a tenant. No claim is looked at
 * before the signature is found good. To revoke a token, change the key.
 */
#ifndef COMMON_HTTP_JWT_H
#define COMMON_HTTP_JWT_H

#include "common/base/buf.h"

#include <stddef.h>
#include <stdint.h>

#define JWT_TOKEN_MAX 8192
#define JWT_KEY_LEAST 32
#define JWT_KEYS 2
#define JWT_LEEWAY_S 60

/* What the configuration wants. All borrowed. */
struct jwt_rules {
	const char *keys[JWT_KEYS];    /* the present one, that before */
	size_t keys_n;                 /* 0: no tokens are asked for */
	const char *issuer, *audience; /* NULL: any */
	const char *tenant_claim;
};

/* 0 and the tenant, which has RECORD_MAX_TENANT + 1 bytes; or -1 and *why, for
 * the log: it holds nothing of the token. */
int jwt_check(const struct jwt_rules *rules, const char *token, int64_t now_ms,
    char *tenant, struct buf *why) __attribute__((warn_unused_result));

#endif
