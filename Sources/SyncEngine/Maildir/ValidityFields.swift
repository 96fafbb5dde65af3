import IMAPClient

/// Fields of our own in the header of a `dovecot-uidlist`: where its UIDVALIDITY comes from. (Dovecot keeps fields that
/// it does not know.)
struct ValidityFields {
  /// The UIDVALIDITY is a server's.
  private(set) var isServers = false
  /// One field each: a UIDVALIDITY that the mailbox had before, with its UIDNEXT. The latest comes last.
  private(set) var former: [Former] = []
  private var reopening: Reopening?

  struct Former {
    var uidValidity: UIDValidity
    var next: UInt32
  }

  /// Since the mailbox took its UIDVALIDITY, messages may be given UIDs from `first` on.
  private struct Reopening {
    var first: UInt32
    /// UIDNEXT of then: once this was passed it is over, whoever did it.
    var next: UInt32
  }

  private static let serversField = UInt8(ascii: "s")
  private static let formerField = UInt8(ascii: "m")
  private static let reopeningField = UInt8(ascii: "r")
  /// So many are remembered.
  private static let formerLimit = 16

  // MARK: Reading

  /// - Returns: whether the field is one of these.
  mutating func read(_ field: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    let value = field.dropFirst()
    switch field.first {
    case ValidityFields.serversField: isServers = true
    case ValidityFields.formerField:
      if let (number, next) = ValidityFields.numbers(value),
        let uidValidity = UIDValidity(number), former.count < ValidityFields.formerLimit
      {
        former.append(Former(uidValidity: uidValidity, next: max(1, next)))
      }
    case ValidityFields.reopeningField:
      reopening = ValidityFields.numbers(value).map { Reopening(first: $0, next: $1) }
    default: return false
    }
    return true
  }

  // former = "m" uidvalidity ":" uidnext, reopening = "r" uid ":" uidnext
  private static func numbers(_ value: Slice<UnsafeBufferPointer<UInt8>>) -> (UInt32, UInt32)? {
    let parts = value.split(separator: UInt8(ascii: ":"))
    guard parts.count == 2, let first = UIDList.number(parts[0]),
      let second = UIDList.number(parts[1])
    else { return nil }
    return (first, second)
  }

  // MARK: Asking

  /// From here on UIDs below `next` may be given, by someone who knows what they stood for.
  func reopenedFrom(next: UInt32, last: UInt32?) -> UInt32? {
    guard let reopening, reopening.next == next else { return nil }
    let first = max(1, reopening.first, last.map { $0 + 1 } ?? 1)
    return first < next ? first : nil
  }

  // MARK: Changing

  /// The mailbox has another UIDVALIDITY now.
  ///
  /// - Parameters:
  ///   - old: the one of before, with its UIDNEXT.
  ///   - next: below it UIDs may have been given, here or elsewhere.
  /// - Returns: the UIDNEXT. If the mailbox had this UIDVALIDITY before, it goes on where it was.
  mutating func begin(
    _ uidValidity: UIDValidity, after old: Former?, next: UInt32, isServers: Bool
  ) -> UInt32 {
    self.isServers = isServers
    if let old { former.append(old) }
    let first = former.last { $0.uidValidity == uidValidity }?.next ?? 1
    former.removeAll { $0.uidValidity == uidValidity }
    former.removeFirst(max(0, former.count - ValidityFields.formerLimit))
    let next = max(first, next)
    reopening = first < next ? Reopening(first: first, next: next) : nil
    return next
  }

  /// - Returns: whether nothing is left to be given below `next`, which was not so before: the header says it still.
  mutating func noteGiven(_ uid: UInt32, next: UInt32) -> Bool {
    guard let reopening else { return false }
    if reopening.next == next, uid + 1 < next {
      self.reopening?.first = uid + 1
      return false
    }
    self.reopening = nil
    return true
  }

  /// No UID below UIDNEXT is given any more.
  mutating func endReopening() { reopening = nil }

  // MARK: Writing

  func text(next: UInt32) -> String {
    var fields = isServers ? " s1" : ""
    for known in former { fields += " m\(known.uidValidity.rawValue):\(known.next)" }
    if let reopening, reopening.next == next {
      fields += " r\(reopening.first):\(reopening.next)"
    }
    return fields
  }
}
