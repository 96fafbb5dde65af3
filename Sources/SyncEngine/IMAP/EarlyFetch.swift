import IMAPClient

/// Whole messages of another mailbox that were asked for behind those of the last one.
final class EarlyFetch {
  let wanted: ForeseenFetch
  let select: Tag
  let fetch: Tag
  let answers: EarlyAnswers
  private let connection: IMAPConnection

  init(_ wanted: ForeseenFetch, _ connection: IMAPConnection, select: Tag, fetch: Tag) {
    self.wanted = wanted
    self.connection = connection
    self.select = select
    self.fetch = fetch
    answers = EarlyAnswers(
      of: wanted.mailbox, first: select, last: fetch, isAtWork: false, hasBodies: true)
  }

  func drop() {
    answers.drop()
    connection.forgo(select)
    connection.forgo(fetch)
  }
}

extension IMAPEndpoint {
  /// Those fetched by one command are few enough to be sent before their turn.
  private static let mostForeseen = 99

  func foresee(fetches: [ForeseenFetch]) {
    forgetForeseen()
    foreseenFetches = fetches.filter { fetch in
      fetch.uids.count <= IMAPEndpoint.mostForeseen
        && zip(fetch.uids, fetch.uids.dropFirst()).allSatisfy { $0 < $1 }
    }
  }

  /// Messages that were asked for already.
  func takeEarlyFetch(_ wanted: ForeseenFetch) -> EarlyFetch? {
    guard let index = earlyFetches.firstIndex(where: { $0.wanted == wanted }) else { return nil }
    for passed in earlyFetches[..<index] { passed.drop() }
    let early = earlyFetches[index]
    earlyFetches.removeSubrange(...index)
    return early
  }

  /// Sends what comes next behind the commands of a fetch, which are the last that were sent.
  func sendForeseen(behind wanted: ForeseenFetch, first: Tag, last: Tag) {
    guard let index = foreseenFetches.firstIndex(of: wanted) else { return }
    let next = foreseenFetches[(index + 1)...]
    foreseenFetches = []
    guard asksAhead, !next.isEmpty, earlyFetches.isEmpty, !connection.isAboutToCompress else {
      return
    }
    var answers = EarlyAnswers(of: wanted.mailbox, first: first, last: last, isAtWork: true)
    observer.expected.append(answers)
    for one in next {
      // What is wrong with one of them is told when it has its turn.
      guard (try? part(answers, from: one.mailbox)) != nil,
        let select = try? sendSelectEarly(one.mailbox, .plain),
        let fetch = try? send(.fetch(UIDSet(one.uids), MessageFetch.items))
      else { return }
      let early = EarlyFetch(one, connection, select: select, fetch: fetch)
      answers = early.answers
      observer.expected.append(answers)
      earlyFetches.append(early)
    }
  }

  func dropEarlyFetches() {
    for early in earlyFetches { early.drop() }
    earlyFetches = []
  }
}
