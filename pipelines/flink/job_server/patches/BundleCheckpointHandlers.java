package org.apache.beam.runners.fnexecution.control;

import java.util.HashMap;
import java.util.Map;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.DelayedBundleApplication;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.runners.core.StateInternals;
import org.apache.beam.runners.core.StateInternalsFactory;
import org.apache.beam.runners.core.StateNamespace;
import org.apache.beam.runners.core.StateNamespaces;
import org.apache.beam.runners.core.StateTags;
import org.apache.beam.runners.core.TimerInternals;
import org.apache.beam.runners.core.TimerInternalsFactory;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.state.TimeDomain;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.beam.sdk.util.CoderUtils;
import org.apache.beam.sdk.util.WindowedValue;
import org.joda.time.Instant;

/**
 * In place of Beam 2.62's class of this name. That one keeps what a splittable DoFn puts off under
 * a new state each time, and removes none, so that a source that polls fills state and checkpoints
 * (Beam issue 27648). Here an element's rest always has the same state and timer. An element that
 * is there twice in one window must therefore not put off twice: none of Rivulet's does. Delays
 * count in milliseconds, not in whole seconds.
 */
public class BundleCheckpointHandlers {

  /** Keeps rests in state, with a timer that takes them up again. */
  public static class StateAndTimerBundleCheckpointHandler<T> implements BundleCheckpointHandler {

    public static final String SDF_PREFIX = "sdf_checkpoint";

    private final TimerInternalsFactory<T> timers;
    private final StateInternalsFactory<T> states;
    private final Coder<WindowedValue<T>> coder;
    private final Coder windowCoder;

    public StateAndTimerBundleCheckpointHandler(
        TimerInternalsFactory<T> timers,
        StateInternalsFactory<T> states,
        Coder<WindowedValue<T>> coder,
        Coder windowCoder) {
      this.timers = timers;
      this.states = states;
      this.coder = coder;
      this.windowCoder = windowCoder;
    }

    /** Tells whether a timer takes up a rest. */
    public static boolean isSdfTimer(String timerId) {
      return timerId.startsWith(SDF_PREFIX);
    }

    @Override
    public void onCheckpoint(ProcessBundleResponse response) {
      Map<Object, Integer> rests = new HashMap<>();
      for (DelayedBundleApplication rest : response.getResidualRootsList()) {
        if (!rest.hasApplication()) {
          continue;
        }
        try {
          keep(rest, rests);
        } catch (Exception error) {
          throw new RuntimeException("a splittable DoFn's rest cannot be kept", error);
        }
      }
    }

    private void keep(DelayedBundleApplication rest, Map<Object, Integer> rests) throws Exception {
      byte[] encoded = rest.getApplication().getElement().toByteArray();
      WindowedValue<T> value = CoderUtils.decodeFromByteArray(coder, encoded);
      TimerInternals timer = timers.timerInternalsForKey(value.getValue());
      StateInternals state = states.stateInternalsForKey(value.getValue());
      String tag = SDF_PREFIX + ":" + (rests.merge(state.getKey(), 1, Integer::sum) - 1);
      Instant due = Instant.now();
      if (rest.hasRequestedTimeDelay()) {
        due =
            due.plus(
                rest.getRequestedTimeDelay().getSeconds() * 1000
                    + rest.getRequestedTimeDelay().getNanos() / 1_000_000);
      }
      Instant hold =
          rest.getApplication().getOutputWatermarksMap().values().stream()
              .map(mark -> new Instant(mark.getSeconds() * 1000 + mark.getNanos() / 1_000_000))
              .min(Instant::compareTo)
              .orElse(BoundedWindow.TIMESTAMP_MIN_VALUE);
      for (BoundedWindow window : value.getWindows()) {
        StateNamespace space = StateNamespaces.window(windowCoder, window);
        timer.setTimer(space, tag, "", due, hold, TimeDomain.PROCESSING_TIME);
        state
            .state(space, StateTags.value(tag, coder))
            .write(
                WindowedValue.of(
                    value.getValue(), value.getTimestamp(), window, value.getPane()));
      }
    }
  }
}
