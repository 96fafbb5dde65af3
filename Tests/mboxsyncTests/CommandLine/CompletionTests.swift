import Foundation
import TestSupport
import Testing

@testable import mboxsync

/// The completions know the options and verbs of the tables, and no others.
@Suite("Completions") struct CompletionTests {
  private static func file(_ name: String) throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return try String(
      contentsOf: root.appendingPathComponent("contrib/completions/\(name)"), encoding: .utf8)
  }

  private static func words(after mark: String, in text: String) -> Set<String> {
    var words: Set<String> = []
    for piece in text.components(separatedBy: mark).dropFirst() {
      let word = piece.prefix { $0.isLetter || $0 == "-" }
      if word.first?.isLetter == true { words.insert(String(word)) }
    }
    return words
  }

  private static let verbs = Verb.allCases.map(\.rawValue)
  private static let long = Set(OptionSpec.all.map(\.long))
  private static let short = Set(OptionSpec.all.compactMap { $0.short.map { String($0) } })

  @Test("bash")
  func bash() throws {
    let text = try Self.file("mboxsync.bash")
    #expect(text.contains("local verbs='\(Self.verbs.joined(separator: " "))'"))
    #expect(Self.words(after: "--", in: text).subtracting(["-"]) == Self.long)
  }

  @Test(
    "the keys of the configuration", arguments: ["mboxsync.bash", "_mboxsync", "mboxsync.fish"])
  func keys(name: String) throws {
    let words = try Self.file(name).split { $0.isWhitespace || $0 == "\\" }.joined(separator: " ")
    for names in [PairKeys.names, EndpointKeys.all.map(\.name)] {
      let list = names.joined(separator: " ")
      #expect(["'\(list)'", "(\(list))", " \(list) "].contains { words.contains($0) })
    }
  }

  @Test("zsh")
  func zsh() throws {
    let text = try Self.file("_mboxsync")
    #expect(Self.words(after: "--", in: text) == Self.long)
    for verb in Self.verbs { #expect(text.contains("    '\(verb):")) }
    for short in Self.short { #expect(text.contains("{-\(short),--")) }
  }

  @Test("fish")
  func fish() throws {
    let text = try Self.file("mboxsync.fish")
    #expect(text.contains("set -l verbs \(Self.verbs.joined(separator: " "))\n"))
    #expect(
      Self.words(after: " -l ", in: text).subtracting([
        "verbs", "file", "base", "pair", "endpoint", "words", "previous",
      ]) == Self.long)
    #expect(Self.words(after: "complete -c mboxsync -s ", in: text) == Self.short)
    #expect(Self.words(after: " -a ", in: text).isSuperset(of: Self.verbs))
  }

  @Test(
    "what bash completes",
    arguments: [
      (["mboxsync", "st"], ["status"]), (["mboxsync", "--dry"], ["--dry-run"]),
      (["mboxsync", "sync", "ho"], ["home"]),
      (["mboxsync", "-n", ""], verbs + ["home", "work mail"]),
      (["mboxsync", "--color", "="], ["auto", "always", "never"]),
      (["mboxsync", "--color", "=", "ne"], ["never"]), (["mboxsync", "--only", "n"], ["new"]),
      (["mboxsync", "status", "fe"], []), (["mboxsync", "-j", ""], []),
      (["mboxsync", "-o", "max-s"], ["max-size="]),
      (["mboxsync", "--set", "=", "right.tls-f"], ["right.tls-fingerprint="]),
      (["mboxsync", "-o", "create", "="], []), (["mboxsync", "-o", "create", "=", "l"], []),
      (["mboxsync", "--set", "=", "create", "=", ""], []),
      (["mboxsync", "-o", "create", "=", "left", ""], verbs + ["home", "work mail"]),
      (["mboxsync", "forget", "h"], ["home"]), (["mboxsync", "forget", "home", ""], []),
      (["mboxsync", "sync", "home", "w"], ["work"]),
    ])
  func completes(words: [String], expected: [String]) throws {
    try withTemporaryDirectory { directory in
      _ = try directory.directory("mboxsync")
      try directory.write("[pair home]\n[pair \"work mail\"] # two\n", to: "mboxsync/config")
      let quoted = words.map { "'\($0)'" }.joined(separator: " ")
      let script = """
        source "$1"; COMP_WORDS=(\(quoted)); COMP_CWORD=\(words.count - 1); _mboxsync
        printf '%s\\n' "${COMPREPLY[@]}"
        """
      let path = directory.path("completion")
      try Self.file("mboxsync.bash").write(toFile: path, atomically: true, encoding: .utf8)
      let result = try runProgram(
        [try findProgram("bash", package: "bash"), "-c", script, "bash", path],
        environment: ["XDG_CONFIG_HOME": directory.path, "HOME": "/", "PATH": "/usr/bin:/bin"],
        scratch: directory)
      #expect(result.code == 0, "\(result.errorText)")
      let said = result.outputText.split(separator: "\n").map(String.init)
      // A name with a blank comes in two words; they are rare.
      #expect(Set(said) == Set(expected.flatMap { $0.split(separator: " ").map(String.init) }))
    }
  }
}
