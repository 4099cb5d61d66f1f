/*
 * mode_store: storing rows, the default mode. The path of a row is stage.c ->
 * consume.c -> row_reader.c -> row_record.c -> batch.c -> workers.c ->
 * batch_store.c.
 */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/endpoint/endpoint.h"
#include "common/os/notify.h"
#include "common/os/stop.h"
#include "sink/modes/modes.h"
#include "sink/read/consume.h"
#include "sink/rollup/sums_due.h"
#include "sink/store/hours_versions.h"

static const struct option_row rows[] = {
	OPTION_TAKE('f', "from", "FROM", struct sink, from, endpoint_take,
	    "where rows come from: -, a file, queue:NAME"),
	OPTION_FLAG("until-empty", struct sink, until_empty,
	    "from a queue: end when it is empty"),
	OPTION_FLAG("accept-loss", struct sink, accept_loss,
	    "run even if the server does not flush its log at commits"),
};

static const char *
row_source(const struct sink *s)
{
	return s->from != NULL ? s->from
			       : conf_text(s->common.conf, "sink", "from");
}

struct start_check {
	bool accept_loss;
	struct buf why;
};

/* A server that does not flush its log on commit may lose acknowledged rows. */
static enum outcome
check_start(struct db *db, void *ctx)
{
	struct start_check *s = ctx;

	if (db_server(db)->flush_at_commit != 0 || s->accept_loss)
		return OUTCOME_DONE;
	buf_setf(&s->why,
	    "database %s runs with innodb_flush_log_at_trx_commit = 0, so a "
	    "crash loses acknowledged rows; set it to 1, or use --accept-loss",
	    db_name(db));
	return OUTCOME_NEVER;
}

/* Checks whether the sink can work with this database; waits for it as long as
 * storing would. */
static enum exit_code
wait_for_database(struct db *db, bool accept_loss, bool wait_forever)
{
	struct start_check s = { accept_loss, BUF_INIT };
	enum exit_code code = PROG_OK;

	if (db_transaction(db, check_start, &s, wait_forever) != OUTCOME_DONE) {
		code = s.why.len > 0 ? PROG_CONFIG : db_code(db);
		if (stop_asked() && code == PROG_TEMPFAIL)
			code = PROG_OK;
		else if (s.why.len > 0)
			log_error("%s", buf_str(&s.why));
		else
			log_error("%s%s", db_why(db),
			    code == PROG_TEMPFAIL
				? "; nothing is lost, run it again"
				: "");
	}
	buf_release(&s.why);
	return code;
}

/* Takes over *db when it begins to store. */
static enum exit_code
store_rows(struct sink *s, struct db **db)
{
	const struct conf *conf = s->common.conf;
	const char *from = row_source(s);
	/* All parts of a flush must reach one sink. */
	struct endpoint_options opt = { .conf = conf,
		.until_empty = s->until_empty,
		.sole = true,
		.wait_forever = endpoint_is_queue(from) && !s->until_empty };
	struct sums_maker *sums = NULL;
	struct db *sums_db;
	struct endpoint *in;
	struct consume c;
	struct buf why = BUF_INIT;
	enum exit_code code;
	int64_t began;

	if (opt.wait_forever) {
		daemon_init();
		db_wait_for_tables(*db);
	}
	code = wait_for_database(*db, s->accept_loss, opt.wait_forever);
	if (code != PROG_OK || stop_asked())
		return code;
	if (hours_versions_store(*db, conf, s->terms) != OUTCOME_DONE) {
		log_error("%s", db_why(*db));
		return db_code(*db);
	}
	in = endpoint_open_read(from, &opt, &why, &code);
	if (in == NULL) {
		log_error("%s", buf_str(&why));
		buf_release(&why);
		return code;
	}
	sums_db = db_another(*db);
	if (opt.wait_forever)
		sums = sums_maker_start(sums_db);
	consume_init(&c, in, *db, conf, s->terms, &opt);
	*db = NULL;
	began = clock_mono_ms();
	code = consume_run(&c);
	consume_release(&c);
	if (sums != NULL)
		sums_maker_end(sums);
	else if (code == PROG_OK) /* in proportion: an import has many hours */
		sums_maker_run(sums_db, clock_mono_ms() - began);
	else
		db_close(sums_db);
	endpoint_close(in);
	buf_release(&why);
	return code;
}

static enum exit_code
run_store(void *options)
{
	struct sink *s = options;

	if (s->until_empty && !endpoint_is_queue(row_source(s)))
		return (enum exit_code)prog_usage_error(
		    "--until-empty needs -f queue:NAME");
	/* The option was checked when it was read; this is for the
	 * configuration. */
	if (endpoint_check_key(row_source(s), "sink", "from") != 0)
		return PROG_CONFIG;
	return sink_with_schema(s, store_rows);
}

const struct option_mode sink_mode_store = {
	.title = "storing rows",
	.about = "Stores the rows of aggregator in MariaDB or MySQL.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_store,
};
