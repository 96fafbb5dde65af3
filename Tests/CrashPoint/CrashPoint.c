// A library that is preloaded into the command under test, counts what it writes (to files, to
// directories, to sockets and pipes), and lets it die or fail at the k-th of these calls.
//
//   CRASHPOINT_LOG     a file to which every counted call adds a line
//   CRASHPOINT_AT      the number of the call that something happens at, from 1; none: only count
//   CRASHPOINT_HOW     what happens:
//     kill-before      the process is killed instead of the call
//     kill-after       the process is killed when the call has been made
//     lose-power       killed instead of the call, and file contents that were not synced are gone
//     half             the call writes half of its bytes, and says so
//     ENOSPC …         the call fails with this error
//     ENOSPC-on …      this call and all later ones fail with this error
//   CRASHPOINT_UNDER   count only files and directories whose path begins with this
//
// Only calls to which CRASHPOINT_HOW can happen are counted: every call can be killed, only one that
// writes bytes can write half of them, only one that takes room on a disk can find it full.
//
// Calls are made by syscall(2), so nothing has to be looked up while the process starts.

#define _GNU_SOURCE 1
#include "crash_point.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// What can happen to a call, besides being killed.
enum {
  TAKES_ROOM = 1,  // on a disk, if it is about a file
  CHANGES_DISK = 2,  // so it may meet with a broken one
  WRITES_BYTES = 4,  // perhaps not all of them
  IS_SLOW = 8,  // so it may be interrupted by a signal
};

enum happening { NOTHING, KILL_BEFORE, KILL_AFTER, LOSE_POWER, HALVE, FAIL };

static struct {
  bool is_active;
  enum happening what;
  long at;
  bool goes_on;
  int error;
  char under[PATH_MAX];
  int log;
} plan = {.log = -1};

static long count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const struct {
  const char *name;
  int number;
} errors[] = {
    {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EIO", EIO}, {"EINTR", EINTR}, {"EROFS", EROFS},
};

// MARK: The plan

static bool is_command_under_test(void) {
  char name[32] = "";
  int file = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/comm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t length = read(file, name, sizeof name - 1);
  close(file);
  return length > 0 && strcmp(name, "mboxsync\n") == 0;
}

static void read_happening(const char *text) {
  if (strcmp(text, "kill-before") == 0) plan.what = KILL_BEFORE;
  if (strcmp(text, "kill-after") == 0) plan.what = KILL_AFTER;
  if (strcmp(text, "lose-power") == 0) plan.what = LOSE_POWER;
  if (strcmp(text, "half") == 0) plan.what = HALVE;
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
    size_t length = strlen(errors[i].name);
    if (strncmp(text, errors[i].name, length) != 0) continue;
    plan.what = FAIL;
    plan.error = errors[i].number;
    plan.goes_on = strcmp(text + length, "-on") == 0;
  }
}

__attribute__((constructor)) static void begin(void) {
  const char *log = getenv("CRASHPOINT_LOG");
  if (log == NULL || !is_command_under_test()) return;
  int file = (int)syscall(
      SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) _exit(99);
  // Out of the way of a program that expects the lowest numbers.
  plan.log = fcntl(file, F_DUPFD_CLOEXEC, 200);
  close(file);
  const char *at = getenv("CRASHPOINT_AT"), *how = getenv("CRASHPOINT_HOW"),
             *under = getenv("CRASHPOINT_UNDER");
  plan.at = at == NULL ? 0 : atol(at);
  if (how != NULL) read_happening(how);
  if (under != NULL) snprintf(plan.under, sizeof plan.under, "%s", under);
  plan.is_active = true;
  // What this process starts runs as usual.
  unsetenv("LD_PRELOAD");
}

// MARK: Files that lose what was not synced

static bool describe_file(int file, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, size - 1);
  if (length < 0) return false;
  path[length] = 0;
  return true;
}

// The sizes that files would have after a power failure.
static struct unsynced {
  dev_t device;
  ino_t inode;
  off_t size;
  int file;
} unsynced[4096];
static size_t unsynced_count;

static struct unsynced *find_unsynced(const struct stat *status) {
  for (size_t i = 0; i < unsynced_count; i++) {
    struct unsynced *entry = &unsynced[i];
    if (entry->device == status->st_dev && entry->inode == status->st_ino) return entry;
  }
  return NULL;
}

// Notes, before the first write since the last sync, how long the file is.
static void note_write(int file) {
  struct stat status;
  if (plan.what != LOSE_POWER || fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) return;
  if (find_unsynced(&status) != NULL) return;
  // A lock that does not say who holds it is waited for, two minutes long.
  char path[PATH_MAX];
  if (describe_file(file, path, sizeof path) && strstr(path, ".lock") != NULL) return;
  if (unsynced_count == sizeof unsynced / sizeof unsynced[0]) _exit(98);
  int copy = fcntl(file, F_DUPFD_CLOEXEC, 200);
  unsynced[unsynced_count++] =
      (struct unsynced){status.st_dev, status.st_ino, status.st_size, copy};
}

static void note_sync(int file) {
  struct stat status;
  if (plan.what != LOSE_POWER || fstat(file, &status) != 0) return;
  struct unsynced *entry = find_unsynced(&status);
  if (entry == NULL) return;
  close(entry->file);
  *entry = unsynced[--unsynced_count];
}

// What was appended since the last sync never reached the disk. What was overwritten may have.
static void lose_unsynced(void) {
  for (size_t i = 0; i < unsynced_count; i++) {
    struct stat status;
    if (fstat(unsynced[i].file, &status) != 0 || status.st_size <= unsynced[i].size) continue;
    syscall(SYS_ftruncate, unsynced[i].file, unsynced[i].size);
  }
}

// MARK: Counting

struct step {
  bool fails;
  bool is_halved;
  bool kills_after;
};

static void write_log(const char *call, const char *path, const char *note) {
  char line[PATH_MAX + 64];
  int length = snprintf(line, sizeof line, "%ld %s %s%s\n", count, call, path, note);
  if (length > (int)sizeof line - 1) length = (int)sizeof line - 1;
  syscall(SYS_write, plan.log, line, (size_t)length);
}

__attribute__((noreturn)) static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// The absolute path that a call is about; false if the call is none of those that are counted.
static bool describe(int directory, const char *name, char *path, size_t size, bool *is_on_disk) {
  *is_on_disk = true;
  if (name == NULL) {
    struct stat status;
    if (directory <= 2 || fstat(directory, &status) != 0) return false;
    *is_on_disk = S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
    // Nobody outside of the process sees what is written to anything else.
    if (!*is_on_disk && !S_ISSOCK(status.st_mode) && !S_ISFIFO(status.st_mode)) return false;
    return describe_file(directory, path, size);
  }
  char parent[PATH_MAX] = "";
  if (name[0] != '/' && directory != AT_FDCWD) describe_file(directory, parent, sizeof parent);
  snprintf(path, size, "%s%s%s", parent, parent[0] == 0 ? "" : "/", name);
  return true;
}

static bool can_happen(int kinds, bool is_on_disk) {
  switch (plan.what) {
    case HALVE:
      return kinds & WRITES_BYTES;
    case FAIL:
      if (plan.error == EINTR) return kinds & IS_SLOW;
      if (!is_on_disk) return false;
      return plan.error == EIO ? kinds & CHANGES_DISK : kinds & TAKES_ROOM;
    default:
      return true;
  }
}

// Before a call on the file `directory` (with `name` NULL) or on `name` within it.
static struct step enter(const char *call, int directory, const char *name, int kinds) {
  struct step step = {false, false, false};
  char path[PATH_MAX];
  bool is_on_disk;
  if (!plan.is_active) return step;
  int saved = errno;
  pthread_mutex_lock(&lock);
  if (!describe(directory, name, path, sizeof path, &is_on_disk) ||
      !can_happen(kinds, is_on_disk) ||
      (plan.under[0] != 0 &&
       (!is_on_disk || strncmp(path, plan.under, strlen(plan.under)) != 0)))
    goto out;
  count++;
  bool is_hit = plan.at != 0 && (count == plan.at || (plan.goes_on && count > plan.at));
  write_log(call, path, is_hit ? " <-" : "");
  if (!is_hit) goto out;
  switch (plan.what) {
    case LOSE_POWER:
      lose_unsynced();
      die();
    case KILL_BEFORE:
      die();
    case KILL_AFTER:
      step.kills_after = true;
      break;
    case HALVE:
      step.is_halved = true;
      break;
    case FAIL:
      step.fails = true;
      saved = plan.error;
      break;
    case NOTHING:
      break;
  }
out:
  pthread_mutex_unlock(&lock);
  errno = saved;
  return step;
}

// After a call; what it returned.
static long leave(struct step step, long result) {
  if (step.kills_after) die();
  return result;
}

#define AROUND(call, directory, name, kinds, ...)                \
  struct step step = enter(call, directory, name, kinds);        \
  if (step.fails) return -1;                                     \
  return leave(step, syscall(__VA_ARGS__))

static size_t shorten(struct step step, size_t length) {
  return step.is_halved ? (length + 1) / 2 : length;
}

// MARK: Opening files

static int open_at(const char *call, int directory, const char *name, int flags, mode_t mode) {
  // Only what makes or empties a file counts. O_TMPFILE has more than one bit.
  if (!(flags & (O_CREAT | O_TRUNC)) && (flags & O_TMPFILE) != O_TMPFILE)
    return (int)syscall(SYS_openat, directory, name, flags, mode);
  AROUND(call, directory, name, TAKES_ROOM | CHANGES_DISK | IS_SLOW,
         SYS_openat, directory, name, flags, mode);
}

#define MODE_OF(flags)                                           \
  mode_t mode = 0;                                               \
  if ((flags) & O_CREAT || ((flags) & O_TMPFILE) == O_TMPFILE) { \
    va_list arguments;                                           \
    va_start(arguments, flags);                                  \
    mode = va_arg(arguments, mode_t);                            \
    va_end(arguments);                                           \
  }

int open(const char *name, int flags, ...) {
  MODE_OF(flags)
  return open_at("open", AT_FDCWD, name, flags, mode);
}

int open64(const char *name, int flags, ...) {
  MODE_OF(flags)
  return open_at("open", AT_FDCWD, name, flags | O_LARGEFILE, mode);
}

int openat(int directory, const char *name, int flags, ...) {
  MODE_OF(flags)
  return open_at("openat", directory, name, flags, mode);
}

int openat64(int directory, const char *name, int flags, ...) {
  MODE_OF(flags)
  return open_at("openat", directory, name, flags | O_LARGEFILE, mode);
}

int creat(const char *name, mode_t mode) {
  return open_at("creat", AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

// MARK: Writing

#define WRITING (TAKES_ROOM | CHANGES_DISK | WRITES_BYTES | IS_SLOW)

ssize_t write(int file, const void *bytes, size_t length) {
  note_write(file);
  struct step step = enter("write", file, NULL, WRITING);
  if (step.fails) return -1;
  return leave(step, syscall(SYS_write, file, bytes, shorten(step, length)));
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset) {
  note_write(file);
  struct step step = enter("pwrite", file, NULL, WRITING);
  if (step.fails) return -1;
  return leave(step, syscall(SYS_pwrite64, file, bytes, shorten(step, length), offset));
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t offset) {
  return pwrite(file, bytes, length, offset);
}

ssize_t writev(int file, const struct iovec *parts, int parts_count) {
  note_write(file);
  struct step step = enter("writev", file, NULL, WRITING);
  if (step.fails) return -1;
  if (step.is_halved && parts_count > 0)
    return syscall(SYS_write, file, parts[0].iov_base, shorten(step, parts[0].iov_len));
  return leave(step, syscall(SYS_writev, file, parts, parts_count));
}

ssize_t send(int file, const void *bytes, size_t length, int flags) {
  struct step step = enter("send", file, NULL, WRITING);
  if (step.fails) return -1;
  return leave(step, syscall(SYS_sendto, file, bytes, shorten(step, length), flags, NULL, 0));
}

ssize_t sendmsg(int file, const struct msghdr *message, int flags) {
  AROUND("sendmsg", file, NULL, IS_SLOW, SYS_sendmsg, file, message, flags);
}

ssize_t sendfile(int file, int from, off_t *offset, size_t length) {
  note_write(file);
  AROUND("sendfile", file, NULL, TAKES_ROOM | CHANGES_DISK, SYS_sendfile, file, from, offset, length);
}

ssize_t copy_file_range(
    int from, off64_t *from_offset, int file, off64_t *offset, size_t length, unsigned flags) {
  note_write(file);
  AROUND("copy_file_range", file, NULL, TAKES_ROOM | CHANGES_DISK,
         SYS_copy_file_range, from, from_offset, file, offset, length, flags);
}

int ftruncate(int file, off_t length) {
  AROUND("ftruncate", file, NULL, CHANGES_DISK, SYS_ftruncate, file, length);
}

int ftruncate64(int file, off64_t length) { return ftruncate(file, length); }

// MARK: Syncing

#define SYNCING (TAKES_ROOM | CHANGES_DISK)

int fsync(int file) {
  struct step step = enter("fsync", file, NULL, SYNCING);
  if (step.fails) return -1;
  note_sync(file);
  return (int)leave(step, syscall(SYS_fsync, file));
}

int fdatasync(int file) {
  struct step step = enter("fdatasync", file, NULL, SYNCING);
  if (step.fails) return -1;
  note_sync(file);
  return (int)leave(step, syscall(SYS_fdatasync, file));
}

int syncfs(int file) {
  struct step step = enter("syncfs", file, NULL, SYNCING);
  if (step.fails) return -1;
  while (unsynced_count > 0) close(unsynced[--unsynced_count].file);
  return (int)leave(step, syscall(SYS_syncfs, file));
}

// MARK: Names

int rename(const char *old, const char *new) {
  AROUND("rename", AT_FDCWD, new, TAKES_ROOM | CHANGES_DISK,
         SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
}

int renameat(int old_directory, const char *old, int directory, const char *new) {
  AROUND("renameat", directory, new, TAKES_ROOM | CHANGES_DISK,
         SYS_renameat2, old_directory, old, directory, new, 0);
}

int renameat2(int old_directory, const char *old, int directory, const char *new, unsigned flags) {
  AROUND("renameat2", directory, new, TAKES_ROOM | CHANGES_DISK,
         SYS_renameat2, old_directory, old, directory, new, flags);
}

int link(const char *old, const char *new) {
  AROUND("link", AT_FDCWD, new, TAKES_ROOM | CHANGES_DISK,
         SYS_linkat, AT_FDCWD, old, AT_FDCWD, new, 0);
}

int linkat(int old_directory, const char *old, int directory, const char *new, int flags) {
  AROUND("linkat", directory, new, TAKES_ROOM | CHANGES_DISK,
         SYS_linkat, old_directory, old, directory, new, flags);
}

int symlink(const char *target, const char *name) {
  AROUND("symlink", AT_FDCWD, name, TAKES_ROOM | CHANGES_DISK,
         SYS_symlinkat, target, AT_FDCWD, name);
}

int unlink(const char *name) {
  AROUND("unlink", AT_FDCWD, name, CHANGES_DISK, SYS_unlinkat, AT_FDCWD, name, 0);
}

int unlinkat(int directory, const char *name, int flags) {
  AROUND("unlinkat", directory, name, CHANGES_DISK, SYS_unlinkat, directory, name, flags);
}

int rmdir(const char *name) {
  AROUND("rmdir", AT_FDCWD, name, CHANGES_DISK, SYS_unlinkat, AT_FDCWD, name, AT_REMOVEDIR);
}

int mkdir(const char *name, mode_t mode) {
  AROUND("mkdir", AT_FDCWD, name, TAKES_ROOM | CHANGES_DISK, SYS_mkdirat, AT_FDCWD, name, mode);
}

int mkdirat(int directory, const char *name, mode_t mode) {
  AROUND("mkdirat", directory, name, TAKES_ROOM | CHANGES_DISK,
         SYS_mkdirat, directory, name, mode);
}

int futimens(int file, const struct timespec times[2]) {
  AROUND("futimens", file, NULL, CHANGES_DISK, SYS_utimensat, file, NULL, times, 0);
}

int utimensat(int directory, const char *name, const struct timespec times[2], int flags) {
  AROUND("utimensat", directory, name, CHANGES_DISK,
         SYS_utimensat, directory, name, times, flags);
}

int fchmod(int file, mode_t mode) {
  AROUND("fchmod", file, NULL, CHANGES_DISK, SYS_fchmod, file, mode);
}
