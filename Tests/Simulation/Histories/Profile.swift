import TestSupport

/// What a history is mostly about. Most are about everything; some meet, far more often than chance would have it, what only
/// goes wrong where several rare things come together.
public enum Profile: String, CaseIterable, Sendable {
  case ordinary
  /// Moves and copies between mailboxes, to sides that refuse them.
  case moves
  /// Backups that are restored, on one side or both, and overtaken by what comes after.
  case backups
  /// UIDs that collide, and renumberings that are cut short, also along a chain.
  case numbers
  /// Flags that users change while they are stored, and sides without room for them.
  case flags
  /// What the guards are for: mailboxes that are emptied, disks that are not mounted.
  case guards
  /// Mailboxes that are selected and not selected in turn, and pairs with a prefix.
  case selections
  /// Messages that are not the same everywhere: files that were edited, servers that don't keep every octet.
  case alterations
  /// Stubs that are flagged, moved and copied while their messages take their places.
  case stubs
  /// First syncs of many messages that are killed, and go on where one side has what was not recorded.
  case pulls
  /// First syncs of sides that both hold mail, partly the same, in small parts, and cut short before they come to an end.
  case filled

  /// The generator is one of its own, so that the other histories stay what they were.
  static func choose(_ seed: UInt64) -> (Profile, SplitMix64) {
    var random = SplitMix64(seed: seed ^ 0x6d62_6f78_7379_6e63)
    guard random.oneIn(4) else {
      // Came later: the others stay what they were.
      if random.oneIn(24) { return (.stubs, random) }
      if random.oneIn(24) { return (.pulls, random) }
      return (random.oneIn(16) ? .filled : .ordinary, random)
    }
    return (allCases.dropFirst().dropLast(3).randomElement(using: &random) ?? .ordinary, random)
  }
}
