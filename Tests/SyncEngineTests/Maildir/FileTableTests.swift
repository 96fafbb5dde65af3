import Testing

@testable import SyncEngine

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

@Suite("Tables of file names") struct FileTableTests {
  private func find(_ base: String, in table: FileTable) -> String? {
    bytes(base).withUnsafeBufferPointer { table.index(ofBase: $0) }.map { text(table.name(at: $0)) }
  }

  @Test("names are found by base, and a renamed one keeps its index") func find() throws {
    var table = FileTable()
    for number in 0..<5_000 { table.insert(bytes("\(number).x:2,S"), isInNew: false) }
    #expect(find("4999.x", in: table) == "4999.x:2,S")
    #expect(find("4999", in: table) == nil)
    let index = try #require(bytes("17.x").withUnsafeBufferPointer { table.index(ofBase: $0) })
    table.expectAll()
    #expect(find("17.x", in: table) == nil)
    table.insert(bytes("17.x:2,FS"), isInNew: false)
    #expect(bytes("17.x").withUnsafeBufferPointer { table.index(ofBase: $0) } == index)
    #expect(find("17.x", in: table) == "17.x:2,FS")
    #expect(table.index(ofKey: table.entries[index].key) == index)
    #expect(table.entries.count { $0.isThere } == 1)
  }

  @Test("one message listed twice is one; the file in cur counts") func duplicates() {
    var table = FileTable()
    table.insert(bytes("a"), isInNew: true)
    table.insert(bytes("a:2,S"), isInNew: false)
    table.insert(bytes("a:2,F"), isInNew: false)
    #expect(table.entries.count == 1)
    #expect(find("a", in: table) == "a:2,S")
    #expect(table.duplicates == 2)
  }

  @Test("names that a list can't hold are left out", arguments: [":2,S", "a\nb", "a\r:2,S"])
  func unusable(_ name: String) {
    var table = FileTable()
    table.insert(bytes(name), isInNew: false)
    #expect(table.entries.isEmpty)
  }

  @Test("keys never change") func key() {
    #expect(
      bytes("abc").withUnsafeBufferPointer { FileTable.key($0) } == 12_975_563_948_904_505_366)
    #expect(
      bytes("0123456789").withUnsafeBufferPointer { FileTable.key($0) } == 3_943_243_643_063_691_529
    )
  }

  @Test("files are found by UIDs that they get in any order, and by those that they get anew")
  func byUID() {
    var table = FileTable()
    for number in 0..<100 { table.insert(bytes("\(number).x:2,S"), isInNew: false) }
    #expect(table.index(ofUID: 1) == nil)
    let numbers = [70_000, 5, 65_536, 9, 70_001, 4_000_000_000, 65_535].map { UInt32($0) }
    for asks in [1, 3, 100] {
      table.forgetUIDs()
      for (index, uid) in numbers.enumerated() {
        table.setUID(uid, at: index)
        guard index % asks == 0 else { continue }
        for (known, uid) in numbers.prefix(index + 1).enumerated() {
          #expect(table.index(ofUID: uid) == known)
        }
        #expect(table.index(ofUID: 6) == nil && table.index(ofUID: .max) == nil)
      }
      table.setUID(8, at: 1)
      #expect(table.index(ofUID: 8) == 1 && table.index(ofUID: 5) == nil)
      table.remove(at: 3)
      #expect(table.index(ofUID: 9) == nil && table.index(ofUID: 65_535) == 6)
      table.expectAll()
      for number in 0..<100 { table.insert(bytes("\(number).x:2,S"), isInNew: false) }
      #expect(table.index(ofUID: 9) == 3)
    }
  }

  // MARK: Names that stand in the list

  private let list = UIDList(
    bytes("3 V5 N10\n1 :a\n3 G1  :b\n4 W1 :long.name,S=1\n6 :b\n7 :c:2,S\n"))

  private func uid(_ base: String, in table: FileTable) -> UInt32? {
    bytes(base).withUnsafeBufferPointer { table.index(ofBase: $0) }.map { table.entries[$0].uid }
  }

  @Test("files of the list are there when they have been found") func listed() throws {
    var table = FileTable(listed: list)
    // Two lines are about one.
    #expect(table.entries.count == 4 && table.entries.allSatisfy { !$0.isThere && $0.uid == 0 })
    #expect(find("a", in: table) == nil)
    let found: [(name: String, isInNew: Bool)] = [
      ("x:2,S", false), ("c:2,S", false), ("long.name,S=1", true), ("b:2,FS", false), ("a", true),
      ("y", true), ("long.name", false),
    ]
    for (name, isInNew) in found { table.insert(bytes(name), isInNew: isInNew) }
    #expect(table.entries.count == 7 && table.duplicates == 0)
    for (name, isInNew) in found {
      let base = name.prefix { $0 != ":" }
      let index = try #require(
        bytes(String(base)).withUnsafeBufferPointer { table.index(ofBase: $0) })
      #expect(text(table.name(at: index)) == name && text(table.base(at: index)) == base)
      #expect(table.entries[index].isInNew == isInNew)
      #expect(table.withInfo(at: index) { text(Array($0)) } == name.dropFirst(base.count))
      #expect(table.index(ofKey: table.entries[index].key) == index)
      for isOther in [false, true] {
        let isHeld = bytes(name).withUnsafeBufferPointer { table.holds($0, isInNew: isOther) }
        #expect(isHeld == (isOther == isInNew))
      }
      for other in [name + "T", name + ":2,T"] {
        let isHeld = bytes(other).withUnsafeBufferPointer { table.holds($0, isInNew: isInNew) }
        #expect(isHeld == false)
      }
    }
  }

  @Test("and stay what they are while names and the list change") func changed() throws {
    var list = list
    var table = FileTable(listed: list)
    for name in ["a:2,S", "b:2,S", "c:2,S", "x:2,S"] {
      table.insert(bytes(name), isInNew: false)
    }
    for number in 0..<200 {
      _ = list.append(uid: UInt32(10 + number), extensions: bytes("G1"), base: bytes("n\(number)"))
      table.insert(bytes("n\(number)"), isInNew: true)
    }
    let index = try #require(bytes("b").withUnsafeBufferPointer { table.index(ofBase: $0) })
    table.rename(at: index, to: bytes("b:2,F"))
    #expect(
      ["a", "b", "c", "x"].map { find($0, in: table) } == ["a:2,S", "b:2,F", "c:2,S", "x:2,S"])
    #expect(find("n199", in: table) == "n199" && text(list.base(at: 204)) == "n199")
    list.removeRecords { $0 < 5 }
    list = UIDList(list.serialized())
    #expect(
      ["a", "b", "c", "x"].map { find($0, in: table) } == ["a:2,S", "b:2,F", "c:2,S", "x:2,S"])
    table.expectAll()
    table.insert(bytes("b"), isInNew: false)
    #expect(find("b", in: table) == "b" && find("a", in: table) == nil)
  }
}
