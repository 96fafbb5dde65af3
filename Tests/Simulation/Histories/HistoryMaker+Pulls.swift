import IMAPClient
import SyncEngine
import TestSupport

/// Histories about first syncs that are killed while they go on in parts.
extension HistoryMaker {
  mutating func makePulls() {
    let source = random.oneIn(6) ? maildir() : server()
    history.replicas = random.oneIn(3) ? [source, maildir()] : [maildir(), source]
    history.pairs = [History.Pair(left: 0, right: 1)]
    let from = history.replicas[1].isMaildir ? 0 : 1
    chooseWishes()
    history.wishes.hasMaxSize = false
    // A message that is edited, and not selected or flagged \Deleted elsewhere, is nowhere else.
    history.wishes.since = nil
    history.wishes.expunge = .none
    history.wishes.partSize = Int.random(in: 1...4, using: &random)
    if random.oneIn(3) { act([.create, .deliver, .twin], 1...3) }
    if random.oneIn(4) { history.steps.append(.rest) }
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      fill(from, 4...10)
      for _ in 0..<Int.random(in: 1...2, using: &random) {
        run([cut()])
        if random.oneIn(3) {
          // What goes from where it came from, and nobody recorded, may be taken for a twin of another date.
          act([.deliver, .flag, .twin, .copy], on: from)
          act([.deliver, .expunge, .flag, .twin, .copy, .move, .edit, .number], on: 1 - from)
        }
      }
      history.steps.append(.rest)
    }
  }

  /// Much arrives on one side.
  private mutating func fill(_ replica: Int, _ count: ClosedRange<Int>) {
    for _ in 0..<Int.random(in: count, using: &random) {
      let deeds: [Deed] = [.deliver, .deliver, .deliver, .deliver, .twin, .expunge, .flag]
      history.steps.append(
        .deed(replica, deeds.randomElement(using: &random) ?? .deliver, number()))
    }
  }

  /// After something was saved, and before it is recorded.
  private mutating func cut() -> History.Incident {
    let isAtSave = !random.oneIn(3)
    let fault = SimulatedFault.crash(
      random.oneIn(3) ? .all : .partial(Int.random(in: 0...4, using: &random)))
    return History.Incident(
      moment: isAtSave && Bool.random(using: &random) ? .after : .before,
      call: isAtSave ? .save : .commit,
      number: Int.random(in: 1...(isAtSave ? 3 : 8), using: &random), event: .fault(fault))
  }
}
