"""The graph of Rivulet's jobs: read, close panes, rank popular items, recommend, reward, write.

Labels are stable: a job that is resumed from a savepoint finds its state by them.
"""

from __future__ import annotations

import apache_beam as beam

from inference.models.no_policy import NoPolicy
from inference.models.ranker import RankerSource
from inference.recommend import SERVED, Recommended
from pipelines.graph.impressions import close_impressions
from pipelines.graph.job_graph import JobGraph
from pipelines.graph.job_metrics import WriteJobMetrics
from pipelines.graph.late_events import LateEventsToDeadLetters
from pipelines.graph.model_fit import unfit_models
from pipelines.graph.models import model_source
from pipelines.graph.steps import (
    minutes_of,
    rank_popular,
    recommend,
    request_rankings,
    reward,
    rows_of,
)
from pipelines.options import FeedbackSettings, ModelSettings, PopularSettings, RecommendSettings
from pipelines.related_options import RelatedSettings
from pipelines.value_options import weighs_values
from rivulet.configuration import Configuration
from sinks.base import WorkerCounts
from sinks.files.dead_letters import WriteDeadLetters
from sinks.files.feedback_log import WriteFeedback
from sinks.items import WriteItems
from sinks.job_settings import WriteJobSettings
from sinks.options import (
    DeadLetterSettings,
    PopularSinkSettings,
    RecommendationSinkSettings,
    RecordSinkSettings,
)
from sinks.retention import RemoveOld
from sinks.write import accepting
from sinks.write_priority import AnnounceDeadline, WritePriority, begin_urgent
from sources.options import InputSettings, KafkaSettings
from sources.read import ReadEvents
from transforms.feedback.reward_recommendations import Rewarded
from transforms.messages.catalogue_items import CatalogueItems
from transforms.messages.events import EventBatch
from transforms.messages.job import JobSettings
from transforms.messages.minutes import PolicyMinutes
from transforms.messages.popular import PopularRows
from transforms.messages.ranking import RankingRequest
from transforms.messages.recommendations import Recommendations
from transforms.messages.related import RelatedItems
from transforms.progress import ProgressCounters
from transforms.related.related_items import RankRelated
from transforms.shards.by_user import PartitionByUser
from transforms.windows.panes import ClosedPanes, ClosePanes


def record_graph(job: JobGraph) -> None:
    """Records alone."""
    write_records(job)
    write_job(job)


def popular_graph(job: JobGraph) -> None:
    """Popular items alone."""
    closed = close_panes(job)
    settings = job.settings[PopularSettings]
    popular = rank_popular(closed.blocks, settings, job.bounded, job.catalogue)
    write_popular(job, popular)
    write_related(job, closed)
    write_job(job)


def recommend_graph(job: JobGraph, models: RankerSource | None = None) -> None:
    """Records, popular items, recommendations and their rewards.

    Args:
        job: the job.
        models: where workers load models from, if not as the settings say.

    Raises:
        ModelError: a model of the settings cannot be used.
    """
    config = job.recommend_config
    if models is None:
        models = model_source(job.settings[ModelSettings], unfit_models(job), job.ids)
    job.ranks = not isinstance(models, NoPolicy)
    write_records(job)
    closed = close_panes(job)
    popular = rank_popular(closed.blocks, config.popular, job.bounded, job.catalogue)
    requests = request_rankings(_urgent_blocks(job, closed.blocks), popular, config)
    early = job.events.events if job.ranks and not job.bounded else None
    recommended = recommend(_urgent_requests(job, requests), config, models, early)
    rewarded = reward(recommended.batches, config, job.progress, close_impressions(job))
    write_popular(job, popular)
    write_related(job, closed)
    write_recommendations(job, recommended, rewarded)
    write_feedback(job, rewarded)
    write_metrics(job, closed, rewarded)
    write_job(job)


def read(pipeline: beam.Pipeline, settings: Configuration, progress: ProgressCounters) -> JobGraph:
    """The events of the input."""
    source = ReadEvents(settings[InputSettings], settings[KafkaSettings], progress)
    return JobGraph(settings, pipeline | "Read" >> source, progress)


def close_panes(job: JobGraph) -> ClosedPanes:
    """Complete blocks of events, without duplicates; late events become dead letters."""
    events = job.events.events
    if job.serves_first:
        period = job.settings[RecommendSettings].recommend_period
        lag = job.settings[KafkaSettings].max_out_of_orderness
        events = events | "Announce deadlines" >> beam.ParDo(AnnounceDeadline(period, lag))
    closed: ClosedPanes = events | "Close panes" >> ClosePanes(
        job.pane,
        job.shards,
        job.bounded,
        job.allowed_lateness,
        job.progress,
        keep_values=weighs_values(job.settings),
    )
    alarm = job.settings[KafkaSettings].late_alarm
    to_letters = LateEventsToDeadLetters(job.input_name, job.progress, alarm)
    # A step for each: after a Flatten the step would be part of two stages on Flink, and of two
    # metrics with one name Beam reports one.
    for label, late in (("Late at pane", closed.late), ("Late at source", job.events.late)):
        if late is not None:
            job.dead_letters.append(late | label >> beam.ParDo(to_letters))
    return closed


def write_records(job: JobGraph) -> None:
    """Every event to the record stores, before panes are closed: late events are recorded too."""
    events = job.flattened("With late events", (job.events.events, job.events.late))
    if not job.bounded:
        # A step of its own: else the source waits for the record stores, and so do all users.
        events = events | "Partition by user" >> PartitionByUser(job.shards)
    priority = WritePriority.YIELDING if job.serves_first else WritePriority.NONE
    job.write("Write records", events, EventBatch, job.stores(RecordSinkSettings), priority)


def write_popular(job: JobGraph, popular: beam.PCollection[PopularRows]) -> None:
    """The rankings to their stores."""
    job.write("Write popular items", popular, PopularRows, job.stores(PopularSinkSettings))


def write_related(job: JobGraph, closed: ClosedPanes) -> None:
    """What users bought or looked at together, to the stores of the popular items."""
    if RelatedSettings in job.settings and job.settings[RelatedSettings].related:
        settings = job.settings[RelatedSettings]
        rules = settings.rules(job.shards)
        parts = [
            closed.blocks | f"Also {kind}" >> RankRelated(kind, rules, job.bounded)
            for kind in settings.related
        ]
        rows = job.flattened("Related items", parts)
        job.write("Write related items", rows, RelatedItems, job.stores(PopularSinkSettings))


def write_recommendations(job: JobGraph, recommended: Recommended, rewarded: Rewarded) -> None:
    """Recommendations to all stores; in a stream, to the serving stores first.

    Serving stores keep no rewards: they get the recommendations before these are known.
    """
    chosen = job.settings[RecommendationSinkSettings]
    stores = job.stores(RecommendationSinkSettings)
    serving = [store for store in stores if store.serves_online and job.serves_first]
    archives = [store for store in stores if store not in serving]
    job.write(f"Write {SERVED}", recommended.served, Recommendations, serving, WritePriority.URGENT)
    if archives:
        delay = chosen.archive_delay if serving else 0
        rows = rows_of(rewarded)
        job.write("Write recommendations", rows, Recommendations, archives, delay=delay)
    minutes = minutes_of(rewarded, job.bounded)
    job.write("Write policy minutes", minutes, PolicyMinutes, stores)


def write_feedback(job: JobGraph, rewarded: Rewarded) -> None:
    """Recommendations with their rewards to the feedback log, if there is one."""
    chosen = job.settings[FeedbackSettings]
    if chosen.feedback:
        window = chosen.feedback_window
        write = WriteFeedback(chosen.feedback, job.bounded, job.job_settings, window)
        _ = rewarded.feedback | "Write feedback" >> write


def write_metrics(job: JobGraph, closed: ClosedPanes, rewarded: Rewarded) -> None:
    """The progress of the workers, for the web page."""
    stores = accepting(job.stores(RecommendationSinkSettings), WorkerCounts)
    if stores:
        metrics = WriteJobMetrics(stores, job.run, job.pane, job.bounded, job.progress)
        inputs = (job.events.events, closed.blocks, rewarded.recommendations)
        job.dead_letters.append(inputs | "Job metrics" >> metrics)


def write_items(job: JobGraph) -> None:
    """The catalogue's items to the stores that keep them, for the API; dead letters of others."""
    source = job.catalogue
    stores = accepting(job.all_stores(), CatalogueItems)
    if source is not None:
        # It imports Kafka's client, which jobs without a catalogue do not need.
        from sources.catalogue.watch import ReadCatalogue

        once = job.bounded or job.settings[KafkaSettings].is_bounded
        read = ReadCatalogue(source, once, items=bool(stores))
        found = job.events.events.pipeline | "Catalogue" >> read
        job.dead_letters.append(found.malformed)
        if stores:
            _ = found.items | "Write items" >> WriteItems(stores, job.progress)


def read_forgotten(job: JobGraph) -> None:
    """What of the users to forget is malformed becomes dead letters."""
    source = job.forgotten
    if source is not None:
        from sources.catalogue.watch import ReadCatalogue

        once = job.bounded or job.settings[KafkaSettings].is_bounded
        read = ReadCatalogue(source, once, items=False, counter="malformed_forgotten")
        found = job.events.events.pipeline | "Forgotten users" >> read
        job.dead_letters.append(found.malformed)


def write_job(job: JobGraph) -> None:
    """The job's settings to its stores, and all dead letters to their file: the last steps."""
    write_items(job)
    read_forgotten(job)
    stores = accepting(job.all_stores(), JobSettings)
    if stores:
        settings = WriteJobSettings(stores, job.job_settings, job.progress)
        _ = job.events.events | "Write job settings" >> settings
    remove_old(job)
    letters = job.flattened("Dead letters", job.dead_letters)
    write = WriteDeadLetters(job.settings[DeadLetterSettings], job.progress)
    _ = letters | "Write dead letters" >> write


def remove_old(job: JobGraph) -> None:
    """Removes what is older than the stores' retention, after what has been written."""
    # A store of several outputs may be there with several limits: old rows are removed once.
    stores = {store.name: store for store in job.all_stores() if store.retention}
    if stores:
        times = job.events.events | "Latest times" >> beam.FlatMap(_latest).with_output_types(int)
        removal = RemoveOld(list(stores.values()), job.progress)
        _ = (times, tuple(job.dead_letters)) | "Remove old rows" >> removal


def _latest(events: EventBatch) -> list[int]:
    return [int(events.time.max())] if len(events) else []


def _urgent_blocks(
    job: JobGraph, blocks: beam.PCollection[tuple[int, EventBatch]]
) -> beam.PCollection[tuple[int, EventBatch]]:
    if not job.serves_first:
        return blocks
    announce = beam.Map(begin_urgent).with_output_types(tuple[int, EventBatch])
    return blocks | "Urgent blocks" >> announce


def _urgent_requests(
    job: JobGraph, requests: beam.PCollection[tuple[int, RankingRequest]]
) -> beam.PCollection[tuple[int, RankingRequest]]:
    if not job.serves_first:
        return requests
    announce = beam.Map(begin_urgent).with_output_types(tuple[int, RankingRequest])
    return requests | "Urgent requests" >> announce
