import FleetModel
import Glibc
import Testing

@testable import native

struct TrainingTests {
    @Test(arguments: OptimizerKind.allCases)
    func `training lowers the loss of text that was never trained on`(optimizer: OptimizerKind) throws {
        var hyper = Hyperparameters(learningRate: optimizer == .adamw ? 5e-3 : 0.3, batchSize: 16)
        hyper.optimizer = optimizer
        let training = try Training.small(hyper: hyper)
        let before = training.validationLoss(tokens: 600)
        _ = training.losses(200)
        #expect(abs(before - log(256.0)) < 0.1)
        #expect(training.validationLoss(tokens: 600) < before - 2.5)
    }

    @Test func `the same seed gives the same losses, another seed others`() throws {
        let losses = try Training.small(seed: 1).losses(5)
        #expect(try Training.small(seed: 1).losses(5) == losses)
        #expect(try Training.small(seed: 2).losses(5) != losses)
    }

    @Test func `threads change nothing but rounding, and are repeatable`() throws {
        let hyper = Hyperparameters(batchSize: 7, dropout: 0.2)
        let one = try Training.small(hyper: hyper).losses(6)
        let three = try Training.small(hyper: hyper, threads: 3).losses(6)
        #expect(try Training.small(hyper: hyper, threads: 3).losses(6) == three)
        #expect(zip(one, three).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    @Test func `more threads than sequences do no harm`() throws {
        let hyper = Hyperparameters(batchSize: 2)
        let two = try Training.small(hyper: hyper, threads: 2).losses(3)
        #expect(try Training.small(hyper: hyper, threads: 8).losses(3) == two)
    }

    @Test func `dropout changes training and not validation`() throws {
        let plain = try Training.small(hyper: Hyperparameters(batchSize: 4))
        let dropping = try Training.small(hyper: Hyperparameters(batchSize: 4, dropout: 0.5))
        #expect(plain.validationLoss(tokens: 600) == dropping.validationLoss(tokens: 600))
        #expect(plain.losses(1) != dropping.losses(1))
    }

    @Test func `a loss that is no number shows, at the learning rate that caused it`() throws {
        let training = try Training.small(hyper: Hyperparameters(learningRate: 1e9))
        #expect(training.losses(20).contains { !$0.isFinite })
    }

    @Test func `a model that no machine can hold is an error and no crash`() {
        let giant = Architecture(layers: 256, width: 16384, heads: 1, context: 8192, tied: true)
        #expect(throws: OutOfMemory.self) { try Training.small(giant) }
    }
}

struct OptimizerTests {
    /// One weight matrix of 8 and one bias of 8, all 1, after `steps` steps with a gradient of `slope`.
    private func trained(
        _ hyper: Hyperparameters, slope: Float, steps: Int = 1, scale: Double = 1
    ) throws -> (weight: Float, bias: Float) {
        let layout = ParameterLayout(Architecture(layers: 1, width: 8, heads: 1, context: 1))
        let (parameters, gradient) = (
            try FloatBuffer(count: layout.count), try FloatBuffer(count: layout.count)
        )
        parameters.start.update(repeating: 1, count: layout.count)
        gradient.start.update(repeating: slope, count: layout.count)
        var optimizer = try Optimizer(kind: hyper.optimizer, layout: layout)
        for _ in 0..<steps {
            optimizer.update(
                parameters, gradient: gradient, scale: scale, layout: layout, hyper: hyper,
                learningRate: hyper.learningRate)
        }
        func value(_ name: String) -> Float {
            parameters.start[layout.tensors.first { $0.name == name }?.offset ?? 0]
        }
        return (value("blocks.0.mlp.up.weight"), value("blocks.0.mlp.up.bias"))
    }

    @Test func `AdamW's steps with a steady gradient are the learning rate, whatever the slope`() throws {
        for slope in [Float(0.01), -3] {
            let moved = try trained(Hyperparameters(learningRate: 0.1), slope: slope, steps: 3)
            #expect(abs(moved.bias - (1 - 0.3 * (slope < 0 ? -1 : 1))) < 1e-4)
        }
    }

    @Test func `AdamW follows its formulas when the clipped gradient is tiny`() throws {
        let moved = try trained(Hyperparameters(learningRate: 0.1), slope: 2, scale: 1e-8)
        #expect(abs(moved.bias - (1 - 0.1 * 2e-8 / (2e-8 + 1e-8))) < 1e-4)
    }

    @Test func `SGD gathers momentum`() throws {
        let hyper = Hyperparameters(learningRate: 0.1, momentum: 0.5, optimizer: .sgd)
        let moved = try trained(hyper, slope: 1, steps: 3)
        #expect(abs(moved.bias - (1 - 0.1 * (1 + 1.5 + 1.75))) < 1e-6)
    }

    @Test(arguments: OptimizerKind.allCases)
    func `decay shrinks matrices by lr times decay, and leaves biases alone`(optimizer: OptimizerKind) throws
    {
        let hyper = Hyperparameters(learningRate: 0.1, weightDecay: 0.5, optimizer: optimizer)
        let still = try trained(hyper, slope: 0)
        #expect(abs(still.weight - 0.95) < 1e-6)
        #expect(still.bias == 1)
    }

    @Test func `schedules warm up, then stay, or go down to nothing`() {
        func shares(_ schedule: Schedule, warmup: Int = 0) -> [Double] {
            [0, 1, 5, 9].map { schedule.share(step: $0, of: 10, warmup: warmup) }
        }
        #expect(shares(.constant) == [1, 1, 1, 1])
        #expect(shares(.linear) == [1, 0.9, 0.5, 1 - 0.9])
        #expect(abs(shares(.cosine)[2] - 0.5) < 1e-12 && shares(.cosine)[3] > 0)
        #expect(shares(.constant, warmup: 4) == [0.25, 0.5, 1, 1])
        #expect(Schedule.cosine.share(step: 4, of: 10, warmup: 4) == 1)
    }

    @Test func `a gradient that is too long is cut to the limit`() throws {
        var hyper = Hyperparameters(learningRate: 1, batchSize: 4, momentum: 0, gradientClip: 1e-3)
        hyper.optimizer = .sgd
        let training = try Training.small(hyper: hyper)
        let before = Array(
            UnsafeBufferPointer(start: training.parameters.buffer.start, count: training.layout.count))
        let step = training.step()
        let moved = before.enumerated().reduce(0.0) { sum, pair in
            let distance = Double(training.parameters.buffer.start[pair.offset] - pair.element)
            return sum + distance * distance
        }
        #expect(step.gradientNorm > 0.01)
        #expect(abs(moved.squareRoot() - 1e-3) < 1e-5)
    }
}
