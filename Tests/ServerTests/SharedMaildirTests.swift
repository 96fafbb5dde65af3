import Foundation
import TestSupport
import Testing

/// A Maildir that belongs to somebody else and that a group may write.
@Suite("A shared Maildir") struct SharedMaildirTests {
  /// A Maildir of two messages that is root's, and open to all.
  private func makeShared(in directory: TemporaryDirectory) throws -> String {
    let root = try directory.directory("shared")
    for part in ["cur", "new", "tmp"] { _ = try directory.directory("shared/\(part)") }
    for number in 1...2 {
      try directory.write(
        "Subject: \(number)\n\ntext\n", to: "shared/new/160000000\(number).x", mode: 0o666)
    }
    for part in ["", "/cur", "/new", "/tmp"] {
      #expect(chown(root + part, 0, 0) == 0)
      #expect(chmod(root + part, 0o777) == 0)
    }
    return root
  }

  private func run(_ arguments: [String], in directory: TemporaryDirectory) throws -> ProgramResult
  {
    try Mboxsync(in: directory).runUnprivileged(["--state", directory.path("state")] + arguments)
  }

  @Test(
    "is synced by who may write it, and what is made there is open to all the group",
    .enabled(if: geteuid() == 0, "only root can give files away"))
  func shared() throws {
    try withTemporaryDirectory { directory in
      let shared = try makeShared(in: directory)
      let own = directory.path("own")
      let first = try run(["maildir:\(shared)", "maildir:\(own)"], in: directory)
      #expect(first.code == 0, "\(first.errorText)")
      let files = try FileManager.default.contentsOfDirectory(atPath: "\(own)/new").sorted()
      #expect(files.count == 2)
      let read = try #require(files.first)
      try FileManager.default.moveItem(
        atPath: "\(own)/new/\(read)", toPath: "\(own)/cur/\(read):2,S")
      try directory.write("Subject: 3\n\ntext\n", to: "own/new/1600000003.x")
      let second = try run(["maildir:\(shared)", "maildir:\(own)"], in: directory)
      #expect(second.code == 0, "\(second.errorText)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: "\(shared)/cur").count == 1)
      for (folder, expected) in [(shared, 0o666), (own, 0o600)] as [(String, mode_t)] {
        let message = try #require(try arrived(in: folder))
        for part in ["dovecot-uidlist", message] {
          let mode = try mode(of: "\(folder)/\(part)")
          #expect(mode == expected, "\(folder)/\(part)")
        }
      }
    }
  }

  /// A message that the program has put there.
  private func arrived(in folder: String) throws -> String? {
    try FileManager.default.contentsOfDirectory(atPath: "\(folder)/new").first { $0.contains("Q") }
      .map { "new/\($0)" }
  }

  private func mode(of path: String) throws -> mode_t {
    var status = stat()
    guard stat(path, &status) == 0 else { throw TestFailure("there is no \(path)") }
    return status.st_mode & 0o777
  }
}
