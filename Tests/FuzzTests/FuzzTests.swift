import Foundation
import TestSupport
import Testing

/// Every parser of bytes from outside, fed with a small corpus and with mutants of it.
///
/// `MBOXSYNC_MUTANTS=1000000 swift test --filter FuzzTests` makes so many of each, and `MBOXSYNC_SEED=2` others. What fails goes into
/// `Corpus`, where it is tried again for ever; a mutant that traps is left in `$TMPDIR/mboxsync-mutant-NAME`.
@Suite("Mutants") struct FuzzTests {
  private static let count =
    ProcessInfo.processInfo.environment["MBOXSYNC_MUTANTS"].flatMap { Int($0) } ?? 12_000
  private static let seed =
    ProcessInfo.processInfo.environment["MBOXSYNC_SEED"].flatMap { UInt64($0) } ?? 1

  @Test("the corpus", arguments: FuzzTarget.all.map(\.name))
  func corpus(name: String) throws {
    let target = try target(name)
    for (file, bytes) in try Corpus.files(of: name) {
      if let problem = target.check(bytes) { Issue.record("\(name)/\(file): \(problem)") }
    }
    #expect(target.check([]) == nil)
  }

  @Test("mutants of it", arguments: FuzzTarget.all.map(\.name))
  func mutants(name: String) throws {
    let target = try target(name)
    var mutator = Mutator(
      corpus: try Corpus.files(of: name).map(\.bytes), words: target.words.map { Array($0.utf8) },
      random: SplitMix64(seed: Self.seed))
    let note = try MutantNote(name)
    for _ in 0..<(Self.count / target.cost) {
      let bytes = mutator.next()
      note.write(bytes)
      guard let problem = target.check(bytes) else { continue }
      Issue.record(
        "\(problem): printf '\(Corpus.octal(bytes))' >Tests/FuzzTests/Corpus/\(name)/NAME")
      return
    }
    note.remove()
  }

  private func target(_ name: String) throws -> FuzzTarget {
    try #require(FuzzTarget.all.first { $0.name == name })
  }
}

/// The small files that mutants are made of.
private enum Corpus {
  static func files(of name: String) throws -> [(file: String, bytes: [UInt8])] {
    let here = (#filePath as NSString).deletingLastPathComponent
    let folder = "\(here)/Corpus/\(name)"
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    guard !files.isEmpty else { throw TestFailure("\(folder) is empty") }
    return files.map { file in
      (file, [UInt8](FileManager.default.contents(atPath: "\(folder)/\(file)") ?? Data()))
    }
  }

  /// For printf(1).
  static func octal(_ bytes: [UInt8]) -> String {
    bytes.map { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x20: String(UnicodeScalar(byte))
      default:
        "\\" + String(repeating: "0", count: byte < 8 ? 2 : byte < 64 ? 1 : 0)
          + String(byte, radix: 8)
      }
    }.joined()
  }
}

/// A file that has the mutant under test in it, also after a trap: memory that the kernel writes back.
private final class MutantNote {
  private static let capacity = 4096
  private let path: String
  private let memory: UnsafeMutableRawBufferPointer
  private let file: Int32

  init(_ name: String) throws {
    let folder = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    path = "\(folder)/mboxsync-mutant-\(name)"
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    guard file >= 0, ftruncate(file, off_t(Self.capacity)) == 0,
      let start = mmap(nil, Self.capacity, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
      start != MAP_FAILED
    else { throw TestFailure("\(path): \(String(cString: strerror(errno)))") }
    memory = UnsafeMutableRawBufferPointer(start: start, count: Self.capacity)
  }

  func write(_ bytes: [UInt8]) {
    memory.copyBytes(from: bytes.prefix(Self.capacity))
    length = bytes.count
  }

  private var length = 0

  /// Called when all went well.
  func remove() { unlink(path) }

  deinit {
    munmap(memory.baseAddress, Self.capacity)
    ftruncate(file, off_t(length))
    close(file)
  }
}
