/*
 * api: the routes of Chat2Desk's public API, their paging with its traps, and
 * the shared error answers.
 */
#ifndef TESTS_CRM_API_H
#define TESTS_CRM_API_H

#include "tests/crm/sim.h"

struct route {
	enum method method;
	const char *pattern; /* {id} stands for digits */
	void (*answer)(struct sim *s, struct world *w, struct call *c,
	    int64_t id, struct answer *a);
};

/* Finds the route of a call among routes, or NULL, and the id in its path. The
 * second function returns a route's name. */
const struct route *api_find(const struct route *all, size_t n,
    const struct call *c, int64_t *id, size_t *index);
const char *api_name(
    const struct route *all, size_t n, size_t index, struct buf *text);

/* Returns the route of a call, or NULL, the id in its path, and the route's
 * index. */
const struct route *api_route(const struct call *c, int64_t *id, size_t *index);

/* Returns "GET /v1/dialogs/{id}" for an index; NULL after the last. */
const char *api_route_name(size_t index, struct buf *text);

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

/* api_write.c */
void api_put_dialog(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);
void api_transfer(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);
void api_post_message(struct sim *s, struct world *w, struct call *c,
    int64_t id, struct answer *a);

/* api_hooks.c */
void api_hooks(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);
void api_post_hook(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);
void api_put_hook(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);
void api_delete_hook(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);

/* api_lists.c */
void api_messages(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);
void api_statistics(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);

#endif
