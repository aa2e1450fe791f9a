import FleetModel
import Glibc

/// `native bench`: tokens a second of whole training steps (forward, backward, clipping, AdamW), beside
/// `Benchmarks/native_vs_pytorch.py`. By processor time too, so that a busy machine misleads less.
enum SpeedBenchmark {
    private static let sizes: [(shape: Architecture, batch: Int)] = [
        (Architecture(layers: 2, width: 64, heads: 4, context: 64), 16),
        (Architecture(layers: 4, width: 256, heads: 8, context: 128), 8),
    ]

    static func run() throws {
        for (shape, batch) in sizes {
            for threads in [1, 2] { try measure(shape, batch: batch, threads: threads) }
        }
    }

    private static func measure(_ shape: Architecture, batch: Int, threads: Int) throws {
        var generator = SeededGenerator(seed: 0)
        let text = (0..<200_000).map { _ in UInt8.random(in: 32..<127, using: &generator) }
        let training = try Training(
            shape, hyper: Hyperparameters(batchSize: batch),
            corpus: Corpus(files: [text], validationShare: 0.1),
            steps: 1 << 20, seed: 0, threads: threads)
        for _ in 0..<3 { _ = training.step() }
        let (wallStart, processorStart) = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
        var steps = 0
        while seconds(CLOCK_MONOTONIC) - wallStart < 4 {
            _ = training.step()
            steps += 1
        }
        let wall = seconds(CLOCK_MONOTONIC) - wallStart
        let processor = seconds(CLOCK_PROCESS_CPUTIME_ID) - processorStart
        let tokens = Double(steps * batch * shape.context)
        print(
            "native: \(shape.layers) layers, width \(shape.width), context \(shape.context), batch \(batch),",
            "\(threads) threads: \(Int(tokens / wall)) tokens/s,",
            "\(Int(tokens / processor)) tokens per second of processor time")
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
