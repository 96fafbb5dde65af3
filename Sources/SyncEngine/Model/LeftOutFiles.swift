/// Files of a Maildir whose names are no messages': without anything before the `:`, or with a line end in what comes before it,
/// so that no `dovecot-uidlist` can name them.
public struct LeftOutFiles: Hashable, Sendable {
  /// With the directory it lies in, as it is shown.
  public var first: String
  public var count: Int

  public init(first: String, count: Int = 1) {
    self.first = first
    self.count = count
  }

  func error(advice: String) -> EndpointError {
    let text =
      count == 1
      ? "\(first) can't be synced: its name is no message's"
      : "\(first) and \(count - 1) more can't be synced: their names are no messages'"
    return EndpointError(.message, .nameNotPossible, text, advice: advice)
  }
}

extension LeftOutFiles? {
  mutating func note(_ name: UnsafeBufferPointer<UInt8>, isInNew: Bool) {
    if let known = self {
      self?.count = known.count + 1
    } else {
      let shown = String(decoding: name, as: UTF8.self)
      self = LeftOutFiles(first: "\(isInNew ? "new" : "cur")/\(shown)")
    }
  }
}
