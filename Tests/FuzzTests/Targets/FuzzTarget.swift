/// A parser of bytes from outside, with what must hold for every input. That nothing traps goes without saying.
///
/// The tests feed it mutants of a small corpus; `contrib/fuzz` feeds it what a coverage-guided fuzzer finds.
struct FuzzTarget: Sendable {
  /// The folder of its corpus.
  let name: String
  /// How much longer a check takes than most do.
  var cost = 1
  /// Words that make a difference to this parser.
  let words: [String]
  /// - Returns: what went wrong; `nil` if everything is as it should be.
  let check: @Sendable ([UInt8]) -> String?

  static let all: [FuzzTarget] = [
    .responses, .uidList, .keywords, .fileNames, .configuration, .url, .modifiedUTF7, .hierarchy,
    .headers, .challenges, .netrc, .deflate,
  ]
}
