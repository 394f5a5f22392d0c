"""Cases of models and the files that they learn from."""

from __future__ import annotations

from tests.hostile.cases.case import HERE, Case

CASES = (
    Case("Models", "weights that are not finite, files of two models mixed, deep JSON, links",
         "one line, status 2; a running job keeps its model", "the model in use ranks on",
         (f"{HERE}/test_models.py::"
          "test_a_broken_model_is_refused_in_one_line_and_never_goes_live",
          f"{HERE}/test_models.py::test_the_job_that_is_started_with_it_says_so",
          f"{HERE}/test_models.py::test_changed_bytes_are_refused_or_rank")),
    Case("Models", "a save that is killed half-way", "the old model, or an error",
         "no mixture of two models",
         (f"{HERE}/test_models.py::test_a_save_that_is_killed_leaves_the_old_model_or_none",
          f"{HERE}/test_models.py::test_a_model_without_digests_is_removed_before_a_save")),
    Case("Models", "training into the folder in use", "the new model is taken up", "every list",
         ("inference/models/test_versions.py::"
          "test_a_model_saved_into_the_folder_in_use_is_taken_up",)),
    Case("Models", "damaged lines of `decisions.jsonl`, names that leave the folder",
         "one line that names the line and says what to do", "the version in use",
         ("training/promotion/test_decisions.py::"
          "test_a_damaged_decision_changes_nothing_and_is_named",)),
    Case("Training", "files that are malformed, cut, of another format, or pipes",
         "one line, status 2", "nothing is written",
         (f"{HERE}/test_training_files.py::test_a_file_that_cannot_be_used_is_named",
          f"{HERE}/test_training_files.py::test_a_pipe_does_not_hang")),
    Case("Training", "lines that are no events, a byte order mark, lines without an end",
         "the number of lines, by kind", "the lines beside them; memory of some blocks",
         (f"{HERE}/test_training_files.py::"
          "test_lines_that_are_no_events_are_counted_and_their_neighbours_kept",
          f"{HERE}/test_training_files.py::test_a_byte_order_mark_is_no_part_of_a_name",
          f"{HERE}/test_training_files.py::test_memory_does_not_depend_on_the_longest_line")),
)  # fmt: skip
