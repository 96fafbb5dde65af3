import Glibc

@main
enum Main {
  static func main() {
    // Nothing is left to be written. Libraries that tidy up after themselves would take longer than a short run's own
    // work at its end.
    _exit(Program.run(Array(CommandLine.arguments.dropFirst())).rawValue)
  }
}
