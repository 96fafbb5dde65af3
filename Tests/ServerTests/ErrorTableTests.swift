import Foundation
import TestSupport
import Testing

/// `docs/errors.md` says what the program says, and the program says nothing else in these cases.
@Suite("The table of errors") struct ErrorTableTests {
  /// A line of a table in the document.
  private struct Row {
    /// The exit code in the heading above it.
    var code: Int32
    var message: String
    let pattern: NSRegularExpression

    /// `…` stands for any text.
    init(code: Int32, message: String) throws {
      self.code = code
      self.message = message
      let parts = "mboxsync: \(message)".components(separatedBy: "…")
        .map { NSRegularExpression.escapedPattern(for: $0) }
      pattern = try NSRegularExpression(pattern: "^\(parts.joined(separator: ".+"))$")
    }

    func matches(_ line: String) -> Bool {
      pattern.firstMatch(in: line, range: NSRange(line.startIndex..., in: line)) != nil
    }
  }

  private static func rows() throws -> [Row] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(
      contentsOf: root.appendingPathComponent("docs/errors.md"), encoding: .utf8)
    var code: Int32 = 0
    var rows: [Row] = []
    for line in text.components(separatedBy: "\n") {
      if line.hasPrefix("## ") { code = Int32(line.dropFirst(3).prefix { $0.isNumber }) ?? 0 }
      guard line.hasPrefix("| `"), let end = line.range(of: "` | ") else { continue }
      let message = String(line[line.index(line.startIndex, offsetBy: 3)..<end.lowerBound])
      rows.append(try Row(code: code, message: message))
    }
    return rows
  }

  @Test(
    "each failure is in the table as it is said, and each line of the table can be brought about")
  func table() throws {
    let rows = try ErrorTableTests.rows()
    #expect(rows.count > 40)
    var seen = Set<String>()
    try withTemporaryDirectory { directory in
      let stage = try ErrorStage(in: directory)
      defer { stage.server.stop() }
      for failure in ErrorCase.all {
        let result = try failure.run(stage)
        let lines = result.errorText.split(separator: "\n").map(String.init)
          .filter { $0.hasPrefix("mboxsync: ") }
        #expect(lines.count == 1, "\(failure.name): \(result.errorText)")
        #expect(!result.errorText.contains("ya29") && !result.errorText.contains("sesame"))
        guard let line = lines.first else { continue }
        let found = rows.filter { $0.matches(line) }
        #expect(found.count == 1, "\(failure.name): exit \(result.code), \(line)")
        for row in found {
          #expect(row.code == result.code, "\(failure.name): exit \(result.code), \(line)")
          seen.insert(row.message)
        }
      }
    }
    for row in rows where !seen.contains(row.message) {
      Issue.record("no failure says: \(row.message)")
    }
  }
}
