import IMAPClient

extension Invocation {
  /// A word with a `:` is an endpoint, any other word a pair's name.
  static func isEndpoint(_ word: String) -> Bool { word.contains(":") }

  /// The two endpoints given on the spot, if there are any.
  var endpoints: (left: String, right: String)? {
    let start = verb == .`init` ? words.firstIndex(where: Invocation.isEndpoint) : 0
    guard let start, words.count >= start + 2, Invocation.isEndpoint(words[start]) else {
      return nil
    }
    return (words[start], words[start + 1])
  }

  /// The pairs named; empty: all of them.
  var pairNames: [String] {
    switch verb {
    case .forget, .fetch: Array(words.prefix(1))
    case .sync, .status, .check, .verify: endpoints == nil ? words : []
    case .`init`: words.filter { !Invocation.isEndpoint($0) }
    }
  }

  /// The mailboxes that `forget` is to forget; empty: the whole pair.
  var mailboxes: [String] { Array(words.dropFirst(endpoints == nil ? 1 : 2)) }

  /// What `fetch` is to fetch.
  var stubs: (mailbox: String, uids: UIDSet)? {
    let rest = mailboxes
    guard verb == .fetch, let mailbox = rest.first, rest.count > 1 else { return nil }
    var uids = UIDSet()
    for word in rest.dropFirst() {
      guard let uid = UInt32(word).flatMap({ UID($0) }) else { return nil }
      uids = uids.union(UIDSet([uid]))
    }
    return (mailbox, uids)
  }

  func checkWords() throws(UsageError) {
    if words.contains("") { throw UsageError("an empty word is no pair") }
    switch verb {
    case .sync, .status, .check, .verify: try checkPairsOrEndpoints(words)
    case .`init`:
      let names = words.prefix { !Invocation.isEndpoint($0) }
      guard names.count <= 1 else { throw UsageError("'init' takes one name") }
      try checkPairsOrEndpoints(Array(words.dropFirst(names.count)))
    case .fetch:
      guard let first = words.first else { throw UsageError("'fetch' needs a pair") }
      if Invocation.isEndpoint(first) { try checkPairsOrEndpoints(Array(words.prefix(2))) }
      guard stubs != nil else {
        throw UsageError("'fetch' needs a pair, a mailbox, and the UIDs of stubs in it")
      }
    case .forget:
      guard let first = words.first else { throw UsageError("'forget' needs a pair") }
      // After the pair come mailboxes, whose names may hold anything.
      if Invocation.isEndpoint(first) { try checkPairsOrEndpoints(Array(words.prefix(2))) }
    }
  }

  private func checkPairsOrEndpoints(_ words: [String]) throws(UsageError) {
    let endpoints = words.filter(Invocation.isEndpoint).count
    if endpoints == 0 { return }
    if let name = words.first(where: { !Invocation.isEndpoint($0) }) {
      let advice = name.contains("/") ? ", write 'maildir:\(name)'" : ""
      throw UsageError("'\(name)' is no endpoint and stands beside one\(advice)")
    }
    guard endpoints == 2 else {
      throw UsageError("two endpoints are needed, not \(endpoints)")
    }
  }
}
