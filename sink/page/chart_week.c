/*
 * chart_week: the hours of a week, the darker the more. Each cell has its
 * number, too, so that nobody needs to compare shades.
 */
#include <math.h>
#include <stdio.h>

#include "sink/page/chart_impl.h"

#define LEFT 40
#define TOP 18
#define WIDTH 28
#define HEIGHT 24

/* From white to blue: 255, 255, 255 to 27, 94, 158. */
static int
shade(int darkest, double part)
{
	return (int)lround(255 - part * (255 - darkest));
}

static void
draw_hour(struct buf *to, double x, double y, double count, double most)
{
	double part = most > 0 ? count / most : 0;
	char text[16];

	buf_addf(to,
	    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" "
	    "fill=\"#%02x%02x%02x\" stroke=\"" CHART_GREY "\"/>\n",
	    x, y, WIDTH, HEIGHT, shade(27, part), shade(94, part),
	    shade(158, part));
	if (!(count > 0))
		return;
	if (count < 10000)
		(void)snprintf(text, sizeof text, "%.0f", count);
	else
		(void)snprintf(text, sizeof text, "%.0fk", count / 1000);
	chart_text(to, x + WIDTH / 2.0, y + HEIGHT / 2.0 + 4, CHART_MIDDLE,
	    part > 0.5 ? "#ffffff" : CHART_INK, text);
}

void
chart_week(
    struct buf *to, const char *title, double counts[CHART_DAYS][CHART_HOURS])
{
	static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri",
		"Sat", "Sun" };
	double most = 0;
	char hour[16];
	int d, h;

	for (d = 0; d < CHART_DAYS; d++) {
		for (h = 0; h < CHART_HOURS; h++)
			most = fmax(most, counts[d][h]);
	}
	chart_begin(to, title, TOP + CHART_DAYS * HEIGHT + 4);
	for (h = 0; h < CHART_HOURS; h++) {
		(void)snprintf(hour, sizeof hour, "%d", h);
		chart_text(to, LEFT + h * WIDTH + WIDTH / 2.0, TOP - 5,
		    CHART_MIDDLE, CHART_INK, hour);
	}
	for (d = 0; d < CHART_DAYS; d++) {
		chart_text(to, LEFT - 6, TOP + d * HEIGHT + 16, CHART_END,
		    CHART_INK, days[d]);
		for (h = 0; h < CHART_HOURS; h++)
			draw_hour(to, LEFT + h * WIDTH, TOP + d * HEIGHT,
			    counts[d][h], most);
	}
	chart_end(to);
}
