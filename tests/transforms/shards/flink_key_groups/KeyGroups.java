import java.nio.ByteBuffer;
import java.util.Random;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.util.MathUtils;

/**
 * Writes key groups as Flink computes them, as lines of CSV: "murmur,CODE,HASH" for hash codes and
 * "key,HEX,GROUP" for encoded keys, with 128 groups.
 *
 * <p>java -cp 'LIB/*' KeyGroups.java > key_groups.csv, where LIB is the folder of the job server's
 * jars (~/.cache/rivulet/flink-job-server-.../lib).
 */
public final class KeyGroups {
  public static void main(String[] arguments) {
    Random random = new Random(1);
    int[] edges = {0, 1, -1, 127, 128, -128, Integer.MAX_VALUE, Integer.MIN_VALUE};
    for (int number = 0; number < 200; number++) {
      int code = number < edges.length ? edges[number] : random.nextInt();
      System.out.println("murmur," + code + "," + MathUtils.murmurHash(code));
    }
    for (int number = 0; number < 300; number++) {
      byte[] key = new byte[random.nextInt(20)];
      random.nextBytes(key);
      if (number < 128) {
        key = new byte[] {(byte) number};  // A key of a shard, as VarIntCoder encodes it.
      }
      StringBuilder hex = new StringBuilder();
      for (byte value : key) {
        hex.append(String.format("%02x", value));
      }
      int group = KeyGroupRangeAssignment.assignToKeyGroup(ByteBuffer.wrap(key), 128);
      System.out.println("key," + hex + "," + group);
    }
  }
}
