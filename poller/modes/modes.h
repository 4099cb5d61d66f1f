/*
 * modes: the modes of the poller, one file each, and what they share: the
 * options of a run and its tenants.
 */
#ifndef POLLER_MODES_MODES_H
#define POLLER_MODES_MODES_H

#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "common/endpoint/endpoint.h"
#include "common/options/option_table.h"
#include "common/output/output_table.h"
#include "poller/crm/store.h"
#include "poller/crm/tenant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct poller {
	struct option_common common; /* must be first: see option_table.h */
	const char *from, *to, *state;
	const char *address, *port_file; /* --listen */
	const char *hook_url;            /* --register, --unregister */
	const char *function, *with;     /* --try */
	const char *backfill;            /* a duration */
	const char *record, *replay;     /* folders, for a poll */
	enum output_format format;
	bool with_text, dry_run;
	bool test, until_empty; /* --notify */
	const char **only;      /* from --tenant; all if there are none */
	size_t only_n, only_cap;

	/* Filled by poller_open(). */
	struct tenant *tenants; /* tenants that could be opened */
	size_t tenants_n;
	char *default_state; /* see poller_state() */
	bool no_state;
	enum exit_code code; /* the code of the first tenant that failed */
};

extern const struct option_mode
    poller_mode_pull; /* the default, without a mode option */
extern const struct option_mode poller_mode_status;
extern const struct option_mode poller_mode_check;
extern const struct option_mode poller_mode_assign;
extern const struct option_mode poller_mode_listen;
extern const struct option_mode poller_mode_register;
extern const struct option_mode poller_mode_registered;
extern const struct option_mode poller_mode_unregister;
extern const struct option_mode poller_mode_try;
extern const struct option_mode poller_mode_backfill;
extern const struct option_mode poller_mode_notify;

/* Option rows that several modes share. */
#define POLLER_TO                                                              \
	OPTION_TAKE('t', "to", "TO", struct poller, to, endpoint_take,         \
	    "where records go: -, a file, queue:NAME")
#define POLLER_STATE(help)                                                     \
	OPTION_TEXT(0, "state", "DIR", struct poller, state, help)
#define POLLER_TENANT                                                          \
	{                                                                      \
		"tenant", "NAME", "only this tenant; may be repeated", 0,      \
		    poller_take_tenant, OPTION_KIND_TAKE, 0, false, true       \
	}
#define POLLER_TEXT                                                            \
	OPTION_FLAG("with-text", struct poller, with_text, "with message texts")

/* Handles --tenant. */
int poller_take_tenant(const char *name, void *poller);

/* --with-text and [poller] with_text have the same meaning: either one sets
 * both. */
void poller_resolve_text(struct poller *p);

/* Opens the tenants of --tenant, or all. Returns false if the run must end with
 * p->code; errors were logged. asking: the mode reads from the CRM, so a tenant
 * with webhooks and without a token is skipped, unless --tenant names it. */
bool poller_open(struct poller *p, bool asking);

void poller_release(struct poller *p);

/* True if the tenant is skipped without an error: --tenant names others, or it
 * has webhooks and no token. */
bool poller_leaves_out(const struct poller *p, struct text tenant);

/* Sets the exit code of the run, unless an earlier failure did. */
void poller_failed(struct poller *p, enum exit_code code);

/* Returns the folder of the state, or NULL: --state, otherwise [poller] state,
 * otherwise that of state_folder(). If nothing can be stored there, the first
 * call logs a warning. */
const char *poller_state(struct poller *p);

/* The same without that default. */
const char *poller_named_state(const struct poller *p);

/* Open the source of records, by default standard input, and their destination:
 * the option, otherwise `otherwise`. Return NULL if it cannot be opened, which
 * is logged and sets p->code. */
struct endpoint *poller_open_input(
    struct poller *p, const struct endpoint_options *opt);
struct endpoint *poller_open_output(struct poller *p, const char *otherwise,
    const struct endpoint_options *opt);

/* Logs why the input cannot be read to its end: it is cut off, which is
 * followed by `so`, or failed. Sets p->code. */
void poller_report_input(struct poller *p, struct endpoint *from,
    enum endpoint_status status, const char *so);

/* Waits until all records are written or confirmed; logs failures. Returns
 * DONE, or LATER after a signal. */
enum outcome poller_flush(struct poller *p, struct endpoint *to);

/* Prints the result of a mode, records, in the format of -o; the columns are
 * those of a table. */
void poller_print(struct poller *p, const struct output_column *columns,
    size_t n, const struct buf *records);

/* Opens the tenant's state while polls may use it. Returns NULL if dir is NULL,
 * or if it cannot be used; then there is *code and an error, or a warning if
 * the run continues without it. */
struct store *poller_open_store(
    const char *dir, const struct tenant *t, bool must, enum exit_code *code);

/* The check() of modes that read records and write others. */
int poller_check_ends(void *poller);

/* Returns the destination for records: the option, otherwise [poller] to. */
const char *poller_to(const struct poller *p);

#endif
