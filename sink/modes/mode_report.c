/*
 * mode_report: sink --report: the figures for some days as one file, to mail
 * and to print. Anyone who may read the database acts as an administrator here,
 * as with --get.
 */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "sink/modes/modes.h"
#include "sink/report/report.h"

/* Nobody is waiting for a report, so a statement may take this many times as
 * long as in a request. */
#define REPORT_FACTOR 10

static enum exit_code
make_report(struct sink *s, struct db **db)
{
	struct viewer v;
	const struct report_request request = { .viewer = &v,
		.timeout_ms = REPORT_FACTOR * conf_int(s->common.conf, "serve",
						  "query_timeout"),
		.now_ms = clock_now_ms(),
		.from = s->since,
		.to = s->until,
		.zone = s->zone,
		.within = s->within,
		.form = s->report_form,
		/* A spreadsheet opens a file; grep and sed read a pipe. */
		.bom = s->report_form == REPORT_CSV &&
		       strcmp(s->report, "-") != 0 };
	struct buf text = BUF_INIT;
	enum exit_code code = report_file_check(s->report);

	db_allow(*db, request.timeout_ms);
	if (code == PROG_OK)
		code = sink_find_viewer(s, *db, &v);
	if (code == PROG_OK)
		code = report_write(&request, *db, &text);
	if (code == PROG_OK)
		code = report_file_write(s->report, &text);
	buf_release(&text);
	return code;
}

static int
take_form(const char *value, void *to)
{
	enum report_form *form = to;

	*form = strcmp(value, "html") == 0  ? REPORT_HTML
		: strcmp(value, "csv") == 0 ? REPORT_CSV
					    : REPORT_BY_NAME;
	if (*form != REPORT_BY_NAME)
		return -1;
	return prog_usage_error("unknown format '%s'; use html or csv", value);
}

static const struct option_row rows[] = {
	OPTION_TEXT(0, "since", "DAY", struct sink, since,
	    "the first day (default: last week)"),
	OPTION_TEXT(0, "until", "DAY", struct sink, until,
	    "the day after the last one"),
	OPTION_TEXT(0, "zone", "ZONE", struct sink, zone,
	    "the time zone, such as Europe/Lisbon (the tenant's)"),
	OPTION_TEXT(0, "within", "SECONDS", struct sink, within,
	    "the target for response times (as configured, or " WITHIN_S ")"),
	OPTION_TAKE('o', NULL, "FORMAT", struct sink, report_form, take_form,
	    "html or csv; default: by the file name"),
	OPTION_TEXT(0, "tenant", "NAME", struct sink, tenant,
	    "the tenant; needed if there are several"),
};

static bool
is_day(const char *text)
{
	char midnight[] = REPORT_DAY "T00:00:00Z";
	int64_t ms;

	if (strlen(text) != strlen(REPORT_DAY))
		return false;
	memcpy(midnight, text, strlen(REPORT_DAY));
	return clock_parse(midnight, strlen(midnight), &ms) == 0;
}

static int
check_days(const struct sink *s)
{
	if ((s->since == NULL) != (s->until == NULL))
		return prog_usage_error("--since and --until must be used "
					"together; the default is last week");
	if (s->since != NULL && !is_day(s->since))
		return prog_usage_error(
		    "--since '%s' is not a day such as 2026-11-16", s->since);
	if (s->until != NULL && !is_day(s->until))
		return prog_usage_error(
		    "--until '%s' is not a day such as 2026-11-23", s->until);
	/* Days sort as texts. */
	if (s->since != NULL && strcmp(s->since, s->until) >= 0)
		return prog_usage_error(
		    "--since %s must be before --until %s, the "
		    "day after the last one",
		    s->since, s->until);
	return -1;
}

static int
check_zone(const char *name)
{
	struct zone *zone;

	if (name == NULL)
		return -1;
	zone = report_open_zone(name);
	zone_close(zone);
	return zone != NULL ? -1 : PROG_USAGE;
}

static int
check_report(void *options)
{
	struct sink *s = options;
	int64_t seconds;
	int code = check_days(s);

	if (code != -1)
		return code;
	if (s->within != NULL &&
	    parse_int(s->within, 0, 366 * 86400, &seconds) != 0)
		return prog_usage_error("--within '%s' is not a whole number "
					"of seconds up to 31622400 (a year)",
		    s->within);
	if (s->report_form == REPORT_BY_NAME)
		s->report_form = report_form_of(s->report);
	if (s->report_form == REPORT_BY_NAME && strcmp(s->report, "-") == 0)
		s->report_form = REPORT_HTML;
	if (s->report_form == REPORT_BY_NAME)
		return prog_usage_error("cannot tell the format from '%s'; use "
					"a name with .html or .csv, or -o html",
		    s->report);
	code = check_zone(s->zone);
	return code == -1 ? sink_check_tenant(s) : code;
}

static enum exit_code
run_report(void *options)
{
	return sink_with_schema(options, make_report);
}

const struct option_mode sink_mode_report = {
	.choice = OPTION_TEXT(0, "report", "FILE", struct sink, report,
	    "write a report about a week or other days"),
	.about = "Writes a report, see messaging-report(7), to FILE, whose "
		 "name ends in .html or\n.csv; - is standard output. DAY is a "
		 "day such as 2026-11-16.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_report,
	.run = run_report,
};
