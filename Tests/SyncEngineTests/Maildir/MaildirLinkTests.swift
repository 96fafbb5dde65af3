import Foundation
import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

@Suite("The Maildir endpoint: links") struct MaildirLinkTests {
  private func withMaildir(
    _ layout: Layout, folders: [String], links: [(to: String, at: String)],
    _ body: (MaildirFixture, MailboxListing) throws -> Void
  ) throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory, layout: layout)
      for folder in folders { try maildir.makeFolder(folder) }
      for link in links { #expect(symlink(link.to, "\(maildir.root)/\(link.at)") == 0) }
      try body(maildir, try maildir.endpoint.list())
    }
  }

  private func names(_ listing: MailboxListing) -> [String] { listing.mailboxes.map(\.name.path) }

  private func isOther(_ path: String, _ listing: MailboxListing) -> Bool {
    MailboxName(path: path).map(listing.isOtherName) ?? false
  }

  @Test("a second name for a folder is told, and is no mailbox") func flat() throws {
    try withMaildir(
      .maildirPlusPlus, folders: ["", ".Real", ".Alias.Below"],
      links: [(".Real", ".Alias"), (".Real", ".A2"), (".", ".Top")]
    ) { maildir, listing in
      #expect(names(listing) == ["Alias", "Alias/Below", "INBOX", "Real"])
      #expect(listing.mailboxes.first?.isSelectable == false)
      #expect(
        listing.unusable.map(\.name) == [".A2", ".Alias", ".Top"].map { "\(maildir.root)/\($0)" })
      #expect(listing.unusable.first?.reason == "it is the same directory as \(maildir.root)/.Real")
      #expect(isOther("Alias", listing) && isOther("A2", listing))
      #expect(!isOther("Real", listing))
      // It is a folder of its own.
      #expect(!isOther("Alias/Below", listing))
    }
  }

  @Test("a link to a folder elsewhere is a mailbox; of two to one it is the first")
  func elsewhere() throws {
    for layout in Layout.allCases {
      let (dot, inbox) = layout == .fs ? ("", "INBOX") : (".", "")
      try withMaildir(
        layout, folders: [inbox, "../Other"],
        links: [("../Other", "\(dot)B"), ("../Other", "\(dot)A")]
      ) { maildir, listing in
        #expect(names(listing) == ["A", "INBOX"])
        #expect(listing.unusable.map(\.name) == ["\(maildir.root)/\(dot)B"])
      }
    }
  }

  @Test("in a nested tree it takes those below along") func nested() throws {
    try withMaildir(
      .fs, folders: ["INBOX", "Z", "Z/Sub"], links: [("Z", "A"), ("Z/Sub", "S"), ("..", "Z/up")]
    ) { maildir, listing in
      #expect(names(listing) == ["INBOX", "Z", "Z/Sub"])
      #expect(listing.unusable.map(\.name) == ["A", "S", "Z/up"].map { "\(maildir.root)/\($0)" })
      #expect(isOther("A/Sub", listing))
      #expect(!isOther("Z/Sub", listing))
    }
  }

  @Test("INBOX is one, also where it is a link") func inbox() throws {
    try withMaildir(.fs, folders: ["A"], links: [("A", "INBOX")]) { maildir, listing in
      #expect(names(listing) == ["INBOX"])
      #expect(listing.unusable.map(\.name) == ["\(maildir.root)/A"])
    }
  }
}
