// The header that the small wheel holds (see library.cc).
extern "C" const char* TF_Version();
extern "C" void Multiply(const float* a, const float* b, float* out, int n);
