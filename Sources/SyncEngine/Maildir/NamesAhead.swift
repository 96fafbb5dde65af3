import CLinux
import Glibc

/// Reads the names in directories on a thread of its own, some way ahead of who takes them: the kernel needs as long to tell
/// them as it takes to find out what they mean.
final class NamesAhead {
  private let directories: [Directory]
  private let monitor = Monitor()
  private var thread: Thread?

  // Guarded by the monitor.
  private var ready: [[UInt8]] = []
  private var failure: SystemError?
  private var isDone = false
  private var isUnwanted = false

  private let pieceSize: Int
  private let mostReady: Int

  /// - Parameters:
  ///   - pieceSize: the octets that are handed over at a time.
  ///   - mostReady: the pieces that may wait to be taken.
  /// - Returns: `nil` if the system has no more threads.
  init?(_ directories: [Directory], pieceSize: Int = 64 << 10, mostReady: Int = 64) {
    self.directories = directories
    self.pieceSize = pieceSize
    self.mostReady = mostReady
    thread = Thread { [self] in read() }
    if thread == nil { return nil }
  }

  /// Ends the reading. Has to be called before the last reference goes, and may be called again.
  func stop() {
    monitor.locked {
      isUnwanted = true
      monitor.wakeAll()
    }
    thread?.join()
    thread = nil
  }

  /// Calls `body` once with every name that is no directory's and does not begin with a dot, and with the place of its directory
  /// among them. Names of more than 255 octets, which no message's is, are left out.
  func forEachName(
    _ body: (UnsafeBufferPointer<UInt8>, Int) -> Void
  ) throws(SystemError) {
    while let piece = try next() {
      piece.withUnsafeBufferPointer { bytes in
        var position = 0
        while position < bytes.count {
          let start = position + 2
          position = start + Int(bytes[start - 2])
          body(UnsafeBufferPointer(rebasing: bytes[start..<position]), Int(bytes[start - 1]))
        }
      }
    }
  }

  private func next() throws(SystemError) -> [UInt8]? {
    try monitor.locked { () throws(SystemError) in
      while ready.isEmpty, !isDone { monitor.wait() }
      if !ready.isEmpty {
        monitor.wakeAll()
        return ready.removeFirst()
      }
      if let failure { throw failure }
      return nil
    }
  }

  // MARK: The other thread

  private func read() {
    var piece: [UInt8] = []
    var failure: SystemError?
    do throws(SystemError) {
      for (place, directory) in directories.enumerated() {
        try directory.forEachName { name, type in
          guard Int(type) != Int(DT_DIR), let length = UInt8(exactly: name.count) else { return }
          if piece.count + name.count + 2 > pieceSize { handOver(&piece) }
          if piece.isEmpty { piece.reserveCapacity(pieceSize) }
          piece.append(length)
          piece.append(UInt8(truncatingIfNeeded: place))
          piece.append(contentsOf: name)
        }
      }
    } catch { failure = error }
    handOver(&piece)
    monitor.locked {
      self.failure = failure
      isDone = true
      monitor.wakeAll()
    }
  }

  private func handOver(_ piece: inout [UInt8]) {
    monitor.locked {
      while ready.count >= mostReady, !isUnwanted { monitor.wait() }
      if !piece.isEmpty, !isUnwanted { ready.append(piece) }
      monitor.wakeAll()
    }
    piece = []
  }
}
