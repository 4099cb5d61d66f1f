/* totals: see totals.h. */
#include "tests/loadgen/totals.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

struct hour {
	uint32_t tenant, channel;
	int64_t hour;
	uint64_t inbound, outbound;
};

/* Usually looked up once per hour of a tenant's channel. */
static struct hour *
hour_of(struct world *w, const struct chat *c, int64_t at)
{
	struct {
		int64_t hour;
		uint32_t tenant, channel;
	} key = { at / HOUR_MS, c->tenant, c->channel };
	void **found =
	    strmap_put(&w->hours, (const char *)(void *)&key, sizeof key);
	struct hour *h = *found;

	if (h == NULL) {
		h = *found = xcalloc(1, sizeof *h);
		h->hour = key.hour * HOUR_MS;
		h->tenant = key.tenant;
		h->channel = key.channel;
	}
	return h;
}

static void
add_writer(struct chat *c, uint32_t person)
{
	size_t i;

	for (i = 0; i < c->writers_n; i++)
		if (c->writers[i] == person)
			return;
	XGROW(c->writers, c->writers_n, c->writers_cap);
	c->writers[c->writers_n++] = person;
}

void
totals_message(
    struct world *w, struct chat *c, uint32_t person, bool inbound, int64_t at)
{
	struct person *p = &w->people[person];
	struct hour *h = hour_of(w, c, at);

	c->messages++;
	if (c->first == CLOCK_NONE || at < c->first)
		c->first = at;
	if (c->last == CLOCK_NONE || at > c->last)
		c->last = at;
	p->messages++;
	if (p->last == CLOCK_NONE || at > p->last)
		p->last = at;
	add_writer(c, person);
	if (inbound)
		h->inbound++;
	else
		h->outbound++;
	w->tenants[c->tenant].counted++;
}

static void
write_tenants(const struct world *w, uint64_t records, struct buf *to)
{
	struct tenant sum = { .messages = 0 };
	const struct tenant *t;
	uint32_t i;

	buf_adds(to, "{\"tenants\":{");
	for (i = 0; i <= w->o.tenants; i++) {
		t = i < w->o.tenants ? &w->tenants[i] : &sum;
		if (i < w->o.tenants)
			buf_addf(to, "%s\"%s\":{", i > 0 ? "," : "", t->name);
		else
			buf_addf(to, "},\"records\":%" PRIu64 ",", records);
		buf_addf(to,
		    "\"messages\":%" PRIu64 ",\"counted\":%" PRIu64
		    ",\"late\":%" PRIu64 ",\"duplicates\":%" PRIu64
		    ",\"views\":%" PRIu64 ",\"read\":%" PRIu64
		    ",\"events\":%" PRIu64,
		    t->messages, t->counted, t->late, t->duplicates, t->views,
		    t->read, t->events);
		if (i == w->o.tenants)
			break;
		buf_adds(to, "}");
		sum.messages += t->messages;
		sum.counted += t->counted;
		sum.late += t->late;
		sum.duplicates += t->duplicates;
		sum.views += t->views;
		sum.read += t->read;
		sum.events += t->events;
	}
}

static void
write_chats(struct world *w, struct buf *to)
{
	const char *comma = "";
	struct chat *c;
	uint32_t i;
	size_t k;

	buf_adds(to, ",\n\"conversations\":[");
	for (i = 0; i < w->o.chats; i++) {
		c = &w->chats[i];
		for (k = 0; k < c->writers_n; k++)
			w->people[c->writers[k]].chats++;
		if (c->all == 0)
			continue;
		buf_addf(to, "%s\n[\"%s\",\"%s\",%u,%zu,", comma,
		    w->tenants[c->tenant].name, c->name, c->messages,
		    c->writers_n);
		if (c->messages > 0)
			buf_addf(to, "%" PRId64 ",%" PRId64, c->first, c->last);
		else
			buf_adds(to, "null,null");
		buf_addf(to, ",%u]", c->all);
		comma = ",";
	}
}

static void
write_people(const struct world *w, struct buf *to)
{
	const char *comma = "";
	const struct person *p;
	size_t i;

	buf_adds(to, "],\n\"users\":[");
	for (i = 0; i < w->people_n; i++) {
		p = &w->people[i];
		if (p->messages == 0)
			continue;
		buf_addf(to, "%s\n[\"%s\",\"%s\",%" PRIu64 ",%u,%" PRId64 "]",
		    comma, w->tenants[p->tenant].name, p->name, p->messages,
		    p->chats, p->last);
		comma = ",";
	}
}

static void
write_events(const struct world *w, struct buf *to)
{
	const char *comma = "";
	const struct person *p;
	size_t i, k;

	buf_adds(to, "],\n\"event_counts\":[");
	for (i = 0; i < w->people_n; i++) {
		p = &w->people[i];
		for (k = 0; k < EVENT_KINDS; k++) {
			if (p->events[k] == 0)
				continue;
			buf_addf(to, "%s\n[\"%s\",\"%s\",\"%s\",%u]", comma,
			    w->tenants[p->tenant].name, p->name,
			    world_events[k], p->events[k]);
			comma = ",";
		}
	}
}

static void
write_hours(const struct world *w, struct buf *to)
{
	const struct strmap_entry *e;
	const struct hour *h;
	const char *comma = "";
	size_t i = 0;

	buf_adds(to, "],\n\"channels\":[");
	while ((e = strmap_next(&w->hours, &i)) != NULL) {
		h = e->value;
		buf_addf(to,
		    "%s\n[\"%s\",\"%s\",%" PRId64 ",%" PRIu64 ",%" PRIu64
		    ",%" PRIu64 "]",
		    comma, w->tenants[h->tenant].name,
		    world_channels[h->channel], h->hour,
		    h->inbound + h->outbound, h->inbound, h->outbound);
		comma = ",";
	}
}

void
totals_write(struct world *w, uint64_t records, struct buf *to)
{
	write_tenants(w, records, to);
	write_chats(w, to);
	write_people(w, to);
	write_events(w, to);
	write_hours(w, to);
	buf_adds(to, "]}\n");
}
