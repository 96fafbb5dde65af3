import Foundation

/// The letters of flags in file names.
let systemFlags: [Character: String] = [
  "D": "\\draft", "F": "\\flagged", "P": "$forwarded", "R": "\\answered", "S": "\\seen",
  "T": "\\deleted",
]

/// `dovecot-uidlist`, version 3, as far as tests need it.
public struct UIDListFile: Hashable, Sendable {
  public var uidValidity: UInt64
  public var uidNext: UInt64
  /// By the file name before the flags.
  public var uids: [String: UInt32]
}

extension MaildirUser {
  /// What a mailbox's `dovecot-uidlist` says; nil if there is none.
  public func uidList(of mailbox: String) -> UIDListFile? {
    guard let data = FileManager.default.contents(atPath: "\(folder(mailbox))/dovecot-uidlist")
    else { return nil }
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
    guard let header = lines.first?.split(separator: " "), header.first == "3" else { return nil }
    var list = UIDListFile(uidValidity: 0, uidNext: 0, uids: [:])
    for field in header.dropFirst() {
      if field.hasPrefix("V") { list.uidValidity = UInt64(field.dropFirst()) ?? 0 }
      if field.hasPrefix("N") { list.uidNext = UInt64(field.dropFirst()) ?? 0 }
    }
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, let uid = line.split(separator: " ").first.flatMap({ UInt32($0) })
      else { continue }
      list.uids[parts[1].components(separatedBy: ":")[0]] = uid
      list.uidNext = max(list.uidNext, UInt64(uid) + 1)
    }
    return list
  }

  /// What the lower case letters of a mailbox's file names stand for.
  func keywords(of mailbox: String) throws -> [Character: String] {
    let text = (try? String(contentsOfFile: keywordsFile(mailbox), encoding: .utf8)) ?? ""
    var result: [Character: String] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      guard parts.count == 2, let number = UInt8(parts[0]), number < 26 else {
        throw TestFailure("dovecot-keywords of \(mailbox): \(line)")
      }
      result[Character(UnicodeScalar(97 + number))] = parts[1].lowercased()
    }
    return result
  }

  /// The letters for flags, keywords being added to `dovecot-keywords` behind those that are there.
  func letters(for flags: Set<String>, in mailbox: String) throws -> String {
    var letters = ""
    for flag in flags.map({ $0.lowercased() }).sorted() {
      if let letter = systemFlags.first(where: { $0.value == flag })?.key {
        letters.append(letter)
        continue
      }
      var known = try keywords(of: mailbox)
      if let letter = known.first(where: { $0.value == flag })?.key {
        letters.append(letter)
        continue
      }
      let last = known.keys.max()?.asciiValue ?? 96
      guard last < 122 else { throw TestFailure("\(mailbox) has 26 keywords") }
      let letter = Character(UnicodeScalar(last + 1))
      known[letter] = flag
      let lines = known.sorted { $0.key < $1.key }
        .map { "\(($0.key.asciiValue ?? 97) - 97) \($0.value)\n" }
      try put(Array(lines.joined().utf8), at: keywordsFile(mailbox))
      letters.append(letter)
    }
    return String(letters.sorted())
  }

  private func keywordsFile(_ mailbox: String) -> String { "\(folder(mailbox))/dovecot-keywords" }
}

extension MaildirUser {
  /// Every path of the tree with its size, time of change and inode: equal only if nothing was written.
  ///
  /// Of directories other than `cur` and `new` the time is left out: a lock is made and removed in them.
  public func footprint() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: root).sorted().map { path in
      var status = stat()
      guard lstat("\(root)/\(path)", &status) == 0 else { throw TestFailure("no \(path)") }
      let isTimed =
        status.st_mode & S_IFMT != S_IFDIR
        || ["cur", "new"].contains((path as NSString).lastPathComponent)
      let time = isTimed ? status.st_mtim : timespec()
      return "\(path) \(status.st_size) \(time.tv_sec).\(time.tv_nsec) \(status.st_ino)"
    }
  }
}
