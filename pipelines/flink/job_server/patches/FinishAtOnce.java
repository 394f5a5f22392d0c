package org.apache.beam.runners.flink.translation.wrappers.streaming;

import static net.bytebuddy.matcher.ElementMatchers.namedOneOf;

import java.io.File;
import net.bytebuddy.ByteBuddy;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.dynamic.ClassFileLocator;
import net.bytebuddy.pool.TypePool;

/**
 * Puts two lines at the end of two methods of Beam 2.62's DoFnOperator: what a watermark or a timer
 * in processing time has begun is finished at once. Beam's own lets both wait until the time of the
 * bundle under way is over, at each step anew, which "gives better throughput due to the bundle not
 * getting cut on every watermark" (ExecutableStageDoFnOperator). But Rivulet's answers wait for a
 * watermark, which moves on some times a second, and timers in processing time are its source's
 * turns. Runs where the job server is built, and is not part of it.
 */
public class FinishAtOnce {

  private static final String OPERATOR =
      "org.apache.beam.runners.flink.translation.wrappers.streaming.DoFnOperator";

  /** Writes the changed class below the folder given. */
  public static void main(String[] arguments) throws Exception {
    ClassFileLocator classes = ClassFileLocator.ForClassLoader.ofSystemLoader();
    TypePool pool = TypePool.Default.of(classes);
    new ByteBuddy()
        .redefine(pool.describe(OPERATOR).resolve(), classes)
        .visit(Advice.to(End.class).on(namedOneOf("processWatermark1", "onProcessingTime")))
        .make()
        .saveIn(new File(arguments[0]));
  }

  /** What is put at the end of the methods. */
  static class End {
    @Advice.OnMethodExit
    static void end(@Advice.This DoFnOperator<?, ?> operator) {
      operator.invokeFinishBundle();
      operator.updateOutputWatermark();
    }
  }
}
