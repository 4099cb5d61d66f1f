/*
 * jwt_conf: the rules of bearer tokens from a section of the configuration,
 * [listen] or [serve]: secret_key, its files, issuer, audience, tenant_claim.
 */
#ifndef COMMON_TOKENS_JWT_CONF_H
#define COMMON_TOKENS_JWT_CONF_H

#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "common/tokens/jwt.h"

/* Zeros before jwt_conf_read(). */
struct jwt_conf {
	struct jwt_rules rules;  /* no keys: none is configured */
	char *secrets[JWT_KEYS]; /* the keys of rules, owned */
};

/* 0, or -1 with *code and *why; jwt_conf_release() is called in any case. The
 * configuration is borrowed. */
int jwt_conf_read(struct jwt_conf *j, const struct conf *conf,
    const char *section, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));
void jwt_conf_release(struct jwt_conf *j);

#endif
