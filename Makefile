# GNU make.  `make help` lists the targets.

NAME    = messaging-analytics
VERSION = 0.1.0

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share/$(NAME)
INSTALL    ?= install
PKG_CONFIG ?= pkg-config
# Set before the names of programs and pages: `sink` is a very general name.
PROGRAM_PREFIX ?=

B     ?= build
PROGS  = poller aggregator sink reaper

# CFLAGS, CPPFLAGS and LDFLAGS are the user's; ours have names of their own.
CFLAGS  ?= -O2 -g
CSTD     = -std=c11 -D_POSIX_C_SOURCE=200809L
WARN     = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
           -Wmissing-prototypes -Wold-style-definition -Wpointer-arith \
           -Wcast-qual -Wcast-align -Wwrite-strings -Wundef -Wvla -Wformat=2 \
           -Wnull-dereference -Wimplicit-fallthrough -Wswitch-enum \
           -Wdouble-promotion -Wconversion -Wsign-conversion
HARDEN   = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
           -fstack-clash-protection -fPIE
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

# System headers through -isystem: our warnings are for our code.
DEPS  = librabbitmq libmariadb jansson libcurl libmicrohttpd
DEPCF = $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(DEPS)))
ALLCF = $(CSTD) $(WARN) $(HARDEN) -I. $(DEPCF) -MMD -MP $(CPPFLAGS) $(CFLAGS)

# Debian's libjq, lmdb have no pkg-config files.
LIBS            = $(shell $(PKG_CONFIG) --libs librabbitmq jansson)
LIBS_poller     = $(shell $(PKG_CONFIG) --libs libcurl) -ljq -llmdb
LIBS_aggregator =
LIBS_sink       = $(shell $(PKG_CONFIG) --libs libmariadb)
LIBS_reaper     = $(LIBS_sink)
LIBS_tests      = $(LIBS_poller) $(LIBS_sink) -lcmocka

objs  = $(patsubst %.c,$(B)/%.o,$(sort $(wildcard $(1)/*.c)))
UNITS = $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(sort \
          $(wildcard tests/unit/test_*.c)))

all: $(PROGS:%=$(B)/bin/%)  ## build the four programs into build/bin

$(B)/common.a: $(call objs,common)
define program
$(B)/$(1).a: $(filter-out $(B)/$(1)/main.o,$(call objs,$(1)))
$(B)/bin/$(1): $(B)/$(1)/main.o $(B)/$(1).a $(B)/common.a
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(HARDENLD) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) $$(LIBS)
endef
$(foreach p,$(PROGS),$(eval $(call program,$(p))))

$(B)/%.a:
	rm -f $@ && $(AR) crs $@ $^

$(B)/common/version.o: ALLCF += -DVERSION='"$(VERSION)"'
$(B)/common/version.o: ALLCF += -DDATADIR='"$(DATADIR)"'
$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALLCF) -c -o $@ $<

$(UNITS): $(B)/tests/unit/%: $(B)/tests/unit/%.o $(PROGS:%=$(B)/%.a) $(B)/common.a
	$(CC) $(CFLAGS) $(HARDENLD) $(LDFLAGS) -o $@ $^ $(LIBS_tests) $(LIBS)

units: $(UNITS)

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)
clean:
	rm -rf $(B)

.PHONY: all units help clean
.SECONDARY:
.DELETE_ON_ERROR:
-include $(wildcard $(B)/*/*.d $(B)/tests/*/*.d)
