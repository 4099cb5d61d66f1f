/*
 * picture_week: the hours of a week, the darker the more. Each cell has its
 * number, too, so that nobody needs to compare shades.
 */
#include <math.h>
#include <stdio.h>

#include "sink/page/picture_impl.h"

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
	    "fill=\"#%02x%02x%02x\" stroke=\"" PICTURE_GREY "\"/>\n",
	    x, y, WIDTH, HEIGHT, shade(27, part), shade(94, part),
	    shade(158, part));
	if (!(count > 0))
		return;
	if (count < 10000)
		(void)snprintf(text, sizeof text, "%.0f", count);
	else
		(void)snprintf(text, sizeof text, "%.0fk", count / 1000);
	picture_text(to, x + WIDTH / 2.0, y + HEIGHT / 2.0 + 4, PICTURE_MIDDLE,
	    part > 0.5 ? "#ffffff" : PICTURE_INK, text);
}

void
picture_week(struct buf *to, const char *title,
    double counts[PICTURE_DAYS][PICTURE_HOURS])
{
	static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri",
		"Sat", "Sun" };
	double most = 0;
	char hour[16];
	int d, h;

	for (d = 0; d < PICTURE_DAYS; d++) {
		for (h = 0; h < PICTURE_HOURS; h++)
			most = fmax(most, counts[d][h]);
	}
	picture_begin(to, title, TOP + PICTURE_DAYS * HEIGHT + 4);
	for (h = 0; h < PICTURE_HOURS; h++) {
		(void)snprintf(hour, sizeof hour, "%d", h);
		picture_text(to, LEFT + h * WIDTH + WIDTH / 2.0, TOP - 5,
		    PICTURE_MIDDLE, PICTURE_INK, hour);
	}
	for (d = 0; d < PICTURE_DAYS; d++) {
		picture_text(to, LEFT - 6, TOP + d * HEIGHT + 16, PICTURE_END,
		    PICTURE_INK, days[d]);
		for (h = 0; h < PICTURE_HOURS; h++)
			draw_hour(to, LEFT + h * WIDTH, TOP + d * HEIGHT,
			    counts[d][h], most);
	}
	picture_end(to);
}
