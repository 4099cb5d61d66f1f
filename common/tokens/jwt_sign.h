/*
 * jwt_sign: makes bearer tokens that jwt_check() accepts: JWTs signed with
 * HS256 and the current key. libjwt is visible in jwt*.c only.
 */
#ifndef COMMON_TOKENS_JWT_SIGN_H
#define COMMON_TOKENS_JWT_SIGN_H

#include "common/tokens/jwt.h"

/* What a token says, beside issuer and audience, which are those of the rules.
 * Texts are UTF-8, borrowed. */
struct jwt_content {
	const char *tenant, *role, *id;
	const char *subject;         /* NULL: nobody in particular */
	const char *teams;           /* with commas between; NULL: none */
	int64_t issued_s, expires_s; /* since 1970 */
};

/* Appends the token. -1 and *why, without any part of a secret, when the rules
 * have no key, or when their tenant_claim is the name of another claim. */
int jwt_sign(const struct jwt_rules *rules, const struct jwt_content *c,
    struct buf *token, struct buf *why) __attribute__((warn_unused_result));

#endif
