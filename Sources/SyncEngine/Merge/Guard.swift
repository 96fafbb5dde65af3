import IMAPClient

/// Holds back expunges that look like an accident: design.md §4, "Guards".
public enum Guard {
  /// - Parameters:
  ///   - expunges: messages that would be expunged on one side of a mailbox.
  ///   - known: messages of the mailbox in the base.
  /// - Returns: true if so many are more than `limit` allows.
  public static func refuses(expunges: Int, known: Int, limit: Policy.ExpungeLimit) -> Bool {
    switch limit {
    case .percent(let percent):
      // Never under 10 messages: a small mailbox is emptied by hand.
      expunges > max(10, known * max(0, min(percent, 100)) / 100)
    case .messages(let count):
      expunges > max(0, count)
    }
  }

  /// Where the base knows so many messages or more, so many expunges are not refused.
  public static func known(allowing expunges: Int, limit: Policy.ExpungeLimit) -> Int {
    guard case .percent(let percent) = limit else { return 0 }
    let percentage = min(percent, 100)
    guard percentage > 0 else { return .max }
    let (product, isTooLarge) = expunges.multipliedReportingOverflow(by: 100)
    return isTooLarge ? .max : (product + percentage - 1) / percentage
  }

  /// A side on which everything that the base knows is gone, in all mailboxes together.
  ///
  /// Small mailboxes each stay below the limit of their own; all of them empty at once is no accident of
  /// housekeeping.
  public static func refusesWholeSide(
    expunges: Int, known: Int, limit: Policy.ExpungeLimit
  ) -> Bool {
    if case .percent(let percent) = limit, percent >= 100 { return false }
    return expunges >= known && refuses(expunges: expunges, known: known, limit: limit)
  }
}
