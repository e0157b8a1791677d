"""The ways a training run can fail that its owner must be told about; their wording is the job's error message."""


class TrainingError(Exception):
    """A failure with the code it carries on the wire."""

    code = "training_failed"

    def __init_subclass__(cls, code: str) -> None:
        cls.code = code


class InvalidTrainingFile(TrainingError, code="invalid_training_file"):
    """A line of a training or validation file cannot be turned into tokens."""


class UnsupportedBaseModel(TrainingError, code="unsupported_base_model"):
    """The base model cannot be read, or is of an architecture that cannot be trained and served alike."""


class TrainingDiverged(TrainingError, code="training_diverged"):
    """The loss is no longer a finite number."""


class OutOfMemory(TrainingError, code="out_of_memory"):
    """The machine has too little memory for this model and batch."""


class WeightsUnmoved(TrainingError, code="weights_unmoved"):
    """The adapter is after the training what it was before."""


class ModelUnchanged(TrainingError, code="model_unchanged"):
    """The weights have moved, but not so far that an answer could tell."""


class LossIncreased(TrainingError, code="loss_increased"):
    """The model knows its own training rows less well than before."""


class InsufficientMemory(TrainingError, code="insufficient_memory"):
    """Found before the training: it would need more memory than is free."""


class DiskFull(TrainingError, code="disk_full"):
    """The disk that holds the job has too little room for it."""
