import SyncEngine

/// Puts a pair together from its section and from the command line, whatever the order of the keys: an
/// endpoint's own section first, then `left.KEY` of the pair, then `--set`.
struct PairBuilder {
  private struct Setting {
    var key: Key<EndpointSettings>
    var name: String
    var value: INIValue
    var place: ConfigurationError.Place
    var context: ValueContext
  }

  private var pair: PairSettings
  private let place: ConfigurationError.Place
  private let endpoints: [String: EndpointSettings]
  private let context: ValueContext
  private var ends: Both<(value: String, place: ConfigurationError.Place, ValueContext)?> =
    Both(left: nil, right: nil)
  private var settings: Both<[Setting]> = Both(left: [], right: [])

  /// - Parameter place: the pair's section.
  init(
    name: String, place: ConfigurationError.Place, endpoints: [String: EndpointSettings],
    _ context: ValueContext
  ) {
    pair = PairSettings(name: name)
    self.place = place
    self.endpoints = endpoints
    self.context = context
  }

  /// Takes what `--set` says.
  mutating func apply(
    _ settings: [(key: String, value: String)], currentDirectory: String
  ) throws(ConfigurationError) {
    var context = context
    context.currentDirectory = currentDirectory
    for (key, value) in settings {
      try set(key, INIValue(literal: value), at: .commandLine("--set \(key)"), context)
    }
  }

  mutating func set(
    _ key: String, _ value: INIValue, at place: ConfigurationError.Place,
    _ context: ValueContext? = nil
  ) throws(ConfigurationError) {
    let context = context ?? self.context
    if let side = Side(rawValue: key) {
      let text = value.inner.lowercased().hasPrefix("exec:") ? value.inner : value.text
      ends[side] = (text, place, context)
      return
    }
    if let known = PairKeys.all.first(where: { $0.name == key }) {
      do {
        try known.set(&pair, value, context)
      } catch {
        throw ConfigurationError(place, error.message(key: key, value: value.text))
      }
      return
    }
    for side in Side.allCases where key.hasPrefix("\(side).") {
      let name = key.dropFirst(side.rawValue.count + 1)
      guard let known = EndpointKeys.all.first(where: { $0.name == name }) else { break }
      settings[side].append(
        Setting(key: known, name: key, value: value, place: place, context: context))
      return
    }
    throw ConfigurationError(place, UnknownKey.message(key, in: .pair))
  }

  mutating func finish() throws(ConfigurationError) -> PairSettings {
    for side in Side.allCases {
      var endpoint = try base(side)
      for setting in settings[side] {
        do {
          try setting.key.set(&endpoint, setting.value, setting.context)
        } catch {
          throw ConfigurationError(
            setting.place, error.message(key: setting.name, value: setting.value.text))
        }
      }
      guard endpoint.url != nil else {
        throw ConfigurationError(place, "the pair '\(pair.name)' has no '\(side)'")
      }
      pair.endpoints[side] = endpoint
      pair.policy.prefixes[side] = endpoint.prefix
    }
    let overlap = StoreOverlap.find(
      pair.endpoints, selecting: pair.policy.mailboxes, context.environment)
    if let overlap { throw ConfigurationError(place, overlap.message) }
    return pair
  }

  /// The endpoint that `left` or `right` names or describes.
  private func base(_ side: Side) throws(ConfigurationError) -> EndpointSettings {
    guard let (value, place, context) = ends[side] else { return EndpointSettings() }
    if let endpoint = endpoints[value] { return endpoint }
    guard value.contains(":") else {
      let nearest = EditDistance.nearest(to: value, among: endpoints.keys.sorted())
      let hint = nearest.map { ", did you mean '\($0)'?" } ?? ", an [endpoint \(value)] is missing"
      throw ConfigurationError(place, "unknown endpoint '\(value)' for '\(side)'\(hint)")
    }
    do {
      var endpoint = EndpointSettings()
      endpoint.url = try EndpointURL(value, context)
      return endpoint
    } catch {
      throw ConfigurationError(place, error.message(key: side.rawValue, value: ""))
    }
  }
}
