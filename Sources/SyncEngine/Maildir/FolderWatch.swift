import CLinux
import Glibc

/// Tells whether anybody else has changed a name in a folder's directories since they were read, however often the run itself has.
///
/// The kernel queues a change of a directory before it lets go of that directory's lock, in which it has set the time of the
/// directory, too. Changes that another machine makes are not told: only file systems that no other one can write count.
final class FolderWatch {
  /// A change of one name.
  private struct Event: Equatable {
    enum Kind { case movedAway, movedHere, removed, other }

    var mark: Int32
    var kind: Kind
    var name: FileName
  }

  private let descriptor: Int32
  private let cur: Int32
  private let new: Int32
  /// What our own renames have queued and has not been read yet, in this order.
  private var expected: [Event] = []
  private var isSpoilt = false

  /// The queue has room for several times as much.
  private static let readAfter = 2_000

  /// - Returns: `nil` where it can't be relied on, or the system has no more room for it.
  init?(_ cur: Directory, _ new: Directory) {
    guard cur.isOnlyHere, new.isOnlyHere else { return nil }
    descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
    guard descriptor >= 0 else { return nil }
    self.cur = FolderWatch.add(cur, to: descriptor)
    self.new = FolderWatch.add(new, to: descriptor)
    // One directory by two names has one mark.
    if self.cur < 0 || self.new < 0 || self.cur == self.new { return nil }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  private static func add(_ directory: Directory, to descriptor: Int32) -> Int32 {
    let mask = IN_CREATE | IN_DELETE | IN_MOVE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR
    return inotify_add_watch(descriptor, "/proc/self/fd/\(directory.descriptor)", UInt32(mask))
  }

  /// The directories are about to be read: what happened before does not count any more.
  func begin() {
    isSpoilt = false
    readEvents { _ in }
    expected = []
    isSpoilt = false
  }

  /// A rename of ours was carried out.
  func expect(_ name: FileName, isInNew: Bool, movedTo newName: FileName) {
    expect(Event(mark: isInNew ? new : cur, kind: .movedAway, name: name))
    expect(Event(mark: cur, kind: .movedHere, name: newName))
  }

  /// A file of ours was put into one of the directories.
  func expect(_ name: FileName, isInNew: Bool) {
    expect(Event(mark: isInNew ? new : cur, kind: .movedHere, name: name))
  }

  /// A file was removed by us.
  func expect(removalOf name: FileName, isInNew: Bool) {
    expect(Event(mark: isInNew ? new : cur, kind: .removed, name: name))
  }

  private func expect(_ event: Event) {
    expected.append(event)
    if expected.count >= FolderWatch.readAfter { compare() }
  }

  /// Whether nothing but what was expected has happened since ``begin()``: also nothing of which the directories' times of before
  /// this call tell.
  func sawOnlyOurs(_ cur: Directory, _ new: Directory) -> Bool {
    guard cur.awaitChanges(), new.awaitChanges() else { return false }
    compare()
    return !isSpoilt && expected.isEmpty
  }

  private func compare() {
    var next = 0
    readEvents { event in
      if next < expected.count, expected[next] == event {
        next += 1
      } else {
        isSpoilt = true
      }
    }
    expected.removeFirst(next)
  }

  private static func kind(of mask: UInt32) -> Event.Kind {
    if mask & UInt32(IN_MOVED_FROM) != 0 { return .movedAway }
    if mask & UInt32(IN_MOVED_TO) != 0 { return .movedHere }
    return mask & UInt32(IN_DELETE) != 0 ? .removed : .other
  }

  private func readEvents(_ body: (Event) -> Void) {
    let size = 64 << 10
    let header = MemoryLayout<inotify_event>.size
    withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { buffer in
      while true {
        let count = read(descriptor, buffer.baseAddress, size)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          if count == 0 || errno != EAGAIN { isSpoilt = true }
          return
        }
        var offset = 0
        while offset + header <= count {
          let event = buffer.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
          let end = min(count, offset + header + Int(event.len))
          let name = FileName(buffer[(offset + header)..<end].prefix { $0 != 0 })
          body(Event(mark: event.wd, kind: FolderWatch.kind(of: event.mask), name: name))
          offset = end
        }
      }
    }
  }
}
