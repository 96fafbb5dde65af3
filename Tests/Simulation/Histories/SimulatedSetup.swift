import IMAPClient
import SyncEngine
import TestSupport

/// What two stores a history is played on, and what its user wants.
public struct SimulatedSetup: Sendable, CustomStringConvertible {
  public var traits: Both<SimulatedTraits>
  public var policy = Policy()
  /// Two servers whose mailboxes have the same UIDVALIDITY, as after a replication by other means.
  public var sharesValidity = false

  public init(_ left: SimulatedTraits, _ right: SimulatedTraits) {
    traits = Both(left: left, right: right)
    // A small mailbox is soon changed as a whole; guards have tests of their own.
    policy.maxExpunge = .percent(100)
    policy.jobs = 1
  }

  /// One of all kinds.
  public init(using random: inout SplitMix64) {
    let server = { (random: inout SplitMix64) -> SimulatedTraits in
      let tiers = SimulatedTraits.Tier.allCases
      var traits = SimulatedTraits.imap(
        tier: tiers.randomElement(using: &random) ?? .qresync, hasIDs: !random.oneIn(3),
        hasUIDPlus: !random.oneIn(5), canMove: !random.oneIn(3))
      traits.savesAtOnce = Bool.random(using: &random)
      traits.vanishesBroadly = random.oneIn(4)
      return traits
    }
    var maildir = SimulatedTraits.maildir
    maildir.hasStamps = !random.oneIn(4)
    switch Int.random(in: 0..<8, using: &random) {
    case 0: self.init(maildir, .maildir)
    case 1, 2:
      self.init(server(&random), server(&random))
      sharesValidity = Bool.random(using: &random)
    case 3: self.init(server(&random), maildir)
    default: self.init(maildir, server(&random))
    }
    policy.uids = [.auto, .auto, .mirror, .map].randomElement(using: &random) ?? .auto
    policy.conflict = Policy.Conflict.allCases.randomElement(using: &random) ?? .keep
    policy.delete = random.oneIn(3) ? .both : .none
    if random.oneIn(8) { policy.comparesEverything = true }
    if random.oneIn(6) { policy.maxUIDPadding = 2 }
  }

  public var description: String {
    let sides = [traits.left, traits.right].map { traits in
      traits.isMaildir
        ? "maildir\(traits.hasStamps ? "" : " without times")"
        : "\(traits.kind)\(traits.hasIDs ? "" : " no ids")\(traits.hasUIDPlus ? "" : " no uidplus")"
          + "\(traits.canMove ? "" : " no move")\(traits.savesAtOnce ? "" : " single saves")"
          + "\(traits.vanishesBroadly ? " broad" : "")"
    }
    return sides.joined(separator: " - ") + (sharesValidity ? ", one UIDVALIDITY" : "")
      + ", uids=\(policy.uids) conflict=\(policy.conflict) delete=\(policy.delete)"
      + " padding=\(policy.maxUIDPadding)\(policy.comparesEverything ? " full" : "")"
  }
}
