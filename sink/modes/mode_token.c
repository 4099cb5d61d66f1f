/*
 * mode_token: sink --token: creates a token for the API, or revokes one by its
 * id. Stdout gets the token and nothing else; its id, which is not a secret,
 * goes to stderr.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/db/db.h"
#include "common/digest/encoding.h"
#include "common/digest/random.h"
#include "common/records/record.h"
#include "common/tokens/jwt.h"
#include "sink/access/scope.h"
#include "sink/access/viewer.h"
#include "sink/modes/modes.h"

/* Revoking puts a token's id into a table, see revocation.h. */

/* Maximum length of a token's id (jti). */
#define REVOKE_ID_MAX 64

/* expires_ms: when the token expires at the latest; CLOCK_NONE: unknown, the id
 * is kept forever. If an id was revoked before, its expiry is never
 * shortened. */
static enum outcome
revoke_token(
    struct db *db, const char *tenant, const char *id, int64_t expires_ms)
{
	const struct db_value row[] = { db_str(tenant), db_str(id),
		db_time(clock_now_ms()), db_time(expires_ms) };
	enum outcome o = db_connect(db);

	if (o == OUTCOME_DONE)
		o = db_exec(db,
		    "INSERT INTO revoked_tokens (tenant, id, revoked_at, "
		    "expires_at) VALUES (?, ?, ?, ?) ON DUPLICATE KEY UPDATE "
		    "expires_at = GREATEST(expires_at, VALUES(expires_at))",
		    row, ARRAY_LEN(row), NULL);
	return o;
}

#define DAYS "30"
#define DAYS_MAX 366
#define ID_BYTES 16
#define TEAMS_MAX 1000
#define ID_TEXT (2 * ID_BYTES + 1)

static void
draw_token_id(char id[ID_TEXT])
{
	unsigned char bits[ID_BYTES];

	random_fill(bits, sizeof bits);
	*hex_write(id, bits, sizeof bits) = '\0';
}

/* Returns ms; 0 if it is not a number of days. */
static int64_t
read_days(const char *days)
{
	int64_t n = 0;

	if (parse_int(days, 1, DAYS_MAX, &n) != 0)
		return 0;
	return n * DAY_MS;
}

static enum exit_code
print_token(const struct sink *s, const struct jwt_rules *rules)
{
	struct buf token = BUF_INIT, why = BUF_INIT;
	enum exit_code code = PROG_CONFIG;
	char id[ID_TEXT], expires[CLOCK_TEXT];
	int64_t now_ms = clock_now_ms(),
		end_ms = now_ms + read_days(s->days != NULL ? s->days : DAYS);
	const struct jwt_content content = { .tenant = s->tenant,
		.role = s->role,
		.subject = s->subject,
		.teams = s->teams,
		.id = id,
		.issued_s = now_ms / 1000,
		.expires_s = end_ms / 1000 };

	draw_token_id(id);
	if (jwt_sign(rules, &content, &token, &why) != 0) {
		log_error("%s", buf_str(&why));
	} else {
		clock_format(end_ms, expires);
		log_warn("the token has the id %s and is valid until %s; to "
			 "revoke it: %s --token --tenant %s --revoke %s",
		    id, expires, prog_name(), s->tenant, id);
		puts(buf_str(&token));
		code = prog_flush();
	}
	buf_release(&token);
	buf_release(&why);
	return code;
}

/* A misspelled tenant, team or operator would only show as an empty board, so
 * no token is created for one that does not exist. */

/* The database does not know a tenant that was configured just now. */
static bool
is_configured(const struct sink *s)
{
	return conf_has_tenant(s->common.conf, s->tenant);
}

static enum exit_code
find_teams(const struct sink *s)
{
	struct teams all = { .list = NULL };
	struct buf why = BUF_INIT;
	const char *name = s->teams;
	size_t len;

	if (teams_read(&all, s->common.conf, &why) != 0)
		name = NULL;
	for (; name != NULL && *name != '\0';
	     name += len + (name[len] == ',')) {
		len = strcspn(name, ",");
		if (!teams_have(&all, s->tenant, name, len)) {
			buf_setf(&why,
			    "tenant '%s' has no team '%.*s'; teams are in the "
			    "key teams of [crm %s]",
			    s->tenant, (int)len, name, s->tenant);
			conf_add_source(s->common.conf, &why);
			break;
		}
	}
	if (why.len > 0)
		log_error("%s", buf_str(&why));
	teams_release(&all);
	len = why.len;
	buf_release(&why);
	return len == 0 ? PROG_OK : PROG_CONFIG;
}

/* Many give an operator's name instead of the id: offer the ids of that
 * name. */
static void
refuse_operator(const struct sink *s, struct db_rows *rows)
{
	struct buf ids = BUF_INIT;

	while (db_next(rows))
		buf_addf(&ids, "%s--for %s", ids.len > 0 ? " or " : "",
		    db_get(rows, 0));
	if (ids.len > 0)
		log_error("tenant '%s' has no operator with the id '%s'; the "
			  "operator with this name is %s",
		    s->tenant, s->subject, buf_str(&ids));
	else
		log_error("tenant '%s' has no operator with the id '%s'; to "
			  "list the operators: %s --tenant %s --get "
			  "/api/v1/operators.csv",
		    s->tenant, s->subject, prog_name(), s->tenant);
	buf_release(&ids);
}

static enum exit_code
find_operator(const struct sink *s, struct db *db)
{
	const struct db_value args[] = { db_str(s->tenant), db_str(s->subject),
		db_str(s->subject), db_str(s->subject) };
	struct db_rows *rows = NULL;
	enum exit_code code = PROG_OK;

	if (db_query(db,
		"SELECT operator FROM operator_metrics WHERE tenant = ? "
		"AND (operator = ? OR LOWER(name) = LOWER(?)) "
		"ORDER BY operator = ? DESC, operator LIMIT 3",
		args, ARRAY_LEN(args), &rows) != OUTCOME_DONE) {
		log_error("%s", db_why(db));
		return db_code(db);
	}
	if (!db_next(rows) || strcmp(db_get(rows, 0), s->subject) != 0) {
		db_rewind(rows);
		refuse_operator(s, rows);
		code = PROG_NOINPUT;
	}
	db_rows_free(rows);
	return code;
}

static enum exit_code
find_in_database(struct sink *s, struct db **db)
{
	enum exit_code code =
	    is_configured(s) ? PROG_OK : sink_find_tenant(s, *db);

	if (code == PROG_OK && viewer_role_named(s->role) == VIEWER_OPERATOR)
		code = find_operator(s, *db);
	return code;
}

static enum exit_code
find_all(struct sink *s)
{
	enum exit_code code = PROG_OK;

	if (!is_configured(s) || viewer_role_named(s->role) == VIEWER_OPERATOR)
		code = sink_with_schema(s, find_in_database);
	return code == PROG_OK && s->teams != NULL ? find_teams(s) : code;
}

static enum exit_code
make_token(struct sink *s)
{
	struct jwt_conf tokens = { .rules = { .keys_n = 0 } };
	enum exit_code code = PROG_CONFIG;
	struct buf why = BUF_INIT;

	if (sink_read_tokens(&tokens, s->common.conf, &code, &why) != 0) {
		log_error("%s", buf_str(&why));
	} else if (s->common.only_check) {
		code = PROG_OK;
	} else {
		code = find_all(s);
		if (code == PROG_OK)
			code = print_token(s, &tokens.rules);
	}
	jwt_conf_release(&tokens);
	buf_release(&why);
	return code;
}

/* The tenant may be new, or its name misspelled; the token would then stay
 * valid. Users who may not read the table get no warning. */
static enum exit_code
warn_of_unknown_tenant(const struct sink *s, struct db *db)
{
	bool there = true;

	if (sink_look_for_tenant(db, s->tenant, &there) != OUTCOME_DONE ||
	    there)
		return PROG_OK;
	log_error("the database has no tenant '%s'; the id is revoked anyway",
	    s->tenant);
	return PROG_NOINPUT;
}

static enum exit_code
revoke_by_id(struct sink *s, struct db **db)
{
	int64_t expires_ms =
	    s->days != NULL ? clock_now_ms() + read_days(s->days) : CLOCK_NONE;

	if (revoke_token(*db, s->tenant, s->revoke, expires_ms) !=
	    OUTCOME_DONE) {
		log_error("%s", db_why(*db));
		return db_code(*db);
	}
	log_info("token_revoked", "tenant=%s id=%s", s->tenant, s->revoke);
	return warn_of_unknown_tenant(s, *db);
}

/* Checks them as jwt_check() would. */
static int
check_teams(const struct sink *s)
{
	const char *t = s->teams;

	if (t == NULL)
		return -1;
	if (*t == '\0' || *t == ',' || t[strlen(t) - 1] == ',' ||
	    strstr(t, ",,") != NULL || strlen(t) > TEAMS_MAX ||
	    !parse_is_utf8(t, strlen(t)) || !text_is_printable(t, strlen(t)))
		return prog_usage_error(
		    "--teams needs names separated by commas, at most %d bytes "
		    "of printable UTF-8",
		    TEAMS_MAX);
	return -1;
}

static int
check_making(const struct sink *s)
{
	enum viewer_role role;

	if (s->role == NULL)
		return prog_usage_error(
		    "--token needs --role wall, operator, lead or admin");
	role = viewer_role_named(s->role);
	if (role == VIEWER_NONE)
		return prog_usage_error(
		    "unknown role '%s'; use wall, operator, lead or admin",
		    s->role);
	if (role == VIEWER_OPERATOR && s->subject == NULL)
		return prog_usage_error("--role operator needs --for OPERATOR");
	if (role == VIEWER_OPERATOR &&
	    text_ends_with_blank(s->subject, strlen(s->subject)))
		return prog_usage_error("--for must not end with a space");
	if (s->subject != NULL &&
	    (*s->subject == '\0' || strlen(s->subject) > RECORD_MAX_ID ||
		!parse_is_utf8(s->subject, strlen(s->subject)) ||
		!text_is_printable(s->subject, strlen(s->subject))))
		return prog_usage_error(
		    "--for needs 1 to %d bytes of printable UTF-8",
		    RECORD_MAX_ID);
	return check_teams(s);
}

/* An id is not a secret, but a token given by mistake is, so no message shows
 * it. */
static int
check_revoking(const struct sink *s)
{
	const char *id = s->revoke;

	if (s->role != NULL || s->subject != NULL || s->teams != NULL)
		return prog_usage_error("--revoke cannot be combined with "
					"--role, --for or --teams");
	if (*id == '\0' || strlen(id) > REVOKE_ID_MAX ||
	    strchr(id, ' ') != NULL || !text_is_printable(id, strlen(id)) ||
	    !parse_is_utf8(id, strlen(id)))
		return prog_usage_error(
		    "--revoke needs the id of a token (its jti, 1 to %d "
		    "characters without spaces), not the token",
		    REVOKE_ID_MAX);
	return -1;
}

static int
check_token(void *options)
{
	const struct sink *s = options;
	int code = sink_check_tenant(options);

	if (code != -1)
		return code;
	if (s->tenant == NULL)
		return prog_usage_error("--token needs --tenant NAME");
	if (s->days != NULL && read_days(s->days) == 0)
		return prog_usage_error(
		    "--days needs a whole number from 1 to %d", DAYS_MAX);
	return s->revoke != NULL ? check_revoking(s) : check_making(s);
}

static enum exit_code
run_token(void *options)
{
	struct sink *s = options;

	return s->revoke != NULL ? sink_with_db(s, revoke_by_id)
				 : make_token(s);
}

static const struct option_row rows[] = {
	OPTION_REQUIRED(0, "tenant", "NAME", struct sink, tenant, "the tenant"),
	OPTION_REQUIRED(0, "role", "ROLE", struct sink, role,
	    "wall, operator, lead or admin; not with --revoke"),
	OPTION_TEXT(0, "for", "OPERATOR", struct sink, subject,
	    "the owner; a token of role operator shows their rows"),
	OPTION_TEXT(0, "teams", "NAME,NAME", struct sink, teams,
	    "only the operators of these teams"),
	OPTION_TEXT(0, "days", "N", struct sink, days,
	    "valid for N days, 1 to 366; default: " DAYS),
	OPTION_TEXT(0, "revoke", "ID", struct sink, revoke,
	    "revoke the token with this id"),
};

const struct option_mode sink_mode_token = {
	.choice =
	    OPTION_MODE("token", "create or revoke a token for sink --serve"),
	.about =
	    "Prints a new token for sink --serve, see messaging-api(7). Its id "
	    "goes to\nstandard error; --revoke ID revokes a token.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_token,
	.run = run_token,
};
