import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// Messages are compared part by part, which nothing of the result may show.
@Suite("Comparing part by part") struct MailboxComparisonTests {
  private static let mailbox = MailboxID(1)

  /// A mailbox on both sides, of which the base knows some.
  private struct Stage {
    var rows: [MessageRecord] = []
    var messages = Both<[VerifiedMessage]>(left: [], right: [])
    var circumstances: MailboxComparison.Circumstances

    /// Few values of everything, so that much is equal and much is not.
    init(_ random: inout SplitMix64) {
      var policy = Policy()
      policy.uids = random.oneIn(2) ? .mirror : .map
      policy.changes = random.oneIn(3) ? .right : .both
      let anchor = Anchor(uidValidity: UIDValidity(7), uidNext: uid(200), messages: 0)
      let names = Both(left: MailboxName.inbox, right: .inbox)
      let known = Both<Anchor?>(left: anchor, right: random.oneIn(4) ? nil : anchor)
      circumstances = MailboxComparison.Circumstances(
        names: names,
        record: MailboxRecord(
          id: mailbox, names: names, anchors: known, agreedNext: uid(60)),
        anchors: Both(left: anchor, right: anchor), policy: policy)
      for number in 1...100 as ClosedRange<UInt32> {
        for side in Side.allCases where !random.oneIn(5) {
          let message = Stage.message(number, &random)
          // Those without a number come last.
          messages[side].append(message)
        }
        if number < 60, !random.oneIn(4) { rows.append(Stage.row(number, &random)) }
      }
      messages = messages.map { side in
        side.filter { $0.handle.uid != nil } + side.filter { $0.handle.uid == nil }
      }
    }

    private static func flags(_ random: inout SplitMix64) -> FlagSet {
      FlagSet(random.oneIn(4) ? [.seen] : [])
    }

    private static func date(_ random: inout SplitMix64) -> InternalDate {
      InternalDate(seconds: random.oneIn(4) ? 2 : 1)
    }

    private static func message(_ number: UInt32, _ random: inout SplitMix64) -> VerifiedMessage {
      let size = UInt64(number % 3)
      func digest() -> UInt64 { random.oneIn(3) ? .random(in: 1...5, using: &random) : 100 }
      let bytes = SHA256.digest(of: guid(digest() + size).bytes)
      return VerifiedMessage(
        handle: number > 90 ? .unnumbered(UInt64(number)) : .uid(uid(number)),
        flags: flags(&random), date: date(&random),
        content: random.oneIn(20)
          ? nil
          : ReadContent(
            size: size, digest: MessageDigest(bytes),
            identity: ContentID(size: size, digest: guid(digest())),
            essence: random.oneIn(4) ? nil : guid(digest()),
            stub: random.oneIn(10) ? StubMark(size: 1, digest: guid(digest())) : nil))
    }

    private static func row(_ number: UInt32, _ random: inout SplitMix64) -> MessageRecord {
      let other = random.oneIn(10) ? number + 1 : number
      return MessageRecord(
        id: MessageID(Int64(number)), mailbox: mailbox,
        uids: Both(left: uid(number), right: uid(other)), guid: guid(UInt64(number)),
        flags: flags(&random),
        lacking: Both(left: random.oneIn(4) ? FlagSet([.seen]) : .empty, right: .empty),
        date: InternalDate(seconds: 1),
        rightDate: random.oneIn(2) ? InternalDate(seconds: 2) : nil,
        stub: random.oneIn(10) ? Side.allCases.randomElement(using: &random) : nil)
    }

    func list(_ side: Side) -> VerifiedList {
      var observed = MessageList(
        messages[side].map { message in
          ObservedMessage(
            handle: message.handle, flags: message.flags,
            details: MessageDetails(size: 0, date: message.date, id: nil))
        })
      var list = VerifiedList(taking: &observed)
      for (index, message) in messages[side].enumerated() {
        if let content = message.content { list.learn(content, at: index) }
      }
      return list
    }

    func verdict(partCount: Int) throws -> (MailboxVerdict, questions: [UIDSet]) {
      let comparison = MailboxComparison(
        circumstances, known: KnownList(rows.map { KnownMessage($0) }),
        messages: Both { list($0) }, partCount: partCount)
      // Every second one of those that are looked at once more turns out to be the same.
      let masked = comparison.suspects.map { handles in
        Dictionary(
          handles.map { handle in
            (
              handle,
              MessageDigest(SHA256.digest(of: [UInt8(handle.uid.map { $0.rawValue % 2 } ?? 9)]))
            )
          }, uniquingKeysWith: { first, _ in first })
      }
      var questions: [UIDSet] = []
      let verdict = try comparison.verdict(masked: masked) { uids in
        questions.append(uids)
        return rows.filter { uids.contains($0.uids.left) }
      }
      return (verdict, questions)
    }
  }

  @Test("parts of any size come to the same", arguments: 0..<40 as Range<UInt64>)
  func parts(_ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let stage = Stage(&random)
    let (whole, questions) = try stage.verdict(partCount: 1000)
    #expect(!whole.differences.isEmpty && whole.messages > 10)
    #expect(questions.count <= 2)
    for count in [1, 2, 7, 64] {
      let (parts, _) = try stage.verdict(partCount: count)
      #expect(parts.differences == whole.differences)
      #expect(parts.messages == whole.messages && parts.stubs == whole.stubs)
      #expect(parts.altered == whole.altered && parts.ownDates == whole.ownDates)
      #expect(parts.read == whole.read && parts.octets == whole.octets)
    }
  }

  @Test("twins are paired as a whole, wherever a part ends")
  func twins() throws {
    var random = SplitMix64(seed: 1)
    var stage = Stage(&random)
    stage.rows = []
    stage.circumstances.record = nil
    stage.circumstances.policy.uids = .map
    stage.circumstances.policy.changes = .both
    let content = ReadContent(
      size: 3, digest: MessageDigest(SHA256.digest(of: [1])),
      identity: ContentID(size: 3, digest: guid(1)))
    // Of nine equal ones, the received dates tell which is which: the first here is the last there.
    stage.messages = Both { side in
      (1...9 as ClosedRange<UInt32>).map { number in
        VerifiedMessage(
          handle: .uid(uid(side == .left ? number : 20 - number)), flags: .empty,
          date: InternalDate(seconds: Int64(number)), content: content)
      }.sorted { $0.handle < $1.handle }
    }
    for count in [1, 2, 1000] {
      #expect(try stage.verdict(partCount: count).0.differences == [])
      #expect(try stage.verdict(partCount: count).0.messages == 9)
    }
  }

  @Test("of messages that are the same on both sides, nothing more is asked of the base")
  func questions() throws {
    var random = SplitMix64(seed: 2)
    var stage = Stage(&random)
    stage.circumstances.policy.uids = .map
    stage.circumstances.policy.changes = .both
    stage.circumstances.record?.anchors.right = stage.circumstances.anchors.right
    stage.messages.left = stage.messages.left.filter {
      $0.handle.uid != nil && $0.content?.stub == nil
    }
    stage.messages.right = stage.messages.left
    stage.rows = stage.messages.left.compactMap { message in
      message.handle.uid.map { uid in
        MessageRecord(
          id: MessageID(Int64(uid.rawValue)), mailbox: Self.mailbox,
          uids: Both(left: uid, right: uid), guid: guid(1), flags: .empty,
          date: InternalDate(seconds: 9))
      }
    }
    let (equal, questions) = try stage.verdict(partCount: 1000)
    #expect(equal.isEqual && equal.messages == stage.rows.count && questions == [])
    // Of two others, of which it may know that they have to be.
    stage.messages.right[3].flags = FlagSet([.answered])
    stage.messages.left[7].date = InternalDate(seconds: 5)
    let asked = [3, 7].compactMap { stage.messages.left[$0].handle.uid }
    let (verdict, more) = try stage.verdict(partCount: 1000)
    #expect(verdict.differences.count == 2 && more == [UIDSet(asked)])
  }

  @Test("what the base knows for a stub is none of those that are looked at once more")
  func stub() throws {
    var random = SplitMix64(seed: 3)
    var stage = Stage(&random)
    stage.circumstances.policy.uids = .map
    stage.circumstances.policy.changes = .both
    stage.circumstances.record?.anchors.right = stage.circumstances.anchors.right
    stage.messages = Both { side in
      let bytes = SHA256.digest(of: Array(side.rawValue.utf8))
      return [
        VerifiedMessage(
          handle: .uid(uid(1)), flags: .empty, date: InternalDate(seconds: 1),
          content: ReadContent(
            size: 3, digest: MessageDigest(bytes), identity: ContentID(size: 3, digest: guid(1))))
      ]
    }
    var row = MessageRecord(
      id: MessageID(1), mailbox: Self.mailbox, uids: Both(left: uid(1), right: uid(1)),
      guid: guid(1), flags: .empty, date: InternalDate(seconds: 1))
    // Otherwise it is, and is found to be the same.
    for (stub, kinds) in [(Side?.none, []), (.left, ["content"])] {
      row.stub = stub
      stage.rows = [row]
      let (verdict, _) = try stage.verdict(partCount: 10)
      #expect(verdict.differences.map(\.finding.kind) == kinds)
      #expect(verdict.altered.count == (stub == nil ? 1 : 0))
      #expect(verdict.stubs == (stub == nil ? 0 : 1))
    }
  }
}
