// Stands before TensorFlow's TF_SessionRun (LD_PRELOAD) and has it write down what each op took: `bench profile` compiles
// it and reads the file. The addon that tfjs-node brings runs sessions without such options.
//   TRM_SESSION_TRACE  a file: the next run is traced, and its RunMetadata written there
#include <dlfcn.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

extern "C" {
struct TF_Buffer {
  const void* data;
  size_t length;
  void (*data_deallocator)(void*, size_t);
};

typedef void (*SessionRun)(void*, const TF_Buffer*, const void*, void* const*, int, const void*, void**, int,
                           const void* const*, int, TF_Buffer*, void*);

static void* tensorflow(const char* name) {
  static void* library = dlopen("libtensorflow_cc.so.2", RTLD_NOLOAD | RTLD_LAZY);
  void* found = library ? dlsym(library, name) : nullptr;
  if (!found) {
    fprintf(stderr, "session_trace: %s was not found in libtensorflow_cc.so.2\n", name);
    abort();
  }
  return found;
}

static const char* setting(const char* name) {
  const char* value = getenv(name);
  return value && *value ? value : nullptr;
}

void TF_SessionRun(void* session, const TF_Buffer* options, const void* inputs, void* const* input_values, int n_inputs,
                   const void* outputs, void** output_values, int n_outputs, const void* const* targets, int n_targets,
                   TF_Buffer* metadata, void* status) {
  static auto run = reinterpret_cast<SessionRun>(tensorflow("TF_SessionRun"));
  const char* path = setting("TRM_SESSION_TRACE");
  if (!path) {
    run(session, options, inputs, input_values, n_inputs, outputs, output_values, n_outputs, targets, n_targets, metadata,
        status);
    return;
  }
  // RunOptions { trace_level: FULL_TRACE, output_partition_graphs: true }
  static const unsigned char wanted[] = {8, 3, 40, 1};
  const TF_Buffer full{wanted, sizeof wanted, nullptr};
  TF_Buffer* written = reinterpret_cast<TF_Buffer* (*)()>(tensorflow("TF_NewBuffer"))();
  run(session, &full, inputs, input_values, n_inputs, outputs, output_values, n_outputs, targets, n_targets, written,
      status);
  if (FILE* file = fopen(path, "wb")) {
    fwrite(written->data, 1, written->length, file);
    fclose(file);
  }
  reinterpret_cast<void (*)(TF_Buffer*)>(tensorflow("TF_DeleteBuffer"))(written);
}
}
