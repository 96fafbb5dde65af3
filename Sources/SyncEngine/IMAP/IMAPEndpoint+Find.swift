import IMAPClient

extension IMAPEndpoint {
  /// Finds messages of the opened mailbox by their content, for servers without UIDPLUS.
  ///
  /// - Parameter sought: in the order in which they were put there.
  /// - Returns: for each the UID, ascending among equals; `nil` if it is not there.
  func messages(from first: UID, with sought: [ContentID?]) throws(EndpointError) -> [UID?] {
    _ = try selectOpen()
    observer.begin()
    try pipeline(
      [.noop, .fetch(UIDSet(first...UID.last), ["UID", "RFC822.SIZE"])],
      to: "find the saved messages")
    let sizes = Set(sought.compactMap { $0?.size })
    let candidates = observer.gathered.fetched.messages().filter { message in
      message.uid >= first && message.size.map(sizes.contains) ?? false
    }.map(\.uid)
    let contents = try contents(of: candidates.map { .uid($0) })
    var free: [ContentID: ArraySlice<UID>] = [:]
    for uid in candidates {
      if let content = contents[.uid(uid)] { free[content, default: []].append(uid) }
    }
    return sought.map { content in content.flatMap { free[$0]?.popFirst() } }
  }
}
