import Testing

@testable import SyncEngine

@Suite("Blocks of elements") struct BlockTests {
  @Test("grow, and hold what an array would") func grow() {
    var block = Block<UInt32>()
    var array: [UInt32] = []
    for number in 0..<5_000 as Range<UInt32> {
      if number % 7 == 0 {
        let some = [number, number + 1, number + 2]
        block.append(some)
        array += some
      } else {
        block.append(number)
        array.append(number)
      }
      if number % 11 == 0 {
        block[array.count / 2] = number
        array[array.count / 2] = number
      }
    }
    block.append([])
    #expect(block.count == array.count && block.elementsEqual(array))
    #expect(block.copy(10..<20) == Array(array[10..<20]) && block.last == array.last)
    #expect(Block<UInt8>().isEmpty && Block([UInt8]()).copy(0..<0).isEmpty)
  }

  @Test("share what they had in common, and nothing else") func shared() {
    var first = Block<UInt8>([1, 2, 3])
    var second = first
    first.append(4)
    // Not over the other's.
    second.append(5)
    #expect(Array(first) == [1, 2, 3, 4] && Array(second) == [1, 2, 3, 5])
    var third = first
    third[0] = 9
    first[1] = 8
    #expect(Array(first) == [1, 8, 3, 4] && Array(third) == [9, 2, 3, 4])
    let old = first
    for number in 0..<200 as Range<UInt8> { first.append(number) }
    #expect(Array(old) == [1, 8, 3, 4] && first.count == 204 && first.last == 199)
    // The one that is left adds behind its own.
    var short = first
    do {
      var long = short
      long.append([1, 2])
      #expect(long.count == 206)
    }
    first = Block()
    short.append(7)
    #expect(short.count == 205 && short.last == 7)
  }

  @Test("are not copied for what is added behind them all") func notCopied() {
    var block = Block<UInt8>([1, 2, 3])
    block.reserveCapacity(100)
    let other = block
    block.append(4)
    let addresses = [block, other].map { $0.withUnsafeBufferPointer(\.baseAddress) }
    #expect(addresses[0] == addresses[1] && other.count == 3)
  }

  @Test("are filled as far as they are") func filled() {
    let block = Block<UInt8>(capacity: 8) { room in
      for index in 0..<5 { room[index] = UInt8(index) }
      return 5
    }
    #expect(Array(block) == [0, 1, 2, 3, 4])
    #expect(Block<UInt8>(capacity: 0) { _ in 0 }.isEmpty)
  }
}
