#ifndef MBOXSYNC_FAKE_NAMES_H
#define MBOXSYNC_FAKE_NAMES_H

// Nothing is called by name: the library is preloaded.

#endif
