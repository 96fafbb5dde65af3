import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// A table that expects the names of before, against one that has to read everything.
@Suite("Tables of file names that were kept") struct KeptTableTests {
  private struct File: Hashable {
    var base: String
    var info: String
    var isInNew: Bool

    var name: [UInt8] { Array((base + info).utf8) }
    var key: UInt64 { Array(base.utf8).withUnsafeBufferPointer { FileTable.key($0) } }
  }

  private static let infos = ["", ":2,", ":2,S", ":2,FS", ":2,RSabc", ":1,x"]

  private func file(_ number: Int, _ random: inout SplitMix64) -> File {
    File(
      base: "\(number).file", info: KeptTableTests.infos.randomElement(using: &random) ?? "",
      isInNew: Int.random(in: 0...5, using: &random) == 0)
  }

  /// Their UIDs are their numbers; every tenth line's file is gone.
  private func kept(_ files: [File]) throws -> StandingNames {
    let stamp = MaildirStamp(cur: 1, new: 2, uidList: 3, keywords: 4)
    var names = StandingNames([], stamp, try #require(UIDValidity(7)), uidNext: 1_000_000)
    for (number, file) in files.enumerated() {
      let info = StandingNames.Info(bytes: Array(file.info.utf8), isInNew: file.isInNew)
      let known = names.index(of: info)
      let index = try #require(known)
      names.entries.append(
        StandingNames.Entry(
          key: file.key, uid: UInt32(number + 1),
          info: number % 10 == 9 ? StandingNames.Entry.gone : index))
    }
    return try #require(StandingNames(names.serialized()))
  }

  /// What a directory might name next.
  private func change(_ files: inout [File], _ all: [File], _ random: inout SplitMix64) {
    switch Int.random(in: 0...3, using: &random) {
    case 0: break
    case 1: files.shuffle(using: &random)
    case 2:
      // Parts of it elsewhere, as trees of names do when they grow.
      let cut = Int.random(in: 0...files.count, using: &random)
      files = Array(files[cut...] + files[..<cut])
    default: files.reverse()
    }
    for _ in 0..<Int.random(in: 0...8, using: &random) {
      guard let index = files.indices.randomElement(using: &random) else { break }
      switch Int.random(in: 0...4, using: &random) {
      case 0: files.remove(at: index)
      case 1: files[index].info = KeptTableTests.infos.randomElement(using: &random) ?? ""
      case 2: files[index].isInNew.toggle()
      case 3: files.insert(file(Int.random(in: 500...600, using: &random), &random), at: index)
      default:
        if let back = all.randomElement(using: &random) { files.insert(back, at: index) }
      }
    }
  }

  private func seen(_ table: FileTable) -> [String: File] {
    var seen: [String: File] = [:]
    for (index, entry) in table.entries.enumerated() where entry.isThere {
      let base = String(decoding: table.base(at: index), as: UTF8.self)
      let info = table.withInfo(at: index) { String(decoding: $0, as: UTF8.self) }
      seen[base] = File(base: base, info: info, isInNew: entry.isInNew)
      #expect(table.name(at: index) == Array((base + info).utf8))
      #expect(table.index(ofKey: entry.key) == index)
    }
    return seen
  }

  @Test("it finds the same files, and what has become of each", arguments: 1...40)
  func random(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let all = (0..<Int.random(in: 1...300, using: &random)).map { file($0, &random) }
    var table = try #require(FileTable(kept: try kept(all)))
    var files = all.enumerated().filter { $0.offset % 10 != 9 }.map(\.element)
    // Of a look that is repeated, the last one counts.
    for _ in 0..<3 {
      change(&files, all, &random)
      var plain = FileTable()
      table.expectAll()
      for file in files {
        plain.insert(file.name, isInNew: file.isInNew)
        table.insert(file.name, isInNew: file.isInNew)
      }
      let now = seen(plain)
      #expect(seen(table) == now && table.duplicates == plain.duplicates)
      // In the order in which they were named.
      #expect(table.found.map { table.base(at: $0) } == plain.found.map { plain.base(at: $0) })
      #expect(Array(plain.found) == Array(0..<now.count))
      for (number, file) in all.enumerated() {
        let entry = table.entries[number]
        #expect(entry.key == file.key && entry.uid == number + 1)
        #expect(entry.isThere == (now[file.base] != nil) && entry.wasThere == (number % 10 != 9))
        // One that was another for a moment may be told, too.
        let isOther = entry.wasThere && entry.isThere && now[file.base] != file
        #expect(!isOther || entry.isChanged, "\(file)")
        let found = table.index(ofUID: UInt32(number + 1))
        #expect(found == (entry.isThere ? number : nil))
      }
      #expect(table.entries.dropFirst(all.count).allSatisfy { !$0.wasThere && $0.uid == 0 })
    }
  }

  @Test("each is found by its UID, however far these lie apart") func scatteredUIDs() throws {
    let stamp = MaildirStamp(cur: 1, new: 2, uidList: 3, keywords: 4)
    var names = StandingNames([], stamp, try #require(UIDValidity(7)), uidNext: .max)
    let known = names.index(of: StandingNames.Info(bytes: [], isInNew: false))
    let info = try #require(known)
    var random = SplitMix64(seed: 5)
    var uids: Set<UInt32> = Set([1, 2, 0xffff, 0x10000, 0x1_0001, 0x20000, 0x2_0001, .max - 1])
    while uids.count < 300 { uids.insert(UInt32.random(in: 1..<(.max), using: &random)) }
    let order = uids.sorted().shuffled(using: &random)
    for uid in order {
      let key = Array("\(uid)".utf8).withUnsafeBufferPointer { FileTable.key($0) }
      names.entries.append(StandingNames.Entry(key: key, uid: uid, info: info))
    }
    var table = try #require(FileTable(kept: names))
    for uid in order { table.insert(Array("\(uid)".utf8), isInNew: false) }
    for uid in order {
      let found = table.index(ofUID: uid)
      let index = try #require(found, "UID \(uid)")
      #expect(table.name(at: index) == Array("\(uid)".utf8))
    }
    #expect(table.index(ofUID: 3) == nil)
  }
}
