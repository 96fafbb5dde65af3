import SyncEngine

/// A configuration file whose sections and keys are known to be right.
struct Configuration: Sendable {
  let path: String
  private let file: INIFile
  private let context: ValueContext

  /// - Throws: the first thing that is wrong, whether a pair asked for needs it or not.
  init(path: String, bytes: [UInt8], _ context: ValueContext) throws(ConfigurationError) {
    self.path = path
    self.context = context
    file = try INIFile(path: path, bytes: bytes)
    for section in file.sections {
      if section.kind == "endpoint" {
        var settings = EndpointSettings()
        try apply(section, to: &settings)
        if settings.url == nil {
          throw failure(section.line, "the endpoint '\(section.name)' has no 'url'")
        }
      } else {
        var builder = try builder(section)
        _ = try builder.finish()
      }
    }
  }

  /// In the order of the file.
  var pairNames: [String] { file.sections.filter { $0.kind == "pair" }.map(\.name) }

  /// Commands that end right before a comment, where `;` or `#` may have been meant for the shell.
  var cutCommands: [(place: ConfigurationError.Place, key: String)] {
    file.sections.flatMap(\.entries).filter { $0.isCut && Configuration.isCommand($0) }
      .map { (.line(path: path, number: $0.line), $0.key) }
  }

  private static func isCommand(_ entry: INIFile.Entry) -> Bool {
    let key = entry.key.split(separator: ".").last.map(String.init) ?? entry.key
    return ["before", "after", "password-command"].contains(key)
      || entry.value.text.hasPrefix("exec:")
  }

  /// - Parameter settings: `--set` of the command line, in order; they go over the file's.
  /// - Returns: `nil` if there is no such pair.
  func pair(
    _ name: String, settings: [(key: String, value: String)], currentDirectory: String
  ) throws(ConfigurationError) -> PairSettings? {
    guard let section = file.sections.first(where: { $0.kind == "pair" && $0.name == name }) else {
      return nil
    }
    var builder = try builder(section)
    try builder.apply(settings, currentDirectory: currentDirectory)
    return try builder.finish()
  }

  private func builder(_ section: INIFile.Section) throws(ConfigurationError) -> PairBuilder {
    var endpoints: [String: EndpointSettings] = [:]
    for other in file.sections where other.kind == "endpoint" {
      var settings = EndpointSettings()
      try apply(other, to: &settings)
      endpoints[other.name] = settings
    }
    var builder = PairBuilder(
      name: section.name, place: .line(path: path, number: section.line), endpoints: endpoints,
      context)
    for entry in section.entries {
      try builder.set(entry.key, entry.value, at: .line(path: path, number: entry.line))
    }
    return builder
  }

  private func apply(
    _ section: INIFile.Section, to settings: inout EndpointSettings
  ) throws(ConfigurationError) {
    for entry in section.entries {
      let place = ConfigurationError.Place.line(path: path, number: entry.line)
      guard let key = EndpointKeys.all.first(where: { $0.name == entry.key }) else {
        throw ConfigurationError(place, UnknownKey.message(entry.key, in: .endpoint))
      }
      do {
        try key.set(&settings, entry.value, context)
      } catch {
        throw ConfigurationError(
          place, error.message(key: entry.key, value: entry.value.text))
      }
    }
  }

  private func failure(_ line: Int, _ message: String) -> ConfigurationError {
    ConfigurationError(.line(path: path, number: line), message)
  }
}

/// Says which key was probably meant.
enum UnknownKey {
  enum Section {
    case endpoint
    case pair
  }

  static func message(_ key: String, in section: Section) -> String {
    let pairKeys = PairKeys.names
    let endpointKeys = EndpointKeys.all.map(\.name)
    let text = "unknown key '\(key)'"
    switch section {
    case .endpoint where pairKeys.contains(key):
      return "\(text), it belongs into a [pair] section"
    case .pair where endpointKeys.contains(key):
      return "\(text), did you mean 'left.\(key)' or 'right.\(key)'?"
    case .endpoint:
      return text + hint(EditDistance.nearest(to: key, among: endpointKeys))
    case .pair:
      let sided = ["left.", "right."].flatMap { side in endpointKeys.map { side + $0 } }
      return text + hint(EditDistance.nearest(to: key, among: pairKeys + sided))
    }
  }

  private static func hint(_ nearest: String?) -> String {
    nearest.map { ", did you mean '\($0)'?" } ?? ", see mboxsync.conf(5)"
  }
}
