import Simulation

/// Plays random histories of replicas, users, faults and runs, and tells which of them went wrong.
@main struct Main {
  static let usage = """
    usage: simulate [--seeds FIRST...LAST] [--profile NAME] [-j THREADS] [--coverage]
                                                plays these histories; exit status 1 if one fails
           simulate --seed N [--profile NAME] [--calls]
                                                plays one, tells it, and shortens it if it fails
           simulate --file PATH [--calls]       plays a written history and tells it
    """

  static func main() {
    let outcome: Bool
    do {
      outcome = try run(Arguments(Array(CommandLine.arguments.dropFirst())))
    } catch {
      Output.error("simulate: \(error)\n\(usage)\n")
      Output.exit(64)
    }
    Output.exit(outcome ? 0 : 1)
  }

  /// - Returns: whether everything held.
  private static func run(_ arguments: Arguments) throws -> Bool {
    switch arguments.work {
    case .seeds(let seeds):
      return Campaign(
        seeds: seeds, about: arguments.profile, threads: arguments.threads,
        showsCoverage: arguments.showsCoverage
      ).run()
    case .seed(let seed):
      return Tale.tell(
        HistoryMaker.history(seed: seed, about: arguments.profile), calls: arguments.tellsCalls,
        shortens: true)
    case .file(let path):
      let history = try History(text: Output.read(path))
      return Tale.tell(history, calls: arguments.tellsCalls, shortens: false)
    }
  }
}
