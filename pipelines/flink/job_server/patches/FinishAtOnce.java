package org.apache.beam.runners.flink.translation.wrappers.streaming;

import static net.bytebuddy.matcher.ElementMatchers.namedOneOf;

import java.io.File;
import net.bytebuddy.ByteBuddy;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.dynamic.ClassFileLocator;
import net.bytebuddy.pool.TypePool;

/**
 * Changes Beam 2.62's DoFnOperator so that it finishes its bundle at each watermark and at each
 * processing-time timer.
 *
 * <p>Beam's operator holds a watermark until the bundle ends by size or time, in each step, which
 * "gives better throughput due to the bundle not getting cut on every watermark"
 * (ExecutableStageDoFnOperator). Rivulet's lists are emitted by the watermark, which advances a few
 * times a second, and its source polls in processing-time timers. Their latency is more important
 * than the bundle size.
 *
 * <p>This program runs when the job server is built, and is not part of the job server.
 */
public class FinishAtOnce {

  private static final String OPERATOR =
      "org.apache.beam.runners.flink.translation.wrappers.streaming.DoFnOperator";

  /** Writes the changed class to the folder of the first argument. */
  public static void main(String[] arguments) throws Exception {
    ClassFileLocator classes = ClassFileLocator.ForClassLoader.ofSystemLoader();
    TypePool pool = TypePool.Default.of(classes);
    new ByteBuddy()
        .redefine(pool.describe(OPERATOR).resolve(), classes)
        .visit(Advice.to(End.class).on(namedOneOf("processWatermark1", "onProcessingTime")))
        .make()
        .saveIn(new File(arguments[0]));
  }

  /** The code that is appended to the methods. */
  static class End {
    @Advice.OnMethodExit
    static void end(@Advice.This DoFnOperator<?, ?> operator) {
      operator.invokeFinishBundle();
      operator.updateOutputWatermark();
    }
  }
}
