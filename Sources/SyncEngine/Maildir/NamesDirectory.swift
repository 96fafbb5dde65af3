import CLinux
import Glibc
import IMAPClient

/// Where the names of one side's large Maildir folders are kept between runs: a file for each, beside the pair's base.
///
/// Nothing depends on them but time: one that is missing, torn, or of another moment than the base knows is not used. So they
/// are not synced to the disk.
public struct NamesDirectory: Sendable {
  let path: String

  /// - Parameter path: need not exist.
  public init(path: String) { self.path = path }

  /// A mailbox's name as bytes; equal only for one mailbox.
  static func key(of mailbox: MailboxName) -> [UInt8] {
    Array(mailbox.components.joined(separator: "\u{0}").utf8)
  }

  private func file(_ mailbox: [UInt8]) -> String {
    let key = mailbox.withUnsafeBufferPointer { FileTable.key($0) }
    let digits = String(key, radix: 16)
    return "\(path)/\(String(repeating: "0", count: 16 - digits.count))\(digits).names"
  }

  /// More than a folder of sixty million messages has.
  private static let limit = 1 << 30

  /// The names at this moment, if they are kept.
  func names(of mailbox: MailboxName, at stamp: MaildirStamp) -> StandingNames? {
    guard isKept(mailbox, at: stamp) else { return nil }
    let key = NamesDirectory.key(of: mailbox)
    guard let bytes = try? open(file(key))?.readBlock(limit: NamesDirectory.limit),
      let names = StandingNames(bytes), names.stamp == stamp, names.mailbox == key
    else { return nil }
    return names
  }

  /// Whether they seem to be kept; the file's beginning is all that is looked at.
  func isKept(_ mailbox: MailboxName, at stamp: MaildirStamp) -> Bool {
    guard let file = open(file(NamesDirectory.key(of: mailbox))) else { return false }
    let head = try? [UInt8](unsafeUninitializedCapacity: StandingNames.headLength) { bytes, count in
      count = try file.read(into: UnsafeMutableRawBufferPointer(bytes))
    }
    return head.flatMap { StandingNames.stamp(in: $0) } == stamp
  }

  private func open(_ path: String) -> OpenFile? {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    return descriptor < 0 ? nil : OpenFile(descriptor: descriptor)
  }

  /// Keeps them instead of those of before. Where that fails, none are kept.
  ///
  /// - Returns: whether there were none before.
  @discardableResult func keep(_ names: StandingNames) -> Bool {
    let target = file(names.mailbox)
    let temporary = "\(target).tmp"
    makeDirectories()
    let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
    let descriptor = Glibc.open(temporary, flags, 0o600)
    guard descriptor >= 0 else { return false }
    let isNew = access(target, F_OK) != 0
    let file = OpenFile(descriptor: descriptor)
    let isWritten: Void? = names.serialized().withUnsafeBufferPointer { bytes in
      try? file.writeAll(UnsafeRawBufferPointer(bytes))
    }
    // Before the other takes its place: file systems see to it that what replaces a file is on the disk at once, for which
    // nobody has to wait here.
    unlink(target)
    if isWritten == nil || rename(temporary, target) != 0 {
      unlink(temporary)
      return false
    }
    return isNew
  }

  /// Removes all that is kept, and the directory.
  func removeAll() {
    for file in files() { unlink("\(path)/\(file)") }
    rmdir(path)
  }

  private func files() -> [String] {
    var names: [String] = []
    try? Directory(path: path).forEachName { name, _ in
      names.append(String(decoding: name, as: UTF8.self))
    }
    return names
  }

  func forget(_ mailbox: MailboxName) { unlink(file(NamesDirectory.key(of: mailbox))) }

  /// Removes those of mailboxes that are not there any more.
  func forgetMissing(_ isThere: (MailboxName) -> Bool) {
    for name in files() {
      guard let file = open("\(path)/\(name)"),
        let head = try? file.readBeginning(StandingNames.headLength + 4096)
      else { continue }
      let mailbox = StandingNames.mailbox(in: head).flatMap { key in
        MailboxName(key.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
      }
      if mailbox.map({ !isThere($0) }) ?? true { unlink("\(path)/\(name)") }
    }
  }

  /// The side's own, and that of the pair above it.
  private func makeDirectories() {
    if mkdir(path, 0o700) == 0 || errno != ENOENT { return }
    if let slash = path.lastIndex(of: "/") { mkdir(String(path[..<slash]), 0o700) }
    mkdir(path, 0o700)
  }
}
