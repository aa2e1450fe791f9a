public import FleetModel

/// Of the right next token, on the geometric mean: 1 / exp(loss), where the loss is in nats per token.
public func tokenProbability(_ loss: Loss) -> Double { exp(-loss.value) }
