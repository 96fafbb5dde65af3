#ifndef CRASH_POINT_H
#define CRASH_POINT_H

// Nothing of this library is called by name: it is preloaded into the command under test and stands
// before the C library's functions. See CrashPoint.c.

#endif
