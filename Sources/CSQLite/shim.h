#ifndef MBOXSYNC_CSQLITE_SHIM_H
#define MBOXSYNC_CSQLITE_SHIM_H

// SQLITE_TRANSIENT and SQLITE_STATIC are casts of integers to function pointers, which Swift does
// not import.

#include <sqlite3.h>

static inline int mbs_sqlite3_bind_text(sqlite3_stmt *s, int i, const char *p, int n) {
  return sqlite3_bind_text(s, i, p, n, SQLITE_TRANSIENT);
}

static inline int mbs_sqlite3_bind_blob(sqlite3_stmt *s, int i, const void *p, int n) {
  return sqlite3_bind_blob(s, i, p, n, SQLITE_TRANSIENT);
}

#endif
