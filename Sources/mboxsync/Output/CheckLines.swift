import IMAPClient
import SyncEngine

/// What `check` found, in words: problems are told before, each in a line of its own.
enum CheckLines {
  /// - Parameters:
  ///   - showsAll: also mailboxes that are as one expects.
  ///   - width: columns to keep to, where words allow it.
  static func lines(
    _ checked: CheckedPair, now: Int64, showsAll: Bool, width: Int = .max
  ) -> [String] {
    var lines = [checked.pair + (checked.failures.isEmpty ? ": ok" : ": failed")]
    for side in Side.allCases {
      let endpoint = checked.endpoints[side]
      lines.append("  \(side.rawValue)\(side == .left ? " " : "")  \(endpoint.name)")
      lines += table(rows(endpoint, now), width: width == .max ? width : width - 9)
        .map { "         " + $0 }
    }
    lines.append("  state  \(checked.stateDirectory)")
    lines.append(
      "         " + (checked.isStateFree ? "not in use by another run" : "can't be used now"))
    return lines + mailboxes(checked.mailboxes, showsAll: showsAll)
  }

  private static func rows(_ endpoint: CheckedPair.Endpoint, _ now: Int64) -> [[String]] {
    guard endpoint.isReached else {
      return [[endpoint.isRefused ? "not logged in" : "not reached"]]
    }
    let facts = endpoint.facts
    var rows: [[String]] = []
    if endpoint.isMissing {
      rows.append(["not there yet, the first sync makes it"])
      return rows
    }
    if let layout = facts.layout { rows.append(["layout", layout.rawValue]) }
    if let server = facts.server, !server.isEmpty { rows.append(["server", server]) }
    if let tls = facts.tls {
      rows.append(["TLS", "\(tls.version), \(tls.cipher)"])
      rows += certificates(facts, isPinned: endpoint.isPinned, now)
    } else if facts.tier != nil {
      rows.append(["TLS", "none"])
    }
    if let login = facts.login { rows.append(["login", login]) }
    if let tier = facts.tier { rows.append(["changes", words(tier)]) }
    if !facts.extensions.isEmpty {
      rows.append(["uses", facts.extensions.joined(separator: " ")])
    }
    if !facts.missing.isEmpty { rows.append(["lacks", facts.missing.joined(separator: " ")]) }
    let messages = endpoint.messages.map { ", \(Text.counted($0, "message"))" } ?? ""
    rows.append(["holds", Text.counted(endpoint.mailboxes, "mailbox") + messages])
    return rows
  }

  private static func certificates(
    _ facts: EndpointFacts, isPinned: Bool, _ now: Int64
  ) -> [[String]] {
    guard let own = facts.chain.first else { return [] }
    let days = own.expiresAt.map { " (\(Text.counted(Int(($0 - now) / 86_400), "day")))" } ?? ""
    var rows = [["certificate", "\(own.subject), until \(own.expires)\(days)"]]
    if isPinned {
      rows.append(["trusted by", "its fingerprint"])
    } else if facts.chain.count > 1 {
      rows.append(["signed by", facts.chain.dropFirst().map(\.subject).joined(separator: ", by ")])
    }
    return rows
  }

  private static func words(_ tier: EndpointFacts.Tier) -> String {
    switch tier {
    case .qresync: "QRESYNC: the server tells what changed and what is gone"
    case .condstore: "CONDSTORE: the server tells what changed; UIDs are compared for what is gone"
    case .plain: "UID and flags of every message are read where something may have changed"
    }
  }

  // MARK: Mailboxes

  /// More of one kind than this are only counted, unless all are asked for.
  private static let namedMailboxes = 8

  private static func mailboxes(
    _ mailboxes: [CheckedPair.Mailbox], showsAll: Bool
  ) -> [String] {
    guard !mailboxes.isEmpty else { return [] }
    var counts: [String] = []
    var rows: [[String]] = []
    var kinds: [CheckedPair.Mailbox.State] = []
    for mailbox in mailboxes where !kinds.contains(mailbox.state) { kinds.append(mailbox.state) }
    for kind in kinds {
      let all = mailboxes.filter { $0.state == kind }
      // One that is called otherwise on the other side is always named.
      let plain = all.filter { $0.left == $0.right || $0.left == nil || $0.right == nil }
      let isCounted = !showsAll && (kind == .both || plain.count > namedMailboxes)
      if isCounted, !plain.isEmpty { counts.append("\(Text.grouped(plain.count)) \(words(kind))") }
      rows += (isCounted ? all.filter { !plain.contains($0) } : all)
        .map { [name($0.left), name($0.right), words($0.state)] }
    }
    return ["  mailboxes"] + (counts + table(rows)).map { "         " + $0 }
  }

  private static func name(_ name: MailboxName?) -> String { name?.path ?? "-" }

  static func words(_ state: CheckedPair.Mailbox.State) -> String {
    switch state {
    case .both: "on both sides"
    case .only(let side): "only on the \(side), made on the \(side.other) by the next sync"
    case .stays(let side): "only on the \(side), as 'create' says"
    case .gone(let side): "gone from the \(side) since the last sync"
    case .renamed(let side):
      "renamed on the \(side), the next sync renames it on the \(side.other)"
    case .contested: "not synced: its name on the right is another mailbox's, see 'map'"
    case .leftOut: "left out by 'mailboxes'"
    }
  }

  /// Cells that are wider do not widen the column for the others.
  private static let widestCell = 40

  /// Columns as wide as their widest cell, two blanks apart; the last one is broken between words where
  /// it does not fit.
  static func table(_ rows: [[String]], width: Int = .max) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.compactMap { column < $0.count - 1 ? DisplayWidth.of($0[column]) : nil }
        .filter { $0 <= widestCell }.max() ?? 0
    }
    return rows.flatMap { row -> [String] in
      var start = ""
      for (column, cell) in row.dropLast().enumerated() {
        let missing = max(0, widths[column] - DisplayWidth.of(cell))
        start += cell + String(repeating: " ", count: missing + 2)
      }
      let indent = DisplayWidth.of(start)
      let pieces = broken(row.last ?? "", width: width == .max ? width : max(20, width - indent))
      return pieces.enumerated().map { index, piece in
        (index == 0 ? start : String(repeating: " ", count: indent)) + piece
      }
    }
  }

  /// Between words, where there is one that fits.
  private static func broken(_ text: String, width: Int) -> [String] {
    guard DisplayWidth.of(text) > width else { return [text] }
    var lines = [""]
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      let line = lines[lines.count - 1]
      if line.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if DisplayWidth.of(line) + 1 + DisplayWidth.of(String(word)) <= width {
        lines[lines.count - 1] = "\(line) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
