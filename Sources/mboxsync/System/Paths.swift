import Glibc

/// Paths as people write them.
enum Paths {
  /// `~` and `~/…` with the home directory, `~name/…` with that user's. `nil` if there is none.
  static func expandingTilde(_ path: String, home: String?) -> String? {
    guard path.hasPrefix("~") else { return path }
    let end = path.firstIndex(of: "/") ?? path.endIndex
    let name = path[path.index(after: path.startIndex)..<end]
    let directory =
      name.isEmpty
      ? home : getpwnam(String(name)).map { String(cString: $0.pointee.pw_dir) }
    return directory.map { $0 + path[end...] }
  }

  /// Without `//`, `/./` and a slash at the end, so that one directory has one name. `..` is left alone:
  /// what it means depends on symbolic links.
  static func normalized(_ path: String) -> String {
    let parts = path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    guard path.hasPrefix("/") else { return parts.isEmpty ? "." : parts }
    return "/" + parts
  }

  /// Without symbolic links, as far as it exists; what does not is left as it is.
  static func resolved(_ path: String) -> String {
    var (existing, rest) = (normalized(path)[...], "")
    while !existing.isEmpty {
      if let found = realpath(String(existing), nil) {
        defer { free(found) }
        return normalized(String(cString: found) + rest)
      }
      let slash = existing.lastIndex(of: "/") ?? existing.startIndex
      rest = existing[slash...] + rest
      existing = existing[..<slash]
    }
    return normalized(path)
  }

  /// Starting at the current directory if it is relative.
  static func absolute(_ path: String) -> String {
    if path.hasPrefix("/") { return normalized(path) }
    guard let current = getcwd(nil, 0) else { return normalized(path) }
    defer { free(current) }
    return normalized(String(cString: current) + "/" + path)
  }

  /// This program's file.
  static var ownProgram: String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    guard count > 0, count < buffer.count else { return nil }
    return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
