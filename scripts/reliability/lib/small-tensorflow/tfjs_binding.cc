// The part of tfjs-node's addon that the trial of a set-up calls, over the library of library.cc. Real in what a set-up
// does with it: it is compiled with Node's headers, linked to the unpacked library, found by its rpath and loaded.
#include <node_api.h>
#include <tensorflow/c/c_api.h>

#include <vector>

static std::vector<std::vector<float>> tensors;

static napi_value Number(napi_env env, double value) {
  napi_value out;
  napi_create_double(env, value, &out);
  return out;
}

static std::vector<napi_value> Arguments(napi_env env, napi_callback_info info) {
  size_t count = 4;
  std::vector<napi_value> values(count);
  napi_get_cb_info(env, info, &count, values.data(), nullptr, nullptr);
  return values;
}

static size_t Index(napi_env env, napi_value value) {
  double index = 0;
  napi_get_value_double(env, value, &index);
  return static_cast<size_t>(index);
}

// createTensor(shape, dtype, values): its number
static napi_value CreateTensor(napi_env env, napi_callback_info info) {
  void* data;
  size_t length;
  napi_get_typedarray_info(env, Arguments(env, info)[2], nullptr, &length, &data, nullptr, nullptr);
  tensors.emplace_back(static_cast<float*>(data), static_cast<float*>(data) + length);
  return Number(env, static_cast<double>(tensors.size() - 1));
}

// executeOp('MatMul', attributes, ids, 1): [{ id }]
static napi_value ExecuteOp(napi_env env, napi_callback_info info) {
  napi_value ids = Arguments(env, info)[2];
  napi_value a, b, list, entry;
  napi_get_element(env, ids, 0, &a);
  napi_get_element(env, ids, 1, &b);
  std::vector<float> product(64 * 64);
  Multiply(tensors[Index(env, a)].data(), tensors[Index(env, b)].data(), product.data(), 64);
  tensors.push_back(product);
  napi_create_array(env, &list);
  napi_create_object(env, &entry);
  napi_set_named_property(env, entry, "id", Number(env, static_cast<double>(tensors.size() - 1)));
  napi_set_element(env, list, 0, entry);
  return list;
}

static napi_value TensorDataSync(napi_env env, napi_callback_info info) {
  const std::vector<float>& tensor = tensors[Index(env, Arguments(env, info)[0])];
  napi_value list;
  napi_create_array(env, &list);
  for (size_t i = 0; i < tensor.size(); i++) napi_set_element(env, list, i, Number(env, tensor[i]));
  return list;
}

static napi_value IsUsingGpuDevice(napi_env env, napi_callback_info) {
  napi_value no;
  napi_get_boolean(env, false, &no);
  return no;
}

static void Export(napi_env env, napi_value exports, const char* name, napi_callback call) {
  napi_value made;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, call, nullptr, &made);
  napi_set_named_property(env, exports, name, made);
}

NAPI_MODULE_INIT() {
  napi_value version;
  napi_create_string_utf8(env, TF_Version(), NAPI_AUTO_LENGTH, &version);
  napi_set_named_property(env, exports, "TF_Version", version);
  Export(env, exports, "createTensor", CreateTensor);
  Export(env, exports, "executeOp", ExecuteOp);
  Export(env, exports, "tensorDataSync", TensorDataSync);
  Export(env, exports, "isUsingGpuDevice", IsUsingGpuDevice);
  return exports;
}
