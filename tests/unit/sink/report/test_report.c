/*
 * Tests of sink/report: text that could be taken for markup, figures for
 * people, tables, curves of nothing, one day and a year, and which files are
 * replaced.
 */
#include "tests/unit/tmpdir.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "sink/report/chart.h"
#include "sink/report/page.h"
#include "sink/report/report.h"

static const struct figure_column columns[] = {
	{ "day", "Day", FIGURE_PERIOD },
	{ "name", "Name", FIGURE_TEXT },
	{ "id", "Id", FIGURE_KEY },
	{ "unit", "Unit", FIGURE_UNIT },
	{ "n", "N", FIGURE_COUNT },
	{ "s", "Seconds", FIGURE_SECONDS },
	{ "within", "Within", FIGURE_SHARE },
	{ "value", "Value", FIGURE_OF_ROW },
	{ "change", "Change", FIGURE_CHANGE },
};

static struct figure_table
one_row(const char *const *cells)
{
	struct figure_table t = { .columns = columns,
		.columns_n = ARRAY_LEN(columns) };
	size_t i;

	for (i = 0; i < ARRAY_LEN(columns); i++)
		figure_add(&t, cells[i]);
	return t;
}

static void
check_markup(const char *text, const char *want)
{
	struct buf to = BUF_INIT;

	markup_text(&to, text);
	assert_string_equal(buf_str(&to), want);
	buf_release(&to);
}

static void
text_is_no_markup(void **state)
{
	(void)state;
	check_markup("", "");
	check_markup("<script>alert('x')</script>",
	    "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
	check_markup("\" onload=\"x", "&quot; onload=&quot;x");
	check_markup("&amp; & Sons", "&amp;amp; &amp; Sons");
	check_markup("]]> --> <!--", "]]&gt; --&gt; &lt;!--");
	check_markup(
	    "Chlo\xc3\xa9 \xf0\x9f\x98\x80", "Chlo\xc3\xa9 \xf0\x9f\x98\x80");
	check_markup("a\nb\tc\rd\x01\x1b[31m\x7f", "a b c d??[31m?");
	check_markup("a\xef\xbf\xbf"
		     "b\xef\xbf\xbe",
	    "a?b?");
	check_markup("\xef\xbf\xbd", "\xef\xbf\xbd");
}

static void
check_shown(const char *const *cells, const char *const *want)
{
	struct figure_table t = one_row(cells);
	struct buf to = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_LEN(columns); i++) {
		buf_clear(&to);
		figure_show(&to, &t, 0, i);
		assert_string_equal(buf_str(&to), want[i]);
	}
	buf_release(&to);
	figure_release(&t);
}

static void
figures_are_for_people(void **state)
{
	static const char *const none[] = { NULL, NULL, NULL, "count", NULL,
		NULL, NULL, NULL, NULL };
	static const char *const dashes[] = { "\xe2\x80\x93", "\xe2\x80\x93",
		"\xe2\x80\x93", "count", "\xe2\x80\x93", "\xe2\x80\x93",
		"\xe2\x80\x93", "\xe2\x80\x93", "\xe2\x80\x93" };
	static const char *const some[] = { "2026-11-20", "Ann", "7", "seconds",
		"12", "78.500", "0.9345", "200.000", "-0.0512" };
	static const char *const shown[] = { "Fri 2026-11-20", "Ann", "7",
		"seconds", "12", "1m18s", "93.5 %", "3m20s", "-5.1 %" };
	static const char *const other[] = { "2026-11-20 10:00", "", "",
		"share", "0", "0.000", "1.0000", "0.5000", "0.0000" };
	static const char *const others[] = { "2026-11-20 10:00", "", "",
		"share", "0", "0.0s", "100.0 %", "50.0 %", "+0.0 pp" };

	(void)state;
	check_shown(none, dashes);
	check_shown(some, shown);
	check_shown(other, others);
}

static void
check_duration(double seconds, const char *want)
{
	struct buf to = BUF_INIT;

	figure_duration(&to, seconds);
	assert_string_equal(buf_str(&to), want);
	buf_release(&to);
}

static void
durations_have_two_units(void **state)
{
	(void)state;
	check_duration(0.099, "0.0s");
	check_duration(0.3, "0.3s");
	check_duration(9.999, "9.9s");
	check_duration(59.9, "59s");
	check_duration(60, "1m00s");
	check_duration(3599.999, "59m59s");
	check_duration(7260, "2h01m");
	check_duration(97200, "1d03h");
}

static void
tables_have_what_people_see(void **state)
{
	static const char *const cells[] = { "2026-11-20", "<b>\"&", "key",
		"count", "12", NULL, NULL, "5", NULL };
	struct figure_table t = one_row(cells);
	struct figure_table empty = { .columns = columns,
		.columns_n = ARRAY_LEN(columns) };
	struct buf to = BUF_INIT;

	(void)state;
	page_table(&to, &t, 0);
	assert_non_null(strstr(buf_str(&to),
	    "<td align=\"left\" nowrap=\"nowrap\">Fri 2026-11-20</td>"
	    "<td align=\"left\" dir=\"auto\">&lt;b&gt;&quot;&amp;</td>"
	    "<td align=\"right\">12</td>"));
	assert_null(strstr(buf_str(&to), "key"));
	assert_null(strstr(buf_str(&to), "Unit"));
	buf_clear(&to);
	page_table(&to, &empty, 0);
	assert_string_equal(buf_str(&to), "<p>None in this period.</p>\n");
	buf_release(&to);
	figure_release(&t);
}

static size_t
occurrences(const struct buf *b, const char *text)
{
	const char *p = buf_str(b);
	size_t n = 0;

	for (; (p = strstr(p, text)) != NULL; p++)
		n++;
	return n;
}

/* Makes points with a value each, except for a gap at `none`. */
static struct chart_point *
some_points(size_t n, size_t none)
{
	struct chart_point *points = xcalloc(n, sizeof *points);
	size_t i;

	for (i = 0; i < n; i++) {
		points[i].label = "<&>";
		points[i].values[0] = i == none ? (double)NAN : (double)i * 60;
		points[i].values[1] = (double)NAN;
	}
	return points;
}

static void
curves_have_gaps(void **state)
{
	static const char *const titles[] = { "one", "two" };
	static const size_t lengths[] = { 1, 7, 62, 63, 366 };
	struct chart_point *points;
	struct buf to = BUF_INIT;
	size_t i;

	(void)state;
	chart_curves(&to, "none", titles, NULL, 0);
	assert_int_equal(to.len, 0);
	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		points = some_points(lengths[i], 3);
		chart_curves(&to, "\"t\"", titles, points, lengths[i]);
		assert_int_equal(occurrences(&to, "<title>&quot;t&quot;<"), 1);
		assert_null(strstr(buf_str(&to), "nan"));
		assert_null(strstr(buf_str(&to), "inf"));
		/* Labels do not cover each other. */
		assert_in_range(occurrences(&to, "&lt;&amp;&gt;"), 1, 12);
		/* Short curves have dots. */
		assert_int_equal(occurrences(&to, "<circle "),
		    lengths[i] > 62 ? 0 : lengths[i] - (lengths[i] > 3));
		if (lengths[i] == 7) {
			assert_int_equal(occurrences(&to, " M "), 2);
			assert_int_equal(occurrences(&to, " L "), 4);
		}
		free(points);
		buf_clear(&to);
	}
	buf_release(&to);
}

static void
a_long_table_shows_its_ends(void **state)
{
	struct figure_table t = { .columns = &columns[4], .columns_n = 1 };
	struct buf to = BUF_INIT;
	int i;

	(void)state;
	for (i = 1; i <= 9; i++)
		figure_add_int(&t, 10 * i);
	page_table(&to, &t, 2);
	assert_int_equal(occurrences(&to, "<td "), 4);
	assert_non_null(strstr(buf_str(&to), ">80<"));
	assert_null(strstr(buf_str(&to), ">30<"));
	buf_clear(&to);
	page_table(&to, &t, 5);
	assert_int_equal(occurrences(&to, "<td "), 9);
	buf_release(&to);
	figure_release(&t);
}

static void
the_greatest_count_is_darkest(void **state)
{
	static const struct figure_column shaded[] = {
		{ "a", "A", FIGURE_SHADED },
		{ "b", "B", FIGURE_SHADED },
		{ "c", "C", FIGURE_COUNT },
	};
	static const char *const cells[] = { "0", "1", "9", NULL, "2", "9" };
	struct figure_table t = { .columns = shaded,
		.columns_n = ARRAY_LEN(shaded) };
	struct buf to = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cells); i++)
		figure_add(&t, cells[i]);
	page_table(&to, &t, 0);
	assert_int_equal(occurrences(&to, "bgcolor"), 2);
	assert_int_equal(occurrences(&to, "bgcolor=\"#cee1f3\">1<"), 1);
	assert_int_equal(occurrences(&to, "bgcolor=\"#9dc3e6\">2<"), 1);
	buf_release(&to);
	figure_release(&t);
}

static void
only_regular_files_are_replaced(void **state)
{
	struct buf text = BUF_INIT, got = BUF_INIT;

	(void)state;
	assert_int_equal(report_form_of("a.html"), REPORT_HTML);
	assert_int_equal(report_form_of("a.csv"), REPORT_CSV);
	assert_int_equal(report_form_of(".csv"), REPORT_BY_NAME);
	assert_int_equal(report_form_of("messaging.conf"), REPORT_BY_NAME);
	assert_int_equal(report_file_check("r.html"), PROG_OK);
	/* The file of an earlier run that was killed. */
	tmpdir_file("r.html.new", "half of a report", 4, 0600);
	buf_adds(&text, "a report");
	assert_int_equal(report_file_write("r.html", &text), PROG_OK);
	assert_int_equal(file_read_path("r.html", &got), 0);
	assert_string_equal(buf_str(&got), buf_str(&text));
	assert_int_equal(report_file_check("r.html"), PROG_OK);
	assert_int_equal(report_file_check("."), PROG_CANTCREATE);
	assert_int_equal(report_file_check("/dev/null"), PROG_CANTCREATE);
	assert_int_equal(
	    report_file_write("none/r.html", &text), PROG_CANTCREATE);
	assert_int_not_equal(access("r.html.new", F_OK), 0);
	buf_release(&text);
	buf_release(&got);
}

/* Another group of the user; the current one if there is none. */
static gid_t
another_group(void)
{
	gid_t groups[64];
	int n = getgroups(ARRAY_LEN(groups), groups);

	if (geteuid() == 0)
		return 12345;
	while (n > 0)
		if (groups[--n] != getegid())
			return groups[n];
	return getegid();
}

static mode_t
mode_of_next_report(mode_t before)
{
	struct buf text = BUF_INIT;
	struct stat st;

	assert_int_equal(chmod("r.html", before), 0);
	buf_adds(&text, "another report");
	assert_int_equal(report_file_write("r.html", &text), PROG_OK);
	assert_int_equal(stat("r.html", &st), 0);
	assert_int_equal(st.st_gid, another_group());
	assert_int_equal(st.st_size, text.len);
	buf_release(&text);
	return st.st_mode & 07777;
}

/* Neither the umask nor the group of the process changes them. */
static void
a_replaced_report_keeps_mode_and_group(void **state)
{
	const mode_t mask = umask(022);

	(void)state;
	tmpdir_file("r.html", "a report", 8, 0600);
	assert_int_equal(chown("r.html", (uid_t)-1, another_group()), 0);
	assert_int_equal(mode_of_next_report(0640), 0640);
	assert_int_equal(mode_of_next_report(0664), 0664);
	assert_int_equal(mode_of_next_report(0600), 0600);
	(void)umask(mask);
}

int
test_report(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_no_markup),
		cmocka_unit_test(figures_are_for_people),
		cmocka_unit_test(durations_have_two_units),
		cmocka_unit_test(tables_have_what_people_see),
		cmocka_unit_test(curves_have_gaps),
		cmocka_unit_test(a_long_table_shows_its_ends),
		cmocka_unit_test(the_greatest_count_is_darkest),
		cmocka_unit_test_setup_teardown(only_regular_files_are_replaced,
		    tmpdir_enter, tmpdir_leave),
		cmocka_unit_test_setup_teardown(
		    a_replaced_report_keeps_mode_and_group, tmpdir_enter,
		    tmpdir_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
