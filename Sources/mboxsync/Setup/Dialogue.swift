import Glibc
import SyncEngine

/// Questions to the person at the terminal. Each has a proposal that an empty line takes.
struct Dialogue {
  let console: Console
  let cancellation: Cancellation

  /// Whether there is somebody to ask.
  static func isPossible(_ console: Console) -> Bool {
    Terminal.isTerminal(STDIN_FILENO) && console.outputIsTerminal
  }

  func say(_ text: String) { console.print(Text.escaped(text)) }

  func say(_ text: String, _ style: Console.Style) {
    console.print(console.paint(Text.escaped(text), style, on: .output))
  }

  /// Says what is about to take a moment; the line stays open.
  func begin(_ text: String) { write("\(text) ") }

  func ask(_ question: String, _ proposal: String) throws(Complaint) -> String {
    write(proposal.isEmpty ? "\(question): " : "\(question) [\(proposal)]: ")
    guard let line = Terminal.readLine(STDIN_FILENO, cancellation) else {
      say("")
      throw Complaint(.tryAgain, "stopped: no configuration was written")
    }
    let answer = Dialogue.trimmed(String(decoding: line, as: UTF8.self))
    return answer.isEmpty ? proposal : answer
  }

  /// Asks until `read` takes the answer.
  func ask<Answer>(
    _ question: String, _ proposal: String, _ read: (String) throws(ValueError) -> Answer
  ) throws(Complaint) -> Answer {
    while true {
      let text = try ask(question, proposal)
      do {
        return try read(text)
      } catch {
        say("  " + error.message(key: question, value: text), .yellow)
      }
    }
  }

  func confirm(_ question: String, _ proposal: Bool) throws(Complaint) -> Bool {
    try ask("\(question) (yes, no)", proposal ? "yes" : "no") { text throws(ValueError) in
      switch text.lowercased() {
      case "y", "yes": return true
      case "n", "no": return false
      default: throw .needs("yes or no")
      }
    }
  }

  /// One of several, by its number or its first word.
  func choose(
    _ question: String, _ choices: [(name: String, about: String)], _ proposal: Int
  ) throws(Complaint) -> Int {
    let width = choices.map(\.name.count).max() ?? 0
    for (index, choice) in choices.enumerated() {
      let padding = String(repeating: " ", count: width - choice.name.count)
      say("  \(index + 1)  \(choice.name)\(padding)  \(choice.about)")
    }
    return try ask(question, String(proposal + 1)) { text throws(ValueError) in
      if let number = Int(text), choices.indices.contains(number - 1) { return number - 1 }
      if let index = choices.firstIndex(where: { $0.name.lowercased() == text.lowercased() }) {
        return index
      }
      throw .needs("a number from 1 to \(choices.count)")
    }
  }

  private func write(_ text: String) {
    console.finish()
    let bytes = Array(Text.escaped(text).utf8)
    _ = Glibc.write(STDOUT_FILENO, bytes, bytes.count)
  }

  private static func trimmed(_ text: String) -> String {
    var rest = text.unicodeScalars[...]
    while let first = rest.first, first.properties.isWhitespace { rest.removeFirst() }
    while let last = rest.last, last.properties.isWhitespace { rest.removeLast() }
    return String(rest)
  }
}
