/// What is known of a server after the login; a second connection of the same account may take it over
/// and need not ask again.
public struct ServerProfile: Hashable, Sendable {
  /// From ID (RFC 2971); `nil` if it was not asked for or not answered.
  public var name: String? {
    didSet { isDovecot = name.map { $0.lowercased().contains("dovecot") } }
  }
  /// By its name; `nil` without one.
  public private(set) var isDovecot: Bool?
  /// From ID as well.
  public var version: String?
  /// RFC 2342; `nil` if it was not asked for or not answered.
  public var namespaces: NamespaceResponse?
  /// What ENABLE turned on. RFC 5161 §3.2.
  public var enabled: Set<Capability> = []

  public init() {}
}

extension Capability {
  public static let acl = Capability("ACL")
  public static let appendLimit = Capability("APPENDLIMIT")
  public static let appendLimitPrefix = "APPENDLIMIT="
  public static let compressDeflate = Capability("COMPRESS=DEFLATE")
  public static let condStore = Capability("CONDSTORE")
  public static let createSpecialUse = Capability("CREATE-SPECIAL-USE")
  public static let enable = Capability("ENABLE")
  public static let eSearch = Capability("ESEARCH")
  public static let gmail = Capability("X-GM-EXT-1")
  public static let id = Capability("ID")
  public static let listExtended = Capability("LIST-EXTENDED")
  public static let listStatus = Capability("LIST-STATUS")
  public static let literalMinus = Capability("LITERAL-")
  public static let literalPlus = Capability("LITERAL+")
  public static let move = Capability("MOVE")
  public static let multiAppend = Capability("MULTIAPPEND")
  public static let namespace = Capability("NAMESPACE")
  public static let objectID = Capability("OBJECTID")
  public static let qResync = Capability("QRESYNC")
  public static let saslIR = Capability("SASL-IR")
  public static let snippetFuzzy = Capability("SNIPPET=FUZZY")
  public static let specialUse = Capability("SPECIAL-USE")
  public static let startTLS = Capability("STARTTLS")
  public static let uidPlus = Capability("UIDPLUS")
  public static let unselect = Capability("UNSELECT")
  public static let utf8Accept = Capability("UTF8=ACCEPT")
}
