import IMAPClient

/// What the server says to one of several openings that were sent together.
///
/// It answers one after the other: SELECT is carried out when all before it is done. What it says of a mailbox whose turn has
/// not come is kept apart, and nothing of it is mixed with what it says of another one.
final class EarlyAnswers {
  enum Turn {
    /// Nobody has asked for it yet.
    case early
    /// What comes belongs to the operation at work.
    case here
    /// Nobody will ask for it.
    case dropped
  }

  fileprivate var turn: Turn
  fileprivate var mailbox: SelectedMailbox?
  fileprivate var gathered = Gathered()
  /// The commands of the opening: the first and the last of them.
  let tags: ClosedRange<UInt32>

  init(of mailbox: MailboxName, first: Tag, last: Tag, isAtWork: Bool) {
    self.mailbox = SelectedMailbox(name: mailbox)
    tags = first.number...max(first.number, last.number)
    turn = isAtWork ? .here : .early
  }

  func drop() {
    turn = .dropped
    gathered = Gathered()
  }
}

extension MailboxObserver {
  /// What was said of an opening up to now becomes what the operation at work has gathered.
  func take(over early: EarlyAnswers) {
    begin()
    mailbox = early.mailbox
    gathered = early.gathered
    early.gathered = Gathered()
    early.turn = .here
  }

  func receive(_ event: WireEvent, as early: EarlyAnswers) {
    switch early.turn {
    case .here: take(event)
    case .early:
      // Bodies are never asked for early.
      guard case .response = event else { break }
      exchange(with: early)
      take(event)
      exchange(with: early)
    case .dropped: break
    }
    guard case .response(.tagged(let tag, _)) = event else { return }
    if tag.number == early.tags.upperBound {
      expected.removeFirst()
    } else if tag.number > early.tags.upperBound {
      isOutOfOrder = true
    }
  }

  private func exchange(with early: EarlyAnswers) {
    swap(&mailbox, &early.mailbox)
    swap(&gathered, &early.gathered)
    isApart.toggle()
  }
}
