import SyncEngine
import Testing

@testable import mboxsync

@Suite("Command line") struct InvocationTests {
  @Test(
    "is refused",
    arguments: [
      (["--no-such-option"], "unknown option '--no-such-option'"),
      (["--jobz=2"], "did you mean '--jobs'?"),
      (["--job", "2"], "unknown option '--job'"),
      (["-Z"], "unknown option '-Z'"),
      (["-qZ"], "unknown option '-Z'"),
      (["--jobs"], "option '--jobs' needs an argument (N)"),
      (["p", "-j"], "option '-j' needs an argument (N)"),
      (["--jobs", "many"], "bad value 'many' for '--jobs'"),
      (["-j0"], "bad value '0' for '--jobs'"),
      (["--json=yes"], "option '--json' takes no argument"),
      (["--color=blue"], "one of auto, always, never"),
      (["--only", "nonsense"], "bad value 'nonsense' for '--only'"),
      (["--only", ","], "option '--only' needs a list"),
      (["--pull", "--push"], "'--pull' and '--push' exclude each other"),
      (["--set", "max-size"], "KEY=VALUE"),
      (["--set", "=1"], "KEY=VALUE"),
      (["-m", ""], "not empty"),
      ([""], "an empty word"),
      (["maildir:/a"], "two endpoints are needed, not 1"),
      (["maildir:/a", "maildir:/b", "maildir:/c"], "two endpoints are needed, not 3"),
      (["maildir:/a", "home"], "'home' is no endpoint"),
      (["/a", "maildir:/b"], "write 'maildir:/a'"),
      (["status", "--frobnicate"], "unknown option"),
      (["status", "--force"], "'status' takes no option '--force'"),
      (["forget"], "'forget' needs a pair"),
      (["forget", "maildir:/a"], "two endpoints are needed"),
      (["init", "a", "b"], "'init' takes one name"),
      (["verify", "-n"], "'verify' takes no option '--dry-run'"),
      (["fetch"], "'fetch' needs a pair"),
      (["fetch", "p", "INBOX"], "'fetch' needs a pair, a mailbox, and the UIDs"),
      (["fetch", "p", "INBOX", "0"], "'fetch' needs a pair, a mailbox, and the UIDs"),
    ])
  func refused(_ arguments: [String], _ complaint: String) {
    let error = #expect(throws: UsageError.self) { try Invocation(arguments) }
    #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
  }

  @Test(
    "forms of the same",
    arguments: [
      ["sync", "-c", "FILE", "--state", "DIR", "-q", "-j2", "p"],
      ["p", "-c", "FILE", "--state=DIR", "-q", "-j", "2"],
      ["--config=FILE", "--state", "DIR", "p", "-q", "--jobs=2"],
      ["-qj2", "-cFILE", "--state", "DIR", "sync", "p"],
      ["-qcFILE", "-j2", "--state", "DIR", "--", "p"],
      ["sync", "-c", "FILE", "--state", "DIR", "--quiet", "--jobs", "2", "--", "p"],
    ])
  func forms(_ arguments: [String]) throws {
    let invocation = try Invocation(arguments)
    #expect(invocation.verb == .sync)
    #expect(invocation.words == ["p"])
    #expect(invocation.configurationFile == "FILE")
    #expect(invocation.stateDirectory == "DIR")
    #expect(invocation.verbosity == -1)
    #expect(invocation.jobs == 2)
  }

  @Test("a verb is a verb only where it may stand")
  func verbs() throws {
    #expect(try Invocation([]).verb == .sync)
    #expect(try Invocation(["status"]).verb == .status)
    #expect(try Invocation(["-v", "check", "p"]).verb == .check)
    let verify = try Invocation(["verify", "--push", "-m", "INBOX", "p", "q"])
    #expect(verify.verb == .verify && verify.pairNames == ["p", "q"])
    let dashed = try Invocation(["--", "status"])
    #expect(dashed.verb == .sync && dashed.words == ["status"])
    let named = try Invocation(["sync", "status"])
    #expect(named.verb == .sync && named.words == ["status"])
    #expect(try Invocation(["p", "--", "-n"]).words == ["p", "-n"])
    #expect(try Invocation(["-"]).words == ["-"])
  }

  @Test("values")
  func values() throws {
    let invocation = try Invocation([
      "-vv", "-m", "*", "--mailbox=!Spam", "--only", "flags,new", "--pull", "--pull", "-o",
      "max-size = 1M", "--set=right.url=imap://a=b", "--color", "--progress=never", "--json",
    ])
    #expect(invocation.verbosity == 2)
    #expect(invocation.mailboxPatterns == ["*", "!Spam"])
    #expect(invocation.kinds == [.flags, .new])
    #expect(invocation.changes == .left)
    #expect(invocation.settings.map(\.key) == ["max-size", "right.url"])
    #expect(invocation.settings.map(\.value) == [" 1M", "imap://a=b"])
    #expect(invocation.color == .always)
    #expect(invocation.progress == .never)
    #expect(invocation.printsJSON)
    #expect(try Invocation(["--push"]).changes == .right)
  }

  @Test("endpoints and pairs among the words")
  func words() throws {
    let spot = try Invocation(["maildir:/a", "imaps://h"])
    #expect(spot.endpoints?.left == "maildir:/a" && spot.endpoints?.right == "imaps://h")
    #expect(spot.pairNames.isEmpty)
    #expect(try Invocation(["a", "b"]).pairNames == ["a", "b"])
    let forget = try Invocation(["forget", "p", "Work: old", "INBOX"])
    #expect(forget.pairNames == ["p"] && forget.mailboxes == ["Work: old", "INBOX"])
    let forgetSpot = try Invocation(["forget", "maildir:/a", "maildir:/b", "Work"])
    #expect(forgetSpot.endpoints?.right == "maildir:/b" && forgetSpot.mailboxes == ["Work"])
    let first = try Invocation(["init", "home", "maildir:/a", "imaps://h"])
    #expect(first.pairNames == ["home"] && first.endpoints?.left == "maildir:/a")
  }

  @Test("help and version go before complaints about words")
  func help() throws {
    #expect(try Invocation(["forget", "--help"]).asksHelp)
    #expect(try Invocation(["-V", "maildir:/a"]).asksVersion)
  }
}

@Suite("Usage") struct UsageTests {
  @Test("names every verb and every option")
  func complete() {
    let text = Usage.text
    for verb in Verb.allCases { #expect(text.contains("\n  \(verb.rawValue) ")) }
    for spec in OptionSpec.all { #expect(text.contains(Usage.form(spec))) }
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 100 })
  }

  @Test("no option stands twice in the table")
  func unique() {
    #expect(Set(OptionSpec.all.map(\.long)).count == OptionSpec.all.count)
    let letters = OptionSpec.all.compactMap(\.short)
    #expect(Set(letters).count == letters.count)
  }
}

@Suite("Edit distance") struct EditDistanceTests {
  @Test(
    "counts letters",
    arguments: [
      ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 1),
      ("mailboxs", "mailboxes", 1), ("same", "same", 0),
    ])
  func distance(_ left: String, _ right: String, _ distance: Int) {
    #expect(EditDistance.between(left, right) == distance)
    #expect(EditDistance.between(right, left) == distance)
  }

  @Test("names only what is near")
  func nearest() {
    let known = ["mailboxes", "map", "create"]
    #expect(EditDistance.nearest(to: "mailboxs", among: known) == "mailboxes")
    #expect(EditDistance.nearest(to: "mpa", among: known) == "map")
    #expect(EditDistance.nearest(to: "xyzzyxyzzy", among: known) == nil)
    #expect(EditDistance.nearest(to: "x", among: []) == nil)
  }
}
