import TestSupport

/// Changes bytes at random, as fuzzers do: the same seed gives the same mutants.
struct Mutator {
  let corpus: [[UInt8]]
  let words: [[UInt8]]
  var random: SplitMix64

  /// Longer inputs show nothing that shorter ones don't, and take longer.
  private static let lengthLimit = 400

  /// A mutant of something in the corpus.
  mutating func next() -> [UInt8] {
    var bytes = corpus.randomElement(using: &random) ?? []
    if random.oneIn(6), let other = corpus.randomElement(using: &random) {
      bytes = Array(bytes.prefix(place(in: bytes))) + other.dropFirst(place(in: other))
    }
    for _ in 0...Int.random(in: 0...4, using: &random) { change(&bytes) }
    return Array(bytes.prefix(Self.lengthLimit))
  }

  private mutating func change(_ bytes: inout [UInt8]) {
    let start = place(in: bytes)
    let end = min(bytes.count, start + Int.random(in: 0...6, using: &random))
    switch Int.random(in: 0..<9, using: &random) {
    case 0: bytes.removeSubrange(start..<end)
    case 1: bytes.insert(contentsOf: bytes[start..<end], at: start)
    case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: start)
    case 3 where start < bytes.count: bytes[start] ^= 1 << UInt8.random(in: 0...7, using: &random)
    case 4: bytes.removeSubrange(start...)
    case 5 where start < bytes.count:
      bytes[start] = [0, 10, 13, 32, 127, 255][Int(bytes[start]) % 6]
    default:
      guard let word = words.randomElement(using: &random) else { return }
      bytes.replaceSubrange(start..<(random.oneIn(2) ? start : end), with: word)
    }
  }

  private mutating func place(in bytes: [UInt8]) -> Int {
    Int.random(in: 0...bytes.count, using: &random)
  }
}
