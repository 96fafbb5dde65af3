/// One of the two replicas of a pair.
public enum Side: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
  case left
  case right

  public var other: Side { self == .left ? .right : .left }
  public var description: String { rawValue }
}

/// A value for each side; code is written once, for `side` and `side.other`.
public struct Both<Value> {
  public var left: Value
  public var right: Value

  public init(left: Value, right: Value) {
    self.left = left
    self.right = right
  }

  public init(_ make: (Side) throws -> Value) rethrows {
    left = try make(.left)
    right = try make(.right)
  }

  public subscript(side: Side) -> Value {
    get { side == .left ? left : right }
    // In place: a setter would copy an array or a dictionary for every element put into it.
    _modify { if side == .left { yield &left } else { yield &right } }
  }

  public func map<Result>(_ transform: (Value) throws -> Result) rethrows -> Both<Result> {
    Both<Result>(left: try transform(left), right: try transform(right))
  }
}

extension Both: Equatable where Value: Equatable {}
extension Both: Hashable where Value: Hashable {}
extension Both: Sendable where Value: Sendable {}
