/*
 * api: routes, and the paging of Chat2Desk's public API with its traps.
 */
#ifndef TESTS_CRM_API_H
#define TESTS_CRM_API_H

#include "tests/crm/sim.h"

struct route {
	enum method method;
	const char *pattern; /* {id} stands for digits */
	void (*answer)(struct call *c, struct answer *a);
};

/* The routes of one CRM, ending with a pattern of NULL. */
extern const struct route api_routes[], qiscus_routes[], chatwoot_routes[];

/* Something happens in the first open dialog between two pages: it closes (1),
 * or its client writes. */
void disturb(struct world *w, int what);

/* A list being written: the number of rows so far, and the page's rows in the
 * body. */
struct page {
	struct answer *a;
	int64_t limit, offset, total, shown;
};

void page_begin(struct page *p, const struct call *c, struct answer *a);

/* Counts a row. True if it belongs to the page and must be rendered. */
bool page_row(struct page *p);
void page_end(struct page *p, const struct world *w);

/* api_hooks.c */
void api_hooks(struct call *c, struct answer *a);
void api_post_hook(struct call *c, struct answer *a);
void api_put_hook(struct call *c, struct answer *a);
void api_delete_hook(struct call *c, struct answer *a);

#endif
