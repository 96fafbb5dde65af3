import IMAPClient
import SyncEngine

/// How far a pair's run has come, in one line that keeps its shape while numbers grow.
struct ProgressBar {
  private var pair: String
  /// `nil` as long as it is not known what there is to do.
  private var mailboxes: Int?
  private var mailboxesBegun = 0
  private var mailboxesDone = 0
  private var messages = 0
  private var messagesDone = 0
  private var octets: UInt64 = 0
  private var octetsDone: UInt64 = 0
  private var current = ""
  private var meter = RateMeter()

  init(pair: String) { self.pair = pair }

  /// - Parameter now: milliseconds of a clock that never goes back.
  mutating func handle(_ event: SyncEvent, now: Int64) {
    switch event {
    case .mailboxesToSync(let count): mailboxes = (mailboxes ?? 0) + count
    case .mailboxBegun(let name):
      mailboxesBegun += 1
      current = name.path
    case .mailboxDone(let name):
      mailboxesDone += 1
      current = name.path
    case .transfersPlanned(let count, let size):
      messages += count
      octets &+= size
    case .transferred(let count, let size):
      messagesDone += count
      octetsDone &+= size
      meter.note(octetsDone, now)
    case .change(_, let name, _): current = name.path
    case .notice: break
    }
  }

  /// At most `width` columns; what matters least is left out first. Empty as long as both sides are being
  /// reached: a password may be asked for on the same terminal; and where no mailbox has to be looked into.
  func line(width: Int, now: Int64) -> String {
    var parts = self.parts(now: now)
    func text() -> String { parts.map(\.text).joined(separator: "  ") }
    while DisplayWidth.of(text()) > width, parts.count > 1 {
      guard let least = parts.indices.max(by: { parts[$0].rank < parts[$1].rank }) else { break }
      parts.remove(at: least)
    }
    return DisplayWidth.prefix(of: text(), columns: max(0, width))
  }

  private struct Part {
    var text: String
    /// The highest is left out first.
    var rank: Int
  }

  private func parts(now: Int64) -> [Part] {
    guard let mailboxes, mailboxes > 0 else { return [] }
    var parts = pair.isEmpty ? [] : [Part(text: pair, rank: 0)]
    if messages > 0 { parts.append(Part(text: "\(padded(percent, to: 3))%", rank: 1)) }
    parts.append(Part(text: mailboxText(of: mailboxes), rank: messages > 0 ? 5 : 1))
    if messages > 0 {
      let count = Text.grouped(messages)
      let done = padded(Text.grouped(min(messagesDone, messages)), like: count)
      parts.append(Part(text: "\(done)/\(count) messages", rank: 4))
      parts.append(Part(text: Text.octets(min(octetsDone, octets), of: octets), rank: 3))
      let rate = meter.rate(now)
      parts.append(Part(text: padded(rate.map { Text.octets($0) + "/s" } ?? "", to: 10), rank: 6))
      parts.append(Part(text: padded(timeLeft(rate), to: 10), rank: 2))
    }
    if !current.isEmpty { parts.append(Part(text: current, rank: 7)) }
    return parts
  }

  /// How many are looked at, as long as that is all that is done; then how many have their messages.
  private func mailboxText(of count: Int) -> String {
    let isLooking = messages == 0 && mailboxesDone == 0 && mailboxesBegun > 0
    let reached = min(isLooking ? mailboxesBegun : mailboxesDone, count)
    let all = Text.grouped(count)
    return
      "\(isLooking ? "looking at " : "")\(padded(Text.grouped(reached), like: all))/\(all) mailboxes"
  }

  /// By octets, which take the time; by messages where they have no size.
  private var percent: String {
    guard octets > 0 else { return String(min(messagesDone, messages) * 100 / max(1, messages)) }
    return String(UInt64(Double(min(octetsDone, octets)) / Double(octets) * 100))
  }

  /// `1:05 left`
  private func timeLeft(_ rate: UInt64?) -> String {
    guard let rate, rate > 0, octets > octetsDone else { return "" }
    let seconds = (octets - octetsDone) / rate + 1
    guard seconds < 100 * 3600 else { return "" }
    func two(_ number: UInt64) -> String { (number < 10 ? "0" : "") + String(number) }
    let minutes = seconds / 60
    let text =
      minutes < 60
      ? "\(minutes):\(two(seconds % 60))"
      : "\(minutes / 60):\(two(minutes % 60)):\(two(seconds % 60))"
    return "\(text) left"
  }

  private func padded(_ text: String, to width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.utf8.count)) + text
  }

  private func padded(_ text: String, like other: String) -> String {
    padded(text, to: other.utf8.count)
  }
}

/// Octets a second, over the last while.
struct RateMeter {
  /// In milliseconds.
  private static let window: Int64 = 10_000
  private static let spacing: Int64 = 500
  /// Before this there is nothing to be told.
  private static let start: Int64 = 1_500

  private var samples: [(time: Int64, octets: UInt64)] = []

  /// - Parameter octets: in all.
  mutating func note(_ octets: UInt64, _ now: Int64) {
    if let last = samples.last, samples.count > 1,
      now - samples[samples.count - 2].time < RateMeter.spacing
    {
      samples[samples.count - 1] = (last.time, octets)
    } else {
      samples.append((now, octets))
    }
    while samples.count > 2, now - samples[1].time > RateMeter.window { samples.removeFirst() }
  }

  /// Falls when nothing comes any more.
  func rate(_ now: Int64) -> UInt64? {
    guard let first = samples.first, let last = samples.last, now - first.time >= RateMeter.start
    else { return nil }
    let octets = last.octets &- first.octets
    return UInt64(Double(octets) * 1000 / Double(now - first.time))
  }
}
