"""Stands in for PyTorch where it is not installed: files by pickle, and nothing else."""
import pickle


def load(path, map_location=None, weights_only=True):
    with open(path, "rb") as file:
        return pickle.load(file)


def save(value, path):
    with open(path, "wb") as file:
        pickle.dump(value, file)
