/*
 * chart_curves: durations over time, a line each. Lines differ by their
 * dashes, too, for a printer without colours and for who does not see them.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "sink/page/chart_impl.h"

#define HEIGHT 250
#define LEFT 60
#define RIGHT (CHART_WIDTH - 12)
#define TOP 30
#define BOTTOM (HEIGHT - 28)
#define LEGEND 150 /* of one curve */
#define LABELS_MAX 12
#define LABEL_GAP 12
#define LABEL_LETTER 7 /* the width of one, about */
#define DOTS_MAX 62    /* more points have no dots */
#define GRID_MAX 6

static const struct {
	const char *ink, *dashes;
} pens[CHART_CURVES] = {
	{ "#1b5e9e", "none" },
	{ "#b3541e", "6 3" },
	{ "#4a7a2c", "2 2" },
};

struct curve_scale {
	double step, top; /* seconds */
	size_t n;
};

/* The least step that people count in with which the grid has few lines. */
static double
grid_step(double most)
{
	static const double steps[] = { 1, 2, 5, 10, 15, 30, 60, 120, 300, 600,
		900, 1800, 3600, 7200, 10800, 21600, 43200 };
	double days;
	size_t i;

	for (i = 0; i < ARRAY_LEN(steps); i++) {
		if (most <= steps[i] * GRID_MAX)
			return steps[i];
	}
	days = ceil(most / 86400 / GRID_MAX);
	return 86400 * days;
}

static struct curve_scale
find_scale(const struct chart_point *points, size_t n, size_t curves)
{
	struct curve_scale s = { .n = n };
	double most = 1;
	size_t i, c;

	for (i = 0; i < n; i++) {
		for (c = 0; c < curves; c++) {
			if (points[i].values[c] > most) /* not NAN */
				most = points[i].values[c];
		}
	}
	s.step = grid_step(most);
	s.top = s.step * ceil(most / s.step);
	return s;
}

static double
x_of(const struct curve_scale *s, size_t i)
{
	double part = ((double)i + 0.5) / (double)s->n;

	return LEFT + part * (RIGHT - LEFT);
}

static double
y_of(const struct curve_scale *s, double value)
{
	return BOTTOM - value / s->top * (BOTTOM - TOP);
}

/* A multiple of the step, in the step's unit: "15m". */
static void
draw_grid_label(struct buf *to, const struct curve_scale *s, double v)
{
	char text[32];
	const char *unit = "s";
	double length = 1;

	if (s->step >= 86400) {
		unit = "d";
		length = 86400;
	} else if (s->step >= 3600) {
		unit = "h";
		length = 3600;
	} else if (s->step >= 60) {
		unit = "m";
		length = 60;
	}
	(void)snprintf(
	    text, sizeof text, "%.0f%s", v / length, v > 0 ? unit : "");
	chart_text(to, LEFT - 6, y_of(s, v) + 4, CHART_END, CHART_INK, text);
}

static void
draw_grid(struct buf *to, const struct curve_scale *s)
{
	int i, lines = (int)(s->top / s->step + 0.5);
	double v;

	for (i = 0; i <= lines; i++) {
		v = i * s->step;
		chart_line(to, LEFT, y_of(s, v), RIGHT, y_of(s, v));
		draw_grid_label(to, s, v);
	}
}

/* How many labels have room beside each other. */
static size_t
count_labels(const struct curve_scale *s, const struct chart_point *points)
{
	size_t i, len, longest = 0, fit;

	for (i = 0; i < s->n; i++) {
		len = strlen(points[i].label);
		longest = len > longest ? len : longest;
	}
	fit = (RIGHT - LEFT) / (LABEL_GAP + LABEL_LETTER * longest);
	return fit < 1 ? 1 : fit < LABELS_MAX ? fit : LABELS_MAX;
}

static void
draw_labels(struct buf *to, const struct curve_scale *s,
    const struct chart_point *points)
{
	size_t i, most = count_labels(s, points),
		  every = (s->n + most - 1) / most;

	for (i = 0; i < s->n; i += every)
		chart_text(to, x_of(s, i), BOTTOM + 18, CHART_MIDDLE, CHART_INK,
		    points[i].label);
}

static void
draw_curve(struct buf *to, const struct curve_scale *s,
    const struct chart_point *points, size_t c)
{
	bool draws = false;
	double v;
	size_t i;

	buf_addf(to,
	    "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" "
	    "stroke-dasharray=\"%s\" d=\"M 0 0",
	    pens[c].ink, pens[c].dashes);
	for (i = 0; i < s->n; i++) {
		v = points[i].values[c];
		if (!isnan(v))
			buf_addf(to, " %c %.1f %.1f", draws ? 'L' : 'M',
			    x_of(s, i), y_of(s, v));
		draws = !isnan(v);
	}
	buf_adds(to, "\"/>\n");
	for (i = 0; i < s->n && s->n <= DOTS_MAX; i++) {
		v = points[i].values[c];
		if (!isnan(v))
			buf_addf(to,
			    "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" "
			    "fill=\"%s\"/>\n",
			    x_of(s, i), y_of(s, v), pens[c].ink);
	}
}

static void
draw_legend(struct buf *to, const char *const *titles, size_t curves)
{
	size_t c;
	int x;

	for (c = 0; c < curves; c++) {
		x = LEFT + (int)c * LEGEND;
		buf_addf(to,
		    "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" "
		    "stroke-dasharray=\"%s\" d=\"M %d 12 h 26\"/>\n",
		    pens[c].ink, pens[c].dashes, x);
		chart_text(to, x + 32, 16, CHART_START, CHART_INK, titles[c]);
	}
}

void
chart_curves(struct buf *to, const char *title, const char *const *titles,
    size_t curves, const struct chart_point *points, size_t n)
{
	struct curve_scale s;
	size_t c;

	if (n == 0)
		return;
	s = find_scale(points, n, curves);
	chart_begin(to, title, HEIGHT);
	draw_grid(to, &s);
	draw_labels(to, &s, points);
	for (c = 0; c < curves; c++)
		draw_curve(to, &s, points, c);
	draw_legend(to, titles, curves);
	chart_end(to);
}
