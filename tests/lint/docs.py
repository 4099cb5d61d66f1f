#!/usr/bin/env python3
"""docs.py CHECK...: compares the pages with the programs, both ways.

The checks are the functions check_* below; without an argument all run. Prints
one line for each difference and exits with 1 if there was one. Works from the
root of the repository, with the programs in BIN and the helpers in TESTBIN
(build/bin, build/tests).
"""
import glob
import json
import os
import re
import subprocess
import sys

BIN = os.environ.get("BIN", "build/bin")
TESTBIN = os.environ.get("TESTBIN", "build/tests")
PROGRAMS = ["poller", "aggregator", "sink", "reaper"]
NAMED = ["crm", "hours", "notice", "notify"]  # sections that need a name
PAGES = sorted(glob.glob("man/man?/*"))
problems = []


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def complain(where, what):
    problems.append("%s: %s" % (where, what))


def sources(program):
    """The .c files of a program's folder and subfolders."""
    return sorted(os.path.join(folder, name)
                  for folder, _, names in os.walk(program)
                  for name in names if name.endswith(".c"))


def tool(*args):
    path = os.path.join(TESTBIN, "tools", args[0])
    return subprocess.run([path, *args[1:]], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def program(name, *args):
    path = os.path.join(BIN, name)
    return subprocess.run([path, *args], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL)


def rows(kind):
    for line in tool("tables").splitlines():
        row = line.split("\t")
        if row[0] == kind:
            yield row[1:]


def plain(roff):
    """The text of a macro's arguments."""
    return roff.replace("\\&", "").strip()


class Page:
    """A page as items: (section, subsection, words, body). In a column list the
    first column has the words."""

    def __init__(self, path):
        self.path = path
        self.items = []
        section = sub = ""
        for line in read(path).splitlines():
            if line.startswith(".Sh "):
                section, sub = plain(line[4:]), ""
            elif line.startswith(".Ss "):
                sub = plain(line[4:])
            elif line.startswith(".It "):
                head, *cells = plain(line[4:]).split(" Ta")
                self.items.append([section, sub, head.split(),
                                   [x.strip() for x in cells]])
            elif self.items:
                self.items[-1][3].append(line)

    def ic(self):
        """{(subsection, name): body} of the .It Ic items."""
        return {(sub, words[1]): body for _, sub, words, body in self.items
                if words[:1] == ["Ic"]}

    def flags(self):
        """Options that have an item of their own: {"c", "-config"}."""
        found = set()
        for _, _, words, _ in self.items:
            found.update(words[i + 1] for i, w in enumerate(words[:-1])
                         if w == "Fl")
        return found


def compare(where, what, code, page):
    for x in sorted(code - page):
        complain(where, "%s %s is not described" % (what, x))
    for x in sorted(page - code):
        complain(where, "%s %s does not exist" % (what, x))


def check_keys():
    page = Page("man/man5/messaging.conf.5")
    # Keys stand under an .Ss of their section, on any page.
    there = {}
    for path in PAGES:
        for key, body in Page(path).ic().items():
            if key[0].startswith("["):
                if key in there:
                    complain(path, "key %s %s is described twice" % key)
                there[key] = body
    keys = {}
    for section, name, default, env in rows("key"):
        sub = "[%s]" % (section + " NAME" if section in NAMED else section)
        keys[sub, name] = (default, env)
    compare(page.path, "key", {"%s %s" % k for k in keys},
            {"%s %s" % k for k in there})
    for key, (default, _) in keys.items():
        column, *body = there.get(key, [default])
        # A long or computed default is explained in the text.
        got = column or "".join(re.findall(r"^Default: (.*)\.$",
                                           "\n".join(body), re.M))
        if default and got != default:
            complain(page.path, "%s %s: default is '%s', the page says '%s'"
                     % (*key, default, got))
    variables = {words[1] for sec, _, words, _ in page.items
                 if sec == "ENVIRONMENT" and words[0] == "Ev"}
    compare(page.path, "variable",
            {env for _, env in keys.values() if env}
            | {"MESSAGING_CONFIG", "CRM_TENANT"},
            variables)


def check_fields():
    page = Page("man/man5/messaging-records.5")
    # Tenant and snapshot, which all types have, are described once.
    code = {(t, f): need for t, f, need in rows("field")
            if f != "tenant" and (f != "snapshot" or t == "snapshot")}
    there = {(sub, words[1]): words[2:] == ["*"]
             for section, sub, words, _ in page.items
             if section == "DESCRIPTION" and words[:1] == ["Ic"]}
    compare(page.path, "field", {"%s.%s" % k for k in code},
            {"%s.%s" % k for k in there})
    for key, need in code.items():
        if there.get(key) != (need == "required"):
            complain(page.path, "%s.%s is %s" % (*key, need))


def written_columns():
    """{table: {column}} of rows as declared, without columns that the sink or
    the database fills."""
    tables = {}
    for table, column, which in rows("column"):
        if which == "rows":
            tables.setdefault(table, set()).add(column)
    return tables


MOST_TABLES = """\
{"type":"snapshot","tenant":"t","state":"begin","snapshot":"s","at":"%s"}
{"type":"operator","tenant":"t","snapshot":"s","operator":"7"}
{"type":"chat","tenant":"t","snapshot":"s","chat":"9","status":"open"}
{"type":"event","tenant":"t","snapshot":"s","id":"1","user":"7","event":"e"}
{"type":"message","tenant":"t","snapshot":"s","id":"1","chat":"9","at":"%s","from":"customer","user":"1","channel":"1","text":"order order"}
{"type":"message","tenant":"t","snapshot":"s","id":"2","chat":"9","at":"%s","from":"customer","user":"1","channel":"1","text":"order order"}
{"type":"message","tenant":"t","snapshot":"s","id":"3","chat":"9","at":"%s","from":"operator","user":"7","operator":"7","channel":"1"}
{"type":"snapshot","tenant":"t","state":"end","snapshot":"s","at":"%s","records":6}
""".replace("%s", "2026-11-20T10:00:00.000Z")


def check_rows():
    """The aggregator only writes columns of the table: the sink skips unknown
    ones."""
    columns, seen = written_columns(), set()
    got = subprocess.run([os.path.join(BIN, "aggregator"),
                          "-a", "all", "-o", "ndjson"], input=MOST_TABLES,
                         text=True, check=True, stdout=subprocess.PIPE)
    for line in got.stdout.splitlines():
        row = json.loads(line)
        if row.pop("type") != "row":
            continue
        table = row.pop("table")
        seen.add(table)
        row.pop("snapshot", None)
        row.update({"operator_metrics": {"left_at": None}, # streams only
                    "tenant_metrics": {"waits_until": None}}.get(table, {}))
        compare("common/tables/tables.def", "column of %s:" % table,
                set(row) | {"version"}, columns.get(table, set()))
    if len(seen) < 10:
        complain("aggregator", "there are rows of %s only" % sorted(seen))


def helps_of(name):
    """The help of each mode: [(arguments, text)], the program's first."""
    first = program(name, "-h").stdout
    helps = [([], first)]
    for line in first.partition("\nModes, ")[2].splitlines()[1:]:
        # "  -f, --from queue:NAME  what it does"
        words = line.split("  ")
        choice = next(w for w in words if "--" in w).split(", ")[-1].split()
        helps.append((choice, program(name, *choice, "-h").stdout))
    return helps


def options_in(text):
    """Options that a help text mentions."""
    found = set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", text))
    found = {"-" + x for x in found}
    for cluster in re.findall(r"(?<![\w-])-([A-Za-z]+)(?![\w-])", text):
        found.update(cluster)
    return found


def check_options():
    """The options of a page are those of the modes' helps, and its SYNOPSIS
    their usage lines."""
    for name in PROGRAMS:
        page = Page("man/man1/%s.1" % name)
        # Examples may call the other programs.
        others = "|".join(p for p in PROGRAMS if p != name)
        helps = [re.sub(r"\b(%s)( -\S+)+" % others, "", text)
                 for _, text in helps_of(name)]
        shown = set().union(*map(options_in, helps))
        compare(page.path, "option",
                {"-" + x for x in shown | {"-help", "-version"}},
                {"-" + x for x in page.flags()})
        check_synopsis(name, helps)


def check_synopsis(name, helps):
    text = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=500",
                           "man/man1/%s.1" % name], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    text = re.sub(".\b", "", text)
    m = re.search(r"\nSYNOPSIS\n(.*?)\n\S", text, re.S)
    page = re.sub(r"\s+", " ", m.group(1)).strip() if m else ""
    head = " ".join(usage.splitlines()[0].replace("usage: ", "", 1)
                    for usage in helps)
    if page != head:
        complain("man/man1/%s.1" % name, "SYNOPSIS is not the usage\n  %s\n  %s"
                 % (page, head))


def check_exits():
    known = {code for (code,) in rows("exit")}
    names = dict(re.findall(r"^\t(PROG_[A-Z]+) = (\d+)", read("common/base/prog.h"),
                            re.M))
    if set(names.values()) != known:
        complain("common/base/prog.h", "tests/tools/tables.c lists other codes")
    for name in PROGRAMS:
        page = Page("man/man1/%s.1" % name)
        there = {words[0] for sec, _, words, _ in page.items
                 if sec == "EXIT STATUS"}
        for code in sorted(there - known):
            complain(page.path, "there is no exit code %s" % code)
        used = set()
        for path in sources(name):
            used.update(re.findall(r"\bPROG_[A-Z]+\b", read(path)))
        for code in sorted({names[u] for u in used if u in names} - there):
            complain(page.path, "exit code %s is not described" % code)


def check_diagnostics():
    """Each message quoted in a page occurs in a program."""
    for name in PROGRAMS:
        said_by = ""
        for folder in (name, "common"):
            for path in sources(folder):
                said_by += read(path)
        said_by = re.sub(r'"\s*\n\s*"', "", said_by)
        for section, _, words, _ in Page("man/man1/%s.1" % name).items:
            if section != "DIAGNOSTICS":
                continue
            text = " ".join(words).strip('"')
            # Capital letters stand for variable parts.
            for part in re.split(r"\b[A-Z]\b|'|\.\.\.", text):
                part = part.strip(" :;,")
                if len(part) > 3 and part not in said_by:
                    complain("man/man1/%s.1" % name, "nobody says '%s'" % part)


def check_width():
    """Pages fit a terminal of 80 columns, except for records and tables in
    examples, whose lines must not be broken."""
    for path in PAGES:
        # "No job" in the head of an item is not a macro, nor "In" in a heading.
        for line in re.findall(r"^\.(?:S[hs]|It(?: .* Ta)?) (?:An|At|In|No) .*",
                               read(path), re.M):
            complain(path, "a word is taken for a macro: " + line)
        text = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=80", path],
                              check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        for line in re.sub(".\b", "", text).splitlines():
            if len(line) > 80 and not re.match(
                    r' *([{]"type"|TIME  |20[0-9-]+ [0-9:.]+  )', line):
                complain(path, "wider than 80 columns: " + line)


def check_functions():
    """The functions of a profile, and the example profile."""
    page = Page("man/man5/messaging-profile.5")
    there = {w for section, _, words, _ in page.items
             for w in words[1:] if section == "FUNCTIONS" and words[0] == "Ic"}
    prelude = read("poller/profiles/prelude.jq")
    code = set(re.findall(r"^def (\w+_(?:request|read)|about|failure):",
                          prelude, re.M))
    compare(page.path, "function", code, there - {",", "*"})
    optional = set()
    for _, _, words, _ in page.items:
        if words[-1] == "*":
            optional.update(words[1:])
    required = set(re.findall(r"^def (\w+_request): missing", prelude, re.M))
    for x in sorted(required & optional):
        complain(page.path, "%s may not be left out" % x)
    example = re.search(r"^def about:.*?^\.Ed", read(page.path), re.S | re.M)
    text = example.group(0)[:-3].replace("\\e", "\\")
    got = subprocess.run(["jq", "-n", prelude + text + "\nabout.url"],
                         text=True, capture_output=True)
    if got.returncode != 0:
        complain(page.path, "the example is not a jq: " + got.stderr)


def check_screen(where, lines):
    if not lines or not lines[0].startswith("usage: "):
        complain(where, "shows no help")
    for line in lines:
        if len(line) > 80 or "\t" in line:
            complain(where, "does not fit 80 columns: " + line)


def check_help():
    for name in PROGRAMS:
        for flag in ("-h", "--help", "-V", "--version"):
            got = program(name, flag)
            where = "%s %s" % (name, flag)
            if got.returncode != 0 or got.stderr or not got.stdout:
                complain(where, "exit %d, stdout %d bytes, stderr '%s'"
                         % (got.returncode, len(got.stdout), got.stderr))
        for choice, text in helps_of(name):
            check_screen(" ".join([name, *choice, "-h"]), text.splitlines())
        bad = program(name, "--no-such-option")
        if bad.returncode != 64 or bad.stdout or not bad.stderr:
            complain("%s --no-such-option" % name, "exit %d" % bad.returncode)


# Exit codes of functions in scripts/lib.sh that end a script.
LIBRARY_EXITS = {"usage_error": {64}, "find_config": {77, 78},
                 "need_programs": {69}, "unreadable": {69, 78},
                 "take_lock": {73}, "make_tmp": {73},
                 "skip_or_complain": {75}}


def check_scripts():
    """The help of each installed script fits a terminal and lists every exit
    code of the script."""
    names = re.search(r"INSTALLED_SCRIPTS = ((?:.*\\\n)*.*)", read("Makefile"))
    for name in names.group(1).replace("\\", "").split():
        path = "scripts/" + name
        text = re.search(r"\n((?:#.*\n)+)", read(path)).group(1)
        code = read(path).replace(text, "")
        for line in text.splitlines():
            if len(line) > 82:
                complain(path, "does not fit 80 columns: " + line)
        used = {int(x) for x in re.findall(r"\bdie (\d+)", code)}
        for function, exits in LIBRARY_EXITS.items():
            if re.search(r"\b%s\b" % function, code):
                used |= exits
        shown = text.partition("Exit status:")[2]
        # A Nagios plugin has its own exit codes.
        for exit_code in () if name == "health-check.sh" else sorted(used):
            if not re.search(r"\b%d\b" % exit_code, shown):
                complain(path, "exit code %d is not described" % exit_code)


def check_letters():
    """An option of one letter means the same in every program and script."""
    meanings = {**dict.fromkeys("hnqvV", ""), "c": "FILE"}

    def compare_letter(where, letter, meaning):
        if meanings.setdefault(letter, meaning) != meaning:
            complain(where, "-%s %s: it is '%s' elsewhere"
                     % (letter, meaning, meanings[letter]))

    for name in PROGRAMS:
        for _, text in helps_of(name):
            for letter, word, value in re.findall(
                    r"^  -(\w)(?:, --([\w-]+))?(?: (\S+))?  ", text, re.M):
                compare_letter(name + " -h", letter, value if letter == "c"
                               else word.upper() or value)
    for path in filter(os.path.isfile, glob.glob("scripts/*")):
        usage = re.search(r"\n# usage: (.*(?:\n# {7,}.*)*)", read(path))
        for letters, value in re.findall(
                r"(?<![\w-])-(\w+)(?: ([A-Z][A-Z,]*))?",
                usage.group(1) if usage else ""):
            for letter in letters:
                compare_letter(path, letter, value)


def check_paths(page, text):
    """Paths of the tree that a text names exist."""
    tops = {x for x in os.listdir(".") if os.path.isdir(x)}
    tops -= {"build", ".git"}
    for word in re.findall(r"[\w./*-]+", text):
        word = word.rstrip(".")
        if "/" not in word or word.split("/")[0] not in tops:
            continue
        if not glob.glob(word):
            complain(page, "'%s' does not exist" % word)


def check_internals():
    """The page for contributors names existing files."""
    page = "man/man7/messaging-internals.7"
    check_paths(page, read(page))


def check_vectors():
    """The tests compute the vectors of messaging-metrics(7), which leave out
    some intervals and operators."""
    def cells(text):
        return tuple(" ".join(x.split()) for x in text)
    tested = {}
    for line in read("tests/oracle/timelines.txt").splitlines():
        what, *found = cells(line.split("|"))
        tested[what] = [cells(x.split(",")) for x in found]
    page = "man/man7/messaging-metrics.7"
    block = re.search(r"^what happens .*?^\.Ed", read(page), re.S | re.M)
    rows = []
    for line in block.group(0).splitlines()[1:-1]:
        part = [line[:38], line[38:54], line[54:]]
        if line[:1] == " ":
            rows[-1] = [a + " " + b for a, b in zip(rows[-1], part)]
        else:
            rows.append(part)
    for row in rows:
        # A remark in parentheses is not part of the tested words.
        what, *shown = cells(re.sub(r" ?\(.*?\)", "", x) for x in row)
        if what not in tested or not all(
                any((has + " ").startswith(text + " ") for has in found)
                for texts, found in zip(shown, tested[what])
                for text in texts.split(", ")):
            complain(page, "not in tests/oracle/timelines.txt: " +
                     " | ".join(row))


def check_references():
    """Pages and sections that programs, scripts and pages refer to exist."""
    sections = {re.sub(r".*/|\.\d$", "", path): set(re.findall(
        r"^\.S[hs] (.*)", read(path), re.M)) for path in PAGES}
    files = [path for top in ["common", "man", "scripts", *PROGRAMS]
             for path in glob.glob(top + "/**", recursive=True)
             if re.search(r"[.]([ch1-7]|js|jq|sql|sh)$|/[a-z-]+$", path)
             and os.path.isfile(path)]
    name = r"((?:messaging[-.]|poller|aggregator|sink|reaper)[a-z]*)"
    for path in [*files, "README.md"]:
        text = re.sub(r'\s*\n[#*/" \t]*(?:\.Xr )?', " ", read(path))
        for page in re.findall(name + r"\([157]\)", text):
            if page not in sections:
                complain(path, "there is no page %s" % page)
        for section, page in re.findall(
                r"\b([A-Z]{2,}(?: [A-Z]+)*) in " + name + r"(?:\(| \d)", text):
            if section not in sections.get(page, ()):
                complain(path, "%s has no section %s" % (page, section))


def check_lists():
    """Lists of commands, tables and the like are complete on the pages that
    readers consult."""
    def listed(page, what, names):
        text = read(page)
        for name in sorted(set(names)):
            if not re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(name), text):
                complain(page, "%s '%s' is not listed" % (what, name))

    first = "man/man7/messaging-analytics.7"
    names = {re.sub(r".*/|[.]\d$", "", page) for page in PAGES}
    listed(first, "page", {x for x in names if x.startswith("messaging")})
    listed("man/man5/messaging.conf.5", "section", re.findall(
        r'^\t[A-Z_]+[(]"([a-z]+)", ', read("common/conf/conf_keys.c"), re.M))
    listed("man/man5/messaging-tables.5", "view", re.findall(
        r"^VIEW\((\w+),", read("sink/tables/views.def"), re.M))


def check_readme():
    text = read("README.md")
    if len(text.encode()) > 12 * 1024:
        complain("README.md", "%d bytes are more than 12 KB"
                 % len(text.encode()))
    targets = set(re.findall(r"^([a-z0-9-]+):", read("Makefile"), re.M))
    code = re.findall(r"`([^`]+)`", text)
    code += [x.split("#")[0] for x in re.findall(r"^    (.*)$", text, re.M)]
    for line in code:
        m = re.search(r"\bmake((?: [a-z][a-z-]*)+)", line)
        for target in m.group(1).split() if m else ():
            if target not in targets:
                complain("README.md", "there is no target '%s'" % target)
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in link and not os.path.exists(link):
            complain("README.md", "'%s' does not exist" % link)
    check_paths("README.md", text)
    for anchor in re.findall(r"\]\(#([^)]+)\)", text):
        heads = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-")
                 for h in re.findall(r"^#+ (.*)$", text, re.M)}
        if anchor not in heads:
            complain("README.md", "there is no heading #%s" % anchor)
    for path in PAGES:
        for page, section in re.findall(r"^\.Xr (\S+) (\d)", read(path),
                                        re.M):
            ours = page.startswith("messaging") or page in PROGRAMS
            if ours and not os.path.exists(
                    "man/man%s/%s.%s" % (section, page, section)):
                complain(path, "there is no page %s(%s)" % (page, section))
        check_paths(path, read(path))


def main():
    parts = ("check_synopsis", "check_screen", "check_paths")
    checks = {n[6:]: f for n, f in globals().items()
              if n.startswith("check_") and n not in parts}
    for name in sys.argv[1:] or checks:
        checks[name]()
    for line in problems:
        print(line)
    return 1 if problems else 0


sys.exit(main())
