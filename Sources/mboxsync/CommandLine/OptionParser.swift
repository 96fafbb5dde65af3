/// Takes a command line apart, in the manner of GNU's getopt_long: options anywhere, `--name=value` or
/// `--name value`, short ones bundled, `--` before what is no option. Names are not abbreviated.
struct OptionParser {
  struct Parsed {
    var options: [(spec: OptionSpec, value: String)] = []
    var words: [String] = []
    /// How many of the words stood before `--`.
    var wordsBeforeDashes = 0
  }

  private var rest: ArraySlice<String>
  private var parsed = Parsed()

  /// - Parameter arguments: without the program's name.
  static func parse(_ arguments: [String]) throws(UsageError) -> Parsed {
    var parser = OptionParser(rest: arguments[...])
    return try parser.run()
  }

  private init(rest: ArraySlice<String>) { self.rest = rest }

  private mutating func run() throws(UsageError) -> Parsed {
    while let word = rest.popFirst() {
      if word == "--" {
        parsed.wordsBeforeDashes = parsed.words.count
        parsed.words += rest
        return parsed
      }
      if word.hasPrefix("--") {
        try takeLong(word.dropFirst(2))
      } else if word.hasPrefix("-") && word != "-" {
        try takeShort(word.dropFirst())
      } else {
        parsed.words.append(word)
      }
    }
    parsed.wordsBeforeDashes = parsed.words.count
    return parsed
  }

  private mutating func takeLong(_ text: Substring) throws(UsageError) {
    let equals = text.firstIndex(of: "=")
    let name = text[..<(equals ?? text.endIndex)]
    guard let spec = OptionSpec.all.first(where: { $0.long == name }) else {
      throw unknown("--\(name)", near: String(name))
    }
    let attached = equals.map { String(text[text.index(after: $0)...]) }
    switch spec.argument {
    case .none:
      if attached != nil { throw UsageError("option '--\(name)' takes no argument") }
      add(spec, "")
    case .required(let what):
      guard let value = attached ?? rest.popFirst() else { throw missing("--\(name)", what) }
      add(spec, value)
    case .optional(_, let implied): add(spec, attached ?? implied)
    }
  }

  /// `-qv`, `-j2`, `-qcFILE`.
  private mutating func takeShort(_ bundle: Substring) throws(UsageError) {
    var letters = bundle
    while let letter = letters.popFirst() {
      guard let spec = OptionSpec.all.first(where: { $0.short == letter }) else {
        throw unknown("-\(letter)", near: nil)
      }
      guard case .required(let what) = spec.argument else {
        add(spec, "")
        continue
      }
      guard let value = letters.isEmpty ? rest.popFirst() : String(letters) else {
        throw missing("-\(letter)", what)
      }
      add(spec, value)
      return
    }
  }

  private mutating func add(_ spec: OptionSpec, _ value: String) {
    parsed.options.append((spec, value))
  }

  private func missing(_ option: String, _ what: String) -> UsageError {
    UsageError("option '\(option)' needs an argument (\(what))")
  }

  private func unknown(_ option: String, near name: String?) -> UsageError {
    let known = OptionSpec.all.map(\.long)
    let nearest = name.flatMap { EditDistance.nearest(to: $0, among: known) }
    let hint = nearest.map { ", did you mean '--\($0)'?" } ?? ""
    return UsageError("unknown option '\(option)'\(hint)")
  }
}
