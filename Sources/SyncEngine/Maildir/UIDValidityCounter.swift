import Glibc
import IMAPClient
import Synchronization

/// Gives UIDVALIDITYs, each larger than those before.
///
/// Where a Dovecot keeps its counter in the root (`dovecot-uidvalidity`, and an empty file with the
/// number in its name, which is renamed to count), that is used and raised.
struct UIDValidityCounter {
  let root: Directory
  let path: String
  let surroundings: MaildirSurroundings

  private static let name = FileName("dovecot-uidvalidity".utf8)
  private static let last = Mutex<UInt32>(0)

  /// - Parameter floor: a UIDVALIDITY that the mailbox had.
  func next(above floor: UIDValidity?) throws(EndpointError) -> UIDValidity {
    do throws(SystemError) {
      let seconds = UInt32(clamping: surroundings.now() / MaildirSurroundings.second)
      for _ in 0..<100 {
        let counted = try findCounted()
        let value = UIDValidityCounter.last.withLock { last in
          let highest = max(seconds, last, counted?.value ?? 0, floor?.rawValue ?? 0)
          last = highest == .max ? highest : highest + 1
          return last
        }
        guard let validity = UIDValidity(value) else { break }
        guard let counted else { return validity }
        if try count(from: counted.name, to: value) { return validity }
      }
      throw SystemError(code: EAGAIN)
    } catch {
      throw error.endpointError("can't raise dovecot-uidvalidity in \(path)")
    }
  }

  private func findCounted() throws(SystemError) -> (value: UInt32, name: FileName)? {
    guard try root.statusIfThere(of: UIDValidityCounter.name) != nil else { return nil }
    var highest: (value: UInt32, name: FileName)?
    try root.forEachName { name, _ in
      let start = UIDValidityCounter.name.count + 1
      guard name.count == start + 8, name.starts(with: UIDValidityCounter.name + [0x2e]),
        let value = UInt32(String(decoding: name[start...], as: UTF8.self), radix: 16)
      else { return }
      if highest.map({ $0.value < value }) ?? true { highest = (value, Array(name)) }
    }
    return highest
  }

  /// - Returns: false if someone else has counted in between.
  private func count(from old: FileName, to value: UInt32) throws(SystemError) -> Bool {
    let digits = String(value, radix: 16)
    let text = Array((String(repeating: "0", count: 8 - digits.count) + digits).utf8)
    do {
      try root.rename(old, to: UIDValidityCounter.name + [0x2e] + text, in: root)
    } catch {
      if error.isMissing { return false }
      throw error
    }
    let temporary = UIDValidityCounter.name + Array(".tmp.".utf8) + surroundings.uniqueBase()
    do {
      let file = try root.createFile(temporary)
      try file.setMode(0o644)
      try file.writeAll(text)
      try root.rename(temporary, to: UIDValidityCounter.name, in: root)
    } catch {
      try? root.unlink(temporary)
      throw error
    }
    return true
  }
}
