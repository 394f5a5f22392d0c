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
 * Replaces Beam 2.62's class of this name.
 *
 * <p>Beam's class stores each deferred residual of a splittable DoFn under a new state tag and
 * removes none, so that the state and checkpoints of a polling source grow (Beam issue 27648). This
 * class uses the same tag and timer for all residuals of an element. Two equal elements of one
 * window must therefore not both defer; Rivulet has no such elements. Delays have a resolution of
 * one millisecond instead of one second.
 */
public class BundleCheckpointHandlers {

  /** Stores residuals in state, and resumes them by a timer. */
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

    /** Whether a timer resumes a residual. */
    public static boolean isSdfTimer(String timerId) {
      return timerId.startsWith(SDF_PREFIX);
    }

    @Override
    public void onCheckpoint(ProcessBundleResponse response) {
      Map<Object, Integer> residuals = new HashMap<>();
      for (DelayedBundleApplication residual : response.getResidualRootsList()) {
        if (!residual.hasApplication()) {
          continue;
        }
        try {
          store(residual, residuals);
        } catch (Exception error) {
          throw new RuntimeException("cannot store the residual of a splittable DoFn", error);
        }
      }
    }

    private void store(DelayedBundleApplication residual, Map<Object, Integer> residuals)
        throws Exception {
      byte[] encoded = residual.getApplication().getElement().toByteArray();
      WindowedValue<T> value = CoderUtils.decodeFromByteArray(coder, encoded);
      TimerInternals timer = timers.timerInternalsForKey(value.getValue());
      StateInternals state = states.stateInternalsForKey(value.getValue());
      String tag = SDF_PREFIX + ":" + (residuals.merge(state.getKey(), 1, Integer::sum) - 1);
      Instant due = Instant.now();
      if (residual.hasRequestedTimeDelay()) {
        due =
            due.plus(
                residual.getRequestedTimeDelay().getSeconds() * 1000
                    + residual.getRequestedTimeDelay().getNanos() / 1_000_000);
      }
      Instant hold =
          residual.getApplication().getOutputWatermarksMap().values().stream()
              .map(time -> new Instant(time.getSeconds() * 1000 + time.getNanos() / 1_000_000))
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
