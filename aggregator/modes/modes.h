/*
 * modes: the modes of the aggregator, one file each; the struct that their
 * options fill; and code that the modes for metrics share.
 */
#ifndef AGGREGATOR_MODES_MODES_H
#define AGGREGATOR_MODES_MODES_H

#include "common/options/option_table.h"

#include "aggregator/tenant/job.h"
#include "aggregator/tenant/tenant_rows.h"

struct aggregator {
	struct option_common common; /* first member: see option_table.h */
	struct aggregator_job job;
	struct eventcounter_job counter;
	const char *input; /* of --input */
	const char *table;
	const char *reason; /* of --reason */
	bool drop;          /* of --drop */
	/* Options that override the configuration file. */
	const char *assign_to, *clock, *definition, *every, *keep_state,
	    *metrics, *window;

	struct terms_book *terms; /* of job; owned by main() */
};

extern const struct option_mode aggregator_mode_once;    /* no option */
extern const struct option_mode aggregator_mode_queue;   /* -f queue:NAME */
extern const struct option_mode aggregator_mode_explain; /* --explain */
extern const struct option_mode aggregator_mode_eventcounter; /* --input */
extern const struct option_mode aggregator_mode_declare;
extern const struct option_mode aggregator_mode_publish;
extern const struct option_mode aggregator_mode_dead_letters;

/* Option rows that several modes share. */
#define AGGREGATOR_FROM                                                        \
	OPTION_TAKE('f', "from", "FROM", struct aggregator, job.from,          \
	    endpoint_take, "where records come from: -, a file")
#define AGGREGATOR_TO                                                          \
	OPTION_TAKE('t', "to", "TO", struct aggregator, job.to, endpoint_take, \
	    "where rows go: -, a file, queue:NAME")
#define AGGREGATOR_FORMAT OPTION_FORMAT(struct aggregator, job.format)
#define AGGREGATOR_METRICS                                                     \
	OPTION_TEXT('a', "metrics", "METRICS", struct aggregator, metrics,     \
	    "operators,chats,...; all; allocation")
#define AGGREGATOR_CLOCK                                                       \
	OPTION_TEXT(0, "clock", "CLOCK", struct aggregator, clock,             \
	    "the clock for running waits: system or records")
#define AGGREGATOR_DEFINITION                                                  \
	OPTION_TEXT(0, "definition", "NAME", struct aggregator, definition,    \
	    "definition of response times: ours or chatwoot")
#define AGGREGATOR_STATE                                                       \
	OPTION_TEXT(0, "state", "DIR", struct aggregator, job.state,           \
	    "the state folder")
#define AGGREGATOR_TENANT                                                      \
	OPTION_TEXT(0, "tenant", "NAME", struct aggregator, job.tenant,        \
	    "this tenant only")
#define AGGREGATOR_UNTIL_EMPTY                                                 \
	OPTION_FLAG("until-empty", struct aggregator, job.until_empty,         \
	    "end when the queue is empty")

/* configure.c */

/* The check() of modes that write rows: sets the table and the format. */
int aggregator_check_rows(void *options);

/* Sets the configuration from the options, and the job from the configuration.
 * False: the program ends with *code; an error was logged. */
bool aggregator_configure(struct aggregator *a, enum exit_code *code);

/* Reads the hours and targets of the configuration, which every pipeline needs;
 * aggregator_configure() has done it. Logs errors. */
enum exit_code aggregator_load_terms(struct aggregator *a);

/* A tenant_rows_line_fn that writes into the endpoint passed as its context. */
int aggregator_write_line(void *endpoint, const char *line, size_t len);

/* one_shot.c */

/* The run() of modes that read a file or a pipe to its end before they
 * write. */
enum exit_code aggregator_run_once(void *options);

/* explain.c: the answer of a one-shot run with --explain. */

struct explain {
	const struct model *model;
	const struct chat *chat;
	const struct definition *definition;
};

/* Finds the chat job->explain in the reports, whose data *x borrows. Returns
 * PROG_OK; or logs an error and returns PROG_NOINPUT (no such chat) or
 * PROG_DATA (several tenants have a chat with this id). */
enum exit_code explain_find(struct explain *x, const struct aggregator_job *job,
    const struct tenant_rows *reports, size_t n)
    __attribute__((warn_unused_result));

/* Appends the chat as a table for people, or as CSV. */
void explain_text(
    const struct explain *x, enum output_format format, struct buf *to);

/* Writes each interval that counts as a record. Returns 0, or -1 as soon as
 * line() does. */
int explain_ndjson(
    const struct explain *x, tenant_rows_line_fn *line, void *ctx);

#endif
