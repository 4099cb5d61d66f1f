#!/usr/bin/env python3
"""words.py: checks that all texts use one vocabulary.

 - No text has words that read like a translation.
 - Each figure that the board or the report shows has a term in
   messaging-glossary(7).
 - What has a term is not called by another word on pages and on the board.

Prints one line for each difference and exits with 1 if there was one. Works
from the root of the repository.
"""
import glob
import os
import re
import sys

GLOSSARY = "man/man7/messaging-glossary.7"

# In code and in texts.
WORST = ["anew", "thus", "hence", "whoever", "wherein", "tells of", "is no"]
# In every text.
AVOIDED = ["anew", "mend", "mends", "mended", "mending", "thus", "hence",
           "whoever", "whatever is", "wherein", "is no",
           "there is none", "of which", "of whom", "tells of", "told of",
           "what is so", "comes again", "once more so", "for ever"]
# On pages, the board and in reports: the term to use, and its forbidden
# synonyms.
SYNONYMS = {
    "average": ["mean of", "the mean", "a mean", "means of"],
    "assigned operator": ["holder", "keeper"],
    "first response": ["first answer"],
    "waiting": ["patience"],
    "free slots": ["free places", "seats"],
    "previous period": ["span before"],
    "erase": ["forgotten customer"],
    "publisher confirm": ["confirmed for good"],
    "manually": ["by hand"],
    "needs": ["wants"],
}
# Titles that explain themselves and need no glossary entry.
PLAIN = {"Before", "Now", "Took", "Seconds", "Together", "All together",
         "Messages", "Allowed", "Messages with the word", "Messages in the worst",
         "Receipts", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
PAGES = sorted(glob.glob("man/man?/*")) + ["README.md"]
problems = []


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def complain(path, text, place, what):
    problems.append("%s:%d: %s" % (path, text.count("\n", 0, place) + 1, what))


def find(path, text, words):
    for word in words:
        # "There is no such file" is English, "it is not a file" is not.
        before = r"(?<!there )" if word == "is no" else ""
        behind = r"(?! longer| more chats| more than| older)" if word == "is no" else ""
        pattern = before + r"(?<![\w-])%s(?![\w-])" % re.sub(
            r" ", r"\\s+", word) + behind
        for m in re.finditer(pattern, text, re.I):
            yield m.start(), word


def prose(page):
    """The text of a page. Literal blocks stay; macros are replaced by as many
    characters."""
    return re.sub(r"^\.[A-Z][a-z](?= )", lambda m: " " * len(m.group(0)),
                  page, flags=re.M)


def check_texts():
    for path in PAGES:
        text = prose(read(path))
        for place, word in find(path, text, AVOIDED):
            complain(path, text, place, "'%s'" % word)
        for term, others in SYNONYMS.items():
            for place, word in find(path, text, others):
                complain(path, text, place, "'%s': say '%s'" % (word, term))


def check_code():
    """Comments and messages of the programs and scripts."""
    paths = [x for top in ("aggregator", "common", "poller", "reaper", "sink",
                           "scripts")
             for x in glob.glob(top + "/**", recursive=True)
             if re.search(r"\.(c|h|def|jq|sql|js|html|sh|example)$|^scripts/\w+$",
                          x) and not x.endswith("/")]
    for path in paths:
        if os.path.isdir(path):
            continue
        text = read(path)
        for place, word in find(path, text, WORST):
            complain(path, text, place, "'%s'" % word)


def terms():
    found = set()
    for line in re.findall(r"^\.It (.*?)(?: Ta .*)?$", read(GLOSSARY), re.M):
        found |= {x.strip().lower() for x in line.split(",")}
    return found


def check_figures():
    shown = []
    for path in glob.glob("sink/board/*.js"):
        for m in re.finditer(r'title: "([^"]+)",[^}]*?kind: "(?:number|time)',
                             read(path)):
            shown.append((path, m.group(1)))
        for m in re.finditer(r'id: "[^"]+", title: "([^"]+)"', read(path)):
            shown.append((path, m.group(1)))
    for path in ("sink/report/report.c",):
        for m in re.finditer(
                r'"([A-Z][^"]*)",\s+FIGURE_(?:COUNT|SECONDS|SHARE)\b',
                read(path)):
            shown.append((path, m.group(1)))
    if len(shown) < 40:
        problems.append("words.py finds only %d figures" % len(shown))
    stems = {re.sub(r"(ing|s|ed)$", "", x) for x in terms()}
    for path, title in shown:
        if title not in PLAIN and not any(re.search(r"\b" + re.escape(x), title.lower())
                   for x in stems):
            problems.append("%s: '%s' is not in messaging-glossary(7)"
                            % (path, title))


def check_order():
    """TERMS are in alphabetical order, so readers can find them."""
    part = read(GLOSSARY).partition("\n.Sh TERMS\n")[2]
    names = [x.lower() for x in re.findall(r"^\.It (.*?)(?: Ta .*)?$", part, re.M)]
    for one, next_one in zip(names, names[1:]):
        if one > next_one:
            problems.append("%s: '%s' stands above '%s'"
                            % (GLOSSARY, one, next_one))


check_texts()
check_code()
check_figures()
check_order()
for line in problems:
    print(line)
sys.exit(1 if problems else 0)
