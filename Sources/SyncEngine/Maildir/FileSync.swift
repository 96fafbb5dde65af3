import CLinux
import Glibc

/// Makes a batch of written files durable.
///
/// Many are made durable by one `syncfs`, which costs less than half of an `fsync` each; whether a file itself
/// came to grief, it is asked afterwards. A few are synced one by one: `syncfs` waits for what everybody else
/// has written, too.
final class FileSync {
  private let files: [OpenBox?]
  private let directory: Directory
  private var failures: [SystemError?] = []
  private var thread: Thread?

  /// From so many files on one call for the whole file system is cheaper.
  private static let manyFiles = 16

  /// - Parameters:
  ///   - files: `nil` for those that are not to be synced.
  ///   - directory: where they lie.
  ///   - inBackground: on a thread of its own, until ``finish()``.
  init(_ files: [OpenBox?], in directory: Directory, inBackground: Bool) {
    self.files = files
    self.directory = directory
    if inBackground { thread = Thread { [self] in failures = run() } }
    if thread == nil { failures = run() }
  }

  /// Waits until all is done.
  /// - Returns: for each file what went wrong.
  func finish() -> [SystemError?] {
    thread?.join()
    thread = nil
    return failures
  }

  private func run() -> [SystemError?] {
    let isWhole = files.count >= FileSync.manyFiles && directory.syncFileSystem()
    // All at once on their way to the disk, before one of them is waited for.
    if !isWhole { for file in files { file?.value.startSync() } }
    return files.map { file in
      guard let file else { return nil }
      do throws(SystemError) {
        if isWhole { try file.value.waitForWriting() } else { try file.value.sync() }
        return nil
      } catch {
        return error
      }
    }
  }
}
