import IMAPClient
import Testing

@testable import SyncEngine

/// How long a mailbox is watched for what a dead run may still have under way.
@Suite("Settling") struct SettlingTests {
  private func uid(_ number: UInt32) -> UID { UID(number) ?? .first }

  private func intents(_ sizes: [UInt64]) -> [Intent] {
    sizes.map { size in
      Intent(
        mailbox: MailboxID(1), side: .right, size: size, date: InternalDate(seconds: 0),
        uidNext: uid(10))
    }
  }

  private func observation(next: UInt32, _ arrived: [(UInt32, UInt64)] = []) -> Observation {
    Observation(
      anchor: Anchor(uidValidity: nil, uidNext: uid(next), messages: 0), coverage: .full,
      messages: MessageList(
        arrived.map { number, size in
          ObservedMessage(
            handle: .uid(uid(number)), flags: .empty,
            details: MessageDetails(size: size, date: InternalDate(seconds: 0), id: nil))
        }))
  }

  /// Looks until there is nothing to wait for, at a mailbox in which nothing happens.
  private func wait(_ settling: inout Settling, _ observation: Observation) -> UInt32 {
    var sum: UInt32 = 0
    while let pause = settling.look(observation) { sum += pause }
    return sum
  }

  @Test("a few small messages: a second") func small() {
    var settling = Settling(intents([300, 500]), atMost: 1 << 20)
    #expect((1_000...1_300).contains(wait(&settling, observation(next: 10))))
  }

  @Test("as long as it takes on a slow line, but not beyond what can be on its way")
  func large() {
    var settling = Settling(intents([160_000]), atMost: 1 << 20)
    #expect((11_000...11_500).contains(wait(&settling, observation(next: 10))))
    var limited = Settling(intents([1 << 40, .max, .max]), atMost: 160_000)
    #expect((11_000...11_500).contains(wait(&limited, observation(next: 10))))
  }

  @Test("no longer than it takes until all of them are there") func arrived() {
    var settling = Settling(intents([160_000, 160_000, 500]), atMost: 1 << 20)
    #expect(settling.look(observation(next: 10)) != nil)
    #expect(settling.look(observation(next: 12, [(10, 160_000), (11, 500)])) != nil)
    #expect(settling.look(observation(next: 13, [(12, 160_000)])) == nil)
  }

  @Test("what others deliver meanwhile is none of them, and starts the time anew")
  func others() {
    var settling = Settling(intents([300]), atMost: 1 << 20)
    for number in 10...60 {
      #expect(settling.look(observation(next: UInt32(number) + 1, [(UInt32(number), 301)])) != nil)
    }
    #expect((1_000...1_300).contains(wait(&settling, observation(next: 61))))
  }

  @Test("messages that were there before do not count") func before() {
    var settling = Settling(intents([300]), atMost: 0)
    #expect(settling.look(observation(next: 10, [(9, 300)])) != nil)
  }

  @Test("not for ever, though somebody delivers all the time") func endless() {
    var settling = Settling(intents([300]), atMost: 1 << 20)
    var looks = 0
    while settling.look(observation(next: UInt32(11 + looks))) != nil { looks += 1 }
    #expect(looks <= 12_000)
  }
}
