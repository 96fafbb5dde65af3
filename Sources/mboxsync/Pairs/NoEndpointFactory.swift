import SyncEngine

/// Stands for an endpoint of which nothing says where it is. The configuration is checked before, so this is only met by a
/// mistake of ours: it ends the pair, not the program.
final class NoEndpointFactory: EndpointFactory {
  let name = "an endpoint without a URL"
  let connectionLimit = 1

  func connect() throws(EndpointError) -> any Endpoint {
    throw EndpointError(
      .side, .configuration, "the endpoint has no URL", advice: "give it one with the key 'url'")
  }
}
