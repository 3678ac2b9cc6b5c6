import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Makes 1 MB of garbage a second, on the heap and in direct buffers; and leaks 300 bytes a second, if told in what. */
public final class Heaps {
  private static final int STEPS_PER_S = 20, GARBAGE_PER_S = 1_000_000, LEAK_PER_S = 300;
  private static final List<Object> KEPT = new ArrayList<>(1 << 20); // never grows while it is watched
  static volatile Object garbage;

  public static void main(String[] arguments) throws InterruptedException {
    String leak = arguments.length > 0 ? arguments[0] : "nothing";
    for (long step = 0; ; ++step) {
      for (int i = 0; i < 50; ++i) garbage = new byte[GARBAGE_PER_S / STEPS_PER_S / 50 - 16];
      // Once in a second: an array has 16 bytes of header.
      if (step % STEPS_PER_S == 0) {
        garbage = ByteBuffer.allocateDirect(1_000);
        if (leak.equals("heap")) KEPT.add(new byte[LEAK_PER_S - 16]);
        if (leak.equals("direct")) KEPT.add(ByteBuffer.allocateDirect(LEAK_PER_S));
      }
      Thread.sleep(1000 / STEPS_PER_S);
    }
  }
}
