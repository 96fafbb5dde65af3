/// A key of the configuration: its name and what it does to the settings. The tables of keys are the only
/// lists of them: files, `--set` and the check of the man page are made from them.
struct Key<Settings>: Sendable {
  typealias Setter =
    @Sendable (inout Settings, INIValue, ValueContext) throws(ValueError) -> Void

  let name: String
  let set: Setter

  init(_ name: String, _ set: @escaping Setter) {
    self.name = name
    self.set = set
  }
}
