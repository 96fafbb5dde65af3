/// Takes the secrets of a login out of what a server says: many repeat a command that they don't understand.
struct SecretFilter {
  private var secrets: [[UInt8]] = []
  /// Octets of the longest one.
  private(set) var longest = 0

  private static let mark = Array("***".utf8)
  /// Shorter ones would be found everywhere.
  private static let shortest = 4

  /// From now on, neither this nor its base64 is shown.
  mutating func add(_ secret: [UInt8]) {
    for form in [secret, Base64.encode(secret)]
    where form.count >= SecretFilter.shortest && !secrets.contains(form) {
      secrets.append(form)
      longest = max(longest, form.count)
    }
    // The longest first: a short one may be a part of it.
    secrets.sort { $0.count > $1.count }
  }

  func clean(_ text: [UInt8]) -> [UInt8] {
    var text = text
    for secret in secrets where text.count >= secret.count {
      var start = 0
      while start + secret.count <= text.count {
        if text[start..<start + secret.count].elementsEqual(secret) {
          text.replaceSubrange(start..<start + secret.count, with: SecretFilter.mark)
          start += SecretFilter.mark.count
        } else {
          start += 1
        }
      }
    }
    return text
  }

  /// The same in what people may get to see of a response.
  func clean(_ response: Response) -> Response {
    guard !secrets.isEmpty else { return response }
    switch response {
    case .tagged(let tag, var status):
      status.text = clean(status.text)
      return .tagged(tag, status)
    case .status(var status):
      status.text = clean(status.text)
      return .status(status)
    default: return response
    }
  }
}
