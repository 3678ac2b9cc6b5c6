"""What the probe jvm loads into a JVM: one small Java class, compiled for Java 8 and later."""
