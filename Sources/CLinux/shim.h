#ifndef MBOXSYNC_CLINUX_SHIM_H
#define MBOXSYNC_CLINUX_SHIM_H

// The parts of glibc that Swift's Glibc module leaves out: it is built without _GNU_SOURCE, and
// rejects global variables and variadic functions.

#define _GNU_SOURCE 1
#include <features.h>

// X/Open names a member of fd_set otherwise than Swift's Glibc module and every module without
// _GNU_SOURCE see it, and modules that disagree about a type can't be imported together.
#undef __USE_XOPEN
#include <sys/select.h>
#define __USE_XOPEN 1

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <resolv.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

// File systems, as fstatfs tells them.
static const uint32_t MBS_EXT4_MAGIC = EXT4_SUPER_MAGIC;
static const uint32_t MBS_XFS_MAGIC = XFS_SUPER_MAGIC;
static const uint32_t MBS_BTRFS_MAGIC = BTRFS_SUPER_MAGIC;
static const uint32_t MBS_F2FS_MAGIC = F2FS_SUPER_MAGIC;
static const uint32_t MBS_TMPFS_MAGIC = TMPFS_MAGIC;

static inline int mbs_WIFEXITED(int status) { return WIFEXITED(status); }
static inline int mbs_WEXITSTATUS(int status) { return WEXITSTATUS(status); }
static inline int mbs_WIFSIGNALED(int status) { return WIFSIGNALED(status); }
static inline int mbs_WTERMSIG(int status) { return WTERMSIG(status); }
static inline char **mbs_environ(void) { return environ; }
static inline void mbs_ignore_signal(int number) { signal(number, SIG_IGN); }
static inline int mbs_S_ISDIR(mode_t mode) { return S_ISDIR(mode); }
static inline int mbs_S_ISREG(mode_t mode) { return S_ISREG(mode); }
// Asks the system's name servers; waits for each no longer than two seconds, twice.
static inline int mbs_res_query(const char *name, int type, unsigned char *answer, int size) {
  if (res_init() != 0) return -1;
  _res.retrans = 2;
  _res.retry = 2;
  return res_query(name, C_IN, type, answer, size);
}
static inline int mbs_S_ISLNK(mode_t mode) { return S_ISLNK(mode); }

#endif
