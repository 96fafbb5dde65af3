import IMAPClient

/// An endpoint's error, and whose it is.
struct SideFailure: Error {
  var side: Side
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

/// Does something with the base, which lies on the left side as far as messages to the user go.
func stateAccess<Result>(
  _ body: () throws(StateError) -> Result
) throws(SideFailure) -> Result {
  do {
    return try body()
  } catch {
    throw SideFailure(side: .left, error: EndpointError(error))
  }
}
