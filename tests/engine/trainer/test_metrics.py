"""The result CSV and the figures of a job."""

from engine.trainer.metrics import to_csv


def test_the_result_file_has_openais_columns_and_leaves_unknown_cells_empty() -> None:
    history = [
        {"step": 1, "train_loss": 3.6326512, "train_mean_token_accuracy": 0.5},
        {
            "step": 2,
            "train_loss": 0.0,
            "train_mean_token_accuracy": 1.0,
            "valid_loss": 0.265698,
            "valid_mean_token_accuracy": 0.9565217,
            "full_valid_loss": 0.4,
        },
    ]
    assert to_csv(history) == (
        "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n"
        "1,3.63265,0.5,,\n"
        "2,0.0,1.0,0.2657,0.95652\n"
    )
