import CLinux

/// What the C library does with free memory.
///
/// At a first sync many small pieces are freed in another order than they were allocated in; left to
/// itself, the library keeps several times as much as is in use.
public enum Memory {
  /// Large pieces go back to the system at once, for good. Once, at the start of the program.
  public static func prepare() {
    // Set by hand it stays; else it rises to the size of the largest piece freed.
    _ = mallopt(M_MMAP_THRESHOLD, 128 << 10)
  }

  /// Gives whole free pages back.
  static func giveBack() { _ = malloc_trim(0) }
}
