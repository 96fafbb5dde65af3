import IMAPClient
import SyncEngine
import TestSupport

/// Histories about `max-size`.
extension HistoryMaker {
  mutating func makeStubs() {
    chooseTwo()
    chooseWishes()
    history.wishes.hasMaxSize = true
    history.wishes.since = nil
    furnish(mailboxes: 1...2, messages: 3...7)
    let deeds: [Deed] = [.flag, .flag, .flag, .flag, .unflag, .keyword, .copy, .move, .deliver]
    // Where a run expunges what is flagged \Deleted, who takes that flag off in the same moment comes too late.
    let meanwhile: [Deed] =
      [.move, .move, .flag, .keyword, .copy, .expunge]
      + (history.wishes.expunge == .none ? [.unflag] : [.flag])
    for _ in 0..<Int.random(in: 2...3, using: &random) {
      act(deeds, 2...6)
      var incidents: [History.Incident] = []
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        incidents.append(
          random.oneIn(3)
            ? deed(meanwhile, before: nil, upTo: 40)
            : deed(
              meanwhile, before: [.save, .expunge, .expunge, .store].randomElement(using: &random),
              upTo: 2))
      }
      if random.oneIn(4) {
        incidents.append(fault(at: [.save, .expunge, .commit], isRefused: false))
      }
      run(incidents)
      if random.oneIn(3) { run([]) }
      history.steps.append(.rest)
    }
  }
}
