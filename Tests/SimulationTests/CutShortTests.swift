import IMAPClient
import Simulation
import SyncEngine
import Testing

/// Runs that end at one certain instant, and what the next run makes of what they left.
@Suite("Runs cut short at one instant") struct CutShortTests {
  /// Plays what `before` says, a run that is killed at every instant at which `call` is made, another run,
  /// and looks whether everything is level.
  private func killed(
    at call: SimulatedCall.Kind, _ replicas: [SimulatedTraits], _ before: [History.Step],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let faults: [(SimulatedStep.Moment, SimulatedFault)] = [
      (.before, .crash(.none)), (.before, .crash(.partial(1))), (.before, .crash(.late(5))),
      (.after, .crash(.none)), (.after, .connectionLost(.none)),
    ]
    var isMet = false
    for (moment, fault) in faults {
      for number in 1...3 {
        var history = History(
          seed: 5, replicas: replicas, pairs: [History.Pair(left: 0, right: 1)])
        var run = History.Run(pair: 0)
        run.incidents = [
          History.Incident(moment: moment, call: call, number: number, event: .fault(fault))
        ]
        history.steps = before + [.run(run), .rest]
        let replay = Replay(history)
        replay.tellsStory = true
        #expect(replay.play(), "\(history.text)\(replay.story)", sourceLocation: sourceLocation)
        isMet = isMet || replay.coverage.counts["fault at: \(call.rawValue)"] != nil
      }
    }
    #expect(isMet, "no such call", sourceLocation: sourceLocation)
  }

  private static let messages: [History.Step] = [
    .deed(0, .deliver, 1), .deed(0, .deliver, 2), .deed(1, .deliver, 3), .everywhere(4),
  ]

  static let sides: [[SimulatedTraits]] = [
    [.maildir, .imap()], [.imap(), .maildir], [.maildir, .maildir],
    [.maildir, .imap(hasIDs: false, canMove: false)],
  ]

  @Test("after a Maildir has taken another UIDVALIDITY", arguments: sides)
  func adopt(_ replicas: [SimulatedTraits]) {
    let number = replicas[0].isMaildir ? 0 : 1
    killed(at: .adopt, replicas, CutShortTests.messages + [.deed(number, .number, 5)])
  }

  @Test("after what a new UIDVALIDITY made void was forgotten", arguments: sides)
  func begin(_ replicas: [SimulatedTraits]) {
    for reset in [Deed.reset, .resetIDs] {
      for replica in 0...1 {
        killed(
          at: .commit, replicas,
          CutShortTests.messages + [.rest, .deed(0, .deliver, 6), .deed(replica, reset, 7)])
      }
    }
  }

  @Test("when messages were renumbered and the base does not say so yet", arguments: sides)
  func renumber(_ replicas: [SimulatedTraits]) {
    let both: [History.Step] = [
      .rest, .deed(0, .deliver, 6), .deed(0, .number, 7), .deed(1, .deliver, 8),
      .deed(1, .number, 9),
    ]
    killed(at: .renumber, replicas, CutShortTests.messages + both)
  }

  @Test(
    "a message that someone changes or takes away just before is looked at again",
    arguments: [Deed.flag, .expunge, .move], [SimulatedCall.Kind.store, .fetch, .copy, .expunge])
  func retry(_ deed: Deed, _ call: SimulatedCall.Kind) {
    for replicas in CutShortTests.sides {
      for replica in 0...1 {
        var history = History(
          seed: 5, replicas: replicas, pairs: [History.Pair(left: 0, right: 1)])
        var run = History.Run(pair: 0)
        run.incidents = (1...2).map { number in
          History.Incident(
            moment: .before, call: call, number: number, event: .deed(replica, deed, 30 + number))
        }
        history.steps =
          CutShortTests.messages + [.deed(0, .create, 5), .rest]
          + [Deed.flag, .copy, .deliver, .expunge, .move].enumerated().map {
            .deed(1 - replica, $0.element, 10 + $0.offset)
          } + [.run(run), .rest]
        let replay = Replay(history)
        replay.tellsStory = true
        #expect(replay.play(), "\(history.text)\(replay.story)")
      }
    }
  }
}
