import Glibc
import IMAPClient

/// The contents of a `dovecot-uidlist`: which file has which UID.
///
/// Version 3, and version 1 when read. Kept as the file's own bytes with a table of lines, so that
/// fields unknown here are written back as they were.
struct UIDList {
  /// Where its line lies in the text. Where the parts of it end is found there.
  struct Record {
    var uid: UInt32
    /// What follows the UID: the fields, if there are any, or the name.
    fileprivate var extensions: UInt32
    fileprivate var base: UInt32
  }

  /// `nil`: nobody has numbered this mailbox, or the file is so damaged that it says nothing.
  private(set) var uidValidity: UIDValidity?
  /// The UID that the next message gets; at least 1, never lowered.
  private(set) var next: UInt32 = 1
  /// The mailbox's own id: 32 hexadecimal digits.
  var mailboxGUID: [UInt8]? { didSet { recordsInFile = nil } }
  /// So many of the records, from the first, are in the file as they are here, under the same header: the
  /// others are brought into it by adding lines. `nil`: it has to be written anew.
  private(set) var recordsInFile: Int?
  /// The UID of the last of those records that are in the file, before all others, and not kept here; `nil`: all are kept.
  private var lastLeftOut: UInt32?
  /// So many of the records that are kept are in the file, whatever its header says.
  private var keptInFile = 0
  private var ownFields = ValidityFields()
  /// Fields of the header other than these, V, N and G.
  private var otherFields: [[UInt8]] = []
  /// Ascending by UID.
  private(set) var records = Block<Record>()
  /// What was read, and lines that were added.
  private(set) var text = Block<UInt8>()

  /// The largest UID that Dovecot takes.
  static let lastUID = UInt32.max - 1

  init() {}

  init(uidValidity: UIDValidity, next: UInt32) {
    self.uidValidity = uidValidity
    self.next = max(1, next)
  }

  // MARK: Reading

  init(_ bytes: [UInt8]) { self.init(Block(bytes)) }

  init(_ bytes: Block<UInt8>) {
    let lines = bytes.withUnsafeBufferPointer { parse($0) }
    guard uidValidity != nil else {
      self = UIDList()
      return
    }
    text = bytes
    records = lines
    sortRecords()
    if let last = records.last { next = max(next, last.uid + 1) }
    // Damage is mended by writing the whole.
    let lineCount = bytes.count { $0 == 0x0a }
    let isSound = mailboxGUID != nil && bytes.first == UInt8(ascii: "3") && bytes.last == 0x0a
    recordsInFile = isSound && records.count == lineCount - 1 ? records.count : nil
  }

  /// Of a list that is whole as it lies in its file, only the header; its records are left out.
  ///
  /// - Parameters:
  ///   - bytes: the beginning of the file.
  ///   - next: UIDNEXT, as it was when the whole was read.
  ///   - last: the UID of the last record.
  /// - Returns: `nil` if the header is not all there.
  init?(header bytes: [UInt8], next: UInt32, last: UInt32) {
    guard let end = bytes.firstIndex(of: 0x0a) else { return nil }
    let isCurrent = bytes.withUnsafeBufferPointer { parseHeader($0[..<end]) == 3 }
    guard isCurrent, uidValidity != nil, mailboxGUID != nil else { return nil }
    self.next = max(self.next, next)
    lastLeftOut = last
    recordsInFile = 0
  }

  private mutating func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Block<Record> {
    var lines = Block<Record>()
    guard let headerEnd = bytes.firstIndex(of: 0x0a),
      let version = parseHeader(bytes[..<headerEnd])
    else { return lines }
    var start = headerEnd + 1
    // A last line without LF is torn: someone is writing it.
    while start < bytes.count, let base = bytes.baseAddress,
      let found = memchr(base + start, 0x0a, bytes.count - start)
    {
      let end = UnsafeRawPointer(found) - UnsafeRawPointer(base)
      if let record = UIDList.record(bytes, start..<end, version: version) { lines.append(record) }
      start = end + 1
    }
    return lines
  }

  // header = "3" 1*(SP field) / "1" SP uidvalidity SP nextuid
  private mutating func parseHeader(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
    let fields = line.split(separator: UInt8(ascii: " "))
    guard let version = fields.first, version.count == 1 else { return nil }
    if version.first == UInt8(ascii: "1"), fields.count >= 3 {
      uidValidity = UIDList.number(fields[1]).flatMap { UIDValidity($0) }
      next = max(1, UIDList.number(fields[2]) ?? 1)
      return 1
    }
    guard version.first == UInt8(ascii: "3") else { return nil }
    for field in fields.dropFirst() {
      let value = field.dropFirst()
      switch field.first {
      case UInt8(ascii: "V"): uidValidity = UIDList.number(value).flatMap { UIDValidity($0) }
      case UInt8(ascii: "N"): next = max(1, UIDList.number(value) ?? 1)
      case UInt8(ascii: "G"):
        mailboxGUID = value.count == 32 && value.allSatisfy(UIDList.isHex) ? Array(value) : nil
      default:
        if !ownFields.read(field) { otherFields.append(Array(field)) }
      }
    }
    return 3
  }

  // record = uid *(SP ext) SP ":" basename; version 1: uid SP name
  private static func record(
    _ bytes: UnsafeBufferPointer<UInt8>, _ line: Range<Int>, version: Int
  ) -> Record? {
    var index = line.lowerBound
    var uid: UInt64 = 0
    while index < line.upperBound, bytes[index] >= 0x30, bytes[index] <= 0x39, uid <= lastUID {
      uid = uid * 10 + UInt64(bytes[index] & 0x0f)
      index += 1
    }
    guard index < line.upperBound, bytes[index] == UInt8(ascii: " "), uid >= 1, uid <= lastUID
    else { return nil }
    index += 1
    let extensionsStart = index
    if version == 3 {
      while index < line.upperBound, bytes[index] != UInt8(ascii: ":") {
        while index < line.upperBound, bytes[index] != UInt8(ascii: " ") { index += 1 }
        while index < line.upperBound, bytes[index] == UInt8(ascii: " ") { index += 1 }
      }
      guard index < line.upperBound else { return nil }
      index += 1
    }
    var end = index
    while end < line.upperBound, bytes[end] != MessageFileName.separator {
      if bytes[end] == UInt8(ascii: "/") || bytes[end] == 0 { return nil }
      end += 1
    }
    guard end > index, end - index <= 255, let extensions = UInt32(exactly: extensionsStart),
      let base = UInt32(exactly: index)
    else { return nil }
    return Record(uid: UInt32(truncatingIfNeeded: uid), extensions: extensions, base: base)
  }

  /// A damaged list may be out of order: then it is put into order, and of two lines with one UID the
  /// first stays.
  private mutating func sortRecords() {
    var isAscending = true
    for index in records.indices.dropFirst() where records[index - 1].uid >= records[index].uid {
      isAscending = false
      break
    }
    if isAscending { return }
    let order = records.indices.sorted { (records[$0].uid, $0) < (records[$1].uid, $1) }
    var sorted = Block<Record>()
    for index in order where sorted.last?.uid != records[index].uid {
      sorted.append(records[index])
    }
    records = sorted
  }

  private static func isHex(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }

  static func number(_ digits: some Collection<UInt8>) -> UInt32? {
    guard digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    return MessageFileName.number(digits).flatMap { UInt32(exactly: $0) }
  }

  // MARK: Asking

  /// Records are asked for only where all of them are kept.
  var isWhole: Bool { lastLeftOut == nil }

  /// Calls `body` with where in the text the base name of each record is.
  func forEachBase(_ body: (Range<Int>) -> Void) {
    precondition(isWhole)
    text.withUnsafeBufferPointer { text in
      for record in records { body(UIDList.base(record, text)) }
    }
  }

  /// Calls `body` with the index, the UID and the base name of each record, ascending by UID.
  func forEachRecord(_ body: (Int, UInt32, UnsafeBufferPointer<UInt8>) -> Void) {
    precondition(isWhole)
    text.withUnsafeBufferPointer { text in
      for (index, record) in records.enumerated() {
        body(index, record.uid, UnsafeBufferPointer(rebasing: text[UIDList.base(record, text)]))
      }
    }
  }

  func index(of uid: UInt32) -> Int? {
    precondition(isWhole)
    var low = 0
    var high = records.count
    while low < high {
      let middle = (low + high) / 2
      if records[middle].uid < uid { low = middle + 1 } else { high = middle }
    }
    return low < records.count && records[low].uid == uid ? low : nil
  }

  func base(at index: Int) -> FileName {
    text.withUnsafeBufferPointer { Array($0[UIDList.base(records[index], $0)]) }
  }

  /// The fields between UID and name, without the blanks around them.
  func extensions(at index: Int) -> [UInt8] {
    text.withUnsafeBufferPointer { Array($0[UIDList.extensions(records[index], $0)]) }
  }

  /// It ends at flags, which a name in a list has not to have, or with the line.
  private static func base(
    _ record: Record, _ text: UnsafeBufferPointer<UInt8>
  ) -> Range<Int> {
    let start = Int(record.base)
    var end = start
    while end < text.count, text[end] != 0x0a, text[end] != MessageFileName.separator { end += 1 }
    return start..<end
  }

  private static func extensions(
    _ record: Record, _ text: UnsafeBufferPointer<UInt8>
  ) -> Range<Int> {
    let start = Int(record.extensions)
    // The colon before the name is none of it.
    var end = max(start, Int(record.base) - 1)
    while end > start, text[end - 1] == UInt8(ascii: " ") { end -= 1 }
    return start..<end
  }

  /// The value of one field.
  func value(_ key: UInt8, at index: Int) -> [UInt8]? {
    UIDList.value(key, in: extensions(at: index))
  }

  static func value(_ key: UInt8, in extensions: [UInt8]) -> [UInt8]? {
    for field in extensions.split(separator: UInt8(ascii: " ")) where field.first == key {
      return field.count > 1 ? Array(field.dropFirst()) : nil
    }
    return nil
  }

  var origin: ValidityOrigin {
    ValidityOrigin(
      isServers: ownFields.isServers, former: Set(ownFields.former.map(\.uidValidity)),
      reopenedFrom: reopenedFrom.flatMap { UID($0) })
  }

  private var reopenedFrom: UInt32? {
    ownFields.reopenedFrom(next: next, last: records.last?.uid ?? lastLeftOut)
  }

  /// Whether a message may get this UID.
  func canGive(_ uid: UInt32) -> Bool {
    uid >= reopenedFrom ?? next && uid <= UIDList.lastUID
  }

  // MARK: Changing

  /// Begins anew, without records, under another UIDVALIDITY.
  mutating func begin(_ uidValidity: UIDValidity, next: UInt32, isServers: Bool) {
    precondition(isWhole)
    var list = UIDList(uidValidity: uidValidity, next: next)
    list.mailboxGUID = mailboxGUID
    list.otherFields = otherFields
    list.ownFields = ownFields
    let old = self.uidValidity.map { ValidityFields.Former(uidValidity: $0, next: self.next) }
    list.next = list.ownFields.begin(
      uidValidity, after: old, next: list.next, isServers: isServers)
    self = list
  }

  /// Adds a record after all others.
  ///
  /// - Returns: false if `uid` is below ``next``, save for what ``begin(_:next:isServers:)`` has left to be
  ///   given, or no UID that Dovecot takes.
  mutating func append(uid: UInt32, extensions: [UInt8], base: FileName) -> Bool {
    let blanks = extensions.isEmpty ? 0 : 1
    guard canGive(uid), let first = UInt32(exactly: text.count),
      let second = UInt32(exactly: text.count + extensions.count + blanks + 1)
    else { return false }
    text.append(extensions)
    if blanks > 0 { text.append(UInt8(ascii: " ")) }
    text.append(UInt8(ascii: ":"))
    text.append(base)
    text.append(0x0a)
    records.append(Record(uid: uid, extensions: first, base: second))
    // Else messages that are expunged later would make it begin once more.
    if ownFields.noteGiven(uid, next: next) { recordsInFile = nil }
    next = max(next, uid + 1)
    return true
  }

  mutating func removeRecords(where shouldRemove: (Int) -> Bool) {
    precondition(isWhole)
    var kept = Block<Record>()
    for index in records.indices where !shouldRemove(index) { kept.append(records[index]) }
    if kept.count != records.count { recordsInFile = nil }
    records = kept
  }

  /// No UID below is given any more.
  ///
  /// - Returns: false if that was so already.
  @discardableResult mutating func raiseNext(to value: UInt32) -> Bool {
    guard value > next || value == next && reopenedFrom != nil else { return false }
    next = value
    ownFields.endReopening()
    recordsInFile = nil
    return true
  }

  // MARK: Writing

  /// All of it is in the file now.
  mutating func noteWritten() {
    recordsInFile = records.count
    keptInFile = records.count
  }

  /// Nothing has to be written.
  var isAllInFile: Bool { recordsInFile == records.count }

  /// Keeps no records any longer, if they are all in the file.
  mutating func leaveOutRecords() {
    guard isAllInFile, let last = records.last else { return }
    lastLeftOut = last.uid
    records = Block()
    text = Block()
    recordsInFile = 0
    keptInFile = 0
  }

  /// The lines that the file lacks; `nil` if it has to be written anew.
  func linesToAdd() -> [UInt8]? {
    guard let recordsInFile, recordsInFile < records.count else { return nil }
    var lines: [UInt8] = []
    for record in records[recordsInFile...] { appendLine(of: record, to: &lines) }
    return lines
  }

  /// The file's bytes; version 3.
  func serialized() -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(records.count * 64 + 128)
    forEachPiece {
      preconditionFailure("not all is kept")
    } _: {
      result += $0
    }
    return result
  }

  /// The same in pieces of some kilobytes: the list of a large mailbox need not lie in memory twice.
  ///
  /// - Parameter addLeftOut: called where the records belong that are not kept here, if there are any, to add all that
  ///   are in the file.
  func forEachPiece<Failure>(
    addLeftOut: () throws(Failure) -> Void, _ body: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    let size = 1 << 16
    var piece: [UInt8] = []
    piece.reserveCapacity(size + 1024)
    piece += "3 V\(uidValidity?.rawValue ?? 0) N\(next)".utf8
    if let mailboxGUID { piece += [UInt8(ascii: " "), UInt8(ascii: "G")] + mailboxGUID }
    piece += ownFields.text(next: next).utf8
    for field in otherFields { piece += [UInt8(ascii: " ")] + field }
    piece.append(0x0a)
    if !isWhole {
      try body(piece)
      piece.removeAll(keepingCapacity: true)
      try addLeftOut()
    }
    for record in isWhole ? records[...] : records[keptInFile...] {
      appendLine(of: record, to: &piece)
      guard piece.count >= size else { continue }
      try body(piece)
      piece.removeAll(keepingCapacity: true)
    }
    try body(piece)
  }

  private func appendLine(of record: Record, to bytes: inout [UInt8]) {
    UIDList.append(record.uid, to: &bytes)
    bytes.append(UInt8(ascii: " "))
    text.withUnsafeBufferPointer { text in
      let extensions = UIDList.extensions(record, text)
      if !extensions.isEmpty {
        bytes += text[extensions]
        bytes.append(UInt8(ascii: " "))
      }
      bytes.append(UInt8(ascii: ":"))
      bytes += text[UIDList.base(record, text)]
    }
    bytes.append(0x0a)
  }

  private static func append(_ number: UInt32, to bytes: inout [UInt8]) {
    let start = bytes.count
    var rest = number
    repeat {
      bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
      rest /= 10
    } while rest > 0
    bytes[start...].reverse()
  }
}
