/// What users, other programs and administrators do to a store. The words stand in written histories.
public enum Deed: String, CaseIterable, Hashable, Sendable {
  // MARK: Users

  case deliver
  /// Delivers the bytes of a message that is there already.
  case twin
  /// Delivers what was delivered under the number before this one, here or elsewhere, with the date of this one.
  case again
  /// Delivers a message with the header of one that is there already, and another body.
  case variant
  case flag
  case unflag
  case keyword
  case unkeyword
  case copy
  case move
  case expunge
  /// Expunges all of a mailbox.
  case empty
  case create
  case rename
  case delete
  case subscribe
  /// Writes something else into the file of a message.
  case edit
  /// A Dovecot numbers what it finds without numbers in a Maildir.
  case number

  // MARK: Administrators

  /// The indexes are lost: messages get new UIDs under a new UIDVALIDITY.
  case reset
  /// And new ids too.
  case resetIDs = "reset-ids"
  case backup
  /// The last backup comes back under the UIDVALIDITY that it had.
  case restore
  /// The last backup comes back under a new UIDVALIDITY.
  case restoreAnew = "restore-anew"
  /// The same as `backup` and `restore`, but users go on at once, and no run need see the mailboxes before they have
  /// come as far as they were, or further.
  case setAside = "set-aside"
  case rollBack = "roll-back"
  /// A Maildir's disk is not mounted, or another one is. At the next rest it is as it was.
  case unmount
  /// Nothing more fits in.
  case full
  /// Some messages are refused for good.
  case refusing
  case readOnly = "read-only"
  case loseMove = "lose-move"
  case loseUIDPlus = "lose-uidplus"
  case loseModSequences = "lose-modseqs"
  case loseIDs = "lose-ids"
  /// All that was lost or full is as it was.
  case heal

  /// Mail and flags, as on any day.
  public static let everyday: [Deed] = [
    .deliver, .deliver, .deliver, .deliver, .twin, .flag, .flag, .unflag, .keyword, .copy, .move,
    .expunge, .expunge, .subscribe, .number,
  ]

  /// And now and then something about mailboxes.
  public static let all: [Deed] =
    everyday + everyday + [.create, .rename, .delete, .unkeyword, .deliver, .empty]

  /// Without a Dovecot that numbers the files of a Maildir while they are numbered, and without anyone
  /// who takes a flag away that a run has just set: in a mailbox where no other message has it, that can't
  /// be told from a server that does not keep it.
  public static let duringRuns = all.filter {
    ![.number, .unflag, .keyword, .unkeyword, .empty].contains($0)
  }

  public static let administrative: [Deed] = [
    .reset, .resetIDs, .backup, .restore, .restoreAnew, .full, .refusing, .readOnly, .loseMove,
    .loseUIDPlus, .loseModSequences, .loseIDs, .heal,
  ]

  /// Those that only histories of a ``Profile`` of their own have.
  private static let special: [Deed] = [.setAside, .rollBack, .unmount]

  public var isAdministrative: Bool {
    Deed.administrative.contains(self) || Deed.special.contains(self)
  }

  /// Whether UIDs may be given out again, or others than before.
  var makesForget: Bool {
    [.reset, .resetIDs, .restore, .restoreAnew, .rollBack].contains(self)
  }

  /// Whether several mailboxes may be concerned.
  var concernsMailboxes: Bool { [.create, .rename, .delete].contains(self) }
}
