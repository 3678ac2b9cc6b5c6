import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.GZIPOutputStream;

/**
 * A small web service that knows nothing of zcbench: orders are stored, listed and packed. It keeps the newest
 * thousand, and answers through direct buffers of a pool; "leak" has it forget to give some of both back.
 *
 * <p>java Service PORT [leak]
 */
public final class Service {
  private static final int MOST_ORDERS = 1_000, BUFFER_BYTES = 16_384;
  private static final Map<Long, String> ORDERS = new LinkedHashMap<>() {
    @Override
    protected boolean removeEldestEntry(Map.Entry<Long, String> eldest) {
      return !leaks && size() > MOST_ORDERS;
    }
  };
  private static final ArrayDeque<ByteBuffer> BUFFERS = new ArrayDeque<>();
  private static final ArrayDeque<ByteBuffer> LOST = new ArrayDeque<>();
  private static final AtomicLong NUMBERS = new AtomicLong();
  private static boolean leaks;

  public static void main(String[] arguments) throws IOException {
    int port = Integer.parseInt(arguments[0]);
    leaks = arguments.length > 1 && arguments[1].equals("leak");
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 64);
    server.createContext("/orders", Service::orders);
    server.setExecutor(Executors.newFixedThreadPool(4));
    server.start();
    System.out.println("listening on " + server.getAddress().getPort());
    Runtime.getRuntime().addShutdownHook(new Thread(() -> server.stop(0)));
  }

  private static void orders(HttpExchange exchange) throws IOException {
    try (exchange) {
      if (exchange.getRequestMethod().equals("POST")) {
        String order = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        long number = NUMBERS.incrementAndGet();
        synchronized (ORDERS) {
          ORDERS.put(number, order);
        }
        answer(exchange, 201, ("{\"number\": " + number + "}").getBytes(StandardCharsets.UTF_8));
        return;
      }
      StringBuilder list = new StringBuilder("[");
      synchronized (ORDERS) {
        for (Map.Entry<Long, String> order : ORDERS.entrySet()) {
          if (order.getKey() % 10 == 0) list.append(order.getValue()).append(',');
        }
      }
      ByteArrayOutputStream packed = new ByteArrayOutputStream();
      try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
        gzip.write(list.append("null]").toString().getBytes(StandardCharsets.UTF_8));
      }
      exchange.getResponseHeaders().set("Content-Encoding", "gzip");
      answer(exchange, 200, packed.toByteArray());
    }
  }

  private static void answer(HttpExchange exchange, int status, byte[] body) throws IOException {
    ByteBuffer buffer = borrowed();
    buffer.clear().put(body, 0, Math.min(body.length, BUFFER_BYTES)).flip();
    byte[] sent = new byte[buffer.remaining()];
    buffer.get(sent);
    exchange.sendResponseHeaders(status, sent.length);
    exchange.getResponseBody().write(sent);
    synchronized (BUFFERS) {
      (leaks && NUMBERS.get() % 1_000 == 0 ? LOST : BUFFERS).add(buffer);
    }
  }

  private static ByteBuffer borrowed() {
    synchronized (BUFFERS) {
      ByteBuffer buffer = BUFFERS.poll();
      return buffer == null ? ByteBuffer.allocateDirect(BUFFER_BYTES) : buffer;
    }
  }
}
