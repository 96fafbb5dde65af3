import CLinux
import Glibc

/// When a pair was last synced: the time of its lock file, which every run writes to anyway. To commit it
/// to the base would make a run with nothing to do wait longer for the disk than for everything else.
extension SQLiteStateStore {
  /// Notes that a run has ended now. That it can't be noted has no influence on the mail.
  public static func noteRun(directory: String, pair: String) {
    utimensat(AT_FDCWD, StateFiles(directory: directory, pair: pair).lock, nil, 0)
  }

  /// Where the names of the large folders of a side are kept that is a Maildir.
  public static func namesDirectory(
    directory: String, pair: String, side: Side
  ) -> NamesDirectory {
    let files = StateFiles(directory: directory, pair: pair)
    return NamesDirectory(path: "\(files.names)/\(side.rawValue)")
  }

  /// Seconds since 1970; `nil` if there never was a run.
  public static func lastRun(directory: String, pair: String) -> Int64? {
    var status = stat()
    guard stat(StateFiles(directory: directory, pair: pair).lock, &status) == 0 else { return nil }
    return Int64(status.st_mtim.tv_sec)
  }
}
