import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;

/**
 * A capture loop in Java with a small pool, which publishes what it counts on the page of its run.
 *
 * <pre>
 *   javac Capture.java Page.java
 *   zcbench run soak.toml
 * </pre>
 *
 * SIGTERM, or the end of --seconds, drains the pool. --lose-every 50 forgets to give back one slot in 50.
 */
public final class Capture {
  private static final int SLOTS = 100, BLOCK_BYTES = 3840;

  private record Packet(long sequence, long takenNs, byte[] slot) {}

  private static volatile boolean stopped;

  private final ArrayDeque<byte[]> free = new ArrayDeque<>();
  private final ArrayDeque<Packet> held = new ArrayDeque<>();
  private final Page page = Page.open();
  private final Page.Counter captured = total("engine.captured", "packets");
  private final Page.Counter drops = total("engine.drops", "packets");
  private final Page.Counter hits = total("pool.hits", "acquires");
  private final Page.Counter misses = total("pool.misses", "acquires");
  private final Page.Counter refused = total("pool.refused", "acquires");
  private final Page.Counter returns = total("pool.returns", "returns");
  private final Page.Counter inFlight = gauge("pool.in_flight", "leases");
  private final Page.Counter highWater = gauge("pool.high_water", "leases");
  private final Page.Counter delivered = total("engine.delivered", "packets");
  private final Page.Counter received = total("consumer.received", "packets");
  private final Page.Counter lastSequence = gauge("consumer.last_sequence", "sequence");
  private final Map<String, Double> given = new HashMap<>();

  private Capture(String[] arguments) throws Exception {
    for (int i = 0; i + 1 < arguments.length; i += 2) given.put(arguments[i], Double.valueOf(arguments[i + 1]));
    Page.declare(page, "pool.slots", "slots", Page.Kind.CONSTANT).set(SLOTS);
    inFlight.set(0);
    highWater.set(0);
    if (page != null) {
      page.law("engine.captured == pool.hits + pool.misses");
      page.law("engine.captured == pool.returns + pool.in_flight + pool.refused");
    }
    for (int i = 0; i < SLOTS; i++) free.add(new byte[BLOCK_BYTES]);
  }

  private Page.Counter total(String name, String unit) {
    return Page.declare(page, name, unit, Page.Kind.TOTAL);
  }

  private Page.Counter gauge(String name, String unit) {
    return Page.declare(page, name, unit, Page.Kind.GAUGE);
  }

  private void capture(long sequence) {
    captured.add(1);
    byte[] slot = free.poll();
    if (slot == null) {
      misses.add(1);
      refused.add(1);
      drops.add(1);
      return;
    }
    java.util.Arrays.fill(slot, (byte) sequence);
    held.add(new Packet(sequence, System.nanoTime(), slot));
    hits.add(1);
    inFlight.add(1);
    highWater.set(Math.max(highWater.get(), inFlight.get()));
    delivered.add(1);
    lastSequence.set(sequence);
    received.add(1);
  }

  private void giveBack(Packet packet) {
    long loseEvery = given.getOrDefault("--lose-every", 0.0).longValue();
    if (loseEvery > 0 && packet.sequence() % loseEvery == 0) return; // the planted bug
    free.add(packet.slot());
    inFlight.add(-1);
    returns.add(1);
  }

  private void state(Page.State state) {
    if (page != null) page.state(state);
  }

  private void run() throws InterruptedException {
    double seconds = given.getOrDefault("--seconds", Double.POSITIVE_INFINITY);
    double rate = given.getOrDefault("--rate", 100.0), holdNs = given.getOrDefault("--hold-ms", 30.0) * 1e6;
    long start = System.nanoTime(), sequence = 0;
    state(Page.State.READY);
    while (!stopped && System.nanoTime() - start < seconds * 1e9) {
      capture(++sequence);
      while (!held.isEmpty() && System.nanoTime() - held.peek().takenNs() >= holdNs) giveBack(held.poll());
      long leftNs = start + (long) (sequence / rate * 1e9) - System.nanoTime();
      if (leftNs > 0) Thread.sleep(leftNs / 1_000_000, (int) (leftNs % 1_000_000));
    }
    state(Page.State.DRAINING);
    while (!held.isEmpty()) giveBack(held.poll());
    state(Page.State.DONE);
  }

  public static void main(String[] arguments) throws Exception {
    Thread main = Thread.currentThread();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      stopped = true; // SIGTERM: the drain is waited for
      try {
        main.join();
      } catch (InterruptedException ignored) {
        Thread.currentThread().interrupt();
      }
    }));
    new Capture(arguments).run();
  }
}
