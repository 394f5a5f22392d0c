"""The cases of input, peers and stores that do not behave."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple


class Case(NamedTuple):
    """A case.

    Attributes:
        kind: what misbehaves.
        given: the input.
        seen: what the user sees.
        kept: what is kept.
        tests: the tests that hold it, as FILE::TEST below `tests/`.
    """

    kind: str
    given: str
    seen: str
    kept: str
    tests: tuple[str, ...]


HERE = "hostile"

CASES = (
    Case("Time", "an event of the year 2099, or a clock that is a day fast",
         "a dead letter `future`, counted in the summary",
         "watermark, windows and lists go on; the event is recorded nowhere",
         (f"{HERE}/test_files.py::test_an_event_from_the_future_is_a_dead_letter",
          f"{HERE}/test_files.py::test_the_summary_counts_events_from_the_future",
          f"{HERE}/test_kafka_values.py::test_the_limit_of_the_future_is_a_records_own",
          "sources/kafka/test_topics.py::test_events_of_the_future_are_dead_letters")),
    Case("Time", "the end of a topic holds a time of the future",
         "nothing", "the look at the topic's ends takes no time from it",
         ("sources/kafka/test_topics.py::test_a_look_at_a_topics_end_takes_no_time_from_the_future",)),
    Case("Time", "a savepoint whose watermark is in the future",
         "`--reset_watermark` drops it", "state and offsets; events are on time again",
         ("flink/test_poisoned_savepoint.py::test_a_poisoned_savepoint_works_again",)),
    Case("Time", "stores that hold windows, rows or lists of the future",
         "they are not shown; a ranking or list replaces them; `rivulet repair` removes them",
         "all rows that are not of the future",
         ("sinks/redis/test_future.py::test_a_ranking_replaces_one_from_the_future_or_of_no_time",
          "sinks/test_repair.py::test_sql_rows_of_the_future_are_removed",
          f"{HERE}/test_stored_rows.py::test_sql_rows_of_the_future_are_not_shown",
          f"{HERE}/test_stored_rows.py::test_a_redis_list_of_the_future_is_not_shown")),
    Case("Time", "more late events in a minute than `--late_alarm`",
         "a line in the log, a counter, a row of the summary", "late events are recorded",
         ("pipelines/graph/test_late_events.py::"
          "test_a_minute_with_a_larger_share_of_late_events_is_an_alarm",)),
    Case("Time", "events late at the source and events late at their pane",
         "one number of late events", "each is recorded, and is one dead letter",
         ("pipelines/graph/test_late_events.py::test_each_late_event_is_a_dead_letter",
          "flink/test_late_counts.py::test_late_events_are_counted_at_both_steps",
          "pipelines/test_kafka_to_stores.py::"
          "test_no_order_of_arrival_within_the_bound_changes_anything")),
    Case("Time", "a progress line for a time after the year 9999",
         "the words `after the year 9999`", "the job goes on",
         (f"{HERE}/test_progress.py::test_times_that_no_calendar_holds_are_shown",)),
    Case("Size", "a gzip bomb, a line or a Kafka value longer than `--max_line`",
         "a dead letter `too long` with the beginning of the value",
         "the lines beside it; memory of some blocks",
         (f"{HERE}/test_files.py::test_a_gzip_bomb_in_one_line_takes_some_blocks_of_memory",
          f"{HERE}/test_files.py::"
          "test_an_endless_line_over_several_ranges_takes_some_blocks_of_memory",
          f"{HERE}/test_files.py::"
          "test_long_texts_in_plain_pages_of_parquet_are_read_some_at_a_time",
          f"{HERE}/test_files.py::"
          "test_a_long_text_that_many_rows_of_parquet_share_stands_in_memory_once",
          f"{HERE}/test_kafka_values.py::test_a_value_that_is_too_long_is_not_parsed")),
    Case("Size", "a Parquet file with a page of more than 128 MiB when it is decompressed",
         "one line", "memory of a page",
         (f"{HERE}/test_files.py::test_a_page_of_parquet_that_is_a_bomb_is_refused",
          "sources/files/test_parquet_pages.py::test_a_header_of_any_bytes_is_an_error_or_fields")),
    Case("Size", "a header without an end", "one line, status 2", "nothing is written",
         (f"{HERE}/test_files.py::test_a_header_without_an_end_is_refused",)),
    Case("Size", "a million malformed values", "their number and reasons",
         "time and memory linear in the input",
         (f"{HERE}/test_kafka_values.py::test_a_flood_of_malformed_values_takes_linear_time",)),
    Case("Size", "a value of JSON with ten thousand malformed events in a list",
         "a dead letter for each event, of which the first holds the value",
         "time and memory linear in the value",
         (f"{HERE}/test_kafka_values.py::"
          "test_the_letters_of_a_value_with_many_events_hold_it_once",
          f"{HERE}/test_kafka_values.py::"
          "test_the_letters_of_a_line_with_many_events_hold_it_once",
          f"{HERE}/test_kafka_values.py::test_of_a_flood_the_first_letters_are_explained")),
    Case("Size", "a value of JSON with more than 10,000 events in a list",
         "a dead letter with their number", "the values beside it; memory of 10,000 events",
         (f"{HERE}/test_kafka_values.py::"
          "test_a_value_with_very_many_events_takes_a_bounded_memory",)),
    Case("Size", "a pipe (FIFO) as `--input` or `--items`", "one line, status 2",
         "nothing is written",
         (f"{HERE}/test_files.py::test_a_pipe_is_refused",)),
    Case("Size", "one user with a million events in a day", "nothing",
         "memory grows by less than 300 bytes with each event",
         ("transforms/test_memory.py::test_rewards_of_a_user_with_very_many_events",
          "transforms/test_memory.py::test_histories_of_a_user_with_very_many_events",
          "transforms/test_memory.py::test_rankings_of_a_day_of_very_many_items")),
    Case("Size", "one user with the events of a robot",
         "`--popular_cap` bounds what the user adds to an item's count",
         "rankings of the other users",
         ("transforms/windows/test_popular.py::test_one_user_leads_no_ranking_with_a_cap",)),
    Case("Malformed input", "values that are not events: duplicate keys, deep JSON, other types",
         "a dead letter with the reason", "the values beside it",
         (f"{HERE}/test_kafka_values.py::test_a_value_is_an_event_or_has_a_reason",)),
    Case("Malformed input", "ids and times at the ends of their ranges",
         "nothing", "they are events like others",
         ("transforms/test_histories_and_feedback.py::"
          "test_any_jumps_of_the_watermark_give_the_oracles_results",
          f"{HERE}/test_files.py::test_ids_and_times_at_the_ends_of_their_ranges_are_events",)),
    Case("Malformed input", "a file of another format: more than `--max_malformed` is malformed",
         "status 1, the commonest reason and an example", "what was written stays right",
         (f"{HERE}/test_files.py::test_malformed_input_ends_the_job_with_its_commonest_reason",
          f"{HERE}/test_files.py::test_the_first_thousand_lines_are_looked_at")),
    Case("Malformed input", "any bytes, from fuzzers", "an error in its own words, or a result",
         "the process",
         (f"{HERE}/test_fuzzing.py::test_a_few_seconds", f"{HERE}/test_fuzzing.py::test_minutes")),
    Case("Malformed input", "`pipelines.inspect` of a pipe, of deep JSON, of a million names",
         "one line, status 2; or a schema of the first 1,000 names", "memory of some blocks",
         (f"{HERE}/test_inspect.py::test_objects_that_are_nested_deeply_do_not_end_it",
          f"{HERE}/test_inspect.py::test_a_million_names_take_a_bounded_memory",
          f"{HERE}/test_inspect.py::test_a_pipe_is_refused_at_once",
          f"{HERE}/test_inspect.py::test_the_command_says_so_in_one_line")),
    Case("Catalogues", "a quote in a CSV catalogue that is not closed, and hides rows",
         "one line that names the file's line; the version before stays in use",
         "no item is gone; texts with line ends are read",
         ("sources/catalogue/test_follow_file.py::"
          "test_a_quote_that_is_not_closed_hides_no_rows",
          "sources/catalogue/test_follow_file.py::test_a_text_of_several_lines_is_kept")),
    Case("Catalogues", "a new version that is no UTF-8, is cut, or has columns of lists",
         "one line; the version before stays in use", "what is available",
         ("sources/catalogue/test_follow_file.py::"
          "test_a_file_that_cannot_be_read_leaves_the_version_before",
          "sources/catalogue/test_follow_file.py::"
          "test_bytes_that_are_no_text_are_a_dead_letter")),
    Case("Dead letters", "a full disk", "the job waits, as for a store",
         "every letter, each line whole",
         ("sinks/files/test_dead_letters.py::"
          "test_a_full_disk_is_waited_for_and_no_letter_is_lost_or_cut",
          f"{HERE}/test_sinks.py::test_on_a_disk_that_fills_up_every_dead_letter_is_written_whole",
          f"{HERE}/test_sinks.py::test_a_job_waits_for_room_on_a_real_disk")),
    Case("Dead letters", "`--dead_letters` names a folder", "one line, status 2",
         "nothing is written",
         (f"{HERE}/test_sinks.py::"
          "test_a_dead_letters_path_that_is_a_folder_ends_the_job_in_one_line",)),
    Case("Dead letters", "letters without an end", "files of `--dead_letters_max`, rotated",
         "the latest letters",
         ("sinks/files/test_dead_letters.py::test_a_file_that_is_full_is_renamed",)),
    Case("Dead letters", "limits of a file for a folder of an object store", "one line, status 2",
         "nothing is written",
         ("pipelines/test_options.py::"
          "test_limits_of_a_file_are_refused_for_an_object_store",)),
    Case("Dead letters", "personal fields in a value", "`--redact` leaves them out",
         "the other fields",
         ("sinks/files/test_redaction.py::test_no_redacted_field_is_left",
          f"{HERE}/test_sinks.py::test_a_redacted_field_is_in_no_dead_letter")),
    Case("Kafka", "topics compressed with snappy, lz4 or zstd", "nothing", "all records are read",
         ("sources/kafka/test_topics.py::test_every_codec_of_kafka_is_read",)),
    Case("Kafka", "records that cannot be decompressed", "an error at once, in its own words",
         "what was read before",
         ("sources/kafka/test_topics.py::test_what_cannot_be_decompressed_is_an_error_at_once",)),
    Case("Kafka", "a batch of records that is a decompression bomb",
         "a dead letter `too long` that names the batch's offsets",
         "the batches beside it; memory of `--kafka_max_batch`",
         ("sources/kafka/test_batches.py::"
          "test_a_bomb_takes_little_more_memory_than_the_limit",
          "sources/kafka/test_batches.py::"
          "test_a_poll_ends_before_a_batch_when_it_has_decompressed_enough",
          "sources/kafka/test_topics.py::test_a_batch_that_is_a_bomb_is_one_dead_letter")),
    Case("Kafka", "a topic that was deleted and created again",
         "a stream: a line in the log; a bounded read: an error that names the topic",
         "a stream reads the new topic from its beginning",
         ("sources/kafka/test_topics.py::"
          "test_a_topic_created_again_is_an_error_and_skips_nothing",
          "sources/kafka/test_watch_partitions.py::test_each_partition_is_output_once",
          "sources/kafka/test_unbounded.py::test_records_expire_and_the_topic_is_replaced")),
    Case("Kafka", "a topic that is deleted while it is read",
         "a stream: it is waited for, with warnings; a bounded read: an error",
         "what was read before",
         ("sources/kafka/test_topics.py::test_a_topic_deleted_while_it_is_read_is_missed",)),
    Case("Kafka", "records that were deleted before they were read",
         "their number, in the log and the summary", "the records that are there",
         ("sources/kafka/test_topics.py::test_expired_records_are_counted",)),
    Case("Kafka", "partitions added while a job runs on Flink", "nothing",
         "their records are read",
         ("flink/test_kafka_changes.py::"
          "test_added_partitions_are_read_and_expired_records_are_counted",)),
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
    Case("Server", "endless or large heads", "431", "memory, and answers for others",
         (f"{HERE}/test_server.py::test_endless_headers_are_431_and_take_no_memory",
          f"{HERE}/test_server.py::test_large_heads_are_431",
          f"{HERE}/test_server.py::test_endless_trailers_end")),
    Case("Server", "requests that drip, clients that do not read", "408, or the connection ends",
         "answers for others",
         (f"{HERE}/test_server.py::test_a_head_that_does_not_arrive_ends",
          f"{HERE}/test_server.py::test_empty_lines_after_an_answer_do_not_keep_a_connection",
          f"{HERE}/test_server.py::test_a_body_that_drips_is_408",
          f"{HERE}/test_server.py::test_a_body_that_drips_after_its_answer_ends",
          f"{HERE}/test_server.py::test_a_client_that_does_not_read_ends")),
    Case("Server", "thousands of idle connections, many of one peer", "503 for the peer",
         "answers for others",
         (f"{HERE}/test_server.py::test_idle_connections_do_not_stop_answers",
          f"{HERE}/test_server.py::test_connections_of_one_peer_are_limited")),
    Case("Server", "a login of 5 MB", "413", "answers for others",
         (f"{HERE}/test_server.py::test_a_large_login_without_a_token_is_413",)),
    Case("Server", "requests for a user with very many events, or for very many users",
         "an answer, after others of their kind", "answers for others, `/health` too",
         (f"{HERE}/test_heavy_requests.py::test_outcomes_of_a_heavy_user",
          f"{HERE}/test_heavy_requests.py::test_large_inference_requests",
          f"{HERE}/test_heavy_requests.py::test_a_slow_query_does_not_stop_the_answers_for_others")),
    Case("Server", "wrong tokens, one after another", "429 after some", "answers for others",
         (f"{HERE}/test_server.py::test_wrong_tokens_have_a_brake",)),
    Case("Server", "malformed rows in a store", "they are left out", "the rows beside them",
         (f"{HERE}/test_stored_rows.py::test_malformed_sql_rows_are_left_out",
          f"{HERE}/test_stored_rows.py::"
          "test_mongodb_documents_of_the_future_and_malformed_ones_are_left_out",
          f"{HERE}/test_stored_rows.py::test_malformed_redis_keys_are_left_out")),
    Case("Secrets", "passwords with '/', '?', '@' or '#'", "`***`, everywhere", "the secret",
         (f"{HERE}/test_server_secrets.py::test_passwords_with_any_character_are_not_shown",
          f"{HERE}/test_server_secrets.py::"
          "test_a_url_that_cannot_be_used_is_one_line_without_its_password",
          "rivulet/test_urls.py::test_a_password_with_any_character_is_hidden")),
    Case("Secrets", "passwords in the options of a job", "nothing",
         "no option of Rivulet is in the job's description",
         ("pipelines/test_options.py::test_no_option_of_ours_reaches_beams_options",)),
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
          "flink/test_savepoint.py::test_a_savepoint_of_other_shards_is_refused")),
    Case("Options", "a reward window or history other than the default",
         "the page, the API and training use the job's", "the same numbers everywhere",
         ("serving/test_job_settings.py::test_outcomes_are_those_within_the_jobs_reward_window",
          "serving/test_job_settings.py::test_a_history_is_as_long_as_the_jobs",
          "training/datasets/test_feedback_log.py::test_the_jobs_settings_travel_with_the_log")),
)  # fmt: skip


def markdown() -> str:
    """The cases as tables, one for each kind."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Hostile input"
    yield ""
    yield "What Rivulet does about input, peers and stores that do not behave. Each row is held by"
    yield "tests, which `tests/hostile/cases.py` names; this page is made from it."
    for kind, cases in groupby(CASES, lambda case: case.kind):
        yield from ("", f"## {kind}", "", "| Input | What the user sees | What is kept |")
        yield "|---|---|---|"
        for case in cases:
            yield f"| {case.given} | {case.seen} | {case.kept} |"
