# GNU make.  `make help` lists the targets.

NAME    = messaging-analytics
VERSION = 0.1.0

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share/$(NAME)
INSTALL    ?= install
PKG_CONFIG ?= pkg-config
# The prefix of programs and pages: `sink` is a very general name.
PROGRAM_PREFIX ?=

# The folder of the build; variants (build/asan, ...) are inside it.
B     ?= build
PROGS  = poller aggregator sink reaper

# CFLAGS, CPPFLAGS and LDFLAGS belong to the user; our flags have other names.
CFLAGS  ?= -O3 -g
CSTD     = -std=c11 -D_POSIX_C_SOURCE=200809L
WARN     = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
           -Wmissing-prototypes -Wold-style-definition -Wpointer-arith \
           -Wcast-qual -Wcast-align -Wwrite-strings -Wundef -Wvla -Wformat=2 \
           -Wnull-dereference -Wimplicit-fallthrough -Wswitch-enum \
           -Wdouble-promotion -Wconversion -Wsign-conversion
# Debian's build flags set their own level.
FORTIFY  = $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,\
             -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
HARDEN   = $(FORTIFY) -fstack-protector-strong -fstack-clash-protection -fPIE
ifneq (,$(findstring x86_64,$(shell $(CC) -dumpmachine)))
HARDEN  += -fcf-protection
endif
HARDENLD = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
ifdef SAN
HARDEN   = -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
HARDENLD = -fsanitize=$(SAN)
endif
ifdef WERROR
WARN    += -Werror
endif

# System headers through -isystem, so that our warnings only apply to our code.
# Errors of pkg-config are hidden: `make demo` and `make check` install missing
# packages and call make again.
DEPS   = librabbitmq libmariadb jansson libcurl libcrypto libmicrohttpd zlib
pkg    = $(shell $(PKG_CONFIG) $(1) 2>/dev/null)
DEPCF := $(patsubst -I%,-isystem %,$(call pkg,--cflags $(DEPS)))
ALLCF  = $(CSTD) $(WARN) $(HARDEN) -I. $(DEPCF) -MMD -MP $(CPPFLAGS) $(CFLAGS)

# Debian's libjq, lmdb and libunistring have no pkg-config files; libical names
# two more libraries, which are not used.
LIBS            := $(call pkg,--libs librabbitmq jansson libcrypto) -lunistring -lical
LIBS_poller     := $(call pkg,--libs libmicrohttpd libcurl) -ljq -llmdb -lm
LIBS_aggregator := -llmdb
LIBS_sink       := $(call pkg,--libs libmariadb libmicrohttpd zlib) -lm
LIBS_reaper     := $(call pkg,--libs libmariadb)
LIBS_sim        := $(call pkg,--libs libmicrohttpd zlib libcurl)
LIBS_tests      := $(LIBS_poller) $(LIBS_sink) -lcmocka

# One line per file; V=1 shows the commands.
ifdef V
say  =
else
say  = @$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,printf '  %-4s %s\n' $(1) $@;)
endif

# The sources of a program: its main folder and its rooms.
srcs  = $(sort $(wildcard $(1)/*.c $(1)/*/*.c))
objs  = $(patsubst %.c,$(B)/%.o,$(call srcs,$(1)))
TIDY  = $(foreach d,common $(PROGS),$(call srcs,$(d)))
# One program of unit tests for each product program, and for common.
UNITS = $(patsubst tests/unit/%/,$(B)/tests/units-%,$(sort $(wildcard tests/unit/*/)))

all: $(PROGS:%=$(B)/bin/%)  ## build the four programs into build/bin

$(B)/common.a: $(call objs,common)
define program
$(B)/$(1).a: $(filter-out $(B)/$(1)/main.o,$(call objs,$(1)))
$(B)/bin/$(1): $(B)/$(1)/main.o $(B)/$(1).a $(B)/common.a
	@mkdir -p $$(@D)
	$$(call say,LINK)$$(CC) $$(CFLAGS) $$(HARDENLD) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) $$(LIBS)
endef
$(foreach p,$(PROGS),$(eval $(call program,$(p))))

$(B)/%.a:
	$(call say,AR)rm -f $@ && $(AR) crs $@ $^

$(B)/common/base/version.o: ALLCF += -DVERSION='"$(VERSION)"'
$(B)/common/base/version.o: ALLCF += -DDATADIR='"$(DATADIR)"'
# `make` and then `make install PREFIX=/usr` must compile it again.
$(B)/common/base/version.o: $(B)/places
$(B)/places: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION) $(DATADIR)' | cmp -s - $@ || \
	    echo '$(VERSION) $(DATADIR)' >$@
$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALLCF) -c -o $@ $<

# The entry of test_NAME.c is test_NAME(), which only the list of units names.
# The list changes with the set of files, also if a whole room is removed.
$(B)/tests/unit/%.o: WARN += -Wno-missing-prototypes
define unit_program
$(B)/tests/units-$(1).list: FORCE
	@mkdir -p $$(@D)
	@printf 'UNIT(%s)\n' $(basename $(notdir $(wildcard tests/unit/$(1)/*/*.c))) >$$@.new
	@cmp -s $$@.new $$@ || cp $$@.new $$@
$(B)/tests/units-$(1).o: tests/unit/main.c $(B)/tests/units-$(1).list
	$$(call say,CC)$$(CC) $$(ALLCF) -DUNITS='"$(B)/tests/units-$(1).list"' -c -o $$@ $$<
$(B)/tests/units-$(1): $(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/$(1)/*/*.c)) \
    $(B)/tests/units-$(1).o $(PROGS:%=$(B)/%.a) $(B)/common.a
	$$(call say,LINK)$$(CC) $$(CFLAGS) $$(HARDENLD) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_tests) $$(LIBS)
endef
$(foreach u,$(UNITS:$(B)/tests/units-%=%),$(eval $(call unit_program,$(u))))

# Programs that only tests need: one .c each in tests/tools, and the simulator.
TOOLS = $(patsubst tests/tools/%.c,$(B)/tests/tools/%,$(sort \
          $(wildcard tests/tools/*.c)))
$(TOOLS): $(B)/tests/tools/%: $(B)/tests/tools/%.o $(B)/aggregator.a $(B)/sink.a $(B)/common.a
	$(call say,LINK)$(CC) $(CFLAGS) $(HARDENLD) $(LDFLAGS) -o $@ $^ $(LIBS_sink) -llmdb $(LIBS)

# Programs that can be killed at named points, see common/base/fault.h. Files
# with such points are compiled once more; the other object files are shared.
FAULTY := $(shell grep -l FAULT_POINT $(TIDY)) common/base/fault.c
faulty = $(patsubst %.c,$(B)/faults/%.o,$(filter $(1)/%,$(FAULTY)))
define faulty_program
$(B)/faults/bin/$(1): $(B)/$(1)/main.o $(call faulty,$(1)) \
                      $(call faulty,common) $(B)/$(1).a $(B)/common.a
	@mkdir -p $$(@D)
	$$(call say,LINK)$$(CC) $$(CFLAGS) $$(HARDENLD) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) $$(LIBS)
endef
$(foreach p,$(PROGS),$(eval $(call faulty_program,$(p))))
$(B)/faults/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALLCF) -DFAULTS -c -o $@ $<

# Fuzzers: one .c each in tests/fuzz, with what they share.
FUZZERS = $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(sort \
            $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_SHARED = $(B)/tests/fuzz/main.o $(B)/tests/fuzz/line.o
$(FUZZERS): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(FUZZ_SHARED) \
            $(B)/poller.a $(B)/common.a
	$(call say,LINK)$(CC) $(CFLAGS) $(HARDENLD) $(LDFLAGS) -o $@ $^ $(LIBS_sink) $(LIBS_poller) $(LIBS)

$(B)/tests/crm-sim: $(call objs,tests/crm) $(B)/common.a
	$(call say,LINK)$(CC) $(CFLAGS) $(HARDENLD) $(LDFLAGS) -o $@ $^ $(LIBS_sim) $(LIBS)

$(B)/tests/load: $(call objs,tests/loadgen) $(B)/common.a
	$(call say,LINK)$(CC) $(CFLAGS) $(HARDENLD) $(LDFLAGS) -o $@ $^ $(LIBS)

units: $(UNITS)
sim: $(B)/tests/crm-sim
load: $(B)/tests/load  ## the generator of streams, build/tests/load
fuzzers: $(FUZZERS)
faults: $(PROGS:%=$(B)/faults/bin/%)
test-programs: all units sim load faults $(TOOLS)

# The tests find the programs through BIN and the helpers through TESTBIN. The
# checkout's path may contain blanks.
BUILT = BIN="$(abspath $(B)/bin)" TESTBIN="$(abspath $(B)/tests)"
RUN   = $(BUILT) tests/run
CASES = $(sort $(wildcard tests/cases/*.t))
E2E   = $(sort $(wildcard tests/e2e/*.t))
# Slow by nature: random kills, long worlds, waits for real time. `make check`
# has a short version of each.
LONG_TESTS = tests/cases/alerts.t $(patsubst %,tests/e2e/%.t, \
    allocation_worlds \
    bench \
    board \
    board_hours \
    broker_nodes \
    budget \
    chatwoot_truth \
    chatwoot_worlds \
    coverage_past \
    damage \
    flood \
    galera \
    listen_lanes \
    machines \
    memory \
    notice_kills \
    pace \
    poller_long \
    prometheus \
    readme_install \
    servers)
# These wait for minutes, mostly for servers. They start first, so that they do
# not end last.
LONGEST = tests/cases/poller.t $(patsubst %,tests/e2e/%.t,coverage \
	cron_history board_stream faults fault_injection rollup api_responses \
	forget health_check manual_pages notify poller isolation \
	api_originals assign api api_hours)

# Tests with servers that check much in a few seconds.
FAST_E2E = $(patsubst %,tests/e2e/%.t,acks allocation amqp api_filters \
    api_originals api_teams api_tokens append assign board_stream \
    dead_letters forget_files forget_who gone grants hosts idle_stream isolation \
    listen_about listen_bounds listen_full listen_http listen_routes readers \
    reaper reaper_queue reconcile retention rollup schema sink sink_bad \
    stored stream stream_refuse stream_snapshots tape)
FAST = $(FAST_E2E) $(UNITS) $(filter-out $(LONG_TESTS),$(CASES))

check:  ## install what tests need, build, run the tests
	@scripts/install-deps check
	@$(MAKE) -s -j$$(nproc) test-programs
	@$(RUN) $(LONGEST) $(UNITS) \
	    $(filter-out $(LONGEST) $(LONG_TESTS),$(CASES) $(E2E))
check-fast: test-programs  ## units, cases and quick tests with servers: a few minutes
	@$(RUN) $(filter $(LONGEST),$(FAST)) $(filter-out $(LONGEST),$(FAST))
check-e2e: test-programs  ## the tests with private servers
	@$(RUN) $(filter-out $(LONG_TESTS),$(E2E))
check-long: test-programs  ## all that check lacks: kills, worlds, sanitizers, clang ...
	@scripts/install-deps dev browser
	@scripts/install-deps axe
	$(MAKE) -s -j$$(nproc) B=build/clang CC=clang CFLAGS=-O1 WERROR=1 all
	$(MAKE) analyze asan fuzz distcheck
	@LONG=1 $(RUN) -t 7200 $(CASES) $(E2E)
coverage:  ## lines that the tests of check pass, by folder and room
	@$(MAKE) -s -j$$(nproc) B=build/coverage CFLAGS='-O1 --coverage' test-programs
	@$(MAKE) -s B=build/coverage CFLAGS='-O1 --coverage' check-fast FAST_E2E= check-e2e \
	    E2E='$(filter-out %/bench.t,$(E2E))' # whose programs link without gcov
	@tests/coverage build/coverage
mutants:  ## put 30 mistakes into copies of the code: which do tests notice?
	@tests/mutants -e
demo-programs:
	@scripts/install-deps demo
	@$(MAKE) -s -j$$(nproc) all sim load
demo: demo-programs  ## install what is missing, build, show the whole job
	@$(BUILT) scripts/demo
live: demo-programs  ## the board in a browser, with a made-up CRM, until ^C
	@$(BUILT) scripts/demo --live
bench: test-programs  ## measure against peers and limits, print ratios
	@$(BUILT) tests/bench/run

# One test with servers for each way through the programs;
# SANITIZED_E2E='$(E2E)' runs all.
SANITIZED_E2E = $(patsubst %,tests/e2e/%.t,amqp assign byhand forget_stream hooks \
                  listen listen_bounds listen_http listen_routes poller qiscus reaper sink \
                  sink_bad stream)
UNSANITIZED = $(patsubst %,tests/cases/%.t,alerts make_targets \
                scripts_deps scripts_examples scripts_jobs scripts_tenant)
SANITIZED = $(MAKE) B=build/asan SAN=address,undefined CFLAGS='-O1 -g' WERROR=1
asan:  ## the tests under address and undefined behaviour sanitizers
	@scripts/install-deps check
	@$(SANITIZED) -s -j$$(nproc) test-programs
	@$(SANITIZED) check-asan
check-asan:
	@$(RUN) $(filter-out $(UNSANITIZED),$(UNITS) $(CASES) $(SANITIZED_E2E))

# Each fuzzer for FUZZ_SECONDS. By libFuzzer instead, where clang has it:
# make CC=clang B=build/libfuzzer SAN=fuzzer,address,undefined
#      CPPFLAGS=-DFUZZ_BY_CLANG fuzzers && build/libfuzzer/tests/fuzz/fuzz_record
FUZZ_SECONDS ?= 60
fuzz:  ## the readers of records and requests, FUZZ_SECONDS=60 each
	@scripts/install-deps check
	@$(SANITIZED) -s -j$$(nproc) fuzzers
	@$(SANITIZED) -s check-fuzz
check-fuzz:
	@tests/fuzz/run $(FUZZ_SECONDS) $(FUZZERS)

# Paths per function that clang's analyzer follows, a third of its default: the
# others would take two thirds of the time.
ANALYZE_NODES ?= 75000
analyze:  ## gcc -fanalyzer, cppcheck and clang-tidy
	@$(MAKE) -s -j$$(nproc) B=build/analyzer CFLAGS='-O2 -g -fanalyzer' WERROR=1 all
	cppcheck --quiet -j $$(nproc) --std=c11 --enable=warning,performance,portability \
	    --inline-suppr --suppress=missingIncludeSystem --error-exitcode=1 \
	    --library=tests/lint/jansson.cfg \
	    -I. common $(PROGS) tests/crm tests/loadgen tests/tools tests/fuzz
	printf '%s\n' $(TIDY) | xargs -P $$(nproc) -I F clang-tidy --quiet \
	    --warnings-as-errors='*' F -- $(CSTD) -I. $(DEPCF) \
	    -DVERSION='""' -DDATADIR='""' -Xclang -analyzer-config \
	    -Xclang max-nodes=$(ANALYZE_NODES)
lint: all $(B)/tests/tools/tables $(B)/tests/tools/declared  ## style, manual, schema
	shellcheck -e SC2016 $(SHELL_SCRIPTS)
	mandoc -T lint -W warning man/man?/*
	tests/lint/check-style.sh
	$(BUILT) tests/lint/docs.py
	$(BUILT) tests/lint/tables.py
	tests/lint/words.py
SHELL_SCRIPTS = $(shell grep -lE '^\#!/(bin/|usr/bin/env )(ba)?sh' \
                  .ci/run scripts/* tests/run tests/booted tests/distcheck tests/*/*.t tests/bench/* \
                  tests/lint/* tests/fuzz/run 2>/dev/null)

# Where things go, for install and for uninstall. DESTDIR may contain blanks.
MANPAGES  = $(foreach p,$(PROGS:%=man1/$(PROGRAM_PREFIX)%.1) \
              $(patsubst man/%,%,$(wildcard man/man[57]/*)),"$(M)/$p")
M         = $(DESTDIR)$(MANDIR)
D         = $(DESTDIR)$(DATADIR)
DATA_FOLDERS = profiles formats api board grafana scripts examples
INSTALLED_SCRIPTS = dead-letters health-check.sh job limits reap reconcile tenant \
                    mail-report setup
# Lets apropos find the pages if man looks there. Packages (DESTDIR) do this
# themselves.
UPDATE_MANDB = @case "$(DESTDIR):$$(manpath -g 2>/dev/null):" in \
                   :*"$(MANDIR):"*) mandb -q "$(MANDIR)" || :;; esac
# The crontab and the units use the paths in commands, where such characters
# would break them.
install: all  ## to DESTDIR, PREFIX, with PROGRAM_PREFIX
	@case '$(BINDIR)$(DATADIR)$(PROGRAM_PREFIX)' in *[[:space:],\&%\"\\]*) \
	    echo "install: '$(BINDIR)' or '$(DATADIR)' has a blank or one of ,&%\"\\," \
	        "at which cron or systemd would break it; take another PREFIX" >&2; \
	    exit 64;; esac
	$(INSTALL) -d "$(DESTDIR)$(BINDIR)" $(foreach n,1 5 7,"$(M)/man$n") \
	    $(foreach f,$(DATA_FOLDERS),"$(D)/$f")
	for p in $(PROGS); do \
	    $(INSTALL) -m 755 $(B)/bin/$$p \
	        "$(DESTDIR)$(BINDIR)/$(PROGRAM_PREFIX)$$p" && \
	    $(INSTALL) -m 644 man/man1/$$p.1 \
	        "$(M)/man1/$(PROGRAM_PREFIX)$$p.1" || exit 1; done
	$(INSTALL) -m 644 man/man5/* "$(M)/man5"
	$(INSTALL) -m 644 man/man7/* "$(M)/man7"
	$(INSTALL) -m 644 poller/profiles/*.jq "$(D)/profiles"
	$(INSTALL) -m 644 poller/formats/*.jq "$(D)/formats"
	$(INSTALL) -m 644 sink/board/* "$(D)/board"
	$(B)/bin/sink -c /dev/null --openapi >"$(D)/api/openapi.json"
	chmod 644 "$(D)/api/openapi.json"
	$(INSTALL) -m 755 $(INSTALLED_SCRIPTS:%=scripts/%) "$(D)/scripts"
	$(INSTALL) -m 644 scripts/lib.sh scripts/process.sh scripts/setup-*.sh \
	    scripts/reconcile.jq "$(D)/scripts"
	$(INSTALL) -m 644 scripts/examples/* scripts/units/* \
	    scripts/grafana/*.yml "$(D)/examples"
	$(INSTALL) -m 644 scripts/grafana/dashboards/*.json "$(D)/grafana"
	sed -i -e 's,/usr/local/share/$(NAME),$(DATADIR),g' \
	    -e 's,/usr/local/bin/\(sink\|aggregator\|poller\),$(BINDIR)/$(PROGRAM_PREFIX)\1,' \
	    -e 's,man:\(sink\|aggregator\|poller\)(1),man:$(PROGRAM_PREFIX)\1(1),' \
	    -e 's,/usr/local/bin,$(BINDIR),g' $(MANPAGES) "$(D)"/examples/*
	sed -i 's,{PROGRAM_PREFIX:-},{PROGRAM_PREFIX:-$(PROGRAM_PREFIX)},' \
	    "$(D)/scripts/lib.sh"
	$(UPDATE_MANDB)
uninstall:  ## what install put there
	rm -f $(foreach p,$(PROGS),"$(DESTDIR)$(BINDIR)/$(PROGRAM_PREFIX)$p") \
	    $(MANPAGES)
	rm -rf $(foreach f,$(DATA_FOLDERS),"$(D)/$f")
	-rmdir "$(D)"
	$(UPDATE_MANDB)

dist:  ## a tarball of HEAD
	git archive --format=tar.gz --prefix=$(NAME)-$(VERSION)/ \
	    -o $(NAME)-$(VERSION).tar.gz HEAD
distcheck: dist  ## unpack the tarball, build, test, install, uninstall
	rm -rf build/dist && mkdir -p build/dist
	tar -xzf $(NAME)-$(VERSION).tar.gz -C build/dist
	tests/distcheck build/dist/$(NAME)-$(VERSION)
	rm -rf build/dist

help:  ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14
clean:  ## remove what was built
	rm -rf build

FORCE:
.PHONY: FORCE all units sim load faults test-programs check check-fast check-e2e check-long \
        check-asan check-fuzz fuzz fuzzers mutants demo demo-programs live \
        bench asan analyze coverage lint install uninstall dist distcheck help \
        clean
.SECONDARY:
.DELETE_ON_ERROR:
-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d $(B)/faults/*/*/*.d \
           $(B)/tests/unit/*/*/*.d)
