/*
 * mode_get: sink --get: an API answer without a server, for cron, pipes and
 * tests. Anyone who may read the database acts as an administrator here.
 *
 * CSV and NDJSON have no place for the cursor of the next page, so the whole
 * list is printed, page by page, as one table: a file with only the first page
 * would look complete. JSON, and a target that selects a page, print that page;
 * a line on standard error shows how to continue.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "sink/access/scope.h"
#include "sink/modes/modes.h"
#include "sink/resources/by_hand.h"

/* Rows of further pages: the maximum of a list. */
#define NEXT_LIMIT "1000"

struct printing {
	const struct viewer *viewer;
	struct db *db;
	int64_t timeout_ms;
	bool to_end; /* print all pages */
	struct buf target, next;
};

static bool
is_csv(const struct web_answer *a)
{
	return a->content_type != NULL &&
	       strncmp(a->content_type, "text/csv", strlen("text/csv")) == 0;
}

static bool
is_table(const struct web_answer *a)
{
	return is_csv(a) ||
	       (a->content_type != NULL &&
		   strcmp(a->content_type, "application/x-ndjson") == 0);
}

/* Prints a page; further CSV pages have no titles. */
static void
print_page(const struct web_answer *a, bool first)
{
	const char *p = buf_str(&a->body);
	size_t len = a->body.len, titles;

	if (!first && is_csv(a)) {
		titles = strcspn(p, "\n") + 1;
		p += titles;
		len -= titles;
	}
	fwrite(p, 1, len, stdout);
	if (len > 0 && p[len - 1] != '\n')
		putchar('\n');
}

/* True if the next page must be printed, too; sets p->next to its target.
 * Otherwise mentions it on standard error. */
static bool
find_next_page(struct printing *p, const struct web_answer *a, bool first)
{
	bool to_end = p->to_end && is_table(a);

	if (!by_hand_next(a, buf_str(&p->target),
		to_end && first ? NEXT_LIMIT : NULL, &p->next))
		return false;
	if (!to_end)
		log_warn("there are more rows; continue with --get '%s'",
		    buf_str(&p->next));
	return to_end;
}

/* Prints the target's page; *more: there is another one to print. */
static enum exit_code
print_target(struct printing *p, bool first, bool *more)
{
	struct web_answer a = { .status = 200 };
	const char *target = buf_str(&p->target);
	enum exit_code code;

	*more = false;
	by_hand_get(p->viewer, p->db, p->timeout_ms, target, &a);
	if (a.status >= 400) {
		code = by_hand_explain(&a, p->db, target);
	} else {
		print_page(&a, first);
		code = prog_flush();
		/* ferror(): the reader closed the pipe. */
		*more = find_next_page(p, &a, first) && code == PROG_OK &&
			!ferror(stdout);
	}
	buf_release(&a.body);
	buf_release(&a.headers);
	return code;
}

static enum exit_code
print_pages(struct printing *p, const char *target)
{
	bool first = true, more = true;
	enum exit_code code = PROG_OK;

	p->to_end = !by_hand_selects_page(target);
	buf_adds(&p->target, target);
	for (; more; first = false) {
		code = print_target(p, first, &more);
		buf_clear(&p->target);
		buf_adds(&p->target, buf_str(&p->next));
	}
	buf_release(&p->target);
	buf_release(&p->next);
	return code;
}

static enum exit_code
print_answer(struct sink *s, struct db **db)
{
	int64_t timeout_ms = conf_int(s->common.conf, "serve", "query_timeout");
	struct viewer v;
	struct printing p = {
		.viewer = &v, .db = *db, .timeout_ms = timeout_ms
	};
	struct teams teams = { .list = NULL };
	struct buf why = BUF_INIT;
	enum exit_code code;

	sink_answer_within(*db, timeout_ms);
	code = sink_find_viewer(s, *db, &v);
	v.teams = &teams;
	if (code == PROG_OK && teams_read(&teams, s->common.conf, &why) != 0) {
		log_error("%s", buf_str(&why));
		code = PROG_CONFIG;
	}
	if (code == PROG_OK)
		code = print_pages(&p, s->get);
	teams_release(&teams);
	buf_release(&why);
	return code;
}

static const struct option_row rows[] = {
	OPTION_TEXT(0, "tenant", "NAME", struct sink, tenant,
	    "the tenant; needed if there are several"),
};

static int
check_get(void *options)
{
	const struct sink *s = options;
	struct buf text = BUF_INIT;

	if (by_hand_knows(s->get))
		return sink_check_tenant(options);
	by_hand_list_paths(&text);
	log_error("%s: unknown path; the paths are", s->get);
	fputs(buf_str(&text), stderr);
	buf_release(&text);
	return PROG_NOINPUT;
}

static enum exit_code
run_get(void *options)
{
	return sink_with_schema(options, print_answer);
}

const struct option_mode sink_mode_get = {
	.choice = OPTION_TEXT(0, "get", "PATH", struct sink, get,
	    "print a response of the API: --get /api/v1/now"),
	.about = "Prints a response of the API, see messaging-api(7), without "
		 "a server.\nPATH is /api/v1/now, '/api/v1/chats.csv?limit=5' "
		 "and so on;\n.csv or .ndjson at its end chooses the format.\n",
	.list_values = by_hand_list_paths,
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_get,
	.run = run_get,
};
