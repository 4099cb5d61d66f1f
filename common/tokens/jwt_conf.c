/*
 * jwt_conf: see jwt_conf.h.
 */
#include "common/tokens/jwt_conf.h"

#include <errno.h>
#include <string.h>

#include "common/base/syserr.h"
#include "common/conf/secret.h"

/* Adds the key of that name. NULL: none, or it could not be read, *why. */
static int
take_token_key(struct jwt_conf *j, char *key, const char *section,
    const char *name, enum exit_code *code, struct buf *why)
{
	if (key == NULL && why->len > 0)
		*code = syserr_code(errno, PROG_CONFIG);
	if (key == NULL)
		return why->len > 0 ? -1 : 0;
	j->secrets[j->rules.keys_n] = key;
	if (strlen(key) < JWT_KEY_LEAST) {
		buf_setf(why,
		    "[%s] %s has %zu bytes, and %d random ones are the "
		    "least; make one by: openssl rand -hex 32",
		    section, name, strlen(key), JWT_KEY_LEAST);
		return -1;
	}
	j->rules.keys[j->rules.keys_n++] = key;
	return 0;
}

int
jwt_conf_read(struct jwt_conf *j, const struct conf *conf, const char *section,
    enum exit_code *code, struct buf *why)
{
	bool plain = conf_text(conf, section, "secret_key") != NULL;
	const char *old = conf_text(conf, section, "secret_key_old_file");
	char *key;

	j->rules.issuer = conf_text(conf, section, "issuer");
	j->rules.audience = conf_text(conf, section, "audience");
	j->rules.tenant_claim = conf_text(conf, section, "tenant_claim");
	key = conf_secret(conf, section, "secret_key", why);
	if (take_token_key(j, key, section,
		plain ? "secret_key" : "secret_key_file", code, why) != 0)
		return -1;
	if (j->rules.keys_n == 0 && old != NULL) {
		buf_setf(why,
		    "[%s] has secret_key_old_file and no key; "
		    "set secret_key_file",
		    section);
		return -1;
	}
	key = secret_choose(section, "secret_key_old", NULL, old, why);
	return take_token_key(
	    j, key, section, "secret_key_old_file", code, why);
}

void
jwt_conf_release(struct jwt_conf *j)
{
	size_t i;

	for (i = 0; i < JWT_KEYS; i++)
		secret_free(j->secrets[i]);
}
