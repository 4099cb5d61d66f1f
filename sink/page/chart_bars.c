/*
 * chart_bars: a bar for each name, with its duration in words behind it.
 */
#include <math.h>

#include "sink/page/chart_impl.h"
#include "sink/page/figures.h"

#define LINE 20 /* of one bar */
#define LEFT 190
#define WIDEST (CHART_WIDTH - LEFT - 70)

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
		chart_text(to, LEFT - 8, y + 14, CHART_END, CHART_INK,
		    points[i].label);
		if (isnan(v))
			continue;
		width = most > 0 ? v / most * WIDEST : 0;
		buf_addf(to,
		    "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" "
		    "fill=\"#1b5e9e\"/>\n",
		    LEFT, y + 3, fmax(width, 1), LINE - 6);
		buf_clear(&text);
		figure_duration(&text, v);
		chart_text(to, LEFT + width + 6, y + 14, CHART_START, CHART_INK,
		    buf_str(&text));
	}
	chart_end(to);
	buf_release(&text);
}
