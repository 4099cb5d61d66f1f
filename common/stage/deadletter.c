/*
 * deadletter: see deadletter.h.
 */
#include "common/stage/deadletter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"
#include "common/json/jsonw.h"

/* The number of bad records printed to stderr; further ones are only
 * counted. */
#define SHOWN 20

void
deadletter_open(struct deadletter *d, const struct endpoint *in,
    const struct endpoint_options *opt)
{
	memset(d, 0, sizeof *d);
	d->opt = *opt;
	if (endpoint_is_queue(endpoint_name(in)))
		d->to = xasprintf("%s.dead", endpoint_name(in));
}

/* Adds a message of the program that may quote bytes of the record: if they are
 * not UTF-8, all bytes above ASCII become question marks. */
static void
add_clean_text(struct buf *letter, const char *key, const char *text)
{
	struct buf clean = BUF_INIT;
	size_t i;

	for (i = 0; text[i] != '\0'; i++)
		buf_add(
		    &clean, (unsigned char)text[i] < 0x80 ? &text[i] : "?", 1);
	jsonw_str(letter, key,
	    parse_is_utf8(text, strlen(text)) ? text : buf_str(&clean));
	buf_release(&clean);
}

void
deadletter_write(struct buf *letter, const char *where, const char *line,
    size_t len, const char *reason)
{
	struct buf coded = BUF_INIT;

	buf_clear(letter);
	jsonw_open(letter);
	jsonw_str(letter, "type", "dead");
	jsonw_str(letter, "program", prog_name());
	jsonw_time(letter, "at", clock_now_ms());
	add_clean_text(letter, "reason", reason);
	add_clean_text(letter, "where", where);
	if (line != NULL && parse_is_utf8(line, len)) {
		jsonw_strn(letter, "record", line, len);
	} else if (line != NULL) {
		base64_encode(&coded, line, len);
		jsonw_strn(letter, "record_base64", buf_str(&coded), coded.len);
	}
	jsonw_close(letter);
	buf_release(&coded);
}

static enum outcome
letter_failed(struct deadletter *d, enum exit_code code, const char *why)
{
	d->code = code;
	log_error("cannot put a bad record into '%s': %s", d->to, why);
	return code == PROG_TEMPFAIL ? OUTCOME_LATER : OUTCOME_NEVER;
}

static enum outcome
open_dead_letters(struct deadletter *d)
{
	enum exit_code code = PROG_SOFTWARE;
	struct buf why = BUF_INIT;
	enum outcome o = OUTCOME_DONE;

	if (d->out != NULL)
		return OUTCOME_DONE;
	d->out = endpoint_open_write(d->to, &d->opt, &why, &code);
	if (d->out == NULL)
		o = letter_failed(d, code, buf_str(&why));
	buf_release(&why);
	return o;
}

static struct deadletter_cause *
find_cause(struct deadletter *d, const char *reason)
{
	size_t i;

	for (i = 0; i < d->causes_n; i++)
		if (strcmp(d->causes[i].reason, reason) == 0)
			return &d->causes[i];
	return NULL;
}

static void
count_cause(struct deadletter *d, const char *where, const char *reason)
{
	struct deadletter_cause *c = find_cause(d, reason);

	log_info("dead_letter", "where=\"%s\" reason=\"%s\"", where, reason);
	if (c == NULL && d->causes_n >= DEADLETTER_CAUSES - 1) {
		reason = "further reasons are in the records there";
		c = find_cause(d, reason);
	}
	if (c == NULL) {
		c = &d->causes[d->causes_n++];
		*c = (struct deadletter_cause){ .reason = xstrdup(reason),
			.where = xstrdup(where) };
	}
	c->n++;
}

/* A run with dead letters exits with 0, so cron would not mail a message about
 * them. One line per cause is enough, because a thousand lines would hide the
 * others. */
static void
tell_causes(struct deadletter *d, bool at_end)
{
	struct deadletter_cause *c;
	uint64_t n;

	for (c = d->causes; c < d->causes + d->causes_n; c++) {
		n = c->n - c->told;
		if (n == 0 || (c->told > 0 && !at_end))
			continue;
		log_warn("%s: %s; %" PRIu64 "%s record%s went to '%s'",
		    c->where, c->reason, n, c->told > 0 ? " more" : "",
		    n == 1 ? "" : "s", d->to);
		c->told = c->n;
	}
}

enum outcome
deadletter_add(struct deadletter *d, const char *where, const char *line,
    size_t len, const char *reason)
{
	enum outcome o;

	if (d->to == NULL) {
		if (++d->count <= SHOWN)
			log_error("%s: %s", where, reason);
		return OUTCOME_DONE;
	}
	o = open_dead_letters(d);
	if (o != OUTCOME_DONE)
		return o;
	deadletter_write(&d->letter, where, line, len, reason);
	if (endpoint_write(d->out, d->letter.data, d->letter.len) != 0)
		return letter_failed(
		    d, endpoint_code(d->out), endpoint_why(d->out));
	d->count++;
	count_cause(d, where, reason);
	return OUTCOME_DONE;
}

enum outcome
deadletter_flush(struct deadletter *d)
{
	enum outcome o;

	if (d->out == NULL)
		return OUTCOME_DONE;
	o = endpoint_flush(d->out);
	if (o == OUTCOME_DONE) {
		d->reported = false;
		tell_causes(d, false);
	} else if (!d->reported || o == OUTCOME_NEVER) {
		/* A caller that waits forever repeats this, so it is logged
		 * once. */
		d->reported = true;
		(void)letter_failed(
		    d, endpoint_code(d->out), endpoint_why(d->out));
	}
	return o;
}

void
deadletter_pump(struct deadletter *d)
{
	if (d->out != NULL)
		endpoint_pump(d->out);
}

enum exit_code
deadletter_code(const struct deadletter *d)
{
	return d->count > 0 && d->to == NULL ? PROG_DATA : PROG_OK;
}

void
deadletter_close(struct deadletter *d)
{
	if (d->to == NULL && d->count > SHOWN)
		log_error("and %" PRIu64 " more bad records", d->count - SHOWN);
	tell_causes(d, true);
	for (; d->causes_n > 0; d->causes_n--) {
		free(d->causes[d->causes_n - 1].reason);
		free(d->causes[d->causes_n - 1].where);
	}
	endpoint_close(d->out);
	d->out = NULL;
	free(d->to);
	d->to = NULL;
	buf_release(&d->letter);
}
