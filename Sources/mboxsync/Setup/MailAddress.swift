/// An address as `alice@example.org`.
struct MailAddress: Hashable, Sendable {
  var user: String
  var domain: String

  var text: String { "\(user)@\(domain)" }

  init(_ text: String) throws(ValueError) {
    guard let at = text.lastIndex(of: "@"), at != text.startIndex else {
      throw .complains("'\(text)' is no mail address, one as alice@example.org is needed")
    }
    user = String(text[..<at])
    domain = String(text[text.index(after: at)...])
    guard !domain.isEmpty, domain.unicodeScalars.allSatisfy(MailAddress.isOfHost),
      !domain.hasPrefix("."), !domain.hasSuffix("."), !domain.contains("..")
    else { throw .complains("'\(domain)' after the '@' is no domain") }
    guard user.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7f }) else {
      throw .complains("there is a blank in '\(text)'")
    }
  }

  private static func isOfHost(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value > 0x7f || scalar.properties.isAlphabetic || scalar == "-" || scalar == "."
      || ("0"..."9").contains(scalar)
  }
}
