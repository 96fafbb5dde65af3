#ifndef MBOXSYNC_CZLIB_SHIM_H
#define MBOXSYNC_CZLIB_SHIM_H

// zlib spells its initialisers as macros, which Swift cannot see.

// As in CLinux: modules that see different halves of glibc's types can't be imported together.
#define _GNU_SOURCE 1
#include <zlib.h>

static inline int mbs_inflateInit2(z_streamp stream, int windowBits) {
  return inflateInit2(stream, windowBits);
}

static inline int mbs_deflateInit2(z_streamp stream, int level, int windowBits) {
  return deflateInit2(stream, level, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY);
}

#endif
