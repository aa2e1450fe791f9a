import TrainerKit
import Wire

extension Megatron {
    static let about = TrainerDescription(
        name: "megatron", summary: "trains with Megatron-LM under torchrun.",
        settings: [
            .init("repository", "Folder of Megatron-LM on the nodes; also where it runs."),
            .init("entry", "The script in it, pretrain_gpt.py by default."),
            .init("python", "The interpreter that has torch, python3 by default."),
            .init(
                "data",
                "mock; or a prefix of indexed data, or a list of them, each perhaps { prefix, weight }."),
            .init("split", "Shares of training, validation and test data, \"99,1,0\" by default."),
            .init("tokenizer", "type, and as it needs: vocab_size, model, vocab_file, merge_file."),
            .init(
                "warm_start",
                """
                What a trial takes over from the stage before. everything (default): weights, Adam's moments, \
                iteration and place in the data; the new rates are written into a copy of the optimiser's state. \
                counters: all but the moments. weights: nothing else.
                """),
            .init(
                "schedule",
                """
                Within a stage: constant (default), linear, cosine, inverse-square-root or WSD; or a mapping of \
                style, warmup_steps (0; only where moments begin anew), min_lr_share (0.1), decay_steps (the \
                trial's), anneal_steps (of WSD: a fifth).
                """),
            .init(
                "micro_batch", "Samples a GPU takes at once, 1 by default; auto: the most that memory allows."
            ),
            .init("parallel", "tensor, pipeline and context, each 1 by default."),
            .init("args", "Megatron's other flags as they stand: { num-layers: 24, bf16: true }."),
            .init("tunable", "Names of further flags that the space may hold."),
            .init("evaluate_every", "Steps between evaluations; an eighth of the trial by default."),
            .init(
                "evaluate_samples", "Samples of an evaluation, 2048 by default, rounded up to whole batches."),
            .init("save_every", "Steps between checkpoints; a quarter of the trial by default."),
            .init("log_every", "Steps between reports, 10 by default."),
            .init(
                "train_samples",
                "What data sets are sized for: what all stages take together. By default each trial rounds its own need up to a power of two."
            ),
            .init(
                "start_samples",
                "What a checkpoint from elsewhere has seen, where it is not iteration × batch."),
            .init("shared_folder", "A folder that all nodes see; runs over several nodes save there."),
            .init("environment", "Variables to set."),
        ],
        example: """
            trainer:
              plugin: megatron
              settings:
                repository: ~/Megatron-LM
                data: ~/data/pile_text_document
                tokenizer: { type: GPT2BPETokenizer, vocab_file: ~/data/vocab.json, merge_file: ~/data/merges.txt }
                micro_batch: auto
                args:
                  num-layers: 24
                  hidden-size: 1024
                  num-attention-heads: 16
                  seq-length: 1024
                  max-position-embeddings: 1024
                  bf16: true
            """)
}
