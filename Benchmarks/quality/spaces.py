"""The spaces of the landscapes, with the strengths of what makes them hard."""

from landscape import Options


def number(kind: str, name: str, low, high, **more) -> dict:
    return {"name": name, "type": kind, "low": low, "high": high, **more}


def floating(name, low, high, **more) -> dict:
    return number("float", name, low, high, **more)


def log(name, low, high, **more) -> dict:
    return number("float", name, low, high, log=True, **more)


def integer(name, low, high, **more) -> dict:
    return number("int", name, low, high, **more)


def choice(name, *choices, **more) -> dict:
    return {"name": name, "type": "categorical", "choices": list(choices), **more}


def when(**parents) -> dict:
    return {
        "when": {name: listed if isinstance(listed, list) else [listed] for name, listed in parents.items()}
    }


# Tables and surrogates without conditions: (parameters, options, whether it is a table).
TABULAR = {
    # Feed-forward networks on a full grid, values as choices (after Klein and Hutter 2019).
    "fcnet": (
        [
            integer("rate_index", 0, 5), choice("schedule", "cosine", "const"),
            choice("batch_size", 8, 16, 32, 64), floating("dropout_1", 0, 0.6, step=0.3),
            floating("dropout_2", 0, 0.6, step=0.3), integer("units_1", 16, 512, log=True),
            integer("units_2", 16, 512, log=True), choice("activation_1", "tanh", "relu"),
            choice("activation_2", "tanh", "relu"),
        ],
        Options(noise=0.04, pairs=0.2, bins=6), True,
    ),
    # Seven continuous and whole numbers (after LCBench in YAHPO Gym), smooth.
    "lcbench": (
        [
            log("learning_rate", 1e-4, 1e-1), integer("batch_size", 16, 512, log=True),
            floating("momentum", 0.1, 0.99), log("weight_decay", 1e-5, 1e-1), integer("layers", 1, 5),
            integer("max_units", 64, 1024, log=True), floating("max_dropout", 0, 1),
        ],
        Options(interaction=0.7, divergence=0.3), False,
    ),
    # Two logarithms, piecewise constant: a valley in a plateau (after HPOBench's SVM table).
    "svm": (
        [log("C", 2.0**-10, 2.0**10), log("gamma", 2.0**-10, 2.0**10)],
        Options(interaction=1.0, irrelevant=0, noise=0.03, bins=30), True,
    ),
    # Boosted trees, piecewise constant (after HPOBench's XGBoost table).
    "xgboost": (
        [
            log("eta", 2.0**-10, 1), integer("max_depth", 1, 50, log=True),
            floating("colsample", 0.1, 1), log("reg_lambda", 2.0**-10, 2.0**10),
            integer("trees", 50, 2000, log=True),
        ],
        Options(noise=0.03, bins=10), True,
    ),
    # Six operations out of five (after NAS-Bench-201).
    "cell": (
        [choice(f"edge_{i}", "none", "skip", "conv1", "conv3", "pool") for i in range(6)],
        Options(noise=0.04, pairs=0.5, irrelevant=0), True,
    ),
    # Ten small choices with effects of pairs.
    "macro": (
        [choice(f"block_{i}", "a", "b", "c") for i in range(10)],
        Options(noise=0.04, pairs=0.7, irrelevant=0.2), True,
    ),
    # Pretraining a language model: much of the space diverges.
    "language": (
        [
            log("learning_rate", 1e-5, 1e-1), integer("warmup", 0, 2000, step=100),
            integer("batch_size", 16, 1024, log=True), integer("layers", 2, 16, step=2),
            choice("heads", 4, 8, 16), log("weight_decay", 1e-4, 1), floating("beta2", 0.9, 0.999),
            floating("dropout", 0, 0.5, step=0.1),
        ],
        Options(interaction=1.0, divergence=0.45, noise=0), False,
    ),
    # A coarse grid in everything, values in steps.
    "resnet": (
        [
            integer("rate_index", 0, 9), floating("momentum", 0.8, 0.98, step=0.02),
            integer("width", 32, 256, step=32), floating("smoothing", 0, 0.3, step=0.05),
            choice("augmentation", "none", "flip", "crop", "mix"),
        ],
        Options(noise=0.05), True,
    ),
    # Ten parameters of which three matter.
    "irrelevant": (
        [log(f"log_{i}", 1e-4, 1) for i in range(5)] + [floating(f"linear_{i}", 0, 1) for i in range(5)],
        Options(irrelevant=0.7, interaction=0.4), False,
    ),
    # Random forest with a cliff and local optima from rounding.
    "forest": (
        [
            integer("max_depth", 1, 50, log=True), floating("max_features", 0, 1),
            integer("min_samples_leaf", 1, 20), integer("min_samples_split", 2, 128, log=True),
            choice("criterion", "gini", "entropy"), choice("bootstrap", True, False),
        ],
        Options(noise=0.06, bins=10), True,
    ),
    # Elastic net: two parameters, one of which is cut off by a cliff.
    "glmnet": (
        [floating("alpha", 0, 1), log("lambda", 1e-4, 1e3)],
        Options(interaction=0.5, divergence=0.5, irrelevant=0), False,
    ),
    # Fine-tuning with local optima along each axis.
    "finetune": (
        [
            log("learning_rate", 1e-6, 1e-3), integer("epochs", 1, 10), choice("batch_size", 8, 16, 32, 64),
            floating("warmup_ratio", 0, 0.3), floating("layer_decay", 0.6, 1),
            choice("pooling", "cls", "mean", "max"),
        ],
        Options(ripples=0.15, interaction=0.5), False,
    ),
}  # fmt: skip


MIXED = {
    # An optimizer with parameters of its own.
    "optimizer": (
        [
            log("learning_rate", 1e-5, 1), choice("optimizer", "sgd", "adam", "lion"),
            floating("momentum", 0, 0.99, **when(optimizer="sgd")),
            choice("nesterov", True, False, **when(optimizer="sgd")),
            floating("beta1", 0.8, 0.99, **when(optimizer=["adam", "lion"])),
            log("epsilon", 1e-10, 1e-4, **when(optimizer="adam")),
            log("weight_decay", 1e-6, 1e-1), integer("batch_size", 16, 512, log=True),
        ],
        Options(interaction=0.8, irrelevant=0.2),
    ),
    # A choice of model, one of which has a choice of kernel.
    "model": (
        [
            choice("model", "svm", "forest", "knn", "mlp"),
            log("C", 1e-3, 1e3, **when(model="svm")),
            choice("kernel", "linear", "rbf", "poly", **when(model="svm")),
            log("gamma", 1e-4, 1e2, **when(kernel=["rbf", "poly"])),
            integer("degree", 2, 5, **when(kernel="poly")),
            integer("trees", 10, 1000, log=True, **when(model="forest")),
            integer("depth", 1, 30, **when(model="forest")),
            floating("features", 0.1, 1, **when(model="forest")),
            integer("neighbours", 1, 50, log=True, **when(model="knn")),
            choice("weights", "uniform", "distance", **when(model="knn")),
            integer("width", 8, 512, log=True, **when(model="mlp")),
            log("mlp_rate", 1e-5, 1e-1, **when(model="mlp")),
            log("mlp_decay", 1e-6, 1e-1, **when(model="mlp")),
        ],
        Options(irrelevant=0.2),
    ),
    # Units of each layer.
    "layers": (
        [
            choice("layers", 1, 2, 3, 4), log("learning_rate", 1e-5, 1e-1),
            integer("units_1", 8, 512, log=True),
            integer("units_2", 8, 512, log=True, **when(layers=[2, 3, 4])),
            integer("units_3", 8, 512, log=True, **when(layers=[3, 4])),
            integer("units_4", 8, 512, log=True, **when(layers=4)),
            floating("dropout", 0, 0.6), choice("activation", "relu", "tanh", "gelu"),
        ],
        Options(interaction=0.6),
    ),
    # Switches with strengths.
    "augmentation": (
        [
            log("learning_rate", 1e-4, 1),
            choice("mixup", True, False), floating("mixup_alpha", 0.05, 1, **when(mixup=True)),
            choice("cutout", True, False), integer("cutout_size", 2, 20, step=2, **when(cutout=True)),
            choice("randaugment", True, False), integer("operations", 1, 4, **when(randaugment=True)),
            integer("magnitude", 1, 15, **when(randaugment=True)), floating("smoothing", 0, 0.3),
        ],
        Options(irrelevant=0.2, pairs=0.2),
    ),
    # A pipeline of two choices.
    "pipeline": (
        [
            choice("scaling", "none", "standard", "robust"), choice("reduction", "none", "pca", "select"),
            floating("variance", 0.5, 0.99, **when(reduction="pca")),
            integer("features", 2, 64, log=True, **when(reduction="select")),
            choice("classifier", "linear", "boosting"),
            log("regularisation", 1e-5, 1e2, **when(classifier="linear")),
            choice("penalty", "l1", "l2", "both", **when(classifier="linear")),
            floating("ratio", 0, 1, **when(penalty="both")),
            log("eta", 1e-3, 1, **when(classifier="boosting")),
            integer("depth", 2, 12, **when(classifier="boosting")),
            floating("subsample", 0.3, 1, **when(classifier="boosting")),
        ],
        Options(pairs=0.3, irrelevant=0.2),
    ),
    # A schedule with parameters that depend on an optimizer that has some itself.
    "schedule": (
        [
            log("learning_rate", 1e-5, 1), choice("optimizer", "sgd", "adam"),
            floating("momentum", 0.5, 0.99, **when(optimizer="sgd")),
            choice("schedule", "constant", "step", "cosine", **when(optimizer="sgd")),
            integer("step_every", 5, 50, step=5, **when(schedule="step")),
            floating("step_factor", 0.05, 0.9, **when(schedule="step")),
            integer("warmup", 0, 20, **when(schedule="cosine")),
            floating("beta2", 0.9, 0.999, **when(optimizer="adam")),
            choice("amsgrad", True, False, **when(optimizer="adam")), log("weight_decay", 1e-6, 1e-1),
        ],
        Options(interaction=0.8, irrelevant=0.2),
    ),
    # Mixed types, no conditions.
    "flat": (
        [
            log("learning_rate", 1e-5, 1), integer("batch_size", 8, 512, log=True), integer("layers", 1, 12),
            floating("dropout", 0, 0.5, step=0.05), choice("optimizer", "sgd", "adam", "lion", "adagrad"),
            choice("norm", "batch", "layer", "none"), floating("momentum", 0, 1), choice("skip", True, False),
        ],
        Options(interaction=0.8, pairs=0.3),
    ),
}  # fmt: skip
