/*
 * chart: see chart.h. Curves also differ by their dashes, for printers without
 * colours and for readers who cannot distinguish them.
 */
#include "sink/report/chart.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "sink/report/page.h"

#define WIDTH 720
#define HEIGHT 250
#define INK "#222222"
#define GREY "#cccccc"

static void
begin_chart(struct buf *to, const char *title)
{
	buf_addf(to,
	    "<div tabindex=\"0\">\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
	    "role=\"img\" "
	    "width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
	    "font-family=\"sans-serif\" font-size=\"11\">\n<title>",
	    WIDTH, HEIGHT, WIDTH, HEIGHT);
	markup_text(to, title);
	buf_adds(to, "</title>\n");
}

/* anchor: which part of the text is at x: start, middle or end. */
static void
draw_text(
    struct buf *to, double x, double y, const char *anchor, const char *text)
{
	buf_addf(to,
	    "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"" INK "\">",
	    x, y, anchor);
	markup_text(to, text);
	buf_adds(to, "</text>\n");
}

/* Curves. */

#define LEFT 60
#define RIGHT (WIDTH - 12)
#define TOP 30
#define BOTTOM (HEIGHT - 28)
#define LEGEND 150 /* width for one curve */
#define LABELS_MAX 12
#define LABEL_GAP 12
#define LABEL_LETTER 7 /* approximate width */
#define DOTS_MAX 62    /* with more points there are no dots */
#define GRID_MAX 6

static const struct {
	const char *ink, *dashes;
} pens[CHART_CURVES] = {
	{ "#1b5e9e", "none" },
	{ "#b3541e", "6 3" },
};

struct curve_scale {
	double step, top; /* seconds */
	size_t n;
};

/* Returns the smallest round step that gives the grid few lines. */
static double
grid_step(double most)
{
	static const double steps[] = { 1, 2, 5, 10, 15, 30, 60, 120, 300, 600,
		900, 1800, 3600, 7200, 10800, 21600, 43200 };
	size_t i;

	for (i = 0; i < ARRAY_LEN(steps); i++)
		if (most <= steps[i] * GRID_MAX)
			return steps[i];
	return 86400 * ceil(most / 86400 / GRID_MAX);
}

static struct curve_scale
find_scale(const struct chart_point *points, size_t n)
{
	struct curve_scale s = { .n = n };
	double most = 1;
	size_t i, c;

	for (i = 0; i < n; i++)
		for (c = 0; c < CHART_CURVES; c++)
			if (points[i].values[c] > most) /* not NAN */
				most = points[i].values[c];
	s.step = grid_step(most);
	s.top = s.step * ceil(most / s.step);
	return s;
}

static double
x_of(const struct curve_scale *s, size_t i)
{
	return LEFT + ((double)i + 0.5) / (double)s->n * (RIGHT - LEFT);
}

static double
y_of(const struct curve_scale *s, double value)
{
	return BOTTOM - value / s->top * (BOTTOM - TOP);
}

static void
draw_grid(struct buf *to, const struct curve_scale *s)
{
	int i, lines = (int)(s->top / s->step + 0.5);
	struct buf text = BUF_INIT;
	double y;

	for (i = 0; i <= lines; i++) {
		y = y_of(s, i * s->step);
		buf_addf(to,
		    "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" "
		    "stroke=\"" GREY "\"/>\n",
		    LEFT, y, RIGHT, y);
		buf_clear(&text);
		figure_duration(&text, i * s->step);
		draw_text(to, LEFT - 6, y + 4, "end", buf_str(&text));
	}
	buf_release(&text);
}

/* Draws as many labels as fit next to each other. */
static void
draw_labels(struct buf *to, const struct curve_scale *s,
    const struct chart_point *points)
{
	size_t i, longest = 0, most, every;

	for (i = 0; i < s->n; i++)
		if (strlen(points[i].label) > longest)
			longest = strlen(points[i].label);
	most = (RIGHT - LEFT) / (LABEL_GAP + LABEL_LETTER * longest);
	most = most < 1 ? 1 : most < LABELS_MAX ? most : LABELS_MAX;
	every = (s->n + most - 1) / most;
	for (i = 0; i < s->n; i += every)
		draw_text(
		    to, x_of(s, i), BOTTOM + 18, "middle", points[i].label);
}

static void
begin_path(struct buf *to, size_t c)
{
	buf_addf(to,
	    "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" "
	    "stroke-dasharray=\"%s\" d=\"M ",
	    pens[c].ink, pens[c].dashes);
}

static void
draw_curve(struct buf *to, const struct curve_scale *s,
    const struct chart_point *points, size_t c)
{
	bool draws = false;
	double v;
	size_t i;

	begin_path(to, c);
	buf_adds(to, "0 0");
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

void
chart_curves(struct buf *to, const char *title,
    const char *const titles[CHART_CURVES], const struct chart_point *points,
    size_t n)
{
	struct curve_scale s;
	size_t c;
	int x;

	if (n == 0)
		return;
	s = find_scale(points, n);
	begin_chart(to, title);
	draw_grid(to, &s);
	draw_labels(to, &s, points);
	for (c = 0; c < CHART_CURVES; c++)
		draw_curve(to, &s, points, c);
	for (c = 0; c < CHART_CURVES; c++) {
		x = LEFT + (int)c * LEGEND;
		begin_path(to, c);
		buf_addf(to, "%d 12 h 26\"/>\n", x);
		draw_text(to, x + 32, 16, "start", titles[c]);
	}
	buf_adds(to, "</svg>\n</div>\n");
}
