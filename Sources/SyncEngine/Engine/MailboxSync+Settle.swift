import IMAPClient

/// After an unclean end: what the dead run's connection had sent may still be carried out.
extension MailboxSync {
  /// Waits for it: design.md §6.
  ///
  /// A server shows nothing of a MULTIAPPEND before its last octet has come, so how long nothing has to happen depends on
  /// how much can still be on its way.
  func settle(_ side: Side, _ endpoint: any Endpoint) throws(SideFailure) {
    guard exists[side], traits[side].settlesSlowly else {
      unsettled[side] = []
      return
    }
    var settling = Settling(unsettled[side], atMost: traits[side].octetsOnTheirWay)
    var request = OpenRequest(since: record.anchors[side], detailsFrom: settling.before)
    while true {
      let observation = try on(side) { () throws(EndpointError) in
        try endpoint.open(fullNames[side], request)
      }
      guard let milliseconds = settling.look(observation) else { break }
      pause(milliseconds)
      request = OpenRequest(
        since: observation.anchor, detailsFrom: observation.anchor.uidNext)
    }
    leftIntents[side] = unsettled[side]
    unsettled[side] = []
    savedBefore[side] = settling.before
    hasIntents[side] = true
    needsLook[side] = true
  }
}

/// How long a mailbox is watched, in which a run that died was saving messages.
struct Settling {
  /// From here on there may be what it saved.
  let before: UID
  /// Messages that it was saving and that have not arrived.
  private var missing: [Trait: Int] = [:]
  private let limit: UInt64
  private var last: UID?
  private var quiet: UInt32 = 0
  private var waited: UInt32 = 0

  /// By what a message is told from what others deliver meanwhile.
  private struct Trait: Hashable {
    var size: UInt64
    var date: InternalDate
  }

  /// Without any movement, so long at least.
  private static let leastQuiet: UInt32 = 1_000
  /// What the slowest line that is waited for carries: 16 KiB a second.
  private static let octetsAMillisecond: UInt64 = 16
  /// However much there is to be seen: others may be delivering all the time.
  private static let longest: UInt32 = 600_000

  init(_ intents: [Intent], atMost limit: UInt64) {
    before = intents.map(\.uidNext).min() ?? .first
    self.limit = limit
    for intent in intents {
      missing[Trait(size: intent.size, date: intent.date), default: 0] += 1
    }
  }

  /// - Parameter observation: with the details of what came since the last one.
  /// - Returns: how many milliseconds to wait before the next look; `nil` when there is nothing more to wait for.
  mutating func look(_ observation: Observation) -> UInt32? {
    let next = observation.anchor.uidNext
    if next != last {
      quiet = 0
      note(observation.messages, from: last ?? before)
      last = next
    }
    guard !missing.isEmpty, quiet < patience, waited < Settling.longest else { return nil }
    let pause: UInt32 = quiet < Settling.leastQuiet ? 50 : 250
    quiet += pause
    waited += pause
    return pause
  }

  private var patience: UInt32 {
    var octets: UInt64 = 0
    for (trait, count) in missing {
      let (sum, isTooLarge) = trait.size.multipliedReportingOverflow(by: UInt64(count))
      octets = isTooLarge ? limit : min(limit, octets &+ min(sum, limit))
    }
    return Settling.leastQuiet
      + UInt32(clamping: min(octets, limit) / Settling.octetsAMillisecond)
  }

  private mutating func note(_ messages: MessageList, from first: UID) {
    for message in messages {
      guard let uid = message.handle.uid, uid >= first, let details = message.details else {
        continue
      }
      let trait = Trait(size: details.size, date: details.date)
      guard let count = missing[trait] else { continue }
      missing[trait] = count == 1 ? nil : count - 1
    }
  }
}
