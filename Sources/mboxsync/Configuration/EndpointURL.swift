import IMAPClient

/// Where an endpoint is, as `url` says it.
enum EndpointURL: Hashable, Sendable {
  /// An absolute path.
  case maildir(path: String)
  /// `port`: `nil` if the scheme's own.
  case imap(tls: IMAPConfiguration.TLSMode, user: String?, host: String, port: UInt16?)
  /// For `/bin/sh -c`.
  case exec(command: String)

  /// Errors never show what could be a password.
  init(_ text: String, _ context: ValueContext) throws(ValueError) {
    guard let colon = text.firstIndex(of: ":") else {
      throw .complains("'\(text)' is no endpoint, a form as maildir:PATH or imaps://HOST is needed")
    }
    let scheme = text[..<colon].lowercased()
    let rest = text[text.index(after: colon)...]
    switch scheme {
    case "maildir":
      self = .maildir(path: try ValueParsers.path(String(rest), context))
    case "exec":
      let command = rest.drop { $0 == " " }
      guard !command.isEmpty else { throw .complains("the command after 'exec:' is missing") }
      self = .exec(command: String(command))
    case "imap", "imaps":
      guard rest.hasPrefix("//") else { throw .complains("'//' is missing after '\(scheme):'") }
      self = try EndpointURL.imap(scheme, rest.dropFirst(2))
    default:
      throw .complains(
        "unknown kind of endpoint '\(scheme):', one of maildir:, imaps:, imap:, exec: is needed")
    }
  }

  // [USER@]HOST[:PORT], after RFC 5092
  private static func imap(
    _ scheme: String, _ text: Substring
  ) throws(ValueError) -> EndpointURL {
    var authority = text
    if authority.hasSuffix("/") { authority = authority.dropLast() }
    var user: String?
    if let at = authority.lastIndex(of: "@") {
      user = try self.user(authority[..<at], scheme)
      authority = authority[authority.index(after: at)...]
    }
    let (host, port) = try hostAndPort(authority)
    return .imap(tls: scheme == "imaps" ? .implicit : .startTLS, user: user, host: host, port: port)
  }

  private static func user(_ text: Substring, _ scheme: String) throws(ValueError) -> String {
    guard !text.contains(":") else {
      throw .complains(
        "a password does not belong into the URL, use 'password-command' or 'password-file'")
    }
    guard let user = percentDecoded(text), !user.isEmpty else {
      throw .complains("the user in the '\(scheme)' URL is not a text in percent-encoding")
    }
    return user
  }

  private static func hostAndPort(_ text: Substring) throws(ValueError) -> (String, UInt16?) {
    var host = text
    var port: Substring?
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else {
        throw .complains("the ']' after the host's address is missing")
      }
      host = text[text.index(after: text.startIndex)..<end]
      let rest = text[text.index(after: end)...]
      guard rest.isEmpty || rest.hasPrefix(":") else {
        throw .complains("there is something between the host's ']' and its port")
      }
      port = rest.isEmpty ? nil : rest.dropFirst()
    } else if let colon = text.firstIndex(of: ":") {
      host = text[..<colon]
      port = text[text.index(after: colon)...]
      if port?.contains(":") == true {
        throw .complains("an IPv6 address is written in brackets, as imaps://[::1]")
      }
    }
    guard !host.isEmpty else { throw .complains("the host is missing in the URL") }
    guard host.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7f && $0 != "/" })
    else {
      throw .complains("'\(host)' is no host, what follows it in an URL is not used here")
    }
    guard let port else { return (String(host), nil) }
    guard let number = UInt16(port), number > 0, port.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
    else { throw .complains("'\(port)' is no port, a number from 1 to 65535 is needed") }
    return (String(host), number)
  }

  /// `nil` for a `%` without two hexadecimal digits, and for what is not UTF-8.
  private static func percentDecoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2,
        let value = Hexadecimal.byte(rest.removeFirst(), rest.removeFirst())
      else { return nil }
      bytes.append(value)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

enum Hexadecimal {
  static func byte(_ high: UInt8, _ low: UInt8) -> UInt8? {
    guard let high = digit(high), let low = digit(low) else { return nil }
    return high << 4 | low
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
