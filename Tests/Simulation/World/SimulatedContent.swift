import Foundation
import IMAPClient
import SyncEngine
import TestSupport

/// Makes messages in CRLF form that the simulation can tell apart, or can't, as wanted.
public enum SimulatedContent {
  /// What makes a message hard to identify.
  public enum Kind: CaseIterable, Hashable, Sendable {
    case ordinary
    /// Padded so that all of this kind have one size.
    case sameSize
    /// Neither Message-ID nor Received: only the body tells it from another.
    case draft
    /// Drafts that have size and header in common.
    case sameSizeDraft
    /// Equal Message-ID and size, another header.
    case sameMessageID
    /// Only a header.
    case headerOnly
    /// Larger than ``largeSize``.
    case large
  }

  /// What a `max-size` lies below.
  public static let largeSize = 1600

  /// - Parameter token: what the message can be recognised by; equal arguments give equal bytes.
  public static func message(_ kind: Kind, token: Int) -> [UInt8] {
    let number = String(token)
    let padded = String(repeating: "0", count: max(0, 10 - number.count)) + number
    var text: String
    switch kind {
    case .ordinary:
      text = header(id: number, subject: "token \(number)")
      text += "\r\nBody of \(number).\r\n" + String(repeating: "line\r\n", count: token % 7)
    case .sameSize:
      text = header(id: padded, subject: "token \(padded)") + "\r\nBody of \(padded).\r\n"
    case .draft:
      text = "From: me@example.org\r\nSubject: draft\r\n\r\ntoken \(number)\r\n"
    case .sameSizeDraft:
      text = "From: me@example.org\r\nSubject: draft\r\n\r\ntoken \(padded)\r\n"
    case .sameMessageID:
      text = header(id: "constant", subject: "token \(padded)") + "\r\nBody.\r\n"
    case .headerOnly:
      text = header(id: number, subject: "token \(number)") + "\r\n"
    case .large:
      text = header(id: number, subject: "token \(number)")
      text += "\r\n" + String(repeating: "a line among many\r\n", count: 100 + token % 7)
    }
    return Array(text.utf8)
  }

  /// A message of a random kind with a token of its own.
  public static func random(token: Int, using random: inout SplitMix64) -> [UInt8] {
    message(Kind.allCases.randomElement(using: &random) ?? .ordinary, token: token)
  }

  /// Another body below the same header. It is longer than any but those of large messages, and of another size than any
  /// other variant: of equal header and size the engine takes two that have a Message-ID for one.
  static func variant(of bytes: [UInt8], token: Int) -> [UInt8] {
    let body = "variant \(token)\r\n" + String(repeating: "x", count: 100 + token) + "\r\n"
    return Array(header(of: bytes)) + Array(body.utf8)
  }

  /// With another line at its end.
  static func edited(_ bytes: [UInt8]) -> [UInt8] { bytes + Array("edited\r\n".utf8) }

  /// What a server that does not take every octet makes of a message, if it is one of those that it alters: a NUL
  /// becomes another octet, or a superfluous one is left out at the end of a line. Only what is in the body.
  static func altered(_ bytes: [UInt8]) -> [UInt8] {
    let header = header(of: bytes).count
    guard bytes.count > header + 3 else { return bytes }
    switch bytes.count % 5 {
    case 0: return Array(bytes[..<header]) + [0x80] + bytes[(header + 1)...]
    case 1: return Array(bytes[..<header]) + bytes[(header + 1)...]
    default: return bytes
    }
  }

  public static func contentID(of bytes: [UInt8]) -> ContentID {
    var hasher = ContentHasher()
    bytes.withUnsafeBytes { hasher.update($0) }
    return hasher.finish()
  }

  /// Up to the empty line, this included.
  static func header(of bytes: [UInt8]) -> ArraySlice<UInt8> {
    let end: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a]
    return bytes.firstRange(of: end).map { bytes[..<$0.upperBound] } ?? bytes[...]
  }

  static func hasMessageID(_ bytes: [UInt8]) -> Bool {
    bytes.firstRange(of: Array("Message-ID".utf8)) != nil
  }

  /// The token in the message, for error texts.
  public static func label(_ bytes: [UInt8]) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    if let found = text.range(of: "\nvariant ") {
      return "variant \(text[found.upperBound...].prefix { $0.isNumber })"
    }
    guard let found = text.range(of: "token ") else { return "\(bytes.count) bytes" }
    return
      "\(hasMessageID(bytes) ? "message" : "draft") \(text[found.upperBound...].prefix { $0.isNumber })"
  }

  public static func label(_ mail: SimulatedMail) -> String { label(mail.bytes) }

  private static func header(id: String, subject: String) -> String {
    "Message-ID: <\(id)@example.org>\r\nFrom: a@example.org\r\nSubject: \(subject)\r\n"
  }
}

/// The two forms in which a simulated store keeps and gives messages. Reversible for messages whose
/// only line ends are CRLF, as all of ``SimulatedContent`` are.
enum SimulatedForm {
  static func stored(_ wire: [UInt8]) -> [UInt8] { wire.filter { $0 != 0x0d } }

  static func wire(_ stored: [UInt8]) -> [UInt8] {
    stored.flatMap { $0 == 0x0a ? [0x0d, 0x0a] : [$0] }
  }
}
