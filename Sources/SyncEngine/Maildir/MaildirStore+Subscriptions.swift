import CLinux
import Glibc
import IMAPClient

/// The file `subscriptions` as Dovecot keeps it: a header, then a name a line with TAB between its
/// levels. The older form without a header, one name a line with the layout's separator, is read too.
extension MaildirStore {
  private static let limit = 16 << 20
  private static let header = Array("V\t2\n\n".utf8)

  func subscriptions() throws(EndpointError) -> [MailboxName] {
    try subscriptionLines().compactMap { levels in
      let components = levels.map { ModifiedUTF7.decode($0) }
      guard !components.contains(nil) else { return nil }
      return MailboxName(components.compactMap { $0 })
    }
  }

  func setSubscribed(_ isSubscribed: Bool, _ name: MailboxName) throws(EndpointError) {
    _ = try steps(to: name)
    let root = try existingRoot()
    let lock = try Dotlock(
      guarding: MaildirStore.subscriptionsName, in: root, at: path, surroundings,
      cancellation: cancellation)
    defer { lock.release() }
    let levels = name.components.map { ModifiedUTF7.encode($0) }
    var lines = try subscriptionLines()
    guard lines.contains(levels) != isSubscribed else { return }
    if isSubscribed { lines.append(levels) } else { lines.removeAll { $0 == levels } }
    var text = MaildirStore.header
    for line in lines { text += line.map(MaildirStore.escape).joined(separator: [0x09]) + [0x0a] }
    try replace(MaildirStore.subscriptionsName, text, mode: 0o600)
  }

  /// Each line as its levels, in the form in which they are written on disk.
  private func subscriptionLines() throws(EndpointError) -> [[[UInt8]]] {
    guard let text = try read(MaildirStore.subscriptionsName, limit: MaildirStore.limit) else {
      return []
    }
    let isTabbed = text.starts(with: MaildirStore.header.prefix(2))
    let separator: UInt8 =
      isTabbed ? 0x09 : try layout() == .fs ? UInt8(ascii: "/") : UInt8(ascii: ".")
    var lines = text.split(separator: 0x0a)[...]
    if isTabbed { lines = lines.dropFirst() }
    return lines.map { line in
      line.split(separator: separator, omittingEmptySubsequences: false).map {
        isTabbed ? MaildirStore.unescape($0) : Array($0)
      }
    }
  }

  // Dovecot's tab-escaping: \001 and a digit or letter for what has a meaning.
  private static let escapes: [(byte: UInt8, code: UInt8)] = [
    (0x00, UInt8(ascii: "0")), (0x01, UInt8(ascii: "1")), (0x09, UInt8(ascii: "t")),
    (0x0d, UInt8(ascii: "r")), (0x0a, UInt8(ascii: "n")),
  ]

  static func escape(_ bytes: [UInt8]) -> [UInt8] {
    bytes.flatMap { byte in
      escapes.first { $0.byte == byte }.map { [0x01, $0.code] } ?? [byte]
    }
  }

  private static func unescape(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var rest = bytes
    while let byte = rest.popFirst() {
      if byte == 0x01, let code = rest.popFirst() {
        result.append(escapes.first { $0.code == code }?.byte ?? code)
      } else {
        result.append(byte)
      }
    }
    return result
  }

  // MARK: Small files in the root

  /// - Returns: `nil` if the file does not exist.
  func read(_ name: FileName, limit: Int) throws(EndpointError) -> [UInt8]? {
    guard let root = try root() else { return nil }
    do throws(SystemError) {
      let file = try root.openFile(name)
      return try file.readAll(limit: limit)
    } catch {
      if error.isMissing { return nil }
      throw error.endpointError("can't read \(describe([name]))")
    }
  }

  func replace(_ name: FileName, _ text: [UInt8], mode: mode_t) throws(EndpointError) {
    let root = try existingRoot()
    let temporary = name + Array(".tmp.".utf8) + surroundings.uniqueBase()
    do throws(SystemError) {
      let file = try root.createFile(temporary)
      if let old = try root.statusIfThere(of: name) { try file.setMode(old.st_mode & 0o666) }
      try file.writeAll(text)
      try file.sync()
      try root.rename(temporary, to: name, in: root)
      try root.sync()
    } catch {
      try? root.unlink(temporary)
      throw error.endpointError("can't write \(describe([name]))")
    }
  }
}
