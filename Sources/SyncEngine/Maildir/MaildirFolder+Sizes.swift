import CLinux
import Glibc
import IMAPClient

/// Sizes in CRLF form of many messages at a time: where names and records do not tell them, each file has to be read to
/// its end, by as many threads as there are processors.
extension MaildirFolder {
  /// For fewer it is not worth the threads.
  private static let countedTogether = 100
  private static let threadLimit = 4

  /// So that ``wireSize(ofFileAt:_:)`` finds them counted; what can't be read is left to it.
  func countSizes(of indices: some Sequence<Int>) {
    let room = max(0, MaildirFolder.countedLimit - countedSizes.count)
    let unknown = Array(
      indices.lazy.filter { index in
        self.countedSizes[self.files.entries[index].key] == nil && !self.tellsWireSize(index)
      }.prefix(room))
    let processors = Int(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let count = min(MaildirFolder.threadLimit, processors)
    guard unknown.count >= MaildirFolder.countedTogether, count > 1 else { return }
    // They only read what this object holds, and nobody changes it meanwhile.
    let shares = (0..<count).map { first in
      SizeShare(self, stride(from: first, to: unknown.count, by: count).map { unknown[$0] })
    }
    let threads = shares.dropFirst().map { share in (share, Thread { share.run() }) }
    shares.first?.run()
    for (share, thread) in threads {
      if let thread { thread.join() } else { share.run() }
    }
    for (key, size) in shares.flatMap(\.counted) { countedSizes[key] = size }
  }

  private func tellsWireSize(_ index: Int) -> Bool {
    MessageFileName.size(UInt8(ascii: "W"), in: files.base(at: index)) != nil
      || UIDList.value(UInt8(ascii: "W"), in: fields(ofFileAt: index)) != nil
  }

  /// Without a look after a file that is not there any more.
  fileprivate func count(_ index: Int) throws(SystemError) -> CountedSize? {
    var reader = MessageReader(try directory(ofFileAt: index).openFile(files.name(at: index)))
    let stored = UInt64(clamping: try reader.status().st_size)
    return CountedSize(stored: stored, wire: try reader.wireSize())
  }
}

/// The files that one thread reads.
private final class SizeShare: @unchecked Sendable {
  private let folder: MaildirFolder
  private let indices: [Int]
  private(set) var counted: [(key: UInt64, size: MaildirFolder.CountedSize)] = []

  init(_ folder: MaildirFolder, _ indices: [Int]) {
    self.folder = folder
    self.indices = indices
  }

  func run() {
    for index in indices {
      guard let size = try? folder.count(index) else { continue }
      counted.append((folder.files.entries[index].key, size))
    }
  }
}
