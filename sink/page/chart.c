/*
 * chart: see chart.h and chart_impl.h.
 */
#include "sink/page/chart_impl.h"

#include "sink/page/markup.h"

#define TEXT_MAX 60 /* characters; as many ideographs fit */

void
chart_begin(struct buf *to, const char *title, int height)
{
	buf_addf(to,
	    "<div>\n<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
	    "width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
	    "font-family=\"sans-serif\" font-size=\"11\">\n<title>",
	    CHART_WIDTH, height, CHART_WIDTH, height);
	markup_text(to, title);
	buf_adds(to, "</title>\n");
}

void
chart_end(struct buf *to)
{
	buf_adds(to, "</svg>\n</div>\n");
}

void
chart_text(struct buf *to, double x, double y, enum chart_anchor anchor,
    const char *ink, const char *text)
{
	static const char *const anchors[] = { "start", "middle", "end" };

	buf_addf(to,
	    "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">", x, y,
	    anchors[anchor], ink);
	markup_cut(to, text, TEXT_MAX);
	buf_adds(to, "</text>\n");
}

void
chart_line(struct buf *to, double x1, double y1, double x2, double y2)
{
	buf_addf(to,
	    "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
	    "stroke=\"" CHART_GREY "\"/>\n",
	    x1, y1, x2, y2);
}
