package enum Knobs {
    nonisolated(unsafe) package static var v: [Double] = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}
