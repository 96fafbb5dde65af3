import CLinux
import Glibc

/// Descriptors to wait for, gathered from what the streams said.
///
/// A driver of one or several streams empties the set, lets every stream read and write until it
/// says what it waits for, adds that, and waits.
public struct PollSet {
  private var entries: [pollfd] = []

  public init() {}

  public var isEmpty: Bool { entries.isEmpty }

  public mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

  public mutating func add(reading descriptor: Int32) { add(descriptor, events: POLLIN) }

  public mutating func add(writing descriptor: Int32) { add(descriptor, events: POLLOUT) }

  /// What a call on `stream` asked to wait for; nothing if it went on or ended.
  public mutating func add(_ progress: StreamProgress, of stream: any ByteStream) {
    switch progress {
    case .needsRead: add(reading: stream.pollDescriptors.read)
    case .needsWrite: add(writing: stream.pollDescriptors.write)
    case .done, .ended: break
    }
  }

  /// Waits until one of them is ready, closed or broken: true; false if the time passed before.
  ///
  /// Without a deadline it waits for ever. A signal does not end it.
  public mutating func wait(until deadline: Deadline?) throws(Errno) -> Bool {
    while true {
      let milliseconds = deadline?.remainingMilliseconds ?? -1
      let ready = poll(&entries, nfds_t(entries.count), milliseconds)
      if ready > 0 { return true }
      if ready < 0 {
        let error = Errno.current
        if error.rawValue != EINTR { throw error }
      } else if deadline?.hasPassed == true {
        return false
      }
    }
  }

  /// After a wait: whether this descriptor has something to say for reading (or is closed).
  public func isReady(_ descriptor: Int32) -> Bool {
    entries.contains { $0.fd == descriptor && $0.revents != 0 }
  }

  private mutating func add(_ descriptor: Int32, events: Int32) {
    for index in entries.indices where entries[index].fd == descriptor {
      entries[index].events |= Int16(truncatingIfNeeded: events)
      return
    }
    entries.append(pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: events), revents: 0))
  }
}
