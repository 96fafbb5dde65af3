import CLinux
import Glibc
import IMAPClient

/// Where the base of one pair lies, and what is done to its files as files.
struct StateFiles {
  let directory: String
  /// The file names without what follows the dot.
  let name: String

  /// - Parameter pair: any text; equal file names only for equal texts.
  init(directory: String, pair: String) {
    self.directory = directory
    name = StateFiles.name(for: pair)
  }

  var database: String { "\(directory)/\(name).sqlite" }
  var journal: String { "\(database)-journal" }
  /// ``NamesDirectory``s lie in it.
  var names: String { "\(directory)/\(name).names" }
  var lock: String { "\(directory)/\(name).lock" }

  /// A part for people, and a digest that tells apart what that part makes equal.
  private static func name(for pair: String) -> String {
    let readable = pair.utf8.prefix(40).map { byte -> UInt8 in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
        byte
      default: UInt8(ascii: "_")
      }
    }
    let digest = GlobalUID(bytes: SHA256.digest(of: Array(pair.utf8))) ?? GlobalUID(high: 0, low: 0)
    return "\(String(decoding: readable, as: UTF8.self)).\(digest.description.prefix(12))"
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// In octets; 0 of what is not there.
  static func size(of path: String) -> Int64 {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : 0
  }

  /// Makes the directory and those above it, for their owner alone. One that is there keeps its mode:
  /// it may be anyone's.
  func makeDirectory() throws(StateError) {
    var made = directory.hasPrefix("/") ? "/" : ""
    for component in directory.split(separator: "/") {
      made += made.isEmpty || made == "/" ? String(component) : "/\(component)"
      if mkdir(made, 0o700) != 0 {
        // Some systems say EROFS or EACCES of a directory that is there.
        let code = errno
        var status = stat()
        guard stat(made, &status) == 0 else { throw .system(code, "can't make", made) }
        guard mbs_S_ISDIR(status.st_mode) != 0 else { throw .system(ENOTDIR, "can't make", made) }
      }
    }
  }

  /// Makes an empty file for its owner alone; removes one that is in the way.
  static func makeFile(_ path: String) throws(StateError) {
    unlink(path)
    var descriptor: Int32
    repeat {
      descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    } while descriptor < 0 && errno == EINTR
    guard descriptor >= 0 else { throw .system(errno, "can't make", path) }
    close(descriptor)
  }

  /// Makes a rename in the directory durable.
  func syncDirectory() throws(StateError) {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(errno, "can't open", directory) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .system(errno, "can't sync", directory) }
  }

  /// Renames the database and its journal to names that nothing has.
  ///
  /// The journal goes first: one that stayed behind would be rolled back into the database made next.
  /// - Returns: the database's new path.
  func setAside() throws(StateError) -> String {
    var number = 1
    while StateFiles.exists(damaged(number)) || StateFiles.exists("\(damaged(number))-journal") {
      number += 1
    }
    let aside = damaged(number)
    try StateFiles.move(journal, to: "\(aside)-journal")
    try StateFiles.move(database, to: aside)
    return aside
  }

  private func damaged(_ number: Int) -> String { "\(database).damaged-\(number)" }

  static func move(_ path: String, to target: String) throws(StateError) {
    guard rename(path, target) == 0 || errno == ENOENT else {
      throw .system(errno, "can't rename", path)
    }
  }

  /// - Returns: whether there was one.
  static func remove(_ path: String) throws(StateError) -> Bool {
    if unlink(path) == 0 { return true }
    guard errno == ENOENT || errno == ENOTDIR else { throw .system(errno, "can't remove", path) }
    return false
  }

  /// Removes what is kept of names: nothing depends on it.
  func removeNames() {
    for side in Side.allCases { NamesDirectory(path: "\(names)/\(side.rawValue)").removeAll() }
    rmdir(names)
  }

  static func copy(_ path: String, to target: String) throws(StateError) {
    let source = open(path, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else { throw .system(errno, "can't read", path) }
    defer { close(source) }
    let copy = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard copy >= 0 else { throw .system(errno, "can't make", target) }
    defer { close(copy) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(source, &buffer, buffer.count)
      guard count >= 0 else { throw .system(errno, "can't read", path) }
      if count == 0 { return }
      guard write(copy, buffer, count) == count else {
        throw .system(errno, "can't write", target)
      }
    }
  }
}
