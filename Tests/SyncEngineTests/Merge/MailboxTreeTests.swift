import IMAPClient
import SyncEngine
import Testing

@Suite("Mailboxes of both sides") struct MailboxTreeTests {
  private func listed(_ path: String, id: UInt64? = nil, use: SpecialUse? = nil) -> ListedMailbox {
    ListedMailbox(
      name: MailboxName(path: path) ?? .inbox, specialUse: use, id: id.map { guid($0) })
  }

  private func record(_ number: Int64, _ left: String, _ right: String? = nil) -> MailboxRecord {
    MailboxRecord(
      id: MailboxID(number),
      names: Both(
        left: MailboxName(path: left) ?? .inbox, right: MailboxName(path: right ?? left) ?? .inbox),
      mailboxIDs: Both(left: guid(UInt64(number)), right: guid(UInt64(number) + 100)))
  }

  private func tree(
    _ left: [ListedMailbox], _ right: [ListedMailbox], _ records: [MailboxRecord] = [],
    map: [(left: String, right: String)] = []
  ) -> MailboxTree {
    var policy = Policy()
    policy.map = map.compactMap { pair in
      guard let left = MailboxName(path: pair.left), let right = MailboxName(path: pair.right)
      else {
        return nil
      }
      return (left, right)
    }
    return MailboxTree(
      listings: Both(left: left, right: right), records: records, policy: policy)
  }

  private func pairs(_ tree: MailboxTree) -> [[String]] {
    tree.entries.map { [$0.names.left.path, $0.names.right.path] }
  }

  @Test("names are joined by name, map, base and special use")
  func names() {
    let tree = tree(
      [listed("A"), listed("B"), listed("Sent", use: .sent), listed("Old")],
      [listed("A"), listed("Beta"), listed("Sent Items", use: .sent), listed("Archive/Old")],
      [record(1, "Old", "Archive/Old")], map: [("B", "Beta")])
    #expect(
      pairs(tree) == [
        ["A", "A"], ["B", "Beta"], ["Old", "Archive/Old"], ["Sent", "Sent Items"],
      ])
  }

  @Test("a special use joins no names that are taken on the other side")
  func takenSpecialUse() {
    let tree = tree(
      [listed("Sent", use: .sent)], [listed("Sent"), listed("Sent Items", use: .sent)])
    #expect(pairs(tree) == [["Sent", "Sent"], ["Sent Items", "Sent Items"]])
  }

  @Test(
    "a name on the right is that of one mailbox: the one in the base, else the one that 'map' says",
    arguments: [
      // Whoever comes first by the alphabet, and whether or not the other is there at all.
      (["A", "B"], ["B"], false, ["A": false, "B": true]),
      (["A", "B"], [], false, ["A": false, "B": true]),
      (["B"], [], false, ["B": true]), (["B"], ["B"], false, ["A": false, "B": true]),
      (["A", "B"], ["B"], true, ["A": true, "B": false]),
      (["B"], ["B"], true, ["B": false]),
    ])
  func contested(left: [String], right: [String], isInBase: Bool, expected: [String: Bool]) {
    let tree = tree(
      left.map { listed($0) }, right.map { listed($0) }, isInBase ? [record(1, "B")] : [],
      map: [("A", "B")])
    let isContested = tree.entries.map { ($0.names.left.path, $0.isContested) }
    #expect(Dictionary(uniqueKeysWithValues: isContested) == expected)
    #expect(tree.entries.allSatisfy { !$0.isContested || !$0.exists(on: .right) })
  }

  private let nobody = Both<[MailboxName: GlobalUID]>(left: [:], right: [:])

  @Test("a rename on either side is followed, under the other side's name")
  func renames() throws {
    let onLeft = tree([listed("New", id: 1)], [listed("Old", id: 101)], [record(1, "Old")])
    let left = try #require(onLeft.renames(ids: nobody).first)
    #expect(left.side == .right && left.oldName.path == "Old" && left.newNames.right.path == "New")

    let onRight = tree(
      [listed("Old", id: 1)], [listed("Neu", id: 101)], [record(1, "Old")], map: [("New", "Neu")])
    let right = try #require(onRight.renames(ids: nobody).first)
    #expect(right.side == .left && right.newNames.left.path == "New")
    #expect(right.newNames.right.path == "Neu")
  }

  @Test("renamed on both sides: the left name stands; the same name needs nothing")
  func renamedOnBoth() throws {
    let apart = tree([listed("L", id: 1)], [listed("R", id: 101)], [record(1, "Old")])
    let rename = try #require(apart.renames(ids: nobody).first)
    #expect(
      rename.side == .right && rename.oldName.path == "R" && rename.newNames.right.path == "L")

    let alike = tree([listed("N", id: 1)], [listed("N", id: 101)], [record(1, "Old")])
    let same = try #require(alike.renames(ids: nobody).first)
    #expect(same.side == nil && same.newNames.left.path == "N" && same.newNames.right.path == "N")
  }

  @Test("a name that the other side has given to something else is not taken")
  func takenName() {
    let tree = tree(
      [listed("New", id: 1)], [listed("Old", id: 101), listed("New", id: 7)], [record(1, "Old")])
    #expect(tree.renames(ids: nobody).isEmpty)
  }

  @Test("renamed on both sides, and each has the other's name already: two mailboxes from now on")
  func renamedApart() throws {
    let tree = tree(
      [listed("L", id: 1), listed("R", id: 8)], [listed("R", id: 101), listed("L", id: 7)],
      [record(1, "Old")])
    let rename = try #require(tree.renames(ids: nobody).first)
    #expect(rename.isApart && rename.side == nil && rename.record.id == MailboxID(1))
  }

  @Test("a mailbox is not put below itself: the other side gives it its old name back")
  func renamedCrosswise() throws {
    // The left put A below B, the right B below A; the first of these has been followed.
    let onRight = tree(
      [listed("B", id: 2), listed("B/x", id: 1)],
      [listed("B/x", id: 101), listed("B/x/y", id: 102)], [record(1, "B/x"), record(2, "B")])
    let right = try #require(onRight.renames(ids: nobody).first)
    #expect(right.side == .right && right.oldName.path == "B/x/y")
    #expect(right.newNames.left.path == "B" && right.newNames.right.path == "B")

    let onLeft = tree(
      [listed("B/x", id: 2)], [listed("Beta", id: 102)], [record(2, "B", "Beta")],
      map: [("B/x", "Beta/z")])
    let left = try #require(onLeft.renames(ids: nobody).first)
    #expect(left.side == .left && left.oldName.path == "B/x" && left.newNames.left.path == "B")
  }

  @Test("parents are renamed before their children")
  func parents() {
    let tree = tree(
      [listed("New", id: 1), listed("New/Child", id: 2)],
      [listed("Old", id: 101), listed("Old/Child", id: 102)],
      [record(2, "Old/Child"), record(1, "Old")])
    #expect(tree.renames(ids: nobody).first?.record.id == MailboxID(1))
  }

  @Test(
    "subscriptions: whoever differs from the base has changed it",
    arguments: [
      (Bool?.none, false, false, false), (nil, true, false, true), (true, true, true, true),
      (true, false, true, false), (true, true, false, false), (false, true, false, true),
      (false, true, true, true), (false, false, false, false),
    ])
  func subscriptions(_ base: Bool?, _ left: Bool, _ right: Bool, _ wanted: Bool) {
    #expect(MailboxTree.subscription(base: base, left: left, right: right) == wanted)
  }

  @Test(
    "patterns: the last match decides",
    arguments: [
      ("*", "a/b", true), ("%", "a/b", false), ("%", "a", true), ("a/%", "a/b", true),
      ("* !Trash", "Trash", false), ("!Trash", "a", true), ("!Trash", "Trash", false),
      ("!* a", "a", true), ("!* a", "b", false), ("inbox", "INBOX", true),
      ("* !a/* a/b", "a/b", true), ("* !a/* a/b", "a/c", false), ("a*b*c", "aXbYc", true),
      ("a*b*c", "aXbY", false), ("a", "A", false),
    ])
  func patterns(_ words: String, _ path: String, _ matches: Bool) throws {
    let patterns = MailboxPatterns(words: words.split(separator: " ").map(String.init))
    let name = try #require(MailboxName(path: path))
    #expect(patterns.matches(name) == matches)
  }

  @Test("a pattern of many wildcards takes no more than its length times the name's")
  func longPattern() throws {
    let name = try #require(MailboxName(path: String(repeating: "a", count: 500)))
    #expect(!MailboxPatterns(words: [String(repeating: "*a", count: 200) + "b"]).matches(name))
  }
}
