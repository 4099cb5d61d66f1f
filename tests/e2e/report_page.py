"""report_page: checks a report as a careful reader sees it: which parts could
run or be loaded, and what remains without everything except tables and text.
"""

import csv
import io
import xml.etree.ElementTree
from datetime import date
from html.parser import HTMLParser

TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p",
        "main", "section", "div", "table", "thead", "tbody", "tr", "th", "td",
        "svg", "path", "line", "circle", "text"}
ATTRIBUTES = {
    "xmlns", "lang", "charset", "http-equiv", "content", "name", "id", "scope",
    "align", "nowrap", "dir", "bgcolor", "border", "cellpadding", "cellspacing", "class",
    "role", "tabindex", "width", "height", "viewbox", "font-family",
    "font-size", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "d", "fill",
    "stroke", "stroke-width", "stroke-dasharray", "text-anchor"}
VOID = {"meta", "path", "line", "circle"}
SPACES = ("http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg")
# Columns that the page omits, and the form of the other columns.
HIDDEN = ("operator", "channel", "figure", "unit", "complete", "id")
SECONDS = ("seconds",)
WEEKDAYS = "Mon Tue Wed Thu Fri Sat Sun".split()


def sections(text):
    """A report in CSV: {section: [row as {column: cell}]}."""
    found = {}
    for block in text.split("\r\n\r\n"):
        lines = list(csv.reader(io.StringIO(block, newline="")))
        found[lines[0][0]] = [dict(zip(lines[0][1:], line[1:]))
                              for line in lines[1:]]
    return found


def duration(text):
    s = float(text)
    if s < 10:
        return f"{int(s * 10 + 1e-6) / 10:.1f}s"
    n = int(s)
    if n < 60:
        return f"{n}s"
    if n < 3600:
        return f"{n // 60}m{n % 60:02}s"
    if n < 86400:
        return f"{n // 3600}h{n % 3600 // 60:02}m"
    return f"{n // 86400}d{n % 86400 // 3600:02}h"


def share(text):
    return f"{100 * float(text):.1f} %"


def day(text):
    if len(text) != 10:
        return text
    return WEEKDAYS[date.fromisoformat(text).weekday()] + " " + text


def shown(section, column, row):
    """A cell of CSV as the page has to show it; None: not at all."""
    text = row[column]
    if column in HIDDEN:
        return None
    if text == "":
        return "–"
    unit = row.get("unit") if column in ("value", "before") else None
    if column == "change":
        of = "pp" if row["unit"] == "share" else "%"
        return f"{100 * float(text):+.1f} {of}"
    if column in ("within", "kept_share") or unit == "share":
        return share(text)
    if column.endswith("seconds") or column.endswith("seconds_before") \
            or unit == "seconds":
        return duration(text)
    if section in ("days", "resolved") and column == "begin":
        return day(text)
    # CSV puts an apostrophe before text that a spreadsheet would compute.
    return text[1:] if text[:2] == "'=" else text


class ReportPage(HTMLParser):
    def __init__(self, source):
        super().__init__()
        self.source = source
        self.bad = []
        self.tables = {}  # by section: rows of texts
        self.pictures = []  # titles
        self.text = ""
        self.stack = []
        self.section = None
        self.declared = False
        self.feed(source)
        self.close()

    def handle_decl(self, decl):
        self.declared = decl == "DOCTYPE html"

    def handle_starttag(self, tag, attributes):
        if tag not in TAGS:
            self.bad.append(f"a tag <{tag}>")
        for name, value in attributes:
            if name not in ATTRIBUTES or name.startswith("on"):
                self.bad.append(f"an attribute {name}={value!r}")
            if name != "xmlns" and "://" in (value or ""):
                self.bad.append(f"a reference {name}={value!r}")
            if name == "xmlns" and value not in SPACES:
                self.bad.append(f"a space {value!r}")
        if tag == "section":
            self.section = dict(attributes)["id"]
        if tag == "tr" and "tbody" in self.stack:
            self.tables.setdefault(self.section, []).append([])
        if tag == "td":
            self.tables[self.section][-1].append("")
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.bad.append(f"<{tag}/>")

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.bad.append(f"</{tag}> ends something else")

    def handle_data(self, data):
        if "td" in self.stack:
            self.tables[self.section][-1][-1] += data
        if self.stack[-2:] == ["svg", "title"]:
            self.pictures.append(data)
        if "style" in self.stack:
            if "url" in data or "@import" in data or "\\" in data:
                self.bad.append("the style sheet loads something")
        elif "svg" not in self.stack:
            self.text += data

    def handle_pi(self, data):
        self.bad.append(f"an instruction {data!r}")

    def complaints(self):
        found = list(self.bad)
        if not self.declared or self.stack:
            found.append(f"no whole page: {self.stack}")
        if not self.text.strip() or not self.tables:
            found.append("nothing to read")
        if any(c < " " and c != "\n" for c in self.source):
            found.append("a control character")
        try:
            xml.etree.ElementTree.fromstring(self.source)
        except xml.etree.ElementTree.ParseError as why:
            found.append(f"no XML: {why}")
        return found
