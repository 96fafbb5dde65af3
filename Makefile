# make                              builds .build/release/mboxsync
# make install PREFIX=$HOME/.local installs program, manual, completions, systemd units, examples
# make install DESTDIR=stage PREFIX=/usr
# make uninstall PREFIX=...
# make deb                          a Debian package in the current directory
# make check                        the tests

PREFIX ?= /usr/local
DESTDIR ?=
bindir = $(PREFIX)/bin
mandir = $(PREFIX)/share/man
docdir = $(PREFIX)/share/doc/mboxsync
bashdir = $(PREFIX)/share/bash-completion/completions
zshdir = $(PREFIX)/share/zsh/site-functions
fishdir = $(PREFIX)/share/fish/vendor_completions.d
# Elsewhere, as in ~/.local, systemd looks into share only.
unitdir = $(PREFIX)/$(if $(filter /usr /usr/local,$(PREFIX)),lib,share)/systemd/user
program = .build/release/mboxsync

docs = README.md CHANGELOG.md LICENSE docs/errors.md docs/moving.md docs/performance.md docs/reliability.md docs/design.md
units = mboxsync@.service mboxsync@.timer
to = $(DESTDIR)

all: build

# For `install`, which builds only if nothing is built: it is often run by root.
$(program):
	swift build -c release --static-swift-stdlib --product mboxsync

build:
	swift build -c release --static-swift-stdlib --product mboxsync

install: $(program)
	install -d '$(to)$(bindir)' '$(to)$(unitdir)' '$(to)$(docdir)/hooks' '$(to)$(docdir)/oauth2'
	install -m 755 $(program) '$(to)$(bindir)/mboxsync'
	for section in 1 5 7; do \
	  install -D -m 644 -t '$(to)$(mandir)'/man$$section man/*.$$section || exit; \
	done
	install -D -m 644 contrib/completions/mboxsync.bash '$(to)$(bashdir)/mboxsync'
	install -D -m 644 contrib/completions/_mboxsync '$(to)$(zshdir)/_mboxsync'
	install -D -m 644 contrib/completions/mboxsync.fish '$(to)$(fishdir)/mboxsync.fish'
	for unit in $(units); do \
	  sed 's|@BINDIR@|$(bindir)|' contrib/systemd/$$unit >'$(to)$(unitdir)'/$$unit && \
	  chmod 644 '$(to)$(unitdir)'/$$unit || exit; \
	done
	install -m 644 $(docs) contrib/crontab contrib/networkmanager-dispatcher '$(to)$(docdir)'
	install -m 755 contrib/demonstration '$(to)$(docdir)'
	install -m 755 contrib/hooks/* '$(to)$(docdir)/hooks'
	install -m 644 contrib/oauth2/* '$(to)$(docdir)/oauth2'

uninstall:
	rm -f '$(to)$(bindir)/mboxsync' '$(to)$(bashdir)/mboxsync' '$(to)$(zshdir)/_mboxsync' \
	  '$(to)$(fishdir)/mboxsync.fish'
	for section in 1 5 7; do \
	  for page in man/*.$$section; do rm -f '$(to)$(mandir)'/man$$section/$${page#man/}; done; \
	done
	for unit in $(units); do rm -f '$(to)$(unitdir)'/$$unit; done
	rm -rf '$(to)$(docdir)'

deb: build
	contrib/debian/package

check:
	contrib/test

.PHONY: all build install uninstall deb check
