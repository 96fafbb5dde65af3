import Simulation

@main struct Main {
  static func main() {
    print("histories to come")
  }
}
