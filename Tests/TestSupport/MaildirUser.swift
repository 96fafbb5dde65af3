import Foundation

/// A mail program that works on a Maildir tree by file operations, as mutt and procmail do.
public final class MaildirUser: MailStore {
  public let root: String
  public let layout: MaildirLayout
  private let user: OrdinaryUser
  private var delivered = 0
  /// In every file name that this one makes.
  private let host: String

  /// A tree at `root`, made with an empty INBOX if it isn't there.
  public init(
    at root: String, layout: MaildirLayout = .maildirPlusPlus, in directory: TemporaryDirectory,
    host: String = "laptop"
  ) throws {
    self.root = root
    self.layout = layout
    self.host = host
    user = directory.user
    try makeFolder(folder("INBOX"))
  }

  /// The directory of a mailbox.
  public func folder(_ mailbox: String) -> String {
    switch (layout, mailbox) {
    case (.nested, _): "\(root)/\(encodeModifiedUTF7(mailbox))"
    case (.maildirPlusPlus, "INBOX"): root
    case (.maildirPlusPlus, _):
      "\(root)/.\(encodeModifiedUTF7(mailbox).replacingOccurrences(of: "/", with: "."))"
    }
  }

  // MARK: Mailboxes

  public func mailboxes() throws -> [String] {
    switch layout {
    case .maildirPlusPlus:
      let children = entries(root).filter { $0.hasPrefix(".") && isFolder("\(root)/\($0)") }
        .map { decodeModifiedUTF7($0.dropFirst().replacingOccurrences(of: ".", with: "/")) }
      return (children + (isFolder(root) ? ["INBOX"] : [])).sorted()
    case .nested:
      return nested(under: "").sorted()
    }
  }

  private func nested(under path: String) -> [String] {
    entries("\(root)/\(path)").filter { !["cur", "new", "tmp"].contains($0) && !$0.hasPrefix(".") }
      .flatMap { name -> [String] in
        let child = path.isEmpty ? name : "\(path)/\(name)"
        let own = isFolder("\(root)/\(child)") ? [decodeModifiedUTF7(child)] : []
        return own + nested(under: child)
      }
  }

  public func create(_ mailbox: String) throws {
    try makeFolder(folder(mailbox))
    if layout == .maildirPlusPlus {
      try put([], at: "\(folder(mailbox))/maildirfolder")
    }
  }

  public func delete(_ mailbox: String) throws {
    try FileManager.default.removeItem(atPath: folder(mailbox))
  }

  public func rename(_ mailbox: String, to other: String) throws {
    try move(folder(mailbox), to: folder(other))
  }

  private func isFolder(_ path: String) -> Bool { access("\(path)/cur", F_OK) == 0 }

  private func makeFolder(_ path: String) throws {
    for part in ["cur", "new", "tmp"] { try user.makeDirectory("\(path)/\(part)") }
  }

  // MARK: Messages

  /// Delivers to `new/`, or to `cur/` if there are flags. A date becomes the file's.
  public func add(_ bytes: [UInt8], to mailbox: String, flags: Set<String>, date: Int?) throws {
    let name = newName()
    let temporary = "\(folder(mailbox))/tmp/\(name)"
    try put(bytes, at: temporary)
    if let date { try setDate(date, of: temporary) }
    let letters = try letters(for: flags, in: mailbox)
    try move(
      temporary,
      to: flags.isEmpty
        ? "\(folder(mailbox))/new/\(name)" : "\(folder(mailbox))/cur/\(name):2,\(letters)")
  }

  public func add(_ messages: [[UInt8]], to mailbox: String) throws {
    for message in messages { try add(message, to: mailbox, flags: [], date: momentOfTests) }
  }

  public func flag(_ tokens: [String], in mailbox: String, add: Set<String>, remove: Set<String>)
    throws
  {
    let adding = try letters(for: add, in: mailbox)
    let removing = try letters(for: remove, in: mailbox)
    for file in try files(tokens, in: mailbox) {
      let letters = String(
        Set(file.letters).union(adding).subtracting(removing).sorted())
      try move(file.path, to: "\(folder(mailbox))/cur/\(file.base):2,\(letters)")
    }
  }

  public func expunge(_ tokens: [String], in mailbox: String) throws {
    for file in try files(tokens, in: mailbox) { unlink(file.path) }
  }

  public func copy(_ tokens: [String], in mailbox: String, to other: String) throws {
    for file in try files(tokens, in: mailbox) {
      let name = newName()
      let temporary = "\(folder(other))/tmp/\(name)"
      try put(try contents(file.path), at: temporary)
      try setDate(try date(of: file.path), of: temporary)
      try move(temporary, to: "\(folder(other))/cur/\(name):2,\(file.plainLetters)")
    }
  }

  /// By rename under a new name, as mutt does.
  public func move(_ tokens: [String], in mailbox: String, to other: String) throws {
    for file in try files(tokens, in: mailbox) {
      try move(file.path, to: "\(folder(other))/cur/\(newName()):2,\(file.plainLetters)")
    }
  }

  public func messages(in mailbox: String) throws -> [StoredMessage] {
    let keywords = try keywords(of: mailbox)
    let uids = uidList(of: mailbox)?.uids ?? [:]
    return try files(in: mailbox).map { file in
      let flags = try file.letters.map { letter -> String in
        if let flag = systemFlags[letter] ?? keywords[letter] { return flag }
        throw TestFailure("\(file.path): nothing says what \(letter) means")
      }
      return StoredMessage(
        bytes: try contents(file.path), flags: Set(flags), date: try date(of: file.path),
        uid: uids[file.base])
    }.sorted { ($0.uid ?? .max, $0.token) < ($1.uid ?? .max, $1.token) }
  }

  /// By `dovecot-uidlist`; nil without one.
  public func numbers(of mailbox: String) throws -> MailboxNumbers? {
    uidList(of: mailbox).map {
      MailboxNumbers(
        uidValidity: $0.uidValidity, uidNext: $0.uidNext, messages: files(in: mailbox).count,
        highestModSeq: 0)
    }
  }

  // MARK: Files

  struct File {
    var path: String
    var base: String
    var letters: String
    /// Those that mean the same in every mailbox.
    var plainLetters: String { letters.filter { "DFPRST".contains($0) } }
  }

  /// How many messages lie in a mailbox, by their files.
  public func countFiles(in mailbox: String) -> Int { files(in: mailbox).count }

  /// The files of messages, in the order of their names.
  func files(in mailbox: String) -> [File] {
    ["cur", "new"].flatMap { part in
      entries("\(folder(mailbox))/\(part)").filter { !$0.hasPrefix(".") }.map { name in
        let parts = name.components(separatedBy: ":2,")
        return File(
          path: "\(folder(mailbox))/\(part)/\(name)", base: parts[0],
          letters: parts.count > 1 ? parts[1] : "")
      }
    }
  }

  private func files(_ tokens: [String], in mailbox: String) throws -> [File] {
    let wanted = Set(tokens)
    let found = try files(in: mailbox).filter {
      wanted.contains(
        StoredMessage(bytes: try contents($0.path), flags: [], date: 0, uid: nil).token)
    }
    guard found.count >= wanted.count else {
      throw TestFailure("\(mailbox) has \(found.count) of \(tokens)")
    }
    return found
  }

  private func newName() -> String {
    delivered += 1
    return "\(1_738_324_800 + delivered).M\(delivered)P\(getpid()).\(host)"
  }

  private func entries(_ path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  private func contents(_ path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw TestFailure("can't read \(path)")
    }
    return [UInt8](data)
  }

  public func put(_ bytes: [UInt8], at path: String) throws {
    guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else {
      throw TestFailure("can't write \(path)")
    }
    try user.own(path)
  }

  private func move(_ path: String, to other: String) throws {
    guard renameFile(path, other) == 0 || path == other else {
      throw TestFailure("rename \(path): \(String(cString: strerror(errno)))")
    }
  }

  private func date(of path: String) throws -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else { throw TestFailure("no \(path)") }
    return status.st_mtim.tv_sec
  }

  private func setDate(_ seconds: Int, of path: String) throws {
    let times = [timeval(tv_sec: seconds, tv_usec: 0), timeval(tv_sec: seconds, tv_usec: 0)]
    guard utimes(path, times) == 0 else { throw TestFailure("utimes \(path)") }
  }
}

private func renameFile(_ path: String, _ other: String) -> Int32 { rename(path, other) }
