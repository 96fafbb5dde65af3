import Glibc

@main
enum Main {
  static func main() {
    // Nothing is left to be written. Libraries that tidy up after themselves would take longer than a short run's own
    // work at its end.
    _exit(Program.run(arguments).rawValue)
  }

  /// As they were given, without the program's name: Swift's own are texts, with what is not UTF-8 replaced.
  private static var arguments: [[UInt8]] {
    (1..<max(1, Int(CommandLine.argc))).compactMap { index in
      CommandLine.unsafeArgv[index].map {
        Array(UnsafeRawBufferPointer(start: $0, count: strlen($0)))
      }
    }
  }
}
