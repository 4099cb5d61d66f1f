/*
 * fill_sections: see fill_sections.h.
 */
#include "sink/report/fill_sections.h"

#include <stdatomic.h>

#include "common/parallel/on_cores.h"

#define CONNECTIONS 2

struct filling {
	struct report_work *report;
	struct db *connections[CONNECTIONS];
	/* Filled from the last one on: those that take long are among them. */
	struct filled_section *list;
	atomic_size_t left; /* that nobody has begun to fill */
	atomic_bool failed;
};

/* Sets f->without if there is no table. */
static void
leave_out(const struct report_work *r, struct filled_section *f)
{
	const struct section *s = f->section;
	const char *reason = s->leave_out != NULL ? s->leave_out(r) : NULL;

	if (reason != NULL)
		buf_adds(&f->without, reason);
	else if (s->metric != NULL && kept_lacks(&r->not_kept, s->metric))
		buf_addf(&f->without,
		    "Not kept: nothing of the metric %s was ever stored. "
		    "Unless there was nothing, add %s to metrics of "
		    "[aggregator] in messaging.conf; see messaging-report(7), "
		    "WHAT IT NEEDS.",
		    s->metric, s->metric);
}

static bool
fill_section(struct report_work *r, struct filled_section *f)
{
	f->table.columns = f->section->columns;
	f->table.columns_n = f->section->columns_n;
	leave_out(r, f);
	return f->without.len > 0 || f->section->fill(r, &f->table);
}

static void
fill_what_is_left(struct filling *f, struct db *db)
{
	struct report_work r = report_another(f->report, db);
	size_t left;

	while (!atomic_load(&f->failed) && (left = atomic_load(&f->left)) > 0) {
		if (!atomic_compare_exchange_weak(&f->left, &left, left - 1))
			continue;
		if (!fill_section(&r, &f->list[left - 1]))
			atomic_store(&f->failed, true);
	}
	report_another_end(&r);
}

/* With one core the first connection fills all, and the second finds nothing
 * left; so it does where the user may have one only. */
static void
fill_by_connection(void *ctx, size_t thread, size_t connection)
{
	struct filling *f = ctx;
	struct db *db = f->connections[connection];

	if (thread > 0)
		db_thread_begin();
	if (connection == 0 || db_connect(db) == OUTCOME_DONE)
		fill_what_is_left(f, db);
	if (thread > 0)
		db_thread_end();
}

static bool
is_good(void *ctx, size_t connection)
{
	struct filling *f = ctx;

	(void)connection;
	return !atomic_load(&f->failed);
}

bool
fill_sections(struct report_work *r, struct filled_section *list, size_t n)
{
	struct filling f = { .report = r,
		.connections = { r->db, db_another(r->db) },
		.list = list };
	const struct on_cores work = { &f, CONNECTIONS, fill_by_connection,
		is_good };
	bool good;

	atomic_init(&f.left, n);
	atomic_init(&f.failed, false);
	good = on_cores_run(&work);
	db_close(f.connections[1]);
	return good;
}

void
filled_sections_release(struct filled_section *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		figure_release(&list[i].table);
		buf_release(&list[i].without);
	}
}
