import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;

/** Does what a line of its input says, and answers with a line: what it keeps, and for whom. */
public final class Obeys {
  /** A class that each loader loads anew. */
  public static final class Plugin {
    int state = 1;
  }

  private static final class Loader extends ClassLoader {
    Object plugin() throws Exception {
      try (InputStream file = Obeys.class.getResourceAsStream("Obeys$Plugin.class")) {
        byte[] code = file.readAllBytes();
        return defineClass("Obeys$Plugin", code, 0, code.length).getDeclaredConstructor().newInstance();
      }
    }
  }

  private static final List<Object> KEPT = new ArrayList<>(1 << 16);
  static volatile Object garbage;

  public static void main(String[] arguments) throws Exception {
    System.out.println("ready");
    Scanner lines = new Scanner(System.in);
    while (lines.hasNextLine()) {
      String[] words = lines.nextLine().split(" ");
      int size = words.length > 1 ? Integer.parseInt(words[1]) : 0;
      switch (words[0]) {
        case "heap": for (int i = 0; i < size; i += 1000) KEPT.add(new byte[1000 - 16]); break;
        case "direct": KEPT.add(ByteBuffer.allocateDirect(size)); break;
        case "garbage": for (int i = 0; i < 100; ++i) garbage = new byte[size / 100]; break;
        case "loaders": for (int i = 0; i < size; ++i) KEPT.add(new Loader().plugin()); break;
        case "drop": KEPT.clear(); break;
        case "threads":
          StringBuilder names = new StringBuilder();
          for (Thread thread : Thread.getAllStackTraces().keySet()) names.append(thread.getName()).append(';');
          System.out.println(names);
          continue;
        default: System.exit(3);
      }
      System.out.println("done");
    }
  }
}
