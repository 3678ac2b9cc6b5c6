package zcbench.inside;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.Field;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Tells, each time that it is asked, how many bytes the direct buffers of a JVM have: what only the JVM knows.
 * Loaded through the attach socket by the probe jvm, with the path of a page (docs/page.md) whose values the probe
 * has declared, in the order of the numbers below.
 *
 * <p>The JVM counts them in java.nio.Bits, from where BufferPoolMXBean has them; to ask that bean loads 450
 * classes of JMX, whose caches would come and go on the heap that is measured. One daemon thread looks twice
 * a second whether it was asked. It ends when it is told to, or when nobody has asked for ten minutes: the supervisor
 * may have been killed.
 */
public final class Agent extends Thread {
  private static final int VALUES_AT = 56; // of the page's header: where its values begin
  private static final int LINE = 64; // bytes from one value to the next
  private static final int ASKED = 0, STOP = 1, ANSWERED = 2, DIRECT = 3, INSIDE = 4;
  // Seldom, but for the second after a question: the next one follows soon, or in a minute.
  private static final long SELDOM_MS = 500, OFTEN_MS = 50, SOON_NS = 1_000_000_000L;
  private static final long PATIENCE_NS = 600_000_000_000L;

  private final RandomAccessFile page;
  private final AtomicLong direct;
  private final byte[] word = new byte[8];
  private final byte[] look = new byte[LINE * (ANSWERED + 1)];
  private int values;

  private Agent(RandomAccessFile page, AtomicLong direct) {
    super(null, null, "zcbench", 0);
    this.page = page;
    this.direct = direct;
    setDaemon(true);
  }

  public static void agentmain(String path, Instrumentation instrumentation) throws Exception {
    new Agent(new RandomAccessFile(path, "rw"), counter(instrumentation)).start();
  }

  private static AtomicLong counter(Instrumentation instrumentation) throws Exception {
    Class<?> bits = Class.forName("java.nio.Bits");
    boolean hasModules = !System.getProperty("java.specification.version").startsWith("1.");
    if (hasModules) {
      Object opening = Class.forName("zcbench.inside.Opening").getDeclaredConstructor().newInstance();
      @SuppressWarnings("unchecked")
      Consumer<Instrumentation> consumer = (Consumer<Instrumentation>) opening;
      consumer.accept(instrumentation);
    }
    Field field = bits.getDeclaredField(hasModules ? "RESERVED_MEMORY" : "reservedMemory");
    field.setAccessible(true);
    return (AtomicLong) field.get(null);
  }

  @Override
  public void run() {
    try {
      values = (int) get(VALUES_AT);
      long heard = System.nanoTime();
      while (System.nanoTime() - heard < PATIENCE_NS) {
        // All that it is told by one read: most of the time that it takes in a JVM is the looking.
        page.seek(values);
        page.readFully(look);
        if (number(look, LINE * STOP) != 0) break;
        long asked = number(look, LINE * ASKED);
        if (asked != number(look, LINE * ANSWERED)) {
          heard = System.nanoTime();
          put(at(DIRECT), direct.get());
          put(at(INSIDE), get(at(INSIDE)) + System.nanoTime() - heard);
          put(at(ANSWERED), asked);
        }
        sleep(System.nanoTime() - heard < SOON_NS ? OFTEN_MS : SELDOM_MS);
      }
      page.close();
    } catch (IOException | InterruptedException stop) {
      // Nobody can be told; who asks gets no answer.
    }
  }

  private int at(int value) {
    return values + LINE * value;
  }

  private long get(int offset) throws IOException {
    page.seek(offset);
    page.readFully(word);
    return number(word, 0);
  }

  private static long number(byte[] bytes, int at) {
    long value = 0;
    for (int i = at + 7; i >= at; --i) value = value << 8 | bytes[i] & 0xff;
    return value;
  }

  private void put(int offset, long value) throws IOException {
    for (int i = 0; i < 8; ++i) word[i] = (byte) (value >> 8 * i);
    page.seek(offset);
    page.write(word);
  }
}
