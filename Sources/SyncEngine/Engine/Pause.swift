import Glibc

/// Waiting for a server: the only place where the engine lets time pass. A run may be given
/// another way to wait.
enum Pause {
  static func milliseconds(_ count: UInt32) { usleep(count * 1000) }
}
