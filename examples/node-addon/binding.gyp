{
  "targets": [
    {
      "target_name": "capture",
      "sources": ["src/capture.cpp"],
      "include_dirs": ["../../include", "<!(node -p \"require('node-api-headers').include_dir\")"],
      "cflags_cc": ["-std=c++17", "-fvisibility=hidden"],
      "cflags_cc!": ["-fno-rtti"],
      "xcode_settings": { "CLANG_CXX_LANGUAGE_STANDARD": "c++17" }
    }
  ]
}
