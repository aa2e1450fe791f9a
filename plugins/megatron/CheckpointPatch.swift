import FoundationEssentials
import TrainerKit
import Wire

/// Way C: a copy of a checkpoint whose optimiser state holds the trial's own rates. On every version of
/// Megatron-LM tried, the groups of a loaded optimiser state win over `--lr` (core up to 0.18), or do not fit
/// to it (0.19 on), whatever flags are given; so the rates are changed where they are kept: in the common
/// state, which is small. The tensors are linked, not copied.
struct CheckpointPatch {
    let python: String
    let repository: String
    let place: SavedPlace
    let rates: Rates
    /// What `--load` then names.
    let target: String

    static let file = "patch_checkpoint.py"

    /// Writes the program into `folder`, and says how it is run.
    func prepared(in folder: TrialFolder) throws(Refusal) -> Command {
        let script = folder.work + "/" + Self.file
        do {
            try FileManager.default.createDirectory(atPath: folder.work, withIntermediateDirectories: true)
            try Data(Self.program.utf8).write(to: URL(filePath: script))
        } catch {
            throw Refusal("could not write \(script): \(error)")
        }
        let iteration = place.iteration.map { "\($0)" } ?? "release"
        return Command(
            [
                python, script, place.files, target, iteration, "\(rates.lr)", "\(rates.minLR)",
                "\(rates.weightDecay)", repository,
            ], workingFolder: folder.path)
    }

    /// Of torch and Megatron it takes `torch.load`, `torch.save` and, where there is no common.pt (from core
    /// 0.19 on it is embedded, and one that is there wins), `load_common_state_dict`. It reads back what it wrote.
    static let program = """
        \"""Copies a Megatron-LM checkpoint with other rates in its optimiser state; tensors are linked.

        usage: patch_checkpoint.py SOURCE_ITER_FOLDER TARGET ITERATION LR MIN_LR WEIGHT_DECAY REPOSITORY
        \"""
        import os
        import sys
        import typing

        COMMON = "common.pt"
        TRACKER = "latest_checkpointed_iteration.txt"


        def load_common(folder):
            import torch

            path = os.path.join(folder, COMMON)
            if os.path.exists(path):
                # Holds an argparse namespace and enums of Megatron's.
                return torch.load(path, map_location="cpu", weights_only=False)
            from megatron.core.dist_checkpointing import load_common_state_dict

            return load_common_state_dict(folder)


        def groups(state):
            \"""Every group of every optimiser below `state`; chained optimisers are nested.\"""
            if isinstance(state, dict):
                for group in state.get("param_groups", []):
                    if isinstance(group, dict):
                        yield group
                for key, value in state.items():
                    if key != "param_groups":
                        yield from groups(value)
            elif isinstance(state, (list, tuple)):
                for value in state:
                    yield from groups(value)


        def old_values(state):
            scheduler = state.get("opt_param_scheduler")
            if scheduler is None:
                sys.exit("the checkpoint holds no opt_param_scheduler; expected one that was saved with its "
                         "optimiser, or the setting warm_start: weights or counters")
            return {"max_lr": scheduler.get("max_lr", scheduler.get("start_lr")), "min_lr": scheduler["min_lr"],
                    "start_wd": scheduler.get("start_wd"), "end_wd": scheduler.get("end_wd")}


        def patch(state, new):
            \"""Groups with rates of their own (a decoupled or multiplied one) keep them.\"""
            old = old_values(state)
            count = 0
            for group in groups(state.get("optimizer")):
                count += 1
                for name, value in new.items():
                    if name in group and group[name] is not None and group[name] == old[name]:
                        group[name] = value
            scheduler = state["opt_param_scheduler"]
            for name, value in new.items():
                if name in scheduler:
                    scheduler[name] = value
            if "start_lr" in scheduler:
                scheduler["start_lr"] = new["max_lr"]
            return old, count


        def link(source, target):
            try:
                os.link(source, target)
            except OSError:
                os.symlink(os.path.abspath(source), target)


        def copy_but_common(source, target):
            for base, folders, files in os.walk(source):
                place = os.path.join(target, os.path.relpath(base, source))
                os.makedirs(place, exist_ok=True)
                for name in files:
                    if not (base == source and name == COMMON):
                        link(os.path.join(base, name), os.path.join(place, name))


        def check(folder, new, old, count):
            state = load_common(folder)
            found = list(groups(state.get("optimizer")))
            stale = [group for group in found for name in new
                     if group.get(name) is not None and group[name] == old[name] != new[name]]
            scheduler = state["opt_param_scheduler"]
            wrong = [name for name, value in new.items() if name in scheduler and scheduler[name] != value]
            if len(found) != count or stale or wrong:
                sys.exit(f"what was written does not read back: {len(found)} groups of {count}, "
                         f"{len(stale)} stale, scheduler wrong in {wrong}")


        def main(source, target, iteration, lr, min_lr, weight_decay, repository):
            import shutil

            sys.path.insert(0, repository)
            if not os.path.exists(os.path.join(source, "metadata.json")):
                sys.exit(f"found no metadata.json in {source}; expected a complete torch_dist checkpoint")
            new = {"max_lr": float(lr), "min_lr": float(min_lr),
                   "start_wd": float(weight_decay), "end_wd": float(weight_decay)}
            shutil.rmtree(target, ignore_errors=True)
            name = "release" if iteration == "release" else f"iter_{int(iteration):07d}"
            folder = os.path.join(target, name)
            state = load_common(source)
            old, count = patch(state, new)
            if count == 0:
                sys.exit("the checkpoint holds no optimiser groups; expected one that was saved with its "
                         "optimiser, or the setting warm_start: weights or counters")
            copy_but_common(source, folder)
            import torch

            torch.save(state, os.path.join(folder, COMMON))
            check(folder, new, old, count)
            with open(os.path.join(target, TRACKER), "w") as tracker:
                tracker.write(iteration)
            print(f"patched {count} optimiser groups: lr {old['max_lr']} to {new['max_lr']}, weight decay "
                  f"{old['start_wd']} to {new['start_wd']}", flush=True)


        if __name__ == "__main__":
            if not hasattr(typing, "override"):
                # Megatron-LM from 0.18 on needs it when it is imported; Python has it from 3.12 on.
                typing.override = lambda method: method
            main(*sys.argv[1:])

        """
}
