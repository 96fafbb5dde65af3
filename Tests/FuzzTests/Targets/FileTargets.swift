@testable import IMAPClient
@testable import SyncEngine

extension FuzzTarget {
  /// `dovecot-uidlist`: what is written back says the same.
  static let uidList = FuzzTarget(
    name: "uidlist",
    words: [
      "3 V1 N1", "1 1 1", " V", " N", " G", " :", "\n", ":", " ", "4294967295", "4294967294", "0",
      "18446744073709551616", "W1 ", "Gabc ", ":2,S", "/", "../",
    ]
  ) { bytes in
    let list = UIDList(bytes)
    let once = Records(list)
    if let problem = once.problem(next: list.next) { return problem }
    guard list.uidValidity != nil else { return list.records.isEmpty ? nil : "records of nothing" }
    let again = UIDList(list.serialized())
    guard again.uidValidity == list.uidValidity, again.next == list.next,
      again.mailboxGUID == list.mailboxGUID, Records(again) == once
    else { return "it is not the same when written and read again" }
    var table = FileTable(listed: list)
    for index in list.records.indices {
      let base = list.base(at: index)
      table.insert(base + Array(":2,S".utf8), isInNew: false)
      let found = base.withUnsafeBufferPointer { table.index(ofBase: $0) }
      guard base.count > 250 || base.contains(0x0d) || found.map({ table.base(at: $0) }) == base
      else { return "a file of the list is not found" }
    }
    var grown = again
    guard let uid = UID(list.next), list.next <= UIDList.lastUID else { return nil }
    guard grown.append(uid: uid.rawValue, extensions: Array("W1".utf8), base: Array("new".utf8)),
      UIDList(grown.serialized()).records.last?.uid == uid.rawValue
    else { return "a message can't be added" }
    return nil
  }

  /// `dovecot-keywords`, and letters of file names under it.
  static let keywords = FuzzTarget(
    name: "keywords",
    words: ["0 ", "1 ", "25 ", "26 ", "\n", "$Forwarded", "NonJunk", "9999999999"]
  ) { bytes in
    var keywords = FolderKeywords(bytes)
    guard FolderKeywords(keywords.serialized()).names == keywords.names else {
      return "they are not the same when written and read again"
    }
    let letters = bytes.prefix(20).map { UInt8(ascii: "A") + $0 % 58 }
    let flags = keywords.flags(of: letters)
    guard let added = Keyword("added") else { return "no keyword can be made" }
    var unstorable: [Keyword] = []
    let changed = keywords.letters(
      from: letters, adding: FlagSet(.seen, keywords: [added]), removing: FlagSet(.draft),
      unstorable: &unstorable)
    let expected = flags.subtracting(FlagSet(.draft)).union(FlagSet(.seen))
    let result = keywords.flags(of: changed)
    guard
      result.subtracting(FlagSet([], keywords: [added]))
        == expected
        .subtracting(FlagSet([], keywords: [added]))
    else { return "a change of one keyword changes others" }
    guard result.contains(added) || unstorable == [added] else { return "the keyword got lost" }
    return nil
  }

  /// Names of files in `cur` and `new`, one a line (NUL).
  static let fileNames = FuzzTarget(
    name: "file-names",
    words: [":2,", ":2,S", ",S=", ",W=", ":", ",", "\u{0}", ":2,a", ",S=1,W=2:2,"]
  ) { bytes in
    var table = FileTable()
    var bases: Set<[UInt8]> = []
    for (number, name) in bytes.split(separator: 0).enumerated() {
      let name = Array(name)
      let parsed = MessageFileName(name)
      let again = MessageFileName(parsed.bytes)
      guard again.base == parsed.base, Set(again.letters) == Set(parsed.letters),
        again.rest == parsed.rest
      else { return "a name with flags does not read as it was written" }
      _ = MessageFileName.size(UInt8(ascii: "S"), in: parsed.base)
      _ = MessageFileName.size(UInt8(ascii: "W"), in: parsed.base)
      table.insert(name, isInNew: number % 2 == 0)
      let isFit =
        !parsed.base.isEmpty && name.count <= 255
        && !parsed.base.contains { $0 == 0x0a || $0 == 0x0d }
      guard isFit else { continue }
      bases.insert(parsed.base)
      let found = parsed.base.withUnsafeBufferPointer { table.index(ofBase: $0) }
      guard let found, table.base(at: found) == parsed.base else { return "a file is not found" }
      guard
        FolderKeywords().flags(of: parsed.letters)
          == table.withInfo(at: found, { FolderKeywords().flags(ofInfo: $0) })
          || table.name(at: found) != name
      else { return "flags read in two ways differ" }
      if number % 5 == 4 { table.expectAll() }
    }
    return table.entries.count == bases.count ? nil : "files got lost"
  }

  /// Headers of messages: digests don't depend on how they come, and a stub is a whole message.
  static let headers = FuzzTarget(
    name: "headers", cost: 4,
    words: [
      "\r\n", "\n", "\r", "Message-ID: <a@b>\r\n", "Received: x\r\n", "Content-Type: text/html\r\n",
      "X-Mboxsync-Stub: 1; size=1; digest=0123456789abcdef0123456789abcdef\r\n", " ", "\t", ":",
      "\u{0}", "From \n", "Subject: =?utf-8?q?x?=\r\n",
    ]
  ) { bytes in
    let whole = ContentID(bytes, piece: max(bytes.count, 1))
    guard ContentID(bytes, piece: 1) == whole, ContentID(bytes, piece: 3) == whole else {
      return "the digest depends on the pieces"
    }
    _ = StubMark(header: bytes)
    var scanner = PartScanner(textLimit: 500)
    for start in stride(from: 0, to: bytes.count, by: 5) {
      scanner.update(bytes[start..<min(start + 5, bytes.count)])
    }
    let stub = StubMessage(header: bytes, size: 5_000_000, parts: scanner.finish())
    guard let mark = StubMark(header: stub.bytes), mark.size == 5_000_000,
      mark.original == stub.original
    else { return "a stub is not known for one" }
    guard ContentID(stub.bytes, piece: 5) == stub.content else {
      return "the stub's digest is wrong"
    }
    guard !stub.bytes.contains(0) else { return "a stub has a NUL" }
    let ends = zip(stub.bytes, stub.bytes.dropFirst()).allSatisfy { ($0 == 0x0d) == ($1 == 0x0a) }
    return ends && stub.bytes.count <= StubMessage.sizeLimit ? nil : "a stub's lines end badly"
  }
}

/// What a ``UIDList`` says of messages.
private struct Records: Equatable {
  private var lines: [[UInt8]] = []
  private var uids: [UInt32] = []

  init(_ list: UIDList) {
    for index in list.records.indices {
      uids.append(list.records[index].uid)
      lines.append(list.extensions(at: index) + [0x0a] + list.base(at: index))
    }
  }

  func problem(next: UInt32) -> String? {
    for (one, other) in zip(uids, uids.dropFirst()) where one >= other { return "out of order" }
    if uids.contains(where: { $0 == 0 || $0 > UIDList.lastUID }) { return "an impossible UID" }
    if let last = uids.last, next <= last { return "the next UID is taken" }
    for line in lines {
      let base = line[line.index(after: line.lastIndex(of: 0x0a) ?? 0)...]
      if base.isEmpty || base.contains(UInt8(ascii: "/")) || base.contains(0) {
        return "a name that is no file's"
      }
    }
    return nil
  }
}

extension ContentID {
  fileprivate init(_ bytes: [UInt8], piece: Int) {
    var hasher = ContentHasher()
    for start in stride(from: 0, to: bytes.count, by: piece) {
      let part = Array(bytes[start..<min(start + piece, bytes.count)])
      part.withUnsafeBytes { hasher.update($0) }
    }
    self = hasher.finish()
  }
}
