import CLinux
import Glibc

/// A file's name in one directory, as bytes without the NUL at its end.
typealias FileName = [UInt8]

/// A directory held open, closed with the last reference.
///
/// Every name given to it is one step below it, so nothing outside can be reached by a name.
final class Directory {
  let descriptor: Int32

  init(path: String) throws(SystemError) {
    descriptor = try SystemError.check {
      Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
  }

  /// A symbolic link is followed: people link their mailboxes to other disks.
  init(_ name: FileName, in parent: Directory) throws(SystemError) {
    let path = try Directory.step(name)
    descriptor = try SystemError.check {
      openat(parent.descriptor, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
  }

  deinit { close(descriptor) }

  func status() throws(SystemError) -> stat {
    var result = stat()
    try SystemError.check { fstat(descriptor, &result) }
    return result
  }

  /// What may still be written to its file system; `nil` if that does not say.
  var availableOctets: UInt64? {
    var result = Glibc.statvfs()
    guard fstatvfs(descriptor, &result) == 0, result.f_blocks > 0 else { return nil }
    let (octets, isMore) = UInt64(result.f_bavail).multipliedReportingOverflow(
      by: UInt64(result.f_frsize))
    return isMore ? nil : octets
  }

  func status(of name: FileName, followsLink: Bool = true) throws(SystemError) -> stat {
    var result = stat()
    let path = try Directory.step(name)
    try SystemError.check {
      fstatat(descriptor, path, &result, followsLink ? 0 : AT_SYMLINK_NOFOLLOW)
    }
    return result
  }

  /// `nil` if there is no such file.
  func statusIfThere(of name: FileName) throws(SystemError) -> stat? {
    do { return try status(of: name) } catch {
      if error.isMissing { return nil } else { throw error }
    }
  }

  func hasDirectory(_ name: FileName) -> Bool {
    guard let found = try? status(of: name) else { return false }
    return mbs_S_ISDIR(found.st_mode) != 0
  }

  /// As ``hasDirectory(_:)``, where it matters that nobody may look.
  func findsDirectory(_ name: FileName) throws(SystemError) -> Bool {
    try statusIfThere(of: name).map { mbs_S_ISDIR($0.st_mode) != 0 } ?? false
  }

  /// Whether there is something under the name, if only a link that leads nowhere.
  func hasName(_ name: FileName) -> Bool {
    (try? status(of: name, followsLink: false)) != nil
  }

  /// - Throws: if files may not be made, renamed or removed in that directory.
  func checkWritable(_ name: FileName) throws(SystemError) {
    let path = try Directory.step(name)
    try SystemError.check { faccessat(descriptor, path, W_OK | X_OK, 0) }
  }

  func openFile(_ name: FileName) throws(SystemError) -> OpenFile {
    let path = try Directory.step(name)
    // O_NONBLOCK: a fifo put there by someone must not stop the run.
    var file = OpenFile(
      descriptor: try SystemError.check {
        openat(descriptor, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
      })
    let status = try file.status()
    guard mbs_S_ISREG(status.st_mode) != 0 else { throw SystemError(code: EINVAL) }
    file.opened = status
    return file
  }

  /// A file that is there, to be added to; what is written goes to its end.
  func openFileToAppend(_ name: FileName) throws(SystemError) -> OpenFile {
    let path = try Directory.step(name)
    return OpenFile(
      descriptor: try SystemError.check {
        openat(descriptor, path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC)
      })
  }

  /// Creates a file that is not there yet; a link planted under the name is not followed.
  func createFile(_ name: FileName) throws(SystemError) -> OpenFile {
    let path = try Directory.step(name)
    let file = OpenFile(
      descriptor: try SystemError.check {
        openat(descriptor, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
      })
    try giveToOwner { fchown(file.descriptor, $0, $1) }
    if sharing != 0 { try file.setMode(0o600 | sharing & 0o066) }
    return file
  }

  func makeDirectory(_ name: FileName) throws(SystemError) {
    let path = try Directory.step(name)
    do { try SystemError.check { mkdirat(descriptor, path, 0o700) } } catch {
      if error.code == EEXIST { return }
      throw error
    }
    try giveToOwner { fchownat(descriptor, path, $0, $1, AT_SYMLINK_NOFOLLOW) }
    let mode = 0o700 | sharing
    if sharing != 0 { try SystemError.check { fchmodat(descriptor, path, mode, 0) } }
  }

  /// What others than its owner may do with what is made here. A Maildir that its group may write is shared by
  /// it: there what is made is open to those to whom the directory is, as Dovecot does it; elsewhere to nobody.
  private lazy var sharing: mode_t = {
    guard let mode = try? status().st_mode, mode & 0o020 != 0 else { return 0 }
    return mode & 0o2077
  }()

  func unlink(_ name: FileName) throws(SystemError) {
    let path = try Directory.step(name)
    try SystemError.check { unlinkat(descriptor, path, 0) }
  }

  func removeDirectory(_ name: FileName) throws(SystemError) {
    let path = try Directory.step(name)
    try SystemError.check { unlinkat(descriptor, path, AT_REMOVEDIR) }
  }

  /// Renames a file; one that has the new name already is replaced.
  func rename(_ name: FileName, to newName: FileName, in target: Directory) throws(SystemError) {
    let paths = (try Directory.step(name), try Directory.step(newName))
    try SystemError.check {
      renameat(descriptor, paths.0, target.descriptor, paths.1)
    }
  }

  /// Renames a file unless there is one with the new name (`EEXIST`).
  func move(_ name: FileName, to newName: FileName, in target: Directory) throws(SystemError) {
    let paths = (try Directory.step(name), try Directory.step(newName))
    do {
      try SystemError.check {
        renameat2(descriptor, paths.0, target.descriptor, paths.1, UInt32(RENAME_NOREPLACE))
      }
    } catch {
      // Not every file system knows the flag.
      guard error.code == EINVAL || error.code == ENOSYS else { throw error }
      if (try? target.status(of: newName, followsLink: false)) != nil {
        throw SystemError(code: EEXIST)
      }
      try rename(name, to: newName, in: target)
    }
  }

  /// Gives a file a second name. A symbolic link is not followed.
  func link(_ name: FileName, to newName: FileName, in target: Directory) throws(SystemError) {
    let paths = (try Directory.step(name), try Directory.step(newName))
    try SystemError.check { linkat(descriptor, paths.0, target.descriptor, paths.1, 0) }
  }

  /// Makes names created, renamed and removed in the directory durable.
  func sync() throws(SystemError) {
    do { try SystemError.check { fsync(descriptor) } } catch {
      // Some file systems can't sync a directory.
      if error.code != EINVAL { throw error }
    }
  }

  /// Makes everything durable that was written to the file system of this directory, by whomever.
  ///
  /// - Returns: false where that can't be relied on, or failed: then each file has to be synced by itself.
  func syncFileSystem() -> Bool { isOnlyHere && syncfs(descriptor) == 0 }

  /// Its file system is one of those that are known to write all they are told to, and to empty the disk's own cache, and of
  /// which nobody changes anything but by this machine's kernel. Behind FUSE and on the network nobody is told.
  var isOnlyHere: Bool {
    var about = statfs()
    guard fstatfs(descriptor, &about) == 0 else { return false }
    let known = [MBS_EXT4_MAGIC, MBS_XFS_MAGIC, MBS_BTRFS_MAGIC, MBS_F2FS_MAGIC, MBS_TMPFS_MAGIC]
    return known.contains(UInt32(truncatingIfNeeded: about.f_type))
  }

  /// Waits until nobody is just about to change a name in it: the kernel reads a directory under the lock that it changes
  /// one under.
  func awaitChanges() -> Bool {
    let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0 else { return false }
    guard let stream = fdopendir(copy) else {
      close(copy)
      return false
    }
    defer { closedir(stream) }
    return readdir(stream) != nil
  }

  /// Calls `body` with every name but those that begin with a dot, and its `d_type`.
  func forEachName(
    includingDotted: Bool = false, _ body: (UnsafeBufferPointer<UInt8>, UInt8) -> Void
  ) throws(SystemError) {
    let copy = try SystemError.check {
      openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    guard let stream = fdopendir(copy) else {
      let code = errno
      close(copy)
      throw SystemError(code: code)
    }
    defer { closedir(stream) }
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw SystemError(code: errno) }
        return
      }
      let type = entry.pointee.d_type
      withUnsafePointer(to: &entry.pointee.d_name) { field in
        let start = UnsafeRawPointer(field).assumingMemoryBound(to: UInt8.self)
        let length = strlen(UnsafeRawPointer(field).assumingMemoryBound(to: CChar.self))
        let isDotted = start[0] == UInt8(ascii: ".")
        let isItself =
          isDotted && (length == 1 || (length == 2 && start[1] == UInt8(ascii: ".")))
        if !isItself, includingDotted || !isDotted {
          body(UnsafeBufferPointer(start: start, count: length), type)
        }
      }
    }
  }

  /// What the superuser creates belongs to the one whose mail it is.
  private func giveToOwner(_ change: (uid_t, gid_t) -> Int32) throws(SystemError) {
    guard geteuid() == 0 else { return }
    let owner = try status()
    guard owner.st_uid != 0 || owner.st_gid != getegid() else { return }
    try SystemError.check { change(owner.st_uid, owner.st_gid) }
  }

  /// - Throws: `EINVAL` for a name that would lead elsewhere.
  private static func step(_ name: FileName) throws(SystemError) -> [CChar] {
    guard !name.isEmpty, !name.contains(0), !name.contains(UInt8(ascii: "/")),
      name != [UInt8(ascii: "."), UInt8(ascii: ".")], name != [UInt8(ascii: ".")]
    else { throw SystemError(code: EINVAL) }
    guard name.count <= 255 else { throw SystemError(code: ENAMETOOLONG) }
    return name.map { CChar(bitPattern: $0) } + [0]
  }
}

extension stat {
  /// Nanoseconds since 1970.
  var modified: Int64 { Int64(st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(st_mtim.tv_nsec) }

  /// Whether both are of one file that has not been written in between.
  func isSameState(as other: stat) -> Bool {
    st_dev == other.st_dev && st_ino == other.st_ino && st_size == other.st_size
      && modified == other.modified
  }

  func isSameFile(as other: stat) -> Bool { identity == other.identity }

  var identity: FileIdentity { FileIdentity(device: st_dev, number: st_ino) }
}

/// What is the same under whatever name a file or directory is found.
struct FileIdentity: Hashable {
  var device: dev_t
  var number: ino_t
}
