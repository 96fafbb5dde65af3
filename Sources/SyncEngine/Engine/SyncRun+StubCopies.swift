import IMAPClient

/// Copies of stubs in mailboxes that a run does not look at: once the stubs have made place for their messages, nothing but
/// their first lines tells what the copies are. The base knows in which mailboxes such lines are to be looked for.
extension SyncRun {
  /// To be called before any stub makes place.
  func noteStubCopies(_ active: [MailboxSync]) throws(SideFailure) {
    let sides = Side.allCases.filter { side in
      active.contains { $0.work.contains { $0.stubDetails?.replaced?.side == side } }
    }
    guard !sides.isEmpty else { return }
    let lookedAt = Set((mailboxes + quiet).map(\.record.id))
    try stateAccess { () throws(StateError) in
      let changes = try store.mailboxes().filter { !lookedAt.contains($0.id) }.compactMap {
        record -> StateChange? in
        var marked = record
        for side in sides { marked.mayHoldStubCopies[side] = true }
        return marked == record ? nil : .putMailbox(marked)
      }
      if !changes.isEmpty { try store.commit(changes) }
    }
  }
}

extension MailboxRecord {
  private static let words = Both(left: "stub-copies=left", right: "stub-copies=right")

  /// Sides on which there may be copies of stubs that have made place since it was last looked at.
  var mayHoldStubCopies: Both<Bool> {
    get {
      let words = selection.split(separator: " ")
      return Both { side in words.contains { $0 == MailboxRecord.words[side] } }
    }
    set {
      selection = selectionOfMessages
      for side in Side.allCases where newValue[side] {
        selection += (selection.isEmpty ? "" : " ") + MailboxRecord.words[side]
      }
    }
  }

  /// Whether its anchors were taken when the same messages were selected.
  func isSelected(as policy: Policy) -> Bool {
    let now = MailboxSync.selection(of: policy)
    return selection == now || selectionOfMessages == now
  }

  private var selectionOfMessages: String {
    selection.split(separator: " ").filter { word in
      !Side.allCases.contains { word == MailboxRecord.words[$0] }
    }.joined(separator: " ")
  }
}
