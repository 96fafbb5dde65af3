import Foundation
import TestSupport
import Testing

@testable import SyncEngine

@Suite("Names that are read ahead") struct NamesAheadTests {
  private struct Names {
    var of: [Set<String>] = [[], []]
    var count = 0
  }

  private func fill(_ directory: TemporaryDirectory, _ count: Int) throws -> [Directory] {
    try ["a", "b"].map { name in
      let path = directory.path(name)
      try FileManager.default.createDirectory(
        atPath: "\(path)/sub", withIntermediateDirectories: true)
      for number in 0..<count {
        let file = "\(name)\(number)" + String(repeating: "x", count: number % 240)
        try Data().write(to: URL(filePath: "\(path)/\(file)"))
      }
      try Data().write(to: URL(filePath: "\(path)/.hidden"))
      return try Directory(path: path)
    }
  }

  @Test("all are told, whatever pieces they come in", arguments: [1, 300, 1000, 65_536])
  func all(_ pieceSize: Int) throws {
    try withTemporaryDirectory { directory in
      let directories = try fill(directory, 250)
      let ahead = try #require(NamesAhead(directories, pieceSize: pieceSize, mostReady: 3))
      defer { ahead.stop() }
      var names = Names()
      try ahead.forEachName { name, place in
        names.of[place].insert(String(decoding: name, as: UTF8.self))
        names.count += 1
      }
      #expect(names.count == 500)
      for (place, name) in ["a", "b"].enumerated() {
        let expected = (0..<250).map { "\(name)\($0)" + String(repeating: "x", count: $0 % 240) }
        #expect(names.of[place] == Set(expected))
      }
    }
  }

  @Test("reading that nobody wants any more ends") func stopped() throws {
    try withTemporaryDirectory { directory in
      let directories = try fill(directory, 250)
      let ahead = try #require(NamesAhead(directories, pieceSize: 300, mostReady: 2))
      ahead.stop()
      ahead.stop()
    }
  }

  @Test("a directory that can't be read is told, after the names that were") func failing() throws {
    try withTemporaryDirectory { directory in
      let child = Process()
      child.executableURL = URL(filePath: "/bin/cat")
      let input = Pipe()
      child.standardInput = input
      try child.run()
      let gone = try Directory(path: "/proc/\(child.processIdentifier)")
      try input.fileHandleForWriting.close()
      child.waitUntilExit()
      let ahead = try #require(NamesAhead([try fill(directory, 20)[0], gone]))
      defer { ahead.stop() }
      var count = 0
      #expect(throws: SystemError.self) { try ahead.forEachName { _, _ in count += 1 } }
      #expect(count == 20)
    }
  }
}
