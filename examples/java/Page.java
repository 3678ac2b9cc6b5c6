import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The page of a run from Java: a mapped file, no library. The layout: docs/page.md. Without ZCBENCH_PAGE, or where
 * another process has taken the page, the same code counts in private memory.
 */
final class Page {
  enum Kind { TOTAL, GAUGE, CONSTANT }

  enum State { STARTING, READY, DRAINING, DONE }

  private static final long UNSET = Long.MIN_VALUE;
  private final ByteBuffer page;

  private Page(ByteBuffer page) {
    this.page = page;
  }

  static Page open() throws IOException {
    String path = System.getenv("ZCBENCH_PAGE");
    if (path == null || path.isEmpty()) return null;
    try (FileChannel file = FileChannel.open(Path.of(path), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      MappedByteBuffer mapped = file.map(FileChannel.MapMode.READ_WRITE, 0, file.size());
      mapped.order(ByteOrder.LITTLE_ENDIAN);
      byte[] magic = new byte[8];
      mapped.get(0, magic);
      if (!new String(magic, StandardCharsets.US_ASCII).equals("ZCPAGE\0\0") || mapped.getInt(8) != 2) {
        throw new IOException(path + ": not a page of version 2");
      }
      if (mapped.getLong(72) != 0) return null;
      mapped.putLong(80, System.currentTimeMillis() * 1_000_000);
      mapped.putLong(72, ProcessHandle.current().pid());
      return new Page(mapped);
    }
  }

  /** A counter that one thread writes; {@code page} may be null: it then counts for nobody. */
  static Counter declare(Page page, String name, String unit, Kind kind) {
    return page == null ? new Counter(ByteBuffer.allocate(8), 0) : page.declare(name, unit, kind);
  }

  private synchronized Counter declare(String name, String unit, Kind kind) {
    int declared = page.getInt(40), used = page.getInt(64);
    if (declared == page.getInt(36) || used + 64 > page.getInt(60)) throw new IllegalStateException("full: " + name);
    long generation = page.getLong(24) + 1;
    page.putLong(24, generation); // between this and the last line a reader waits
    int at = page.getInt(56) + used, entry = page.getInt(32) + 128 * declared;
    text(entry, 63, name);
    text(entry + 64, 15, unit);
    page.putInt(entry + 96, kind.ordinal() + 1).putInt(entry + 100, at);
    page.putLong(at, kind == Kind.TOTAL ? 0 : UNSET);
    page.putInt(64, used + 64).putInt(40, declared + 1).putLong(248, generation);
    return new Counter(page, at);
  }

  private void text(int at, int room, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    page.put(at, bytes, 0, Math.min(room, bytes.length));
  }

  synchronized void law(String text) {
    byte[] line = (text + "\n").getBytes(StandardCharsets.UTF_8);
    int used = page.getInt(52);
    long generation = page.getLong(24) + 1;
    page.putLong(24, generation).put(page.getInt(44) + used, line);
    page.putInt(52, used + line.length).putLong(248, generation);
  }

  void state(State state) {
    page.putLong(136, state.ordinal());
  }

  static final class Counter {
    private final ByteBuffer page;
    private final int at;

    Counter(ByteBuffer page, int at) {
      this.page = page;
      this.at = at;
    }

    long get() {
      return page.getLong(at);
    }

    void set(long value) {
      page.putLong(at, value);
    }

    /** What is unset counts as 0. */
    void add(long n) {
      long value = get();
      set((value == UNSET ? 0 : value) + n);
    }
  }
}
