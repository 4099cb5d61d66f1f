/*
 * modes: see modes.h.
 */
#include "sink/modes/modes.h"

#include "common/base/log.h"

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
