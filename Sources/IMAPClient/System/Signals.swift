import CLinux
import Glibc

/// What this process does about signals on behalf of its streams.
public enum Signals {
  /// Makes a write to a pipe or socket that nobody reads an error (EPIPE) instead of the end of the
  /// process.
  ///
  /// Sockets of our own are written with MSG_NOSIGNAL, but a pipe has no such flag and OpenSSL calls
  /// `write` itself. It is done once, for the whole process; children get the default back.
  public static func ignoreBrokenPipes() { _ = ignoredOnce }

  private static let ignoredOnce: Void = mbs_ignore_signal(SIGPIPE)
}
