import IMAPClient

/// What the server says to one of several requests that were sent together, each of which selects a mailbox.
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

  /// Kept as it came.
  private enum Event {
    case response(Response)
    case bodyBegins(FetchResponse, size: UInt64)
    case bodyBytes([UInt8])
    case bodyEnds
  }

  fileprivate var turn: Turn
  fileprivate var mailbox: SelectedMailbox?
  fileprivate var gathered = Gathered()
  /// It is whole messages that are asked for. No more of them is kept than comes at one go together with the end of what is
  /// asked for before: to read on without having their turn, drops them.
  fileprivate let hasBodies: Bool
  private var events: [Event] = []
  /// The first and the last of the commands.
  let tags: ClosedRange<UInt32>
  /// The command behind them that leaves the mailbox, where nothing else tells that what follows is about the next one.
  private(set) var leaving: UInt32?
  /// All that was asked for has been answered, and the mailbox not been left.
  fileprivate var isTold = false
  /// The mailbox was selected.
  fileprivate var isSelected = false
  /// Something that is none of these requests was sent behind it.
  var isFollowed = false

  init(
    of mailbox: MailboxName, first: Tag, last: Tag, isAtWork: Bool, hasBodies: Bool = false
  ) {
    self.mailbox = SelectedMailbox(name: mailbox)
    tags = first.number...max(first.number, last.number)
    turn = isAtWork ? .here : .early
    self.hasBodies = hasBodies
  }

  /// The mailbox is left by this command, which is sent next.
  func end(with tag: Tag) { leaving = tag.number }

  func drop() {
    turn = .dropped
    gathered = Gathered()
    events = []
  }

  fileprivate func keep(_ event: WireEvent) {
    switch event {
    case .response(let response): events.append(.response(response))
    case .bodyBegins(let response, let size): events.append(.bodyBegins(response, size: size))
    case .bodyBytes(let bytes): events.append(.bodyBytes(Array(bytes)))
    case .bodyEnds: events.append(.bodyEnds)
    }
  }

  fileprivate func replay(_ take: (WireEvent) -> Void) {
    let kept = events
    events = []
    for event in kept {
      switch event {
      case .response(let response): take(.response(response))
      case .bodyBegins(let response, let size): take(.bodyBegins(response, size: size))
      case .bodyBytes(let bytes): bytes.withUnsafeBytes { take(.bodyBytes($0)) }
      case .bodyEnds: take(.bodyEnds)
      }
    }
  }
}

extension MailboxObserver {
  /// What was said up to now becomes what the operation at work has gathered.
  func take(over early: EarlyAnswers, bodies: (any BodyReceiver)? = nil) {
    forget()
    if lastTold === early { lastTold = nil }
    self.bodies = bodies
    mailbox = early.mailbox
    gathered = early.gathered
    early.gathered = Gathered()
    early.turn = .here
    early.replay(take)
  }

  /// What comes when all is answered is about the mailbox of the last, which the server still has selected, and not about the one
  /// that is worked on here.
  func receiveUnasked(_ event: WireEvent) {
    if let lastTold, lastTold.turn == .early { hand(event, to: lastTold) } else { take(event) }
  }

  func receive(_ event: WireEvent, as early: EarlyAnswers) {
    if isAboutNext(event, early) { isOutOfOrder = true }
    if !early.isTold { hand(event, to: early) }
    if case .response(.tagged(let tag, let status)) = event {
      note(status.condition == .ok, tag.number, in: early)
    }
  }

  /// A mailbox is told to be open that was not to be opened yet. (With QRESYNC, `[CLOSED]` comes before it.)
  private func isAboutNext(_ event: WireEvent, _ early: EarlyAnswers) -> Bool {
    guard case .response(.status(let status)) = event,
      case .uidValidity(let validity)? = status.code
    else { return false }
    let known = early.turn == .here ? mailbox?.uidValidity : early.mailbox?.uidValidity
    return early.isTold || known.map { $0 != validity } ?? false
  }

  private func hand(_ event: WireEvent, to early: EarlyAnswers) {
    switch early.turn {
    case .here: take(event)
    case .early where early.hasBodies: early.keep(event)
    case .early:
      guard case .response = event else { break }
      exchange(with: early)
      take(event)
      exchange(with: early)
    case .dropped: break
    }
  }

  /// A command was answered.
  private func note(_ isOK: Bool, _ tag: UInt32, in early: EarlyAnswers) {
    if tag == early.tags.lowerBound { early.isSelected = isOK }
    if tag == early.leaving, early.isTold {
      expected.removeFirst()
      // Where none was selected, there is none to be left.
      if early.isSelected, !isOK, expected.contains(where: { $0.turn != .dropped }) {
        isNotLeft = true
      }
    } else if tag == early.tags.upperBound {
      if early.leaving == nil { finish(early) } else { early.isTold = true }
    } else if tag > early.tags.upperBound {
      isOutOfOrder = true
    }
  }

  private func finish(_ early: EarlyAnswers) {
    expected.removeFirst()
    if expected.isEmpty, !early.isFollowed { lastTold = early }
  }

  private func exchange(with early: EarlyAnswers) {
    swap(&mailbox, &early.mailbox)
    swap(&gathered, &early.gathered)
    isApart.toggle()
  }
}
