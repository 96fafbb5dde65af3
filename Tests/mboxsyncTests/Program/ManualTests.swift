import Foundation
import IMAPClient
import SyncEngine
import Testing

@testable import mboxsync

/// The man pages and the tables of options and keys name the same things.
@Suite("Manual") struct ManualTests {
  private static func page(_ name: String) throws -> [String] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let url = root.appendingPathComponent("man/\(name)")
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  /// The lines between `.Sh NAME` and the next `.Sh`.
  private static func section(_ name: String, of page: [String]) throws -> ArraySlice<String> {
    let start = try #require(page.firstIndex(of: ".Sh \(name)"))
    let rest = page[(start + 1)...]
    return rest.prefix { !$0.hasPrefix(".Sh ") }
  }

  @Test("mboxsync(1) has every option as the table has it, and no other")
  func options() throws {
    let lines = try ManualTests.section("OPTIONS", of: ManualTests.page("mboxsync.1"))
    let shown = lines.filter { $0.hasPrefix(".It Fl ") }
    let expected = OptionSpec.all.map { spec in
      let short = spec.short.map { "\($0) , Fl " } ?? ""
      return ".It Fl \(short)-\(spec.long)" + ManualTests.argument(spec.argument)
    }
    #expect(shown == expected)
  }

  private static func argument(_ argument: OptionSpec.Argument) -> String {
    switch argument {
    case .none: ""
    case .required("KEY=VALUE"): " Ar key Ns = Ns Ar value"
    case .required(let what): " Ar \(what.lowercased())"
    case .optional(let what, _): " Ns Op = Ns Ar \(what.lowercased())"
    }
  }

  @Test("mboxsync(1) has every verb and no other")
  func verbs() throws {
    let lines = try ManualTests.section("DESCRIPTION", of: ManualTests.page("mboxsync.1"))
    let shown = lines.filter { $0.hasPrefix(".It Cm ") && !$0.contains(" Ns ") }
    #expect(shown == Verb.allCases.map { ".It Cm \($0.rawValue)" })
  }

  @Test("mboxsync(1) has every exit code and no other")
  func exitCodes() throws {
    let lines = try ManualTests.section("EXIT STATUS", of: ManualTests.page("mboxsync.1"))
    let shown = lines.filter { $0.hasPrefix(".It ") }
    #expect(shown == ExitCode.allCases.map(\.rawValue).sorted().map { ".It \($0)" })
  }

  @Test(
    "mboxsync.conf(5) has every key and no other",
    arguments: [
      ("ENDPOINT KEYS", EndpointKeys.all.map(\.name)), ("PAIR KEYS", PairKeys.names),
    ])
  func keys(_ section: String, _ names: [String]) throws {
    let lines = try ManualTests.section(section, of: ManualTests.page("mboxsync.conf.5"))
    let shown = lines.filter { $0.hasPrefix(".It Ic ") }.flatMap { line in
      line.dropFirst(7).components(separatedBy: " , Ic ")
    }
    #expect(shown == names)
  }

  @Test("configurations of contrib can be read", arguments: ["gmail", "microsoft365"])
  func examples(name: String) throws {
    let text = try ManualTests.page("../contrib/oauth2/\(name).config").joined(separator: "\n")
    let read = try configuration(text)
    let pairName = try #require(read.pairNames.first)
    let found = try read.pair(pairName, settings: [], currentDirectory: "/")
    let pair = try #require(found)
    #expect(pair.endpoints.right.mechanisms == [.xoauth2])
    // Those in comments as well.
    let commands = text.split(separator: "\n").filter { $0.contains("password-command = ") }
    #expect(commands.count == 3)
  }

  @Test("every variable that 'after' gets is in mboxsync(1)")
  func variables() throws {
    let text = try ManualTests.page("mboxsync.1").joined(separator: "\n")
    let names = Hook.variables("p", .init(), []).map(\.0).filter {
      !$0.contains("_LEFT_") && !$0.contains("_RIGHT_")
    }
    for name in names { #expect(text.contains(".Ev \(name)"), "\(name)") }
  }
}
