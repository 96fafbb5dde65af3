import IMAPClient

/// The names in a large folder at the moment of which its ``MaildirStamp`` tells, kept from run to run.
///
/// Who knows what was there then need only read the names to see what has become another: `dovecot-uidlist` need not be read, as
/// long as it is the file that it was, nor what the base knows of messages that nobody has touched.
struct StandingNames {
  /// A line of the folder's list.
  struct Entry {
    /// ``FileTable/Entry/key``: the base name itself is not kept. Two of a folder that are equal in 64 bits are not kept at all.
    var key: UInt64
    var uid: UInt32
    /// An index into ``StandingNames/infos``.
    var info: UInt32

    /// False: the file is gone, and its line has stayed.
    var isThere: Bool { info != Entry.gone }

    static let gone = UInt32.max
  }

  /// What follows a base name, and the directory.
  struct Info: Hashable {
    var bytes: [UInt8]
    var isInNew: Bool
  }

  /// ``NamesDirectory/key(of:)``.
  var mailbox: [UInt8]
  var stamp: MaildirStamp
  var uidValidity: UIDValidity
  /// No line has this UID or one above.
  var uidNext: UInt32
  /// The list's octets: its time is not sure to tell that lines were added to it a moment after it was written.
  var listSize: Int64 = 0
  private(set) var infos: [Info] = []
  private var infoIndices: [Info: UInt32] = [:]
  /// In the order in which the directories named the files, which most often is the same the next time.
  var entries = Block<Entry>()

  init(_ mailbox: [UInt8], _ stamp: MaildirStamp, _ uidValidity: UIDValidity, uidNext: UInt32) {
    self.mailbox = mailbox
    self.stamp = stamp
    self.uidValidity = uidValidity
    self.uidNext = uidNext
  }

  /// So many different ones are kept; more are no mail program's.
  static let infoLimit = 10_000

  /// - Returns: `nil` if there are too many.
  mutating func index(of info: Info) -> UInt32? {
    if let index = infoIndices[info] { return index }
    guard infos.count < StandingNames.infoLimit else { return nil }
    let index = UInt32(truncatingIfNeeded: infos.count)
    infos.append(info)
    infoIndices[info] = index
    return index
  }

  /// The UID of the list's last line; `nil`: it has none.
  var lastUID: UInt32? { entries.lazy.map(\.uid).max() }
}

// MARK: As a file

extension StandingNames {
  private static let magic = Array("mboxsync names 1".utf8)
  private static let entrySize = MemoryLayout<Entry>.stride

  /// Some hundred octets, then 16 for each line, in this machine's byte order. A digest of all that comes before is the end: a torn
  /// file is none.
  func serialized() -> Block<UInt8> {
    var bytes = Block<UInt8>()
    bytes.append(StandingNames.magic)
    for time in [stamp.cur, stamp.new, stamp.uidList, stamp.keywords] { bytes.append(number: time) }
    bytes.append(number: uidValidity.rawValue)
    bytes.append(number: uidNext)
    bytes.append(number: listSize)
    bytes.append(number: UInt32(clamping: mailbox.count))
    bytes.append(mailbox)
    bytes.append(number: UInt32(clamping: infos.count))
    for info in infos {
      bytes.append(UInt8(clamping: info.bytes.count))
      bytes.append(info.isInNew ? 1 : 0)
      bytes.append(info.bytes)
    }
    bytes.append(number: UInt32(clamping: entries.count))
    bytes.reserveCapacity(bytes.count + entries.count * StandingNames.entrySize + 8)
    entries.withUnsafeBufferPointer { entries in
      UnsafeRawBufferPointer(entries).withMemoryRebound(to: UInt8.self) { bytes.append($0) }
    }
    bytes.append(number: bytes.withUnsafeBufferPointer { FileTable.key($0) })
    return bytes
  }

  /// - Returns: `nil` for anything but what ``serialized()`` has made.
  init?(_ bytes: Block<UInt8>) {
    var reader = ByteReader(bytes)
    guard bytes.count > 8, let stamp = StandingNames.stamp(&reader),
      let validity: UInt32 = reader.number(), let uidValidity = UIDValidity(validity),
      let uidNext: UInt32 = reader.number(), let listSize: Int64 = reader.number(),
      let length: UInt32 = reader.number(), let mailbox = reader.take(Int(length)),
      let infoCount: UInt32 = reader.number(), infoCount <= StandingNames.infoLimit
    else { return nil }
    self.init(mailbox, stamp, uidValidity, uidNext: uidNext)
    self.listSize = listSize
    for _ in 0..<infoCount {
      guard let length: UInt8 = reader.number(), let isInNew: UInt8 = reader.number(),
        let info = reader.take(Int(length))
      else { return nil }
      infos.append(Info(bytes: info, isInNew: isInNew != 0))
      infoIndices[infos[infos.count - 1]] = UInt32(truncatingIfNeeded: infos.count - 1)
    }
    guard let count: UInt32 = reader.number(),
      reader.rest == Int(count) * StandingNames.entrySize + 8,
      StandingNames.isWhole(bytes)
    else { return nil }
    entries = reader.elements(Int(count))
    let isSound = entries.withUnsafeBufferPointer { entries in
      entries.allSatisfy { entry in
        entry.uid > 0 && entry.uid < uidNext && (entry.info < infoCount || !entry.isThere)
      }
    }
    guard isSound else { return nil }
  }

  /// The moment that the beginning of a file tells.
  static func stamp(in bytes: [UInt8]) -> MaildirStamp? {
    var reader = ByteReader(Block(bytes))
    return stamp(&reader)
  }

  /// Whose names a file has, by its beginning.
  static func mailbox(in bytes: [UInt8]) -> [UInt8]? {
    var reader = ByteReader(Block(bytes))
    guard stamp(&reader) != nil, let _: UInt32 = reader.number(), let _: UInt32 = reader.number(),
      let _: Int64 = reader.number(), let length: UInt32 = reader.number()
    else { return nil }
    return reader.take(Int(length))
  }

  /// So long is the beginning of a file.
  static let headLength = magic.count + 4 * MemoryLayout<Int64>.size

  private static func stamp(_ reader: inout ByteReader) -> MaildirStamp? {
    guard reader.take(magic.count) == magic, let cur: Int64 = reader.number(),
      let new: Int64 = reader.number(), let uidList: Int64 = reader.number(),
      let keywords: Int64 = reader.number()
    else { return nil }
    return MaildirStamp(cur: cur, new: new, uidList: uidList, keywords: keywords)
  }

  private static func isWhole(_ bytes: Block<UInt8>) -> Bool {
    bytes.withUnsafeBufferPointer { all in
      let raw = UnsafeRawBufferPointer(all)
      let end = all.count - 8
      return raw.loadUnaligned(fromByteOffset: end, as: UInt64.self)
        == FileTable.key(UnsafeBufferPointer(rebasing: all[..<end]))
    }
  }
}

/// Takes numbers and bytes from the front.
private struct ByteReader {
  let bytes: Block<UInt8>
  private var offset = 0

  init(_ bytes: Block<UInt8>) { self.bytes = bytes }

  var rest: Int { bytes.count - offset }

  mutating func take(_ count: Int) -> [UInt8]? {
    guard count <= rest else { return nil }
    defer { offset += count }
    return bytes.copy(offset..<(offset + count))
  }

  mutating func number<Number: FixedWidthInteger & BitwiseCopyable>() -> Number? {
    let size = MemoryLayout<Number>.size
    guard size <= rest else { return nil }
    defer { offset += size }
    return bytes.withUnsafeBufferPointer {
      UnsafeRawBufferPointer($0).loadUnaligned(fromByteOffset: offset, as: Number.self)
    }
  }

  /// So many as there are.
  mutating func elements<Element: BitwiseCopyable>(_ wanted: Int) -> Block<Element> {
    let count = min(wanted, rest / MemoryLayout<Element>.stride)
    let size = count * MemoryLayout<Element>.stride
    defer { offset += size }
    return Block(capacity: count) { elements in
      bytes.withUnsafeBufferPointer {
        UnsafeMutableRawBufferPointer(elements).copyMemory(
          from: UnsafeRawBufferPointer(
            rebasing: UnsafeRawBufferPointer($0)[offset..<(offset + size)]))
      }
      return count
    }
  }
}

extension Block<UInt8> {
  fileprivate mutating func append<Number: FixedWidthInteger & BitwiseCopyable>(number: Number) {
    withUnsafeBytes(of: number) { bytes in
      bytes.withMemoryRebound(to: UInt8.self) { append($0) }
    }
  }
}
