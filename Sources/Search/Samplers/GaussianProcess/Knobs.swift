package enum Knobs {
    nonisolated(unsafe) package static var v: [Double] = [
        -0.7, 0.5, 1.0,  // lengths: mode, + coefficient * log D, spread
        0, 1,  // signal
        -9, 3,  // noise
        0,  // 7 warp kind
        0,  // 8 init: 0 random 1 sobol
        0,  // 9 incumbents: 0 best observed, 1 best mean
        3,  // 10 warp parameter
        1024, 512, 3, 3,  // 11.. candidates
    ]
}
