/*
 * modes: the modes of sink, one file each, and the struct that its options
 * fill.
 */
#ifndef SINK_MODES_MODES_H
#define SINK_MODES_MODES_H

#include "common/db/db.h"
#include "common/hours/terms.h"
#include "common/options/option_table.h"
#include "common/output/output_table.h"
#include "common/tokens/jwt.h"
#include "sink/access/viewer.h"
#include "sink/report/report.h"

struct sink {
	struct option_common common; /* must be first: see option_table.h */
	const char *from;            /* NULL: as configured */
	enum output_format format;
	const char *get;     /* --get */
	const char *explain; /* --explain */
	const char *sql;     /* --sql */
	const char *state;   /* --state */
	const char *tenant;  /* for --now, --get, --report and --token */
	const char *report, *since, *until, *zone, *within; /* --report */
	enum report_form report_form;
	const char *address, *port_file;                    /* --serve */
	const char *role, *subject, *teams, *days, *revoke; /* --token */
	bool until_empty, accept_loss;

	/* Filled by sink_with_terms() and sink_with_schema(); owned by
	 * main(). */
	struct terms_book *terms;
};

extern const struct option_mode
    sink_mode_store; /* stores rows; the default mode */
extern const struct option_mode sink_mode_migrate;   /* --migrate */
extern const struct option_mode sink_mode_check;     /* --check */
extern const struct option_mode sink_mode_recompute; /* --recompute */
extern const struct option_mode sink_mode_now;       /* --now */
extern const struct option_mode sink_mode_get;       /* --get */
extern const struct option_mode sink_mode_explain;   /* --explain */
extern const struct option_mode sink_mode_report;    /* --report */
extern const struct option_mode sink_mode_serve;     /* --serve */
extern const struct option_mode sink_mode_token;     /* --token */
extern const struct option_mode sink_mode_sql;       /* --sql */
extern const struct option_mode sink_mode_state;     /* --state */
extern const struct option_mode sink_mode_openapi;   /* --openapi */

/* Opens the configured database, calls work() unless only the configuration is
 * checked, and closes it. work() may take it over by setting *db = NULL. */
enum exit_code sink_with_db(
    struct sink *s, enum exit_code (*work)(struct sink *s, struct db **db));

/* The same, with hours and targets: s->terms. */
enum exit_code sink_with_terms(
    struct sink *s, enum exit_code (*work)(struct sink *s, struct db **db));

/* The same, but connections are refused if the database has another schema than
 * this program. */
enum exit_code sink_with_schema(
    struct sink *s, enum exit_code (*work)(struct sink *s, struct db **db));

/* Call before the first use: statements that change or read whole tables may
 * take as long as they need; the configured timeout is for shorter ones. */
void sink_allow_long_statements(struct db *db);

/* Call before the first use: somebody waits for answers, so a statement, and
 * connecting, may take this long and no longer. */
void sink_answer_within(struct db *db, int64_t ms);

/* Reads the rules of tokens, which need at least one key. See
 * jwt_conf_read(). */
int sink_read_tokens(struct jwt_conf *tokens, const struct conf *conf,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* Checks --tenant if it is given, as the check of a mode: returns -1 to
 * continue, otherwise the exit code after a message. */
int sink_check_tenant(void *options);

/* Finds whether any data are stored for that tenant. */
enum outcome sink_look_for_tenant(struct db *db, const char *tenant,
    bool *there) __attribute__((warn_unused_result));
/* Returns PROG_OK, or the code after a message: no data are stored for
 * --tenant, if it is given (PROG_NOINPUT), or the database does not answer. */
enum exit_code sink_find_tenant(const struct sink *s, struct db *db)
    __attribute__((warn_unused_result));

/* Sets the viewer for command-line use: an administrator of --tenant, or of the
 * only tenant that is stored. Otherwise returns the code, after a message. */
enum exit_code sink_find_viewer(
    const struct sink *s, struct db *db, struct viewer *v);

#endif
