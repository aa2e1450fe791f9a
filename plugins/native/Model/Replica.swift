/// Some sequences of a text: where each begins.
struct Windows {
    let text: [UInt8]
    /// Each has `context` tokens from here on, and one byte more to predict.
    let starts: ArraySlice<Int>
}

/// One thread's share of the work on a batch: the shared parameters, its own gradient and activations.
/// The parameters are read only, so that several replicas can work at once.
final class Replica {
    let shape: Architecture
    let parameters: Parameters
    let gradient: Parameters
    let activations: Activations
    /// Sequences in one pass. Bounds the memory, whatever the batch size, and keeps a pass in the cache.
    let sequencesPerPass: Int

    /// Rows in one pass: enough for full speed of the products, few enough for the cache (measured).
    static let rowsPerPass = 512

    init(_ shape: Architecture, layout: ParameterLayout, parameters: Parameters) throws(OutOfMemory) {
        self.shape = shape
        self.parameters = parameters
        gradient = try Parameters(shape, layout: layout)
        sequencesPerPass = max(1, Self.rowsPerPass / shape.context)
        activations = try Activations(shape, sequences: sequencesPerPass)
    }

    /// Adds to `gradient` that of the cross-entropy of the windows, times `scale`. Answers the sum of the
    /// cross-entropies of all tokens, in nats. `firstSequence` is the place of the first window in the
    /// batch, by which dropout knows it.
    func learn(_ windows: Windows, scale: Float, dropout: Dropout?, firstSequence: Int) -> Double {
        passes(windows) { part in
            let pass = Pass(replica: self, windows: part)
            let offset = firstSequence + part.starts.startIndex - windows.starts.startIndex
            let masked = dropout?.fill(activations, shape, rows: pass.rows, firstSequence: offset) ?? false
            pass.forward(isMasked: masked)
            let loss = pass.crossEntropies(scale: scale)
            pass.backward(isMasked: masked)
            return loss
        }
    }

    /// The sum of the cross-entropies of all tokens of the windows, in nats; dropout off.
    func loss(_ windows: Windows) -> Double {
        passes(windows) { part in
            let pass = Pass(replica: self, windows: part)
            pass.forward(isMasked: false)
            return pass.crossEntropies(scale: 0)
        }
    }

    /// The logits of the windows, which are no more than one pass takes, into the activations; dropout off.
    func infer(_ windows: Windows) {
        Pass(replica: self, windows: windows).forward(isMasked: false)
    }

    private func passes(_ windows: Windows, _ body: (Windows) -> Double) -> Double {
        var total = 0.0
        var rest = windows.starts
        while !rest.isEmpty {
            total += body(Windows(text: windows.text, starts: rest.prefix(sequencesPerPass)))
            rest = rest.dropFirst(sequencesPerPass)
        }
        return total
    }
}
