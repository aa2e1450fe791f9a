/// Published laws of the best peak learning rate and batch size of a whole run, by model size and tokens.
///
/// The peak of a whole run is another quantity than the best rate at a step of one run (`Trend`): the former
/// rises with tokens in Step Law, the latter falls with steps. So these are where to start, not what to find.
public enum ScalingLaw: String, Hashable, Codable, Sendable, CaseIterable {
    /// Li et al. 2025, arXiv 2503.04715: lr = 1.79 N^-0.713 D^0.307 and 0.58 D^0.571 tokens a batch, for N
    /// parameters without embeddings and D tokens; AdamW, decay to a fixed small rate.
    case stepLaw = "step_law"
    /// DeepSeek-AI 2024, arXiv 2401.02954, equation 1: lr = 0.3118 C^-0.1250 and 0.2920 C^0.3271 tokens a batch,
    /// for a compute of C FLOPs, here 6 N D.
    case deepseek

    /// - Parameters:
    ///   - parameters: of the model, without embeddings; above 0.
    ///   - tokens: of the whole run; above 0.
    /// - Returns: the peak learning rate, and the batch size in tokens.
    public func peak(parameters: Double, tokens: Double) -> (rate: Double, batchTokens: Double) {
        switch self {
        case .stepLaw:
            return (1.79 * pow(parameters, -0.713) * pow(tokens, 0.307), 0.58 * pow(tokens, 0.571))
        case .deepseek:
            let compute = 6 * parameters * tokens
            return (0.3118 * pow(compute, -0.125), 0.2920 * pow(compute, 0.3271))
        }
    }

    public var source: String {
        switch self {
        case .stepLaw: "Step Law, arXiv 2503.04715"
        case .deepseek: "DeepSeek LLM, arXiv 2401.02954"
        }
    }
}
