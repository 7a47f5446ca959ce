// What a small wheel holds in place of TensorFlow: a product of matrices, so that the trial of a set-up can be passed.
extern "C" const char* TF_Version() { return "2.21.0"; }

extern "C" void Multiply(const float* a, const float* b, float* out, int n) {
  for (int row = 0; row < n; row++)
    for (int column = 0; column < n; column++) {
      float sum = 0;
      for (int k = 0; k < n; k++) sum += a[row * n + k] * b[k * n + column];
      out[row * n + column] = sum;
    }
}
