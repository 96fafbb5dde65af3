/// How often each rule and each fault was met.
public final class Coverage {
  public private(set) var counts: [String: Int] = [:]

  public init() {}

  public func note(_ what: String, _ count: Int = 1) { counts[what, default: 0] += count }

  public func add(_ other: Coverage) {
    for (what, count) in other.counts { note(what, count) }
  }

  /// What must have been met at least once, but was not.
  public var missing: [String] { Coverage.required.filter { counts[$0] == nil } }

  /// A line for each.
  ///
  /// - Parameter withMissing: those never met included.
  public func table(withMissing: Bool) -> String {
    let all = Set(counts.keys).union(withMissing ? Coverage.required : []).sorted()
    let width = all.map(\.count).max() ?? 0
    return all.map { what in
      let count = counts[what].map { String($0) } ?? "never"
      return "  \(what)\(String(repeating: " ", count: width - what.count)) \(count)\n"
    }.joined()
  }

  /// Every rule and every fault.
  public static let required: [String] =
    decisions + flags + pairings + changes + faults + deeds + runs

  private static let decisions = [
    "decide: absent, present: place left", "decide: present, absent: place right",
    "decide: lost, unchanged: place left", "decide: unchanged, lost: place right",
    "decide: lost, changed: place left", "decide: changed, lost: place right",
    "decide: lost, vanished: forget", "decide: vanished, lost: forget",
    "decide: vanished, vanished: forget",
    "decide: vanished, unchanged: expunge right", "decide: unchanged, vanished: expunge left",
    "decide: vanished, changed: expunge right", "decide: changed, vanished: expunge left",
    "decide: vanished, changed: place left", "decide: changed, vanished: place right",
    "decide: changed, unchanged: agree", "decide: unchanged, changed: agree",
    "decide: changed, changed: agree",
  ]

  private static let flags = [
    "flags: added", "flags: removed", "flags: added and removed on two sides",
    "flags: the same change on both sides", "flags: keyword added", "flags: keyword removed",
    "flags: united", "flags: \\Deleted on one side only, not united",
  ]

  private static let pairings = [
    "pair: equal arrivals", "pair: equal arrivals with other dates", "pair: several equal arrivals",
    "pair: found again by id under a new UIDVALIDITY", "pair: lost under a new UIDVALIDITY",
    "pair: lost by a restored backup",
  ]

  private static let changes = [
    "change: saved", "change: copied", "change: moved", "change: expunged", "change: flagged",
    "change: renumbered", "change: mailbox created", "change: mailbox deleted",
    "change: mailbox renamed", "change: subscribed", "change: unsubscribed", "change: padded",
    "change: adopted a UIDVALIDITY", "change: stub saved", "change: stub replaced",
    "change: swept", "change: altered by the server", "mode: mirror", "mode: map",
    "mode: fell back to map",
    "failure: guard", "failure: overquota", "failure: too-large", "failure: read-only",
    "failure: renumber", "failure: keywords", "failure: connection-lost", "failure: mailbox-gone",
    "failure: refused", "failure: interrupted", "failure: conflict",
  ]

  private static let faults =
    SimulatedCall.Kind.allCases.map { "fault at: \($0.rawValue)" }
    + ["lost", "crash"].flatMap { fault in
      ["none", "all", "partial", "late"].map { "fault: \(fault) \($0)" }
    } + ["fault: refused", "fault: over-quota"]

  private static let deeds =
    Deed.allCases.map { "deed: \($0.rawValue)" }
    + Set(Deed.duringRuns).map { "deed during a run: \($0.rawValue)" }.sorted()

  private static let runs = [
    "run: pull", "run: push", "run: only new", "run: only expunge", "run: only flags",
    "run: only mailboxes", "run: dry", "run: forced", "run: full", "run: state lost",
    "run: refused what was moved, perhaps", "run: after an overtaken backup", "run: without a disk",
    "run: selection narrowed", "run: selection widened", "run: only some mailboxes",
    "run: arrivals in parts", "run: arrivals in parts, some of them on both sides",
    "run: much on both sides, in parts",
    "run: with a prefix", "run: with names of its own",
    "rest: two replicas", "rest: a chain", "rest: a ring", "rest: as its only user left it",
    "rest: gone for good",
    "rest: three-way rule of flags",
  ]
}
