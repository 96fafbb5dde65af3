#ifndef MBOXSYNC_CZLIB_SHIM_H
#define MBOXSYNC_CZLIB_SHIM_H

// zlib spells its initialisers as macros, which Swift cannot see.

#include <zlib.h>

static inline int mbs_inflateInit2(z_streamp stream, int windowBits) {
  return inflateInit2(stream, windowBits);
}

static inline int mbs_deflateInit2(z_streamp stream, int level, int windowBits) {
  return deflateInit2(stream, level, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY);
}

#endif
