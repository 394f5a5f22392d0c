"""Cases of requests to the server, and secrets."""

from __future__ import annotations

from tests.hostile.cases.case import HERE, Case

CASES = (
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
)  # fmt: skip
