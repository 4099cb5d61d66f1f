/*
 * modes: the modes of sink, a file each, and the struct that its options fill.
 */
#ifndef SINK_MODES_MODES_H
#define SINK_MODES_MODES_H

#include "common/db/db.h"
#include "common/options/option_table.h"
#include "common/output/output_table.h"
#include "common/tokens/jwt.h"
#include "sink/access/viewer.h"
#include "sink/report/report.h"

struct sink {
	struct option_common common; /* first: see option_table.h */
	const char *from;            /* NULL: as configured */
	enum output_format format;
	const char *get;    /* --get */
	const char *sql;    /* --sql */
	const char *tenant; /* of --now, --get, --report and --token */
	const char *report, *from_day, *to_day, *zone, *within; /* --report */
	enum report_form report_form;
	const char *address, *port_file;                    /* --serve */
	const char *role, *subject, *teams, *days, *revoke; /* --token */
	bool until_empty, accept_loss;
};

extern const struct option_mode
    sink_mode_store; /* stores rows; without an option */
extern const struct option_mode sink_mode_migrate;   /* --migrate */
extern const struct option_mode sink_mode_check;     /* --check */
extern const struct option_mode sink_mode_recompute; /* --recompute */
extern const struct option_mode sink_mode_now;       /* --now */
extern const struct option_mode sink_mode_get;       /* --get */
extern const struct option_mode sink_mode_report;    /* --report */
extern const struct option_mode sink_mode_serve;     /* --serve */
extern const struct option_mode sink_mode_token;     /* --token */
extern const struct option_mode sink_mode_sql;       /* --sql */
extern const struct option_mode sink_mode_openapi;   /* --openapi */

/* Opens the configured database, calls work() unless only the configuration is
 * to be checked, and closes it. work() may take it over: *db = NULL. */
enum exit_code sink_with_db(
    struct sink *s, enum exit_code (*work)(struct sink *s, struct db **db));

/* The same, but each connection is refused where the schema is not that of this
 * program. */
enum exit_code sink_with_schema(
    struct sink *s, enum exit_code (*work)(struct sink *s, struct db **db));

/* Before the first use: statements that change or read whole tables may take as
 * long as they need; the timeout that is configured is for shorter ones. */
void sink_allow_long_statements(struct db *db);

/* Reads the rules of tokens, of which at least one key is needed. As
 * jwt_conf_read(). */
int sink_read_tokens(struct jwt_conf *tokens, const struct conf *conf,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* Checks --tenant, if it is there: -1 to go on, else the exit code after a
 * message. */
int sink_check_tenant(const struct sink *s);

/* Whether something is stored of that tenant. */
enum outcome sink_look_for_tenant(struct db *db, const char *tenant,
    bool *there) __attribute__((warn_unused_result));
/* PROG_OK, or the code after a message: nothing is stored of --tenant, if it is
 * there (PROG_NOINPUT), or the database does not say. */
enum exit_code sink_find_tenant(const struct sink *s, struct db *db)
    __attribute__((warn_unused_result));

/* Who asks by hand: an administrator of --tenant, or of the only tenant that is
 * stored. Otherwise the code, after a message. */
enum exit_code sink_find_viewer(
    const struct sink *s, struct db *db, struct viewer *v);

#endif
