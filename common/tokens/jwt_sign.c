/*
 * jwt_sign: see jwt_sign.h.
 */
#include "common/tokens/jwt_sign.h"

#include <errno.h>
#include <jwt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

/* A list of names. */
static int
add_token_teams(jwt_t *jwt, const char *teams)
{
	struct buf claims = BUF_INIT;
	size_t len;
	int rc;

	if (!parse_is_utf8(teams, strlen(teams)))
		return EINVAL;
	jsonw_open(&claims);
	jsonw_key(&claims, "teams");
	jsonw_list(&claims);
	for (; *teams != '\0'; teams += len + (teams[len] == ',')) {
		len = strcspn(teams, ",");
		jsonw_next(&claims);
		jsonw_quote(&claims, teams, len);
	}
	jsonw_list_end(&claims);
	jsonw_close(&claims);
	rc = jwt_add_grants_json(jwt, buf_str(&claims));
	buf_release(&claims);
	return rc;
}

/* 0, or an errno value. The tenant comes first: a second claim of that name
 * is what EEXIST reports. */
static int
add_token_claims(
    jwt_t *jwt, const struct jwt_rules *rules, const struct jwt_content *c)
{
	const char *const texts[][2] = {
		{ rules->tenant_claim, c->tenant },
		{ "role", c->role },
		{ "jti", c->id },
		{ "sub", c->subject },
		{ "iss", rules->issuer },
		{ "aud", rules->audience },
	};
	size_t i;
	int rc = 0;

	for (i = 0; i < ARRAY_LEN(texts) && rc == 0; i++) {
		if (texts[i][1] != NULL)
			rc = jwt_add_grant(jwt, texts[i][0], texts[i][1]);
	}
	if (rc == 0 && c->teams != NULL)
		rc = add_token_teams(jwt, c->teams);
	if (rc == 0)
		rc = jwt_add_grant_int(jwt, "iat", (long)c->issued_s);
	if (rc == 0)
		rc = jwt_add_grant_int(jwt, "exp", (long)c->expires_s);
	return rc;
}

static int
encode_token(jwt_t *jwt, const char *key, struct buf *token)
{
	char *text;
	int rc = jwt_set_alg(
	    jwt, JWT_ALG_HS256, (const unsigned char *)key, (int)strlen(key));

	if (rc != 0)
		return rc;
	text = jwt_encode_str(jwt);
	if (text == NULL)
		return errno != 0 ? errno : EINVAL;
	buf_adds(token, text);
	free(text);
	return 0;
}

int
jwt_sign(const struct jwt_rules *rules, const struct jwt_content *c,
    struct buf *token, struct buf *why)
{
	jwt_t *jwt = NULL;
	int rc;

	if (rules->keys_n == 0 || strlen(rules->keys[0]) > INT_MAX) {
		buf_setf(why, "there is no key to sign tokens with");
		return -1;
	}
	rc = jwt_new(&jwt);
	if (rc == 0)
		rc = add_token_claims(jwt, rules, c);
	if (rc == 0)
		rc = encode_token(jwt, rules->keys[0], token);
	jwt_free(jwt);
	if (rc == EEXIST)
		buf_setf(why,
		    "[listen] tenant_claim is '%s', which says something else "
		    "in these tokens; choose another name",
		    rules->tenant_claim);
	else if (rc != 0)
		buf_setf(why, "libjwt cannot sign a token: %s", log_errno(rc));
	return rc == 0 ? 0 : -1;
}
