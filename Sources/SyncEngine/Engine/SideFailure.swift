import IMAPClient

/// An error, and whose it is.
struct SideFailure: Error {
  /// `nil`: the base's, or the whole run's.
  var side: Side?
  var error: EndpointError
}

/// Does something with one side's endpoint.
func attempt<Result>(
  on side: Side, _ body: () throws(EndpointError) -> Result
) throws(SideFailure) -> Result {
  do {
    return try body()
  } catch {
    throw SideFailure(side: side, error: error)
  }
}

/// Does something with the base, which lies on neither side.
func stateAccess<Result>(
  _ body: () throws(StateError) -> Result
) throws(SideFailure) -> Result {
  do {
    return try body()
  } catch {
    throw SideFailure(side: nil, error: EndpointError(error))
  }
}
