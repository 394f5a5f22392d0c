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
 * In place of Beam 2.62's class of this name, which never has more than one subtask. Flink chains it
 * to what follows only where that has one subtask too, and names operators by their chains: so a
 * savepoint of a job with parallelism 1 fits no other, nor the reverse. This one has as many
 * subtasks as the job, of which the first gives the impulse.
 */
public class ImpulseSourceFunction extends RichParallelSourceFunction<WindowedValue<byte[]>>
    implements CheckpointedFunction {

  private static final long LOOK_MS = 500;

  private final long idleMs;
  private volatile boolean running = true;
  private transient boolean given;
  private transient ListState<Boolean> state;

  public ImpulseSourceFunction(long idleMs) {
    this.idleMs = idleMs;
  }

  @Override
  public void run(SourceContext<WindowedValue<byte[]>> context) throws Exception {
    synchronized (context.getCheckpointLock()) {
      if (isFirst() && !given) {
        context.collect(WindowedValue.valueInGlobalWindow(new byte[0]));
        given = true;
      }
    }
    context.emitWatermark(Watermark.MAX_WATERMARK);
    // A source that has ended would end checkpoints too.
    long started = System.currentTimeMillis();
    while (running && System.currentTimeMillis() - started < idleMs) {
      try {
        Thread.sleep(LOOK_MS);
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
    if (isFirst() && given) {
      state.add(true);
    }
  }

  @Override
  public void initializeState(FunctionInitializationContext context) throws Exception {
    state =
        context
            .getOperatorStateStore()
            .getUnionListState(
                new ListStateDescriptor<>("impulse-given", BooleanSerializer.INSTANCE));
    given = state.get().iterator().hasNext();
  }

  private boolean isFirst() {
    return getRuntimeContext().getIndexOfThisSubtask() == 0;
  }
}
