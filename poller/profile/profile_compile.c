/*
 * profile_compile: makes the jq program of a profile: prelude.jq, then the
 * profile, then MAIN, which calls the function that the input names. libjq
 * reads the environment through the global environ, so that points to an empty
 * one while it compiles; in a running program, the prelude hides it.
 */
#define _DEFAULT_SOURCE /* environ */

#include <jq.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "poller/profile/profile_file.h"
#include "poller/profile/profile_impl.h"

extern char **environ;

/* Static, since another thread may read it while environ is restored. */
static char *no_environ[] = { NULL };

/* A read function gets only answers in which failure finds no error. */
static const char MAIN[] =
    "def read(f): failure as $e | if $e == null then f else $e end;"
    "jq_call(.call as $c "
    "| if $c == \"messages_read\" then read(messages_read)"
    " elif $c == \"messages_request\" then messages_request"
    " elif $c == \"chats_request\" then chats_request"
    " elif $c == \"chats_read\" then read(chats_read)"
    " elif $c == \"operators_request\" then operators_request"
    " elif $c == \"operators_read\" then read(operators_read)"
    " elif $c == \"chat_request\" then chat_request"
    " elif $c == \"chat_read\" then read(chat_read)"
    " elif $c == \"customer_request\" then customer_request"
    " elif $c == \"customer_read\" then read(customer_read)"
    " elif $c == \"check_request\" then check_request"
    " elif $c == \"check_read\" then read(check_read)"
    " elif $c == \"assign_request\" then assign_request"
    " elif $c == \"assign_read\" then read(assign_read)"
    " elif $c == \"past_request\" then past_request"
    " elif $c == \"past_read\" then read(past_read)"
    " elif $c == \"hook_read\" then hook_read"
    " elif $c == \"hooks_request\" then hooks_request"
    " elif $c == \"hooks_read\" then read(hooks_read)"
    " elif $c == \"hook_add_request\" then hook_add_request"
    " elif $c == \"hook_add_read\" then read(hook_add_read)"
    " elif $c == \"hook_remove_request\" then hook_remove_request"
    " elif $c == \"hook_remove_read\" then read(hook_remove_read)"
    /* jq's regular expressions are initialized before there are threads. */
    " else (\"\" | test(\"\")) as $ready | about end)";

static void
remember_error(void *ctx, jv message)
{
	struct buf *error = ctx;
	jv text = jq_format_error(message);

	if (error->len == 0)
		buf_adds(error, jv_string_value(text));
	jv_free(text);
}

/* "jq: error: REASON (Unix shell quoting issues?) at <top-level>, line N:",
 * where lines count from the first one of the prelude. */
static void
correct_line(const char *name, unsigned prelude_lines, const struct buf *error,
    struct buf *why)
{
	static const char *const ends[] = { " (Unix shell", " at <", "\n" };
	const char *text = buf_str(error), *end = text + error->len;
	const char *line = strstr(text, ", line "), *at;
	size_t i;

	if (strncmp(text, "jq: error: ", 11) == 0)
		text += 11;
	for (i = 0; i < ARRAY_LEN(ends); i++) {
		at = strstr(text, ends[i]);
		if (at != NULL && at < end)
			end = at;
	}
	buf_setf(why, "profile '%s'", name);
	if (line != NULL)
		buf_addf(why, ", line %ld",
		    strtol(line + 7, NULL, 10) - (long)prelude_lines);
	buf_addf(why, ": %.*s", (int)(end - text), text);
}

int
profile_compile(jq_state *jq, const char *name, const struct profile_file *f,
    struct buf *error, struct buf *why)
{
	char **saved = environ;
	struct buf program = BUF_INIT;
	unsigned prelude_lines = 0;
	const char *c;
	int ok;

	buf_adds(&program, buf_str(&f->prelude));
	buf_addc(&program, '\n');
	for (c = buf_str(&program); *c != '\0'; c++)
		prelude_lines += *c == '\n';
	buf_adds(&program, buf_str(&f->text));
	buf_addc(&program, '\n');
	buf_adds(&program, MAIN);

	jq_set_error_cb(jq, remember_error, error);
	environ = no_environ;
	ok = jq_compile(jq, buf_str(&program));
	environ = saved;
	buf_release(&program);
	if (!ok)
		correct_line(name, prelude_lines, error, why);
	return ok ? 0 : -1;
}
