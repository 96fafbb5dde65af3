import IMAPClient

/// Entries of `~/.netrc`, as ftp(1) and curl(1) read it.
struct Netrc {
  struct Entry: Hashable {
    /// `nil`: the `default` entry.
    var machine: String?
    var login: String?
    var password: [UInt8]?
  }

  private(set) var entries: [Entry] = []

  init(_ bytes: [UInt8]) {
    var tokens = Tokens(rest: bytes[...])
    while let token = tokens.next() {
      switch String(decoding: token, as: UTF8.self) {
      case "machine": entries.append(Entry(machine: tokens.nextText()))
      case "default": entries.append(Entry())
      case "login": setLast { $0.login = tokens.nextText() }
      case "password":
        let password = tokens.next()
        setLast { $0.password = password }
      case "account": _ = tokens.next()
      case "macdef": tokens.skipMacro()
      case let other where other.hasPrefix("#"): tokens.skipLine()
      default: continue
      }
    }
  }

  private mutating func setLast(_ change: (inout Entry) -> Void) {
    guard !entries.isEmpty else { return }
    change(&entries[entries.count - 1])
  }

  /// The first entry with a password that fits; one that names nobody fits every user.
  func password(host: String, user: String) -> [UInt8]? {
    let name = Netrc.name(host)
    return entries.first { entry in
      entry.password != nil && entry.machine.map { Netrc.name($0) == name } ?? true
        && (entry.login == nil || entry.login == user)
    }?.password
  }

  /// However it is written.
  private static func name(_ host: String) -> String { HostName.ascii(host).lowercased() }
}

/// Words divided by blanks and line ends; double quotes hold one together, and a backslash within them
/// takes the next character as it is.
private struct Tokens {
  var rest: ArraySlice<UInt8>

  mutating func nextText() -> String? { next().map { String(decoding: $0, as: UTF8.self) } }

  mutating func next() -> [UInt8]? {
    rest = rest.drop(while: Tokens.isSpace)
    guard let first = rest.first else { return nil }
    return first == UInt8(ascii: "\"") ? quoted() : plain()
  }

  private mutating func plain() -> [UInt8] {
    let token = rest.prefix { !Tokens.isSpace($0) }
    rest = rest[token.endIndex...]
    return Array(token)
  }

  private mutating func quoted() -> [UInt8] {
    var token: [UInt8] = []
    rest.removeFirst()
    while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
      guard byte == UInt8(ascii: "\\"), let next = rest.popFirst() else {
        token.append(byte)
        continue
      }
      switch next {
      case UInt8(ascii: "n"): token.append(0x0a)
      case UInt8(ascii: "r"): token.append(0x0d)
      case UInt8(ascii: "t"): token.append(0x09)
      default: token.append(next)
      }
    }
    return token
  }

  mutating func skipLine() { rest = rest.drop { $0 != 0x0a } }

  /// A macro ends with an empty line.
  mutating func skipMacro() {
    while !rest.isEmpty {
      skipLine()
      rest = rest.dropFirst()
      if rest.first == 0x0a { return }
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0a || byte == 0x09 || byte == 0x0d
  }
}
