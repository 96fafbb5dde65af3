import SyncEngine

/// `mboxsync check`: reaches for everything that a sync needs, and changes no mailbox.
struct CheckVerb {
  let session: Session

  func run() throws(Complaint) -> ExitCode {
    var codes: [ExitCode] = []
    for pair in try session.pairs() {
      if session.cancellation.isRequested {
        codes.append(.tryAgain)
        break
      }
      codes.append(check(pair))
    }
    return ExitCode.highest(codes)
  }

  private func check(_ pair: PairSettings) -> ExitCode {
    var rows: [[String]] = []
    var failures: [SyncFailure] = []
    let factories = session.factories(pair)
    for side in Side.allCases {
      let factory = factories[side]
      do {
        let endpoint = try factory.connect()
        defer { endpoint.disconnect() }
        let listing = try endpoint.list()
        let found = try CheckVerb.found(endpoint, listing)
        rows.append([side.rawValue, factory.name, "ok", found])
      } catch {
        failures.append(SyncFailure(error, side: side))
        rows.append([side.rawValue, factory.name, "failed", error.code.rawValue])
      }
    }
    do {
      // Takes the pair's lock and lets it go.
      let opened = try SQLiteStateStore.open(
        directory: session.stateDirectory, pair: pair.name, access: .readWrite)
      let notice = opened.notices.first ?? "not in use by another run"
      rows.append(["state", session.stateDirectory, "ok", notice])
    } catch {
      let failure = SyncFailure(error)
      failures.append(failure)
      rows.append(["state", session.stateDirectory, "failed", failure.code.rawValue])
    }
    show(pair, rows)
    for failure in failures { session.console.failure(failure, pair: pair.name) }
    return ExitCode.highest(failures.map { ExitCode($0.code, scope: $0.scope) })
  }

  private static func found(
    _ endpoint: any Endpoint, _ listing: MailboxListing
  ) throws(EndpointError) -> String {
    if try endpoint.hasMark("") == .noStore { return "not there yet, the first sync makes it" }
    let selectable = listing.mailboxes.filter(\.isSelectable).count
    var parts = [Text.counted(selectable, "mailbox")]
    let traits = endpoint.traits
    if traits.hasModSequences { parts.append("mod-sequences") }
    if traits.hasIDs { parts.append("message ids") }
    if traits.choosesUIDs { parts.append("takes any UID") }
    if !listing.unusable.isEmpty { parts.append("\(listing.unusable.count) unusable names") }
    return parts.joined(separator: ", ")
  }

  private func show(_ pair: PairSettings, _ rows: [[String]]) {
    guard session.console.verbosity >= 0 else { return }
    session.console.print(Text.escaped(pair.name))
    for line in CheckVerb.table(rows) { session.console.print("  " + Text.escaped(line)) }
  }

  /// Columns as wide as their widest cell, two blanks apart.
  static func table(_ rows: [[String]]) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.compactMap { column < $0.count ? $0[column].count : nil }.max() ?? 0
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        column == row.count - 1
          ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
      }.joined(separator: "  ")
    }
  }
}
