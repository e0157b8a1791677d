"""The ways a training run can fail that its owner must be told about; their wording is the job's error message."""


class TrainingError(Exception):
    """A failure with the code it carries on the wire."""

    code = "training_failed"


class InvalidTrainingFile(TrainingError):
    """A line of a training or validation file cannot be turned into tokens."""

    code = "invalid_training_file"


class UnsupportedBaseModel(TrainingError):
    """The base model cannot be read, or is of an architecture that cannot be trained and served alike."""

    code = "unsupported_base_model"


class TrainingDiverged(TrainingError):
    """The loss is no longer a finite number."""

    code = "training_diverged"


class OutOfMemory(TrainingError):
    """The machine has too little memory for this model and batch."""

    code = "out_of_memory"


class WeightsUnmoved(TrainingError):
    """The adapter is after the training what it was before."""

    code = "weights_unmoved"


class ModelUnchanged(TrainingError):
    """The weights have moved, but not so far that an answer could tell."""

    code = "model_unchanged"


class LossIncreased(TrainingError):
    """The model knows its own training rows less well than before."""

    code = "loss_increased"


class InsufficientMemory(TrainingError):
    """Found before the training: it would need more memory than is free."""

    code = "insufficient_memory"


class DiskFull(TrainingError):
    """The disk that holds the job has too little room for it."""

    code = "disk_full"
