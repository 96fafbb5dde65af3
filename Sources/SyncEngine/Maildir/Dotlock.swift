import CLinux
import Glibc
import IMAPClient
import Synchronization

/// A lock file as Dovecot makes them: `FILE.lock` with `pid:host` in it, beside the file it guards.
///
/// It is made by linking a file that is already filled, so it is never seen empty. A lock is left by
/// the dead: one of a process of this machine that is gone is broken at once, one that can't be judged
/// (another machine's, empty) after neither it nor the file it guards changed for two minutes.
final class Dotlock {
  private let directory: Directory
  private let name: FileName
  private let surroundings: MaildirSurroundings
  /// Its inode number alone may be given to another's lock: the time counts, too.
  private var identity: stat
  private var refreshed: Int64
  private var isHeld = true

  /// Dovecot's own limits (`dotlock` settings of maildir-uidlist.c).
  static let staleAfter = 120 * MaildirSurroundings.second
  static let timeout = 122 * MaildirSurroundings.second
  /// A lock younger than this may be one whose process is just being started.
  static let youngUntil = 2 * MaildirSurroundings.second
  /// So long a wait goes on after a request to stop, where what has come whole would be lost by giving up. A Dovecot that
  /// is at work is done by then, and the lock of a dead process may be broken.
  static let patience = 3 * MaildirSurroundings.second
  private static let refreshInterval = 10 * MaildirSurroundings.second

  /// Waits for the lock of `file`.
  ///
  /// - Parameters:
  ///   - path: the directory's, for errors.
  ///   - patience: how long the wait goes on once the run is to stop.
  /// - Throws: `locked` if someone keeps it; `permission` or `readOnly` where nothing may be written.
  init(
    guarding file: FileName, in directory: Directory, at path: String? = nil,
    _ surroundings: MaildirSurroundings, cancellation: Cancellation? = nil, patience: Int64 = 0
  ) throws(EndpointError) {
    self.directory = directory
    self.surroundings = surroundings
    name = file + Array(".lock".utf8)
    let waiter = Waiter(
      directory: directory, path: path, file: file, name: name, surroundings: surroundings,
      cancellation: cancellation, patience: patience)
    identity = try waiter.acquire()
    refreshed = surroundings.uptime()
    Dotlock.held.withLock { [identity] held in held.insert(identity.st_ino) }
  }

  deinit { release() }

  /// Keeps others from taking the lock for a dead one's; to be called now and then.
  func refresh() {
    guard isHeld, surroundings.uptime() - refreshed >= Dotlock.refreshInterval else { return }
    refreshed = surroundings.uptime()
    guard isStillHeld else { return }
    utimensat(directory.descriptor, name.map { CChar(bitPattern: $0) } + [0], nil, 0)
    if let now = try? directory.status(of: name, followsLink: false), now.isSameFile(as: identity) {
      identity = now
    }
  }

  /// Whether the lock is still this one: someone may have broken it.
  var isStillHeld: Bool {
    guard isHeld, let now = try? directory.status(of: name, followsLink: false) else {
      return false
    }
    return now.isSameState(as: identity)
  }

  func release() {
    guard isHeld else { return }
    if isStillHeld { try? directory.unlink(name) }
    isHeld = false
    Dotlock.held.withLock { [identity] held in held.remove(identity.st_ino) }
  }

  /// The locks of this process. One with our process id that is not among them was left by a dead
  /// process that had the same id.
  fileprivate static let held = Mutex(HeldLocks())
}

/// Locks by their inode numbers. Another thread may be given the number of a lock that has been removed before it is taken out
/// here, and on two file systems two locks may have the same one at any time: they are counted.
struct HeldLocks {
  private var counts: [ino_t: Int] = [:]

  mutating func insert(_ number: ino_t) { counts[number, default: 0] += 1 }

  mutating func remove(_ number: ino_t) {
    guard let count = counts[number] else { return }
    counts[number] = count > 1 ? count - 1 : nil
  }

  func contains(_ number: ino_t) -> Bool { counts[number] != nil }
}

/// One attempt to get a lock.
private struct Waiter {
  let directory: Directory
  let path: String?
  let file: FileName
  let name: FileName
  let surroundings: MaildirSurroundings
  let cancellation: Cancellation?
  let patience: Int64

  private static let firstPause = MaildirSurroundings.second / 200

  func acquire() throws(EndpointError) -> stat {
    do throws(SystemError) {
      let temporary = name + Array(".".utf8) + surroundings.uniqueBase()
      defer { try? directory.unlink(temporary) }
      try writeOwner(to: temporary)
      return try wait { () throws(SystemError) in try link(temporary) }
    } catch {
      throw failure(error)
    }
  }

  private var owner: [UInt8] {
    Array("\(surroundings.processID):".utf8) + surroundings.hostName
  }

  private func writeOwner(to name: FileName) throws(SystemError) {
    let lock = try directory.createFile(name)
    try lock.writeAll(owner)
  }

  /// - Returns: `nil` if the lock is there.
  private func link(_ temporary: FileName) throws(SystemError) -> stat? {
    do {
      try directory.link(temporary, to: name, in: directory)
    } catch {
      switch error.code {
      case EEXIST:
        // NFS may have carried it out and lost the answer.
        guard let mine = try? directory.status(of: temporary), mine.st_nlink == 2 else {
          return nil
        }
        return mine
      case EPERM, EOPNOTSUPP, EMLINK, ENOSYS: return try createDirectly()
      default: throw error
      }
    }
    return try directory.status(of: name, followsLink: false)
  }

  /// For file systems without links.
  private func createDirectly() throws(SystemError) -> stat? {
    do {
      try writeOwner(to: name)
    } catch {
      if error.code == EEXIST { return nil }
      throw error
    }
    return try directory.status(of: name, followsLink: false)
  }

  private func wait(
    _ attempt: () throws(SystemError) -> stat?
  ) throws(SystemError) -> stat {
    let start = surroundings.uptime()
    var pause = Waiter.firstPause
    var end: Int64?
    var seen: (lock: stat, file: stat?)?
    var since = start
    while true {
      if let lock = try attempt() { return lock }
      let now = surroundings.uptime()
      if let lock = try? directory.status(of: name, followsLink: false) {
        let guarded = try? directory.status(of: file)
        if seen.map({ !isUnchanged($0, lock, guarded) }) ?? true {
          seen = (lock, guarded)
          since = now
        }
        if isStale(lock, unchangedFor: now - since), remove(lock) { continue }
      }
      if cancellation?.isRequested == true {
        let left = (end ?? now + patience) - now
        guard left > 0 else { throw SystemError(code: ECANCELED) }
        // Somebody waits for the end now.
        pause = min(end == nil ? Waiter.firstPause : pause, left)
        end = now + left
      }
      if now - start >= Dotlock.timeout { throw SystemError(code: ETIMEDOUT) }
      surroundings.pause(pause)
      pause = min(pause * 2, MaildirSurroundings.second)
    }
  }

  private func isUnchanged(_ last: (lock: stat, file: stat?), _ lock: stat, _ file: stat?) -> Bool {
    guard last.lock.isSameState(as: lock) else { return false }
    return switch (last.file, file) {
    case (nil, nil): true
    case (let before?, let after?): before.isSameState(as: after)
    default: false
    }
  }

  private func isStale(_ lock: stat, unchangedFor duration: Int64) -> Bool {
    guard let process = ownerOnThisHost() else { return duration >= Dotlock.staleAfter }
    let isOld =
      duration > Dotlock.youngUntil || surroundings.now() &- lock.modified > Dotlock.youngUntil
    if process == surroundings.processID {
      return isOld && !Dotlock.held.withLock { $0.contains(lock.st_ino) }
    }
    return isOld && !surroundings.isAlive(process)
  }

  /// The process that holds the lock, if it is one of this machine.
  private func ownerOnThisHost() -> Int32? {
    guard let content = readOwner(), let colon = content.firstIndex(of: UInt8(ascii: ":")),
      Array(content[(colon + 1)...]) == surroundings.hostName
    else { return nil }
    return MessageFileName.number(content[..<colon]).flatMap { Int32(exactly: $0) }
  }

  private func readOwner() -> [UInt8]? {
    do throws(SystemError) {
      let file = try directory.openFile(name)
      return try file.readAll(limit: 4_096)
    } catch {
      return nil
    }
  }

  /// - Returns: whether it is gone.
  private func remove(_ lock: stat) -> Bool {
    guard let now = try? directory.status(of: name, followsLink: false), now.isSameState(as: lock)
    else { return false }
    return (try? directory.unlink(name)) != nil
  }

  private func failure(_ error: SystemError) -> EndpointError {
    let lock = (path.map { $0 + "/" } ?? "") + String(decoding: name, as: UTF8.self)
    switch error.code {
    case ETIMEDOUT:
      let owner = readOwner().map { " by \(String(decoding: $0.prefix(64), as: UTF8.self))" } ?? ""
      return EndpointError(
        .mailbox, .locked, "\(lock) is held\(owner)",
        advice: "another program is at work; sync later")
    case ECANCELED:
      return EndpointError(.side, .interrupted, "interrupted while waiting for \(lock)", advice: "")
    default: return error.endpointError("can't make \(lock)")
    }
  }
}
