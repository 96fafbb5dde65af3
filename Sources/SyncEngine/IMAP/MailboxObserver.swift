import IMAPClient

/// Takes the server's responses and keeps what the operations of an ``IMAPEndpoint`` ask for.
final class MailboxObserver: ResponseObserver {
  /// The mailbox that is selected, or being selected.
  var mailbox: SelectedMailbox?
  var gathered = Gathered()
  /// Takes bodies while a FETCH of whole messages runs.
  var bodies: (any BodyReceiver)?
  /// Takes headers, which are too much to be kept.
  var onHeader: ((FetchResponse, [UInt8]) -> Void)?
  /// Takes what is told of messages' parts.
  var onParts: ((FetchResponse) -> Void)?
  /// Openings that were sent together and are not answered yet, in their order. What comes belongs to the first.
  var expected: [EarlyAnswers] = []
  /// The last of them, from when it is answered until it has its turn or something else is sent.
  var lastTold: EarlyAnswers?
  /// The server has answered a later one before it had done with the first: what belongs to which, nobody knows.
  var isOutOfOrder = false
  /// A mailbox could not be left before the next one was selected: what came then may be about either.
  var isNotLeft = false
  /// What is received at the moment concerns nobody but the opening that was sent early.
  var isApart = false

  /// Forgets what earlier operations left; another one is about to be sent.
  func begin() {
    expected.last?.isFollowed = true
    lastTold = nil
    forget()
  }

  func forget() {
    gathered = Gathered()
    bodies = nil
    onHeader = nil
    onParts = nil
  }

  /// The messages whose flags are known and that are still there, ascending.
  func observed(where isWanted: (UID) -> Bool = { _ in true }) -> MessageList {
    let vanished = gathered.vanished
    var result = MessageList()
    for fetched in gathered.fetched.messages() where isWanted(fetched.uid) {
      if let message = MailboxObserver.observed(fetched, vanished) { result.append(message) }
    }
    return result
  }

  /// Those of ``observed(where:)``, and all that was fetched is forgotten here: of a large mailbox nobody has room for
  /// both.
  func takeObserved(where isWanted: (UID) -> Bool = { _ in true }) -> MessageList {
    let vanished = gathered.vanished
    var result = MessageList()
    while true {
      let some = gathered.fetched.takeFirst(1000)
      guard !some.isEmpty else { return result }
      for fetched in some where isWanted(fetched.uid) {
        if let message = MailboxObserver.observed(fetched, vanished) { result.append(message) }
      }
    }
  }

  private static func observed(_ fetched: FetchedMessage, _ vanished: UIDSet) -> ObservedMessage? {
    guard let flags = fetched.flags, !vanished.contains(fetched.uid) else { return nil }
    return ObservedMessage(handle: .uid(fetched.uid), flags: flags, details: fetched.details)
  }

  /// Those of ``observed(where:)``.
  var observedUIDs: UIDSet {
    UIDSet(
      gathered.fetched.messages().lazy.filter { [vanished = gathered.vanished] in
        $0.flags != nil && !vanished.contains($0.uid)
      }.map(\.uid))
  }

  func forgetFound() { gathered.found = UIDSet() }

  func receive(_ event: WireEvent) {
    if let early = expected.first { receive(event, as: early) } else { receiveUnasked(event) }
  }

  func take(_ event: WireEvent) {
    switch event {
    case .response(let response): receive(response)
    case .bodyBegins(let response, let size): bodies?.begin(response, size: size)
    case .bodyBytes(let bytes): bodies?.write(bytes)
    case .bodyEnds: bodies?.end()
    }
  }

  private func receive(_ response: Response) {
    switch response {
    case .status(let status), .tagged(_, let status): if let code = status.code { note(code) }
    case .exists(let count): mailbox?.exists = count
    case .expunge: mailbox?.forget(1)
    case .vanished(let earlier, let uids): note(vanished: uids, earlier: earlier)
    case .fetch(let response): note(response)
    case .esearch(let result):
      if let all = result.all { gathered.found = gathered.found.union(all) }
    case .search(let numbers, _):
      gathered.found = gathered.found.union(UIDSet(numbers.lazy.compactMap { UID($0) }))
    case .list(let entry): gathered.lists.append(entry)
    case .myRights(let name, let rights): gathered.rights[name] = rights
    case .mailboxStatus(let name, let status): gathered.statuses.append((name, status))
    default: break
    }
  }

  private func note(_ code: ResponseCode) {
    switch code {
    case .closed:
      // What came before belongs to the mailbox that was selected until now. RFC 7162 §3.2.11.
      if let name = mailbox?.name { mailbox = SelectedMailbox(name: name) }
      gathered = Gathered()
    case .copyUID(let validity, let from, let to):
      gathered.copies.append(CopyMapping(uidValidity: validity, from: from, to: to))
    default: mailbox?.note(code)
    }
  }

  private func note(vanished uids: UIDSet, earlier: Bool) {
    if earlier {
      gathered.vanishedEarlier = gathered.vanishedEarlier.union(uids)
    } else {
      gathered.vanished = gathered.vanished.union(uids)
      mailbox?.forget(uids.count)
    }
  }

  private func note(_ response: FetchResponse) {
    // Without a UID it was not asked for: sequence numbers are of no use to us.
    guard let uid = response.uid else { return }
    if !isApart { hand(response) }
    // Whole messages are fetched by the hundred thousand, and nobody asks afterwards which.
    if response.hadBody, response.flags == nil { return }
    gathered.fetched.note(uid, response)
  }

  /// What is too much to be kept.
  private func hand(_ response: FetchResponse) {
    if response.hadBody { bodies?.completed(response) }
    if let header = response.header { onHeader?(response, header) }
    if response.structure != nil || !response.sections.isEmpty { onParts?(response) }
  }
}

/// What was gathered since an operation began.
struct Gathered {
  var fetched = FetchLog()
  /// Gone before the mailbox was opened. RFC 7162 §3.2.10.
  var vanishedEarlier = UIDSet()
  /// Gone while we looked.
  var vanished = UIDSet()
  /// The results of searches.
  var found = UIDSet()
  var copies: [CopyMapping] = []
  var lists: [ListResponse] = []
  /// By the mailbox's name on the wire.
  var rights: [[UInt8]: [UInt8]] = [:]
  var statuses: [(mailbox: [UInt8], status: MailboxStatus)] = []
}

/// COPYUID: element n of `from` became element n of `to`. RFC 4315 §3.
struct CopyMapping {
  var uidValidity: UIDValidity
  var from: [ClosedRange<UID>]
  var to: [ClosedRange<UID>]

  /// - Parameter limit: most pairs there can be: a hostile server may name billions.
  /// - Returns: `nil` if the two sides are not equally many, or more than `limit`.
  func pairs(limit: Int) -> [(from: UID, to: UID)]? {
    guard let old = expand(from, limit), let new = expand(to, limit), old.count == new.count else {
      return nil
    }
    return Array(zip(old, new))
  }

  private func expand(_ ranges: [ClosedRange<UID>], _ limit: Int) -> [UID]? {
    var uids: [UID] = []
    for range in ranges {
      let count = Int(range.upperBound.rawValue - range.lowerBound.rawValue) + 1
      guard count <= limit - uids.count else { return nil }
      uids += UIDSet(range)
    }
    return uids
  }
}

/// Takes the bodies of a FETCH as they come.
protocol BodyReceiver: AnyObject {
  func begin(_ response: FetchResponse, size: UInt64)
  func write(_ bytes: UnsafeRawBufferPointer)
  func end()
  /// The whole response, with what came after the body.
  func completed(_ response: FetchResponse)
}
