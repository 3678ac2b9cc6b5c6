package zcbench.inside;

import java.lang.instrument.Instrumentation;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/** Opens the package java.nio to our class, where there are modules (Java 9 and later). */
public final class Opening implements Consumer<Instrumentation> {
  @Override
  public void accept(Instrumentation instrumentation) {
    Module base = Object.class.getModule(), ours = Opening.class.getModule();
    instrumentation.redefineModule(base, Set.of(), Map.of(), Map.of("java.nio", Set.of(ours)), Set.of(), Map.of());
  }
}
