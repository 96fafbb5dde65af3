import IMAPClient
import SyncEngine
import TestSupport
import Testing

/// Messages that another program changed when it copied them: design.md §3, 4.
@Suite("Pairing by essence") struct PairingEssenceTests {
  private static let fields =
    "Received: from a\r\n\tby b\r\nMessage-ID: <1@x>\r\nSubject: one  two\r\n"

  private func shape(_ header: String, body: Int = 10) throws -> EssenceHasher.Shape {
    let bytes = Array("\(header)\r\n".utf8)
    return try #require(EssenceHasher.shape(header: bytes, size: UInt64(bytes.count + body)))
  }

  @Test(
    "lines of other programs don't count, nor blanks",
    arguments: [
      "\(fields)X-TUID: 0123456789ab\r\n",
      "X-OfflineIMAP: 12-34\r\n\(fields)",
      "Received:  from a\r\n by b\r\nMessage-ID:\r\n <1@x>\r\nSubject:one two  \r\n",
      "Return-Path: <a@b>\r\nDelivered-To: unknown\r\nReceived: from s by l with IMAP4 getmail6; now\r\n"
        + "\(fields)X-getmail-retrieved-from-mailbox: INBOX\r\n",
      "X-Original-To: a\r\nReceived: from localhost by l\r\n"
        + "Received: from s\r\n\tby l with IMAP (fetchmail-6.4.37)\r\n\(fields)",
    ])
  func same(header: String) throws {
    #expect(try shape(header).essence == shape(Self.fields).essence)
  }

  @Test(
    "anything else does",
    arguments: [
      "Received: from a\r\n\tby b\r\nMessage-ID: <1@x>\r\nSubject: one  three\r\n",
      "Received: from c\r\n\tby b\r\nMessage-ID: <1@x>\r\nSubject: one  two\r\n",
      "Received: from z\r\n\(fields)", "Message-ID: <1@x>\r\nSubject: one  two\r\n",
      // A field that ends elsewhere is not the same, though its letters are.
      "Received: from a\r\n\tby b\r\nMessage-ID: <1@x>\r\nSub: ject: one  two\r\n",
    ])
  func other(header: String) throws {
    #expect(try shape(header).essence != shape(Self.fields).essence)
  }

  @Test("the body's size counts")
  func bodySize() throws {
    #expect(try shape(Self.fields, body: 11).essence != shape(Self.fields, body: 10).essence)
  }

  @Test("the size without lines of another program is that of the message before")
  func bareSize() throws {
    let touched = try shape("\(Self.fields)X-TUID: 0123456789ab\r\n")
    #expect(touched.isMarked && touched.bareSize == UInt64(Self.fields.utf8.count + 2 + 10))
    #expect(try !shape(Self.fields).isMarked)
  }

  @Test("only Message-ID and Received of the message itself tell who it is")
  func telling() throws {
    #expect(try shape(Self.fields).isTelling)
    #expect(try !shape("Subject: draft\r\n").isTelling)
    #expect(
      try !shape("Received: from s by l with IMAP4 getmail6; now\r\nSubject: draft\r\n").isTelling)
  }

  @Test("a header that was cut off tells nothing")
  func cutOff() {
    let header = [UInt8](repeating: 0x41, count: StubMessage.headerLimit)
    #expect(EssenceHasher.shape(header: header, size: 1 << 20) == nil)
  }

  @Test("a size that is smaller than the header traps nothing")
  func hostileSize() {
    #expect(EssenceHasher.shape(header: Array("X-TUID: 1\r\n\r\n".utf8), size: 3)?.bareSize == 0)
  }

  // MARK: Which headers are read

  private func kin(_ index: Int, _ size: UInt64, handled: Bool = false) -> Pairing.Kin {
    Pairing.Kin(
      Pairing.Candidate(
        index: index, handle: .uid(uid(UInt32(index + 1))), size: size, id: nil, content: nil),
      size: size, isHandled: handled)
  }

  @Test("of a size that isync makes, and near one where another program is seen")
  func wanted() {
    let plain = Pairing.wanted(
      Both(left: [kin(0, 1000)], right: [kin(1, 1022), kin(2, 978), kin(3, 1000), kin(4, 1001)]))
    #expect(plain.left == [0] && plain.right == [0, 1])
    let handled = Pairing.wanted(
      Both(left: [kin(0, 1000, handled: true)], right: [kin(1, 1064), kin(2, 935), kin(3, 1000)]))
    #expect(handled.left == [0] && handled.right == [0, 2])
    let none = Pairing.wanted(Both(left: [kin(0, 1000)], right: [kin(1, 2000)]))
    #expect(none.left.isEmpty && none.right.isEmpty)
    let edges = Pairing.wanted(
      Both(left: [kin(0, 0), kin(1, .max)], right: [kin(2, 5, handled: true)]))
    #expect(edges.left == [0] && edges.right == [0])
  }

  @Test("where the header does not tell, the bodies decide")
  func bodies() throws {
    let header = Array("Subject: draft\r\n\r\n".utf8)
    let shape = try #require(EssenceHasher.shape(header: header, size: 30))
    var both = Both(left: [kin(0, 30), kin(1, 30)], right: [kin(2, 30)])
    for side in Side.allCases {
      for index in both[side].indices { both[side][index].learn(shape) }
    }
    #expect(Pairing.undecided(both) == Both(left: [0, 1], right: [0]))
    #expect(Pairing.matchByEssence(&both).isEmpty)
    both.left[0].shape?.essence.body = guid(1)
    both.left[1].shape?.essence.body = guid(2)
    both.right[0].shape?.essence.body = guid(2)
    #expect(Pairing.matchByEssence(&both).map { [$0.left, $0.right] } == [[1, 2]])
    #expect(both.left.map(\.candidate.index) == [0] && both.right.isEmpty)
  }
}
