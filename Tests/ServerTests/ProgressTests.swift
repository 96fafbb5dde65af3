import Foundation
import TestSupport
import Testing

/// The line of progress on a terminal.
@Suite("Progress") struct ProgressTests {
  /// A Maildir and a server whose password comes when `gate` is there.
  private func withStage(_ body: (Mboxsync, _ gate: () throws -> Void) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let server = try DovecotServer.start(in: directory)
      defer { server.stop() }
      let mboxsync = try Mboxsync(in: directory)
      for part in ["cur", "new", "tmp"] { _ = try directory.directory("home/Mail/\(part)") }
      for number in 1...3 {
        try directory.write("Subject: \(number)\n\nx\n", to: "home/Mail/cur/\(number).x:2,")
      }
      let gate = directory.path("gate")
      _ = try directory.directory("home/.config/mboxsync")
      try directory.write(
        """
        [pair home]
        left = maildir:~/Mail
        right = imap://alice@127.0.0.1:\(server.port)
        right.tls = none
        right.password-command = "while [ ! -e \(gate) ]; do sleep 0.05; done; echo pass word"
        """, to: "home/.config/mboxsync/config", mode: 0o600)
      try body(mboxsync) { try directory.write("", to: "gate") }
    }
  }

  @Test(
    "it is drawn in place, fits the terminal when that becomes narrower, and leaves the summary")
  func resized() throws {
    try withStage { mboxsync, openGate in
      let session = try mboxsync.startOnTerminal([], columns: 80)
      try session.wait(for: "\rhome  connecting")
      session.resize(columns: 9)
      // Drawn anew by itself, though nothing happens: what was broken into two lines is erased.
      try session.wait(for: "\u{1b}[1A\r\u{1b}[Jhome\u{1b}[K")
      try session.wait(for: "\rhome\u{1b}[K")
      session.resize(columns: 100)
      try session.wait(for: "\rhome  connecting")
      try openGate()
      #expect(try session.finish() == .exited(0), "\(session.transcript)")
      let lines = session.screen(columns: 100).lines.filter { !$0.isEmpty }
      #expect(lines.count == 1, "\(lines)")
      #expect(lines[0].contains("home: ok: right 3 saved; "), "\(lines)")
      #expect(lines[0].contains(" in, "), "\(lines)")
    }
  }

  @Test("errors stand above it; --progress=never and a dumb terminal have none")
  func others() throws {
    try withStage { mboxsync, openGate in
      let without = try mboxsync.startOnTerminal(["--progress=never"])
      try openGate()
      #expect(try without.finish() == .exited(0))
      #expect(!without.transcript.contains("connecting"))
      let dumb = try mboxsync.startOnTerminal([], environment: ["TERM": "dumb"])
      #expect(try dumb.finish() == .exited(0))
      #expect(!dumb.transcript.contains("\u{1b}") && !dumb.transcript.contains("connecting"))
      let failing = try mboxsync.startOnTerminal(
        ["-o", "right.password-command=exit 3"], environment: ["NO_COLOR": "1"])
      #expect(try failing.finish() == .exited(77))
      let lines = failing.screen(columns: 80).lines.filter { !$0.isEmpty }
      #expect(lines[0].hasPrefix("mboxsync: home: right: password-command exited"), "\(lines)")
      #expect(!failing.transcript.contains("\u{1b}[3"))
    }
  }
}
