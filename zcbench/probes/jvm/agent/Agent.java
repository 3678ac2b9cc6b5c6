package zcbench.inside;

import java.io.RandomAccessFile;
import java.lang.instrument.Instrumentation;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.util.List;

/**
 * Reads in a JVM what only the JVM itself knows to the byte, each time that it is asked to: the bytes of direct
 * buffers, the heap as its last collection left it, the code cache. Loaded through the attach socket by the probe jvm, with
 * "PATH" of a page (docs/page.md) whose values the probe has declared in the order of the numbers below.
 *
 * <p>One daemon thread looks ten times a second whether it was asked, and allocates a few hundred bytes when it
 * was. It ends when it is told to, or when nobody has asked for a minute: the supervisor may have been killed.
 */
public final class Agent extends Thread {
  private static final int VALUES_AT = 56; // of the page's header: where its values begin
  private static final int LINE = 64; // bytes from one value to the next
  private static final int ASKED = 0, STOP = 1, ANSWERED = 2, DIRECT = 3, MAPPED = 4, HEAP = 5, CODE = 6, INSIDE = 7;
  private static final long UNSET = Long.MIN_VALUE;
  private static final long POLL_MS = 100, PATIENCE_NS = 60_000_000_000L;

  private final MappedByteBuffer page;
  private final int values;
  private final List<BufferPoolMXBean> buffers = ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class);
  private final List<MemoryPoolMXBean> pools = ManagementFactory.getMemoryPoolMXBeans();
  private volatile long fence; // what is written before it is seen before what is written after it

  private Agent(MappedByteBuffer page) {
    super(null, null, "zcbench", 0);
    this.page = page;
    this.values = page.getInt(VALUES_AT);
    setDaemon(true);
  }

  public static void agentmain(String path, Instrumentation instrumentation) throws Exception {
    try (RandomAccessFile file = new RandomAccessFile(path, "rw")) {
      MappedByteBuffer page = file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, file.length());
      page.order(ByteOrder.LITTLE_ENDIAN);
      new Agent(page).start();
    }
  }

  @Override
  public void run() {
    long heard = System.nanoTime();
    while (get(STOP) == 0 && System.nanoTime() - heard < PATIENCE_NS) {
      long asked = get(ASKED);
      if (asked != get(ANSWERED)) {
        heard = System.nanoTime();
        answer(asked);
      }
      try {
        sleep(POLL_MS);
      } catch (InterruptedException stop) {
        return;
      }
    }
  }

  private void answer(long asked) {
    long began = System.nanoTime();
    for (BufferPoolMXBean pool : buffers) {
      if (pool.getName().equals("direct")) put(DIRECT, pool.getMemoryUsed());
      if (pool.getName().equals("mapped")) put(MAPPED, pool.getMemoryUsed());
    }
    long heap = 0, code = 0;
    for (MemoryPoolMXBean pool : pools) {
      if (pool.getType() == MemoryType.HEAP) {
        MemoryUsage left = pool.getCollectionUsage();
        heap = left == null || heap == UNSET ? UNSET : heap + left.getUsed();
      } else if (pool.getName().startsWith("Code")) {
        code += pool.getUsage().getUsed();
      }
    }
    put(HEAP, heap);
    put(CODE, code);
    put(INSIDE, get(INSIDE) + System.nanoTime() - began);
    fence = asked;
    put(ANSWERED, asked);
  }

  private long get(int value) {
    return page.getLong(values + LINE * value);
  }

  private void put(int value, long to) {
    page.putLong(values + LINE * value, to);
  }
}
