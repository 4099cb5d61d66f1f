/*
 * modes: see modes.h.
 */
#include "sink/modes/modes.h"

#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/records/record.h"

enum exit_code
sink_with_db(
    struct sink *s, enum exit_code (*work)(struct sink *s, struct db **db))
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct db *db = db_open(s->common.conf, &why, &code);

	if (db == NULL)
		log_error("%s", buf_str(&why));
	else
		code = s->common.only_check ? PROG_OK : work(s, &db);
	db_close(db);
	buf_release(&why);
	return code;
}

int
sink_read_tokens(struct jwt_conf *tokens, const struct conf *conf,
    enum exit_code *code, struct buf *why)
{
	if (jwt_conf_read(tokens, conf, code, why) != 0)
		return -1;
	if (tokens->rules.keys_n > 0)
		return 0;
	*code = PROG_CONFIG;
	buf_setf(why, "[listen] has no secret_key_file, so no token could say "
		      "who asks; make a key by: openssl rand -hex 32");
	return -1;
}

int
sink_check_tenant(const struct sink *s)
{
	if (s->tenant == NULL || parse_is_name(s->tenant, RECORD_MAX_TENANT))
		return -1;
	return prog_usage_error(
	    "--tenant '%s' is no name of a tenant", s->tenant);
}
