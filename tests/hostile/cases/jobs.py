"""Cases of stores, runners and options of a job."""

from __future__ import annotations

from tests.hostile.cases.case import HERE, Case

CASES = (
    Case("Stores", "a store that stops for a while", "the progress line names it",
         "every row, once",
         ("pipelines/test_outages.py::"
          "test_stores_that_stop_in_the_middle_lose_and_repeat_nothing",)),
    Case("Stores", "rows that a store refuses", "a dead letter for each",
         "the rows beside them",
         ("pipelines/test_outages.py::"
          "test_of_each_store_exactly_the_poison_rows_are_dead_letters",)),
    Case("Stores", "tables with narrower columns on a server that is not strict",
         "one line at the start", "no wrong value",
         ("sinks/sql/test_checks.py::test_a_server_that_is_not_strict_stores_no_wrong_values",
          f"{HERE}/test_sinks.py::test_a_table_that_cannot_hold_the_rows_ends_the_job_in_one_line",
          f"{HERE}/test_sinks.py::"
          "test_a_narrow_column_of_a_server_that_is_not_strict_stores_no_wrong_value")),
    Case("Stores", "a row that is larger than a packet of the server", "a dead letter",
         "the rows beside it",
         ("sinks/sql/test_packets.py::test_a_row_that_no_packet_holds_is_refused_alone",)),
    Case("Stores", "a user with 50,000 known items", "nothing",
         "`--consumed_max` items; other users do not wait",
         ("sinks/mongo/test_consumed.py::test_a_robot_with_50000_items_holds_nobody_up",)),
    Case("Runners", "an error on Flink that no restart resolves", "its words, status 1, at once",
         "the last checkpoint",
         ("flink/test_permanent_errors.py::"
          "test_a_permanent_error_ends_the_job_without_restarts",
          "pipelines/test_errors.py::test_errors_in_words_for_the_user_are_permanent")),
    Case("Options", "an option that has no effect, or is given twice", "one line, status 2",
         "nothing is written",
         ("pipelines/test_options.py::test_an_option_without_an_effect_is_refused",
          "pipelines/test_options.py::test_options_of_another_command_are_refused")),
    Case("Options", "a folder that is read-only", "one line that says what to give, status 2",
         "nothing is written",
         ("pipelines/test_options.py::"
          "test_a_read_only_folder_is_one_line_and_the_log_goes_elsewhere",)),
    Case("Options", "a savepoint of a job with another number of shards", "one line, status 2",
         "the savepoint",
         ("pipelines/test_errors.py::test_a_savepoint_of_another_shape_is_known",
          "flink/test_savepoint.py::test_a_job_resumes_with_another_parallelism")),
    Case("Options", "a reward window or history other than the default",
         "the page, the API and training use the job's", "the same numbers everywhere",
         ("serving/test_job_settings.py::test_outcomes_are_those_within_the_jobs_reward_window",
          "serving/test_job_settings.py::test_a_history_is_as_long_as_the_jobs",
          "training/datasets/test_feedback_log.py::test_the_jobs_settings_travel_with_the_log")),
)  # fmt: skip
