/*
 * chart_bars: a bar for each name, which stands above it, because it may be
 * long, and with its duration in words behind it.
 */
#include <math.h>

#include "sink/page/chart_impl.h"
#include "sink/page/figures.h"

#define LINE 32 /* of one bar, with its name */
#define BAR 14
#define WIDEST (CHART_WIDTH - 70)

void
chart_bars(struct buf *to, const char *title, const struct chart_point *points,
    size_t n)
{
	struct buf text = BUF_INIT;
	double most = 0, v, width;
	int y;
	size_t i;

	if (n == 0)
		return;
	for (i = 0; i < n; i++)
		most = fmax(most, points[i].values[0]);
	chart_begin(to, title, (int)n * LINE + 8);
	for (i = 0; i < n; i++) {
		y = (int)i * LINE + 4;
		v = points[i].values[0];
		chart_text(
		    to, 0, y + 10, CHART_START, CHART_INK, points[i].label);
		if (isnan(v))
			continue;
		width = most > 0 ? v / most * WIDEST : 0;
		buf_addf(to,
		    "<rect x=\"0\" y=\"%d\" width=\"%.1f\" height=\"%d\" "
		    "fill=\"#1b5e9e\"/>\n",
		    y + BAR, fmax(width, 1), BAR);
		buf_clear(&text);
		figure_duration(&text, v);
		chart_text(to, width + 6, y + BAR + 11, CHART_START, CHART_INK,
		    buf_str(&text));
	}
	chart_end(to);
	buf_release(&text);
}
