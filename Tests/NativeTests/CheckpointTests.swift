import FleetModel
import FoundationEssentials
import Testing

@testable import native

struct CheckpointTests {
    private let hyper = Hyperparameters(batchSize: 4, weightDecay: 0.1, dropout: 0.1, schedule: .cosine)

    @Test(arguments: OptimizerKind.allCases)
    func `a training that goes on from a checkpoint has the same losses, bit for bit`(
        optimizer: OptimizerKind
    ) throws {
        var hyper = hyper
        hyper.optimizer = optimizer
        try withTemporaryFolder { folder in
            let whole = try Training.small(hyper: hyper)
            _ = whole.losses(7)
            try whole.save(to: folder)
            let resumed = try Training.small(hyper: hyper, seed: 99)
            #expect(try resumed.restore(from: folder, as: .sameTrial(step: 7)) == nil)
            #expect(resumed.losses(13) == whole.losses(13))
            #expect(resumed.takeMeanLoss() == whole.takeMeanLoss())
            #expect(resumed.validationLoss(tokens: 600) == whole.validationLoss(tokens: 600))
            #expect(resumed.isComplete)
        }
    }

    @Test func `a warm start keeps model and moments, takes new hyper-parameters and counts from 0`() throws {
        try withTemporaryFolder { folder in
            let parent = try Training.small(hyper: hyper)
            _ = parent.losses(10)
            try parent.save(to: folder)
            let child = try Training.small(hyper: Hyperparameters(learningRate: 0.5, batchSize: 2), seed: 8)
            #expect(try child.restore(from: folder, as: .newTrial(seed: 8)) == nil)
            #expect(child.validationLoss(tokens: 600) == parent.validationLoss(tokens: 600))
            #expect(child.optimizer.first.norm() == parent.optimizer.first.norm())
            #expect(child.optimizer.steps == 10)
            #expect(child.progress.trialSteps == 0)
            #expect(child.progress.totalSteps == 10)
            #expect(child.learningRate == 0.5)
            #expect(child.progress.data != parent.progress.data)
        }
    }

    @Test func `another optimiser starts with moments of zero, and says so`() throws {
        try withTemporaryFolder { folder in
            let parent = try Training.small(hyper: hyper)
            _ = parent.losses(3)
            try parent.save(to: folder)
            let child = try Training.small(hyper: Hyperparameters(optimizer: .sgd))
            let note = try child.restore(from: folder, as: .newTrial(seed: 1))
            #expect(note == "the checkpoint was trained by adamw: the moments of sgd start at zero")
            #expect(child.optimizer.first.norm() == 0)
            #expect(child.optimizer.steps == 0)
        }
    }

    @Test func `a checkpoint of another shape is refused with what was found and expected`() throws {
        try withTemporaryFolder { folder in
            try Training.small().save(to: folder)
            var wider = Architecture.tiny
            wider.width = 32
            wider.tied = true
            let fault = #expect(throws: CheckpointFault.self) {
                try Training.small(wider).restore(from: folder, as: .newTrial(seed: 1))
            }
            let text = fault?.description ?? ""
            #expect(text.contains("width: found 16, expected 32; tied: found false, expected true"))
        }
    }

    @Test func `a resumed trial must be at the step that was asked for`() throws {
        try withTemporaryFolder { folder in
            try Training.small().save(to: folder)
            #expect(throws: CheckpointFault(description: "trial step: found 0, expected 5")) {
                try Training.small().restore(from: folder, as: .sameTrial(step: 5))
            }
        }
    }

    @Test func `a checkpoint that was cut off anywhere is an error and no crash`() throws {
        try withTemporaryFolder { folder in
            let training = try Training.small()
            try training.save(to: folder)
            let place = URL(filePath: folder + "/" + SavedState.tensors)
            let whole = try Data(contentsOf: place)
            for length in [0, 5, 8, 100, whole.count / 2, whole.count - 1] {
                try whole.prefix(length).write(to: place)
                #expect(throws: CheckpointFault.self, "\(length) bytes") {
                    try Training.small().restore(from: folder, as: .newTrial(seed: 1))
                }
            }
            try whole.write(to: place)
            try Data("{\"format\": 1".utf8).write(to: URL(filePath: folder + "/" + SavedState.file))
            #expect(throws: CheckpointFault.self) {
                try Training.small().restore(from: folder, as: .newTrial(seed: 1))
            }
        }
    }

    @Test(arguments: [
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[9223372036854775807,-9223372036854775801]}}"#,
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#,
        #"{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,8]}}"#,
        #"{"a":{"dtype":"F32","shape":[-2,-1],"data_offsets":[0,8]}}"#,
        #"{"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
        #"{"a":7}"#, #"[1,2]"#, #"{"a":"#,
    ])
    func `a header that lies about its tensors is an error and no crash`(header: String) {
        let bytes = file(header: header, data: 8)
        let target = Floats.allocate(capacity: 2)
        defer { target.deallocate() }
        #expect(throws: CheckpointFault.self) {
            try SafetensorsFile(bytes).read("a", shape: [2], into: target)
        }
    }

    @Test func `tensors come back as they were, metadata or not`() throws {
        let header =
            #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
        var bytes = file(header: header, data: 0)
        bytes.append(contentsOf: [0, 0, 128, 63, 0, 0, 32, 192])
        let target = Floats.allocate(capacity: 2)
        defer { target.deallocate() }
        try SafetensorsFile(bytes).read("a", shape: [2], into: target)
        #expect([target[0], target[1]] == [1, -2.5])
    }

    /// A file of zeros with that header.
    private func file(header: String, data: Int) -> Data {
        var bytes = Data()
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
        return bytes + Data(header.utf8) + Data(repeating: 0, count: data)
    }
}
