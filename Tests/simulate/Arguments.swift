import Simulation

/// What the command is asked to do.
struct Arguments {
  enum Work {
    case seeds(ClosedRange<UInt64>)
    case seed(UInt64)
    case file(String)
  }

  struct Misuse: Error, CustomStringConvertible {
    var description: String
  }

  var work = Work.seeds(1...1000)
  /// What the histories are to be about; `nil`: what each seed makes of it.
  var profile: Profile?
  var threads = 1
  var tellsCalls = false
  var showsCoverage = false

  init(_ words: [String]) throws(Misuse) {
    var rest = words[...]
    while let word = rest.popFirst() {
      switch word {
      case "--seeds": work = .seeds(try Arguments.range(rest.popFirst() ?? ""))
      case "--seed":
        guard let seed = rest.popFirst().flatMap({ UInt64($0) }) else {
          throw Misuse(description: "--seed wants a number")
        }
        work = .seed(seed)
      case "--file":
        guard let path = rest.popFirst() else { throw Misuse(description: "--file wants a path") }
        work = .file(path)
      case "--profile":
        guard let profile = rest.popFirst().flatMap({ Profile(rawValue: $0) }) else {
          let names = Profile.allCases.map(\.rawValue).joined(separator: ", ")
          throw Misuse(description: "--profile wants one of \(names)")
        }
        self.profile = profile
      case "-j":
        guard let count = rest.popFirst().flatMap({ Int($0) }), (1...256).contains(count) else {
          throw Misuse(description: "-j wants a number of threads")
        }
        threads = count
      case "--calls": tellsCalls = true
      case "--coverage": showsCoverage = true
      default: throw Misuse(description: "\(word) is not understood")
      }
    }
  }

  /// `1...100000`
  private static func range(_ text: String) throws(Misuse) -> ClosedRange<UInt64> {
    let parts = text.split(separator: ".", omittingEmptySubsequences: true).map { UInt64($0) }
    guard parts.count == 2, let first = parts[0], let last = parts[1], first <= last,
      last < .max
    else { throw Misuse(description: "--seeds wants FIRST...LAST") }
    return first...last
  }
}
