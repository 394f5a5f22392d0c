package org.apache.beam.runners.flink.translation.functions;

import org.apache.beam.sdk.util.WindowedValue;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.BooleanSerializer;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.source.RichParallelSourceFunction;
import org.apache.flink.streaming.api.watermark.Watermark;

/**
 * Replaces Beam 2.62's class of this name, which always has one subtask.
 *
 * <p>Flink chains a source to its successor only if both have the same number of subtasks, and
 * derives operator ids from the chains. With one subtask, a savepoint of a job with parallelism 1
 * cannot be restored with another parallelism. This class has as many subtasks as the job; the first
 * emits the impulse.
 */
public class ImpulseSourceFunction extends RichParallelSourceFunction<WindowedValue<byte[]>>
    implements CheckpointedFunction {

  private static final long POLL_MS = 500;

  private final long idleMs;
  private volatile boolean running = true;
  private transient boolean emitted;
  private transient ListState<Boolean> state;

  public ImpulseSourceFunction(long idleMs) {
    this.idleMs = idleMs;
  }

  @Override
  public void run(SourceContext<WindowedValue<byte[]>> context) throws Exception {
    synchronized (context.getCheckpointLock()) {
      if (isFirst() && !emitted) {
        context.collect(WindowedValue.valueInGlobalWindow(new byte[0]));
        emitted = true;
      }
    }
    context.emitWatermark(Watermark.MAX_WATERMARK);
    // Flink takes no checkpoints after a source has ended.
    long started = System.currentTimeMillis();
    while (running && System.currentTimeMillis() - started < idleMs) {
      try {
        Thread.sleep(POLL_MS);
      } catch (InterruptedException interrupted) {
        if (!running) {
          Thread.currentThread().interrupt();
        }
      }
    }
  }

  @Override
  public void cancel() {
    running = false;
  }

  @Override
  public void snapshotState(FunctionSnapshotContext context) throws Exception {
    state.clear();
    if (isFirst() && emitted) {
      state.add(true);
    }
  }

  @Override
  public void initializeState(FunctionInitializationContext context) throws Exception {
    state =
        context
            .getOperatorStateStore()
            .getUnionListState(
                new ListStateDescriptor<>("impulse-emitted", BooleanSerializer.INSTANCE));
    emitted = state.get().iterator().hasNext();
  }

  private boolean isFirst() {
    return getRuntimeContext().getIndexOfThisSubtask() == 0;
  }
}
