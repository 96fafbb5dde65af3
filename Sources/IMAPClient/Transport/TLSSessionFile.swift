import CLinux
import Glibc
import Synchronization

/// Keeps the TLS session of one server from one run to the next, in a file for its owner alone.
///
/// What it holds is used once (RFC 8446 §C.4), by the first connection of a run; the first session that a connection of the
/// run is given takes its place. Whatever goes wrong with the file, the handshake is made in full.
public final class TLSSessionFile: Sendable {
  private let path: String
  private let progress = Mutex(Progress())

  private struct Progress {
    var isTaken = false
    var isKept = false
  }

  public init(path: String) { self.path = path }

  /// What an earlier run left, to whoever asks first.
  func take() -> SavedTLSSession? {
    let isFirst = progress.withLock { progress in
      defer { progress.isTaken = true }
      return !progress.isTaken
    }
    guard isFirst else { return nil }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    let file = FileDescriptor(owning: descriptor)
    unlink(path)
    var status = stat()
    // What others could have read or written is no secret of ours.
    guard fstat(file.rawValue, &status) == 0, mbs_S_ISREG(status.st_mode) != 0,
      status.st_uid == geteuid(),
      status.st_mode & 0o077 == 0, status.st_size > 0,
      status.st_size <= SavedTLSSession.sizeLimit
    else { return nil }
    let size = Int(status.st_size)
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      count = max(0, Glibc.read(file.rawValue, buffer.baseAddress, size))
    }
    return SavedTLSSession(encoded: bytes)
  }

  /// One is enough, and the next run takes no more.
  var wantsSession: Bool { progress.withLock { !$0.isKept } }

  func keep(_ session: SavedTLSSession) {
    let isFirst = progress.withLock { progress in
      defer { progress.isKept = true }
      return !progress.isKept
    }
    let bytes = session.encoded
    guard isFirst, bytes.count <= SavedTLSSession.sizeLimit else { return }
    // Another run may be doing the same.
    let temporary = "\(path).\(getpid())"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      unlink(temporary)
      return
    }
    let file = FileDescriptor(owning: descriptor)
    guard write(file.rawValue, bytes, bytes.count) == bytes.count, rename(temporary, path) == 0
    else {
      unlink(temporary)
      return
    }
  }
}
