import IMAPClient
import SyncEngine
import TestSupport

/// Plays a history, and says what did not hold.
public final class Replay {
  public let history: History
  /// What is wrong; empty: nothing.
  public internal(set) var failures: [String] = []
  public let coverage = Coverage()
  /// Tells every step, for someone who looks for the cause of a failure.
  public var tellsStory = false
  /// And every call.
  public var tellsCalls = false
  /// Of everything that happened: two plays of one history have the same.
  public internal(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325

  let servers: [SimulatedServer]
  let worlds: [SimulatedWorld]
  var stores: [MemoryStateStore]
  let ledger = SimulatedLedger()
  let watch = UIDWatch()
  /// The pair whose run died last, if none has run since.
  var deadPair: Int?
  var phase = Phase()
  /// What the run that is under way takes away.
  var account: SideAccount?
  /// Of pairs of which not all mailboxes are selected.
  var selections: [Int: MailboxPatterns] = [:]
  /// What the call that is under way must leave as it is.
  var untouched: [MailboxName: [SimulatedMessage]] = [:]
  /// UIDs or a base had to be made anew some time.
  var hasForgotten = false
  /// And that while the replicas had different mailboxes. Or, of three replicas, one had renamed a mailbox that another
  /// deleted: to who deleted it the renamed one is a new one, and the old one comes back from the third.
  var hasMultiplied = false
  /// Stubs that were moved out of what is selected.
  var stubsOutside: Set<String> = []
  /// All that a mailbox was called before, by its name.
  private var formerNames: [MailboxName: Set<MailboxName>] = [:]
  /// Messages of mailboxes that users deleted or renamed, and of stubs that a run left unrecorded. Where they
  /// are found again, it is by their content.
  var refound: Set<SimulatedMail> = []
  /// Messages that a run which died had brought to the other side and not recorded.
  var unrecorded: Set<SimulatedMail> = []
  private var log: [String] = []

  /// What happened since everything was last level.
  struct Phase {
    /// Who did something.
    var actors: Set<Int> = []
    var hasRun = false
    /// Runs did not end well, or users did something meanwhile.
    var isDisturbed = false
    var hasDeletedMailbox = false
    var hasChangedMailboxes = false
    /// By those who renamed them, and by those who deleted them.
    var renamed: Set<MailboxName> = []
    /// Each with all names that its mailbox ever had.
    var renames: [Set<MailboxName>] = []
    var deleted: Set<MailboxName> = []
    /// UIDs, ids or a base were lost.
    var hasForgotten = false
    var hasMoved = false
    /// Taken from a mailbox while a run was under way. Other pairs may learn of it by halves, too.
    var movedInRun: Set<SimulatedMail> = []
    var isRolledBack = false
    /// A run is under way.
    var isInRun = false
    /// It follows one that died while it was saving or renumbering, and has left notes of that.
    var followsIntents = false
    /// What users have copied while a run was under way that follows none.
    var copiedInRun: Set<SimulatedMail> = []
    /// What users have expunged and must not come back; and what they have expunged while the run was carrying it over.
    var expunged: [SimulatedMail: Expunged] = [:]
    var expungedInRun: [SimulatedMail: Expunged] = [:]
    /// What each server had when that run began, if what is expunged during it has to stay gone.
    var startOfRun: [[SimulatedMail: Int]]?
    var hasFaultInRun = false
    /// What the only actor's side held before the runs began to carry it over.
    var expected: [SimulatedView]?
    /// What every replica held when all were level; `nil`: that was never so.
    var level: [SimulatedView]?
  }

  public init(_ history: History) {
    self.history = history
    let count = history.replicas.count
    servers = history.replicas.enumerated().map { number, traits in
      SimulatedServer(number == 0 ? .left : .right, traits, number: number)
    }
    let (ledger, watch, servers) = (ledger, watch, servers)
    worlds = history.pairs.map { pair in
      SimulatedWorld(
        Both(left: servers[pair.left % count], right: servers[pair.right % count]),
        ledger: ledger, watch: watch)
    }
    stores = worlds.map { $0.stateStore() }
    for world in worlds { world.keepsNames = history.wishes.keepsNames }
    for world in worlds { world.sweepsDeleted = history.wishes.expunge != .none }
    ledger.keepsChanged = history.wishes.conflict == .keep
    if history.wishes.sharesValidity, let validity = servers.first?[.inbox]?.uidValidity {
      for server in servers.dropFirst() where !server.traits.isMaildir {
        server.mailboxes[.inbox]?.uidValidity = validity
      }
    }
  }

  /// - Returns: whether everything held.
  @discardableResult public func play() -> Bool {
    for step in history.steps where failures.isEmpty {
      switch step {
      case .deed(let replica, let deed, let number): act(replica, deed, number)
      case .everywhere(let number): deliverEverywhere(number)
      case .lose(let pair): lose(pair)
      case .select(let pair, let patterns): select(pair, patterns)
      case .run(let run): play(run)
      case .rest: rest()
      }
    }
    let isSwept = ledger.entries.contains { !$0.value.all.sweeps.isEmpty }
    if history.wishes.expunge != .none, isSwept {
      coverage.note("change: swept")
    }
    return failures.isEmpty
  }

  /// What someone needs to see what went wrong.
  public var story: String {
    let told = log + (failures.isEmpty ? [] : ["WRONG:"]) + failures.prefix(20)
    return told.map { "  \($0)\n" }.joined()
  }

  func note(_ line: @autoclosure () -> String) {
    if tellsStory { log.append(line()) }
  }

  /// Every replica as it is, and every base, for someone who looks for the cause of a failure.
  func noteState() {
    guard tellsStory, tellsCalls else { return }
    for server in servers {
      for (name, mailbox) in server.mailboxes.sorted(by: { $0.key < $1.key }) {
        let messages = mailbox.messages.map { message in
          let uid = message.handle.uid.map { "\($0)" } ?? "?"
          return "\(uid): \(SimulatedContent.label(message.origin)) (\(message.flags)) of "
            + "\(message.date.seconds % 1000)\(message.isStub ? " stub" : "")"
        }
        let validity = mailbox.uidValidity.map { "\($0)" } ?? "-"
        note(
          "    \(server.name) \(name) \(validity), next \(mailbox.uidNext): "
            + messages.joined(separator: ", "))
      }
    }
    for (number, store) in stores.enumerated() {
      for record in store.mailboxes() {
        let rows = store.messages(in: record.id).map { row in
          "\(row.uids.left)=\(row.uids.right) (\(row.flags)) of \(row.date.seconds % 1000)"
            + (row.rightDate.map { "=\($0.seconds % 1000)" } ?? "")
            + (row.stub.map { " \($0) stub" } ?? "")
        }
        note("    base \(number + 1) \(record.names.left): " + rows.joined(separator: ", "))
      }
    }
  }

  // MARK: Deeds

  func act(_ replica: Int, _ deed: Deed, _ number: Int) {
    let server = servers[replica]
    // A server that was set back under its old UIDVALIDITY and gives its UIDs and mod-sequences out
    // again before a run has seen it can't be helped.
    if server.isSetBack || server.isUnmounted, !deed.isAdministrative { return }
    let before = tellsStory ? SimulatedView.all(server) : []
    let mailboxes = server.mailboxes
    let counts = phase.isInRun ? server.contentCounts : [:]
    RandomUser.perform(deed, number: number, seed: history.seed, on: server)
    if deed == .copy { noteCopy(replica, before: mailboxes) }
    if deed == .expunge || deed == .empty { noteExpunged(replica, before: mailboxes) }
    phase.actors.insert(replica)
    phase.expected = nil
    if deed == .move { phase.hasMoved = true }
    if deed == .edit { watch.forgetContents(replica) }
    if deed == .unmount { phase.hasForgotten = true }
    if [.rename, .delete, .unmount].contains(deed) { forgetExpunged() }
    if deed.concernsMailboxes { noteMailboxes(deed, replica, before: mailboxes) }
    if deed.makesForget { noteForgetting(deed, replica, before: mailboxes) }
    if deed.concernsMailboxes || [.reset, .resetIDs].contains(deed) {
      forgetUnknownNumbers(replica)
    }
    if phase.isInRun {
      phase.movedInRun.formUnion(server.messages(gone: mailboxes))
      account?.exempt.formUnion(phase.movedInRun)
    }
    // What a run has just carried over and what a user puts in its place may be taken for each other.
    let left = phase.isInRun ? server.contentCounts : [:]
    for (content, count) in counts where count > left[content] ?? 0 { refound.insert(content) }
    coverage.note("deed: \(deed.rawValue)")
    note(
      "\(server.name) \(deed.rawValue) \(number): "
        + SimulatedView.difference(before, SimulatedView.all(server)))
  }

  /// In a ring, a pair that has not seen the mailbox yet can't know that it is another's of the old name.
  private func noteRename(
    of name: MailboxName, _ mailbox: SimulatedMailbox, on server: SimulatedServer
  ) {
    phase.renamed.insert(name)
    // To a run that does not see the new name the mailbox is gone, and it makes it again.
    if history.wishes.hasPrefix || isNarrowed && history.wishes.hasMap { hasMultiplied = true }
    var names = formerNames[name, default: []].union([name])
    defer { phase.renames.append(names) }
    noteUnknown(names)
    if let new = server.mailboxes.first(where: { $0.value.id == mailbox.id })?.key {
      formerNames[new, default: []].formUnion(names)
      names.insert(new)
    }
  }

  /// Of a run that died the base may have lost a mailbox that it knew at that moment.
  func noteRenamesOfDead() {
    let last = phase.renames.filter { names in
      !phase.renames.contains { $0.isStrictSuperset(of: names) }
    }
    for names in last { noteUnknown(names) }
  }

  private func noteUnknown(_ names: Set<MailboxName>) {
    let isKnown = stores.allSatisfy { store in
      store.mailboxes().contains {
        names.contains($0.names.left) || names.contains($0.names.right)
      }
    }
    if servers.count > 2, !isKnown { hasMultiplied = true }
  }

  private func noteMailboxes(
    _ deed: Deed, _ replica: Int, before mailboxes: [MailboxName: SimulatedMailbox]
  ) {
    phase.hasChangedMailboxes = true
    for (name, mailbox) in mailboxes where servers[replica].mailboxes[name] == nil {
      phase.hasDeletedMailbox = true
      refound.formUnion(mailbox.messages.map(\.origin))
      // A stub whose message was expunged there just before asks for a copy of a twin.
      for server in servers {
        let stubs = server.mailboxes[name]?.messages.filter(\.isStub) ?? []
        refound.formUnion(stubs.map(\.origin))
      }
      if deed == .rename {
        noteRename(of: name, mailbox, on: servers[replica])
      } else {
        phase.deleted.insert(name)
      }
    }
    if servers.count > 2, !phase.renamed.isDisjoint(with: phase.deleted) { hasMultiplied = true }
    if !phase.renamed.isEmpty, history.wishes.hasMap, hasMetByName { hasMultiplied = true }
  }

  /// Whether users have given two mailboxes names that are one by the map: neither can follow the other's rename.
  private var hasMetByName: Bool {
    worlds.indices.contains { pair in
      let known = Set(stores[pair].mailboxes().map(\.names).map { [$0.left, $0.right] })
      let servers = worlds[pair].servers
      return History.Wishes.map(of: history.pairs[pair]).contains { left, right in
        servers.left[left] != nil && servers.right[right] != nil && !known.contains([left, right])
      }
    }
  }

  private func noteForgetting(
    _ deed: Deed, _ replica: Int, before mailboxes: [MailboxName: SimulatedMailbox]
  ) {
    hasForgotten = true
    phase.hasForgotten = true
    forgetExpunged()
    let server = servers[replica]
    if deed == .rollBack {
      ledger.concede(servers)
      phase.isRolledBack = true
    }
    // A UIDVALIDITY of before, under which the others have gone on meanwhile.
    let isOld = mailboxes.contains { $1.uidValidity != server.mailboxes[$0]?.uidValidity }
    if deed == .restore || deed == .rollBack, isOld {
      for server in servers { watch.forget(server.number) }
    }
  }

  /// A Maildir's folder that is deleted, or its list that is lost, takes with it what was handed out in it. What is
  /// left to know of it is in the bases; what is in none of them can't be respected. No pair knows another's
  /// base, so of several the one counts that knows least, be it nothing because its base is lost.
  private func forgetUnknownNumbers(_ replica: Int) {
    guard servers[replica].traits.isMaildir else { return }
    let server = servers[replica]
    watch.forget(replica) { key in
      if let mailbox = server.mailboxes[key.mailbox],
        mailbox.uidValidity == key.uidValidity || mailbox.formerNext[key.uidValidity] != nil
      {
        return nil
      }
      return zip(history.pairs, stores).flatMap { pair, store in
        Side.allCases.flatMap { side -> [UID] in
          guard (side == .left ? pair.left : pair.right) == replica else { return [] }
          let records = store.mailboxes().filter { $0.names[side] == key.mailbox }
          if records.isEmpty { return [.first] }
          return records.compactMap(\.anchors[side]).filter { $0.uidValidity == key.uidValidity }
            .map(\.uidNext)
        }
      }.min() ?? .first
    }
  }

  private func deliverEverywhere(_ number: Int) {
    var random = SplitMix64(seed: history.seed &+ UInt64(number))
    let content = SimulatedContent.random(token: number, using: &random)
    for server in servers where !server.isSetBack {
      server.deliver(content, date: RandomUser.date(number))
      phase.actors.insert(server.number)
    }
    note("all get \(SimulatedContent.label(content))")
  }

  private func lose(_ pair: Int) {
    note("the state of pair \(pair + 1) is lost")
    coverage.note("run: state lost")
    hasForgotten = true
    phase.hasForgotten = true
    forgetExpunged()
    let names = worlds[pair].servers.map { Set($0.mailboxes.keys) }
    if names.left != names.right || phase.hasChangedMailboxes { hasMultiplied = true }
    stores[pair] = worlds[pair].stateStore()
    for server in servers { forgetUnknownNumbers(server.number) }
  }

  // MARK: The digest

  /// FNV-1a.
  private func mix(_ value: UInt64) { digest = (digest ^ value) &* 0x100_0000_01b3 }

  func mixState() {
    for world in worlds { mix(UInt64(world.steps)) }
    for server in servers {
      for (_, mailbox) in server.mailboxes.sorted(by: { $0.key < $1.key }) {
        mix(UInt64(mailbox.uidNext.rawValue))
        mix(mailbox.highestModSeq)
        for message in mailbox.messages {
          mix(UInt64(message.handle.uid?.rawValue ?? 0))
          mix(UInt64(message.flags.system.rawValue))
          mix(UInt64(message.content.count))
        }
      }
    }
  }
}
