import IMAPClient
import Testing

@testable import SyncEngine

@Suite("Stubs that make place") struct ReplacedStubTests {
  private static let seen = FlagSet([.seen])
  private static let marked = FlagSet([.seen, .deleted])
  private static let flaggedToo = FlagSet([.seen, .deleted, .flagged])

  @Test(
    "what this run may have done itself to a stub is not done to its message",
    arguments: [
      (false, RemovalOutcome.removed, ReplacedStub.Fate.gone), (true, .removed, .gone),
      (false, .missing, .takenAway), (true, .missing, .gone),
      (false, .kept, .there), (true, .kept, .there),
      (false, .changed(marked), .changed(FlagChange(added: FlagSet(.deleted)))),
      (true, .changed(marked), .changed(FlagChange())),
      (true, .changed(flaggedToo), .changed(FlagChange(added: FlagSet(.flagged)))),
      (true, .changed(.empty), .changed(FlagChange(removed: seen))),
    ])
  func fate(wasTried: Bool, outcome: RemovalOutcome, expected: ReplacedStub.Fate) {
    var stub = ReplacedStub(
      side: .right, uid: .first, flags: ReplacedStubTests.seen,
      row: sampleMessage(1, left: 1, right: 1))
    stub.wasTried = wasTried
    #expect(stub.fate(outcome) == expected)
    #expect(stub.fate(nil) == .there)
  }
}
