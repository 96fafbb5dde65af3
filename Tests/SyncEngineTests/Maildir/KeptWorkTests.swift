import CLinux
import Foundation
import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// What is done in a folder of which only the names were read, and not the list.
extension KeptNamesTests {
  private func everything(_ kept: Kept) throws -> Observation {
    try kept.maildir.another(keepingNames: false).open(.inbox, OpenRequest())
  }

  @Test("numbers that are given where many have gone stay given") func manyGone() throws {
    try withKept { kept in
      for name in kept.maildir.names("cur").dropLast() { try kept.maildir.remove("cur/\(name)") }
      try kept.maildir.write("A: 4\n\n", to: "new/1.other")
      let endpoint = try kept.maildir.another()
      let seen = try endpoint.open(.inbox, OpenRequest(since: kept.anchor))
      #expect(seen.coverage == .changes(vanished: uids(1, 2)))
      #expect(try endpoint.renumber(seen.unnumbered, targets: []).map(\.uid) == [4])
      let all = try everything(kept)
      #expect(all.uids == [3, 4] && all.unnumbered.isEmpty && all.anchor.uidNext == uid(5))
      let lines = kept.maildir.text("dovecot-uidlist").split(separator: "\n")
      #expect(lines.count == 3, "what is gone has not been taken out of the list")
    }
  }

  @Test("what was put there is found, also if somebody was there meanwhile") func delivered() throws
  {
    try withKept { kept in
      let endpoint = try kept.maildir.another()
      _ = try endpoint.open(.inbox, OpenRequest(since: kept.anchor))
      try kept.maildir.write("A: 4\n\n", to: "new/1.other")
      let saver = try endpoint.saver()
      try saver.begin(
        SaveItem(flags: flags([.seen]), date: InternalDate(seconds: 1)), size: 2, form: .wire)
      try Array("\r\n".utf8).withUnsafeBytes { try saver.write($0) }
      try saver.end()
      #expect(try saver.commit().map(\.uid) == [4])
      let order = StoreOrder(uids: uids(4), added: flags([.flagged]), removed: .empty)
      #expect(try endpoint.store([order]).gone.isEmpty)
      #expect(try endpoint.describe(uids(4)).count == 1)
      #expect(try everything(kept).flags(of: 4) == flags([.flagged, .seen]))
      #expect(try endpoint.expunge(uids(4), onlyDeleted: false) == uids(4))
      #expect(try everything(kept).uids == [1, 2, 3])
    }
  }

  @Test("a list that is another one at the same time is read") func sameTime() throws {
    try withKept { kept in
      let path = "\(kept.maildir.root)/dovecot-uidlist"
      try kept.maildir.write("A: 4\n\n", to: "new/1.other")
      var status = stat()
      #expect(stat(path, &status) == 0)
      let list = kept.maildir.text("dovecot-uidlist")
      try Data((list + "4 :1.other\n").utf8).write(to: URL(fileURLWithPath: path))
      var times = [status.st_atim, status.st_mtim]
      #expect(utimensat(AT_FDCWD, path, &times, 0) == 0)
      #expect(try kept.open().uids == [1, 2, 3, 4])
    }
  }

  @Test("a folder that can't be written any more is read all the same") func readOnly() async {
    // In a process of its own, as root has to give up its rights to be refused anything.
    await #expect(processExitsWith: .success) {
      try KeptNamesTests().withKept { kept in
        let parent = (kept.maildir.root as NSString).deletingLastPathComponent
        let files = try FileManager.default.subpathsOfDirectory(atPath: parent)
        for file in files where geteuid() == 0 { chown("\(parent)/\(file)", 65534, 65534) }
        chmod(parent, 0o755)
        chmod(kept.maildir.root, 0o555)
        if geteuid() == 0 { seteuid(65534) }
        let seen = try? kept.open()
        seteuid(getuid())
        chmod(kept.maildir.root, 0o755)
        #expect(seen?.isReadOnly == true && seen?.uids == [1, 2, 3])
      }
    }
  }
}
