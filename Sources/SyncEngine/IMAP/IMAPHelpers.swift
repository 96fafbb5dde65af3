import IMAPClient

/// The connections of one account that have nothing of their own to do, and may help one that has much to fetch:
/// those of lanes that rest, and others that are made for this as long as there may be more.
///
/// They are made when a server is slower than what takes its messages: else another connection takes from it what the one
/// has. They are made one after the other and in the background, so that nobody waits for a log-in or a refusal; what is
/// fetched next is shared.
final class IMAPHelpers: @unchecked Sendable {
  private let monitor = Monitor()
  // All of these are guarded by the monitor.
  /// Those that nobody uses at the moment.
  private var idle: [IMAPEndpoint] = []
  /// Made here, and not handed over to a lane.
  private var own: [IMAPEndpoint] = []
  /// How many connections there may be, and how many there are.
  private var limit = 1
  private var count = 0
  private var isMaking = false
  /// For tests: they are made as soon as there is much to fetch.
  private var isEager = false
  /// The server allows no more, or the run is over.
  private var isClosed = false
  /// Of those that were ended.
  private var endedTraffic = Traffic()

  func allow(_ limit: Int) { monitor.locked { self.limit = limit } }

  /// A lane has connected.
  func noteLane() { monitor.locked { count += 1 } }

  /// A connection that was made to help, for a lane that needs one.
  func takeOver() -> IMAPEndpoint? {
    let endpoint = monitor.locked { () -> IMAPEndpoint? in
      guard let found = idle.first(where: { isOwn($0) }) else { return nil }
      idle.removeAll { $0 === found }
      own.removeAll { $0 === found }
      return found
    }
    endpoint?.stopHelping()
    return endpoint
  }

  private func isOwn(_ endpoint: IMAPEndpoint) -> Bool { own.contains { $0 === endpoint } }

  // MARK: Lanes that rest

  func rest(_ endpoint: IMAPEndpoint) { monitor.locked { idle.append(endpoint) } }

  func resume(_ endpoint: IMAPEndpoint) {
    monitor.locked { idle.removeAll { $0 === endpoint } }
  }

  // MARK: Helping

  /// At most so many, for the caller alone until ``giveBack(_:)``.
  func take(_ count: Int) -> [IMAPEndpoint] {
    monitor.locked {
      let taken = Array(idle.prefix(count))
      idle.removeFirst(taken.count)
      return taken
    }
  }

  /// Those that failed are not given back. That a lane's connection did, is found when the lane uses it.
  func giveBack(_ endpoints: [IMAPEndpoint]) { monitor.locked { idle += endpoints } }

  /// Makes as many as there may be, by `connect`, unless that is under way.
  func makeMore(_ connect: @escaping () throws(EndpointError) -> IMAPEndpoint) {
    monitor.locked {
      guard !isClosed, !isMaking, count < limit else { return }
      isMaking = true
      let thread = Thread { [self] in make(connect) }
      thread?.detach()
      if thread == nil { isMaking = false }
    }
  }

  private func make(_ connect: () throws(EndpointError) -> IMAPEndpoint) {
    while monitor.locked({ !isClosed && count < limit }) {
      let endpoint = try? connect()
      let isOfUse = monitor.locked { () -> Bool in
        guard let endpoint, !isClosed else {
          isClosed = true
          return false
        }
        count += 1
        own.append(endpoint)
        idle.append(endpoint)
        return true
      }
      if !isOfUse { endpoint?.disconnect() }
    }
    monitor.locked {
      isMaking = false
      monitor.wakeAll()
    }
  }

  var makesAtOnce: Bool {
    get { monitor.locked { isEager } }
    set { monitor.locked { isEager = newValue } }
  }

  /// For tests: until the connections are made that may be.
  func waitUntilMade() {
    monitor.locked { while isMaking { monitor.wait() } }
  }

  // MARK: The end

  /// Of connections that no lane has.
  var traffic: Traffic {
    monitor.locked { own.reduce(endedTraffic) { $0 + $1.traffic } }
  }

  /// One that is just being made closes itself.
  func disconnect() {
    monitor.locked {
      isClosed = true
      for endpoint in own {
        endpoint.disconnect()
        endedTraffic = endedTraffic + endpoint.traffic
      }
      own = []
      idle = []
    }
  }
}
