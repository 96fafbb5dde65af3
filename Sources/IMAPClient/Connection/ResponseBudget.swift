/// How much a server may say before it answers a command: an endless stream of responses must neither keep a run for ever
/// nor fill the memory.
struct ResponseBudget: Hashable {
  /// What nobody asked for: `* OK still here`, EXISTS, capabilities, what is not known here.
  var remarks = 100_000
  /// LIST, LSUB and STATUS.
  var mailboxes = 300_000
  /// SEARCH, ESEARCH and VANISHED, which may each name many messages.
  var sets = 100_000
  /// FETCH and EXPUNGE, of which there may be one for each message.
  var messages = 20_000_000

  /// Takes one response off.
  /// - Returns: what there is too much of, if this was one too many.
  mutating func spend(on response: Response) -> String? {
    switch response {
    case .list, .mailboxStatus: spend(&mailboxes, "mailboxes")
    case .search, .esearch, .vanished: spend(&sets, "sets of messages")
    case .fetch, .expunge: spend(&messages, "messages")
    case .tagged: nil
    case .status, .continuation, .exists, .recent, .capability, .enabled, .flags, .myRights,
      .namespace, .id, .unknown:
      spend(&remarks, "remarks")
    }
  }

  private func spend(_ left: inout Int, _ what: String) -> String? {
    left -= 1
    return left < 0 ? what : nil
  }
}
