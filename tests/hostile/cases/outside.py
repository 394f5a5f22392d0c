"""Cases of catalogues, dead letters and topics of Kafka."""

from __future__ import annotations

from tests.hostile.cases.case import HERE, Case

CASES = (
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
    Case("Catalogues", "a gzipped or Parquet catalogue that unpacks to very much",
         "one line; the version before stays in use", "what is available",
         ("sources/catalogue/test_refused_files.py::test_what_a_file_unpacks_to_has_a_limit",
          "sources/catalogue/test_refused_files.py::"
          "test_a_long_text_of_many_rows_takes_its_memory_once")),
    Case("Catalogues", "images of `javascript:`, texts with control characters",
         "a line in the log; the item without its image", "the rest of the item",
         ("sources/catalogue/test_refused_files.py::test_texts_are_such_as_a_page_may_show",
          "serving/test_items.py::test_pictures_are_of_the_hosts_that_are_named")),
    Case("Users to forget", "rows that are malformed, of the future, long or no UTF-8",
         "a dead letter with the reason; it forgets nobody", "the rows beside it",
         ("sources/forgotten/test_file.py::test_rows_that_are_wrong_are_dead_letters_once",)),
    Case("Users to forget", "a file that becomes shorter, or of which a version is broken",
         "a line in the log", "who was forgotten; users of the shorter file are forgotten again",
         ("sources/forgotten/test_file.py::test_a_file_that_has_become_shorter_is_another_one",
          "sources/forgotten/test_file.py::test_a_version_that_is_broken_changes_nothing")),
    Case("Users to forget", "a row that comes after its time",
         "all that is kept of the user is forgotten", "what the user does later",
         ("transforms/test_forgotten_state.py::"
          "test_a_tombstone_that_comes_late_takes_all_that_is_kept",)),
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
)  # fmt: skip
