import IMAPClient

/// What a stub says to people: how large the message is, and what of it is missing.
struct StubNote {
  let size: UInt64
  let parts: [MessagePart]
  /// Those that stand in the stub.
  let kept: [Int]

  /// No more parts are named.
  private static let limit = 50

  /// With its own header and the empty line after it.
  var part: [UInt8] {
    let lines = self.lines
    let isPlain = lines.allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 } }
    let header = [
      "Content-Type: text/plain; charset=\(isPlain ? "us-ascii" : "utf-8")",
      "Content-Transfer-Encoding: \(isPlain ? "7bit" : "8bit")", "",
    ]
    return (header + lines).flatMap { Array($0.utf8) + [0x0d, 0x0a] }
  }

  private var lines: [String] {
    let what = kept.isEmpty ? "the header" : "the text"
    let missing = parts.indices.filter { !kept.contains($0) }.map { parts[$0] }
    var lines = [
      "[This is only \(what) of a message of \(StubNote.readable(size)),",
      "which is larger than the max-size of your mailbox synchronisation allows.", "",
    ]
    if !missing.isEmpty {
      lines.append("Left out:")
      lines += missing.prefix(StubNote.limit).map { "  \(StubNote.describe($0))" }
      if missing.count > StubNote.limit {
        lines.append("  and \(missing.count - StubNote.limit) more")
      }
      lines.append("")
    }
    lines += [
      "To get the whole message, flag this one (\\Flagged): it is replaced at the",
      "next sync. Expunging it expunges the whole message.]",
    ]
    return lines
  }

  /// `holiday.jpg, image/jpeg, 1234567 octets (1.1 MiB)`
  private static func describe(_ part: MessagePart) -> String {
    let isPlain = part.type.count <= 60 && part.type.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    let type = isPlain ? String(decoding: part.type, as: UTF8.self) : "a part"
    return ((part.shownName.map { [$0] } ?? []) + [type, readable(part.size)]).joined(
      separator: ", ")
  }

  /// With one decimal, of which nothing is lost where it matters: `1234567 octets (1.1 MiB)`.
  private static func readable(_ size: UInt64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    var unit = 0
    var divisor: UInt64 = 1024
    while unit + 1 < units.count, size / divisor >= 1024 {
      divisor *= 1024
      unit += 1
    }
    let tenths = size % divisor / (divisor / 1024) * 10 / 1024
    return "\(size) octets (\(size / divisor).\(tenths) \(units[unit]))"
  }
}
