import Foundation
import TestSupport
import Testing

@testable import mboxsync

/// The built program, called as a user calls it.
@Suite("Program") struct ProgramTests {
  private static func run(
    _ scratch: TemporaryDirectory, _ arguments: [String], _ variables: [String: String] = [:]
  ) throws -> ProgramResult {
    let environment = [
      "HOME": scratch.path, "PATH": "/usr/bin:/bin", "USER": "me",
      "XDG_STATE_HOME": scratch.path("state"),
    ].merging(variables) { $1 }
    return try runProgram(
      [try program().path] + arguments, environment: environment, scratch: scratch)
  }

  /// Beside the tests.
  private static func program() throws -> URL {
    let candidates = [Bundle.main.bundleURL, URL(fileURLWithPath: CommandLine.arguments[0])]
      .flatMap { [$0, $0.deletingLastPathComponent()] }
    return try #require(
      candidates.map { $0.appendingPathComponent("mboxsync") }
        .first { FileManager.default.isExecutableFile(atPath: $0.path) })
  }

  private static func maildir(_ scratch: TemporaryDirectory, _ name: String) throws -> String {
    for folder in ["cur", "new", "tmp"] { _ = try scratch.directory("\(name)/\(folder)") }
    return "maildir:" + scratch.path(name)
  }

  @Test("help and version go to standard output, complaints to standard error")
  func streams() throws {
    try withTemporaryDirectory { scratch in
      let help = try ProgramTests.run(scratch, ["--help"])
      #expect(help.code == 0 && help.outputText == Usage.text && help.error.isEmpty)
      let version = try ProgramTests.run(scratch, ["-V"])
      #expect(version.code == 0 && version.outputText == "mboxsync \(Version.current)\n")
      let wrong = try ProgramTests.run(scratch, ["--no\u{1b}"])
      #expect(wrong.code == 64 && wrong.output.isEmpty)
      #expect(
        wrong.errorText == "mboxsync: unknown option '--no\\x1b': try 'mboxsync --help'\n")
      let none = try ProgramTests.run(scratch, [])
      #expect(none.code == 78 && none.errorText.contains("mboxsync init"))
      #expect(none.errorText.split(separator: "\n").count == 1)
    }
  }

  @Test("a path that is not UTF-8 is refused, and nothing is made under another name")
  func notUTF8() throws {
    try withTemporaryDirectory { scratch in
      let right = try ProgramTests.maildir(scratch, "right")
      for (words, code) in [
        (#""$(printf 'maildir:%s/\344' "$HOME")" "$1""#, 64), (#"-c "$(printf '/\344')""#, 64),
      ] {
        let result = try runProgram(
          ["/bin/sh", "-c", "exec \"$0\" \(words)", try ProgramTests.program().path, right],
          environment: ["HOME": scratch.path, "PATH": "/usr/bin:/bin"], scratch: scratch)
        #expect(result.code == Int32(code), "\(result.errorText)")
        #expect(result.errorText.contains("is not text in UTF-8"), "\(result.errorText)")
        #expect(result.errorText.split(separator: "\n").count == 1)
      }
      let made = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
      #expect(!made.contains { $0.contains("\u{fffd}") || $0 == ".local" }, "\(made)")
    }
  }

  @Test("help is also a word, where no pair is called so")
  func helpAsWord() throws {
    try withTemporaryDirectory { scratch in
      func expectHelp(_ arguments: [String]) throws {
        let help = try ProgramTests.run(scratch, arguments)
        #expect(help.code == 0 && help.outputText == Usage.text && help.error.isEmpty)
      }
      try expectHelp(["help"])
      let ends = try ["a", "b"].map { try ProgramTests.maildir(scratch, $0) }
      func configure(_ name: String) throws {
        _ = try scratch.directory(".config/mboxsync")
        try scratch.write(
          "[pair \(name)]\nleft = \(ends[0])\nright = \(ends[1])\n",
          to: ".config/mboxsync/config")
      }
      try configure("home")
      try expectHelp(["help", "status"])
      let pair = try ProgramTests.run(scratch, ["sync", "help"])
      #expect(pair.code == 64 && pair.errorText.contains("there is no pair 'help'"))
      #expect(try ProgramTests.run(scratch, ["help", "home"]).code == 64)
      try configure("help")
      let sync = try ProgramTests.run(scratch, ["help"])
      #expect(sync.code == 0 && sync.output.isEmpty && sync.error.isEmpty)
    }
  }

  @Test(
    "who mistypes a verb is told so, where no pair has a name like it",
    arguments: [
      (["chek"], "did you mean 'check'?"), (["verfy", "home"], "did you mean 'verify'?"),
      (["home", "chek"], "there are home, states"), (["sync", "chek"], "there are home, states"),
      (["statis"], "did you mean 'states'?"),
    ])
  func mistypedVerb(words: [String], hint: String) throws {
    try withTemporaryDirectory { scratch in
      let keys = "left = maildir:/a\nright = maildir:/b\n"
      let file = try scratch.write("[pair home]\n\(keys)[pair states]\n\(keys)", to: "config")
      let result = try ProgramTests.run(scratch, ["-c", file] + words)
      #expect(result.code == 64 && result.errorText.hasSuffix(": \(hint)\n"))
    }
  }

  @Test("check tells of commands that a comment may have cut short")
  func cutCommands() throws {
    try withTemporaryDirectory { scratch in
      let ends = try ["a", "b"].map { try ProgramTests.maildir(scratch, $0) }
      let file = try scratch.write(
        """
        [pair home]
        left = \(ends[0])
        right = \(ends[1])
        before = true ; a comment
        after = notmuch new; mu index
        create = both; a comment, too
        left.password-command = "a; b"
        right.password-command = "c"#d

        """, to: "config")
      let result = try ProgramTests.run(scratch, ["check", "-c", file])
      let places = [("5", "after"), ("8", "right.password-command")]
      let expected = places.map { line, key in
        "mboxsync: \(file):\(line): the command of '\(key)' ends where a comment begins: "
          + "put it into double quotes, if that is part of it\n"
      }
      #expect(result.code == 0 && result.errorText == expected.joined())
      #expect(try ProgramTests.run(scratch, ["check", "-q", "-c", file]).error.isEmpty)
    }
  }

  @Test("verify tells two endpoints given on the spot as left and right")
  func verifyOnTheSpot() throws {
    try withTemporaryDirectory { scratch in
      let ends = try ["a", "b"].map { try ProgramTests.maildir(scratch, $0) }
      try scratch.write("Subject: x\n\nx\n", to: "a/new/1.x.x")
      let found = try ProgramTests.run(scratch, ["verify", "-v"] + ends)
      let lines = found.outputText.split(separator: "\n")
      #expect(found.code == 1 && lines.count == 3)
      #expect(lines.first?.hasPrefix("INBOX: new message: only on the left, not known") == true)
      #expect(lines.dropFirst().first?.hasPrefix("INBOX: 1 difference, ") == true)
      #expect(lines.last?.hasPrefix("\(ends[0]) \(ends[1]): 1 difference: ") == true)
    }
  }

  @Test("a good run is silent, -v and --json are not")
  func sync() throws {
    try withTemporaryDirectory { scratch in
      let ends = [try ProgramTests.maildir(scratch, "a"), try ProgramTests.maildir(scratch, "b")]
      func deliver(_ name: String) throws {
        try scratch.write("Subject: \(name)\n\nhello \(name)\n", to: "a/new/\(name)")
      }
      try deliver("1.one.x")
      let plan = try ProgramTests.run(scratch, ["-n"] + ends)
      #expect(plan.code == 0 && plan.outputText.contains("right: INBOX: would save"))
      let quiet = try ProgramTests.run(scratch, ends)
      #expect(quiet.code == 0 && quiet.output.isEmpty && quiet.error.isEmpty)
      try deliver("2.two.x")
      let verbose = try ProgramTests.run(scratch, ["-v"] + ends)
      #expect(verbose.outputText.contains("right: INBOX: saved UID"))
      try deliver("3.three.x")
      let json = try ProgramTests.run(scratch, ["--json", "-v"] + ends)
      let object = try JSONSerialization.jsonObject(with: Data(json.output)) as? [String: Any]
      let pairs = object?["pairs"] as? [[String: Any]]
      #expect((pairs?.first?["right"] as? [String: Int])?["saved"] == 1)
      #expect(json.errorText.contains("right: INBOX: saved UID"))
      let status = try ProgramTests.run(scratch, ["status"] + ends)
      #expect(status.outputText.contains("  pending  nothing"))
      #expect(status.outputText.contains(": last run ") && status.outputText.contains(", ok"))
      #expect(status.outputText.contains("1 mailbox, 3 messages; UIDs: mirror"))
    }
  }

  @Test("a failing 'before' skips its pair and no other")
  func hooks() throws {
    try withTemporaryDirectory { scratch in
      var text = ""
      for (name, command) in [("bad", "exit 1"), ("good", "true")] {
        let left = try ProgramTests.maildir(scratch, "\(name)-left")
        try scratch.write("Subject: x\n\nx\n", to: "\(name)-left/new/1.x.x")
        text += "[pair \(name)]\nleft = \(left)\nright = maildir:~/\(name)-right\n"
        text += "before = \(command)\nafter = touch ~/\(name)-after\n"
      }
      let file = try scratch.write(text, to: "config")
      let result = try ProgramTests.run(scratch, ["-c", file])
      #expect(result.code == 1 && result.output.isEmpty)
      #expect(result.errorText.hasPrefix("mboxsync: bad: the command of 'before'"))
      #expect(result.errorText.split(separator: "\n").count == 1)
      let files = FileManager.default
      #expect(!files.fileExists(atPath: scratch.path("bad-right")))
      #expect(!files.fileExists(atPath: scratch.path("bad-after")))
      #expect(files.fileExists(atPath: scratch.path("good-right/cur")))
      #expect(files.fileExists(atPath: scratch.path("good-after")))
    }
  }

  @Test("init writes a private file that can be read, once")
  func initialize() throws {
    try withTemporaryDirectory { scratch in
      let arguments = ["init", "work", "maildir:~/M", "imaps://a@h", "-o", "create=left"]
      let first = try ProgramTests.run(scratch, arguments)
      #expect(first.code == 0 && first.output.isEmpty && first.error.isEmpty)
      let path = scratch.path(".config/mboxsync/config")
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(try configuration(text).pairNames == ["work"])
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
      let second = try ProgramTests.run(scratch, ["init", "other"])
      #expect(second.code == 64 && second.errorText.contains(path))
      #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }
  }

  @Test("check, forget and several failures")
  func otherVerbs() throws {
    try withTemporaryDirectory { scratch in
      let ends = [try ProgramTests.maildir(scratch, "a"), try ProgramTests.maildir(scratch, "b")]
      #expect(try ProgramTests.run(scratch, ends).code == 0)
      let check = try ProgramTests.run(scratch, ["check"] + ends)
      #expect(check.code == 0 && check.outputText.contains("1 mailbox"))
      #expect(try ProgramTests.run(scratch, ["forget"] + ends + ["INBOX"]).code == 0)
      #expect(try ProgramTests.run(scratch, ["forget"] + ends + ["INBOX"]).code == 1)
      #expect(try ProgramTests.run(scratch, ["forget"] + ends).code == 0)
      let gone = ["check", ends[0], "imap://u@127.0.0.1:1", "-o", "right.tls=none"]
      let unreachable = try ProgramTests.run(scratch, gone)
      #expect(unreachable.code == 69)
      #expect(unreachable.errorText.contains(": right: "))
    }
  }
}
