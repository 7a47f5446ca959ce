// Loaded before libc (LD_PRELOAD): writes down, in their order, all changes of files below RECORD_ROOT, in all processes, and
// what is said on stdout. One record: kind, length of the path, offset, length of the data (little-endian u32 u32 u64 u64),
// path, data. A call and its record are one step under a lock, so that the order of records is that of the calls.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <string>

enum Kind : uint32_t { CREATE = 1, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, MKDIR, RMDIR, SAY };

#define REAL(name) ((decltype(&::name))dlsym(RTLD_NEXT, #name))
#define STEP Step step

static const int MOST = 65536;
static std::string *paths[MOST];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static const char *root() {
  static const char *value = getenv("RECORD_ROOT");
  return value ? value : "";
}

static int log_file() {
  static int fd = [] {
    static auto real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    const char *to = getenv("RECORD_LOG");
    return to ? real(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
  }();
  return fd;
}

struct Step {
  Step() {
    pthread_mutex_lock(&mutex);
    if (log_file() >= 0) flock(log_file(), LOCK_EX);
  }
  ~Step() {
    if (log_file() >= 0) flock(log_file(), LOCK_UN);
    pthread_mutex_unlock(&mutex);
  }
};

static std::string whole(int at, const char *path) {
  std::string text = path;
  if (text.empty() || text[0] != '/') {
    char base[PATH_MAX] = "";
    if (at == AT_FDCWD) {
      if (!getcwd(base, sizeof base)) return "";
    } else {
      std::string link = "/proc/self/fd/" + std::to_string(at);
      ssize_t n = readlink(link.c_str(), base, sizeof base - 1);
      if (n < 0) return "";
      base[n] = 0;
    }
    text = std::string(base) + "/" + text;
  }
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

// The wal-index is memory that processes share, made again from the log after a crash; and nobody needs the text log.
static bool ours(const std::string &path) {
  std::string base = root();
  if (base.empty() || path.compare(0, base.size(), base) != 0) return false;
  if (path.size() > base.size() && path[base.size()] != '/') return false;
  if (path.size() > 4 && path.compare(path.size() - 4, 4, "-shm") == 0) return false;
  return path.find("/logs/") == std::string::npos;
}

static void note(Kind kind, const std::string &path, uint64_t offset, const void *data, uint64_t length) {
  std::string text;
  uint32_t head[2] = {kind, (uint32_t)path.size()};
  uint64_t tail[2] = {offset, length};
  text.append((char *)head, sizeof head).append((char *)tail, sizeof tail).append(path);
  if (length) text.append((const char *)data, length);
  static auto real = REAL(write);
  for (size_t done = 0; done < text.size();) {
    ssize_t n = real(log_file(), text.data() + done, text.size() - done);
    if (n <= 0) abort();
    done += n;
  }
}

static std::string *of(int fd) { return fd >= 0 && fd < MOST ? paths[fd] : nullptr; }

static void set(int fd, const std::string *path) {
  if (fd < 0 || fd >= MOST) return;
  delete paths[fd];
  paths[fd] = path ? new std::string(*path) : nullptr;
}

static int opened(int at, const char *path, int flags, mode_t mode) {
  static auto real = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat64");
  std::string full = path ? whole(at, path) : "";
  if (!ours(full)) {
    int fd = real(at, path, flags, mode);
    if (of(fd)) set(fd, nullptr);
    return fd;
  }
  STEP;
  struct stat before;
  bool there = stat(full.c_str(), &before) == 0;
  int fd = real(at, path, flags, mode);
  if (fd < 0) return fd;
  set(fd, &full);
  if (!there) note(CREATE, full, 0, nullptr, 0);
  else if (flags & O_TRUNC && before.st_size) note(TRUNCATE, full, 0, nullptr, 0);
  return fd;
}

static void written(int fd, const std::string &path, uint64_t at, const struct iovec *parts, int count, ssize_t n) {
  std::string data;
  for (int i = 0; i < count && (ssize_t)data.size() < n; i++) data.append((char *)parts[i].iov_base, parts[i].iov_len);
  note(WRITE, path, at, data.data(), n);
}

static off_t position(int fd) {
  struct stat now;
  if (fcntl(fd, F_GETFL) & O_APPEND) return fstat(fd, &now) == 0 ? now.st_size : 0;
  return lseek(fd, 0, SEEK_CUR);
}

extern "C" {
#define OPEN(name)                                   \
  int name(const char *path, int flags, ...) {       \
    va_list rest;                                    \
    va_start(rest, flags);                           \
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                    \
    return opened(AT_FDCWD, path, flags, mode);      \
  }
#define OPENAT(name)                                         \
  int name(int at, const char *path, int flags, ...) {       \
    va_list rest;                                            \
    va_start(rest, flags);                                   \
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                            \
    return opened(at, path, flags, mode);                    \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
  static auto real = REAL(close);
  if (!of(fd)) return real(fd);
  STEP;
  set(fd, nullptr);
  return real(fd);
}

ssize_t write(int fd, const void *data, size_t length) {
  static auto real = REAL(write);
  if (fd == 1 && getenv("RECORD_SAYS") && log_file() >= 0) {
    STEP;
    ssize_t n = real(fd, data, length);
    if (n > 0) note(SAY, "", 0, data, n);
    return n;
  }
  if (!of(fd)) return real(fd, data, length);
  STEP;
  off_t at = position(fd);
  ssize_t n = real(fd, data, length);
  if (n > 0) note(WRITE, *of(fd), at, data, n);
  return n;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  static auto real = REAL(writev);
  bool says = fd == 1 && getenv("RECORD_SAYS") && log_file() >= 0;
  if (!of(fd) && !says) return real(fd, parts, count);
  STEP;
  off_t at = says ? 0 : position(fd);
  ssize_t n = real(fd, parts, count);
  if (n > 0 && !says) written(fd, *of(fd), at, parts, count, n);
  if (n > 0 && says) for (int i = 0; i < count; i++) note(SAY, "", 0, parts[i].iov_base, parts[i].iov_len);
  return n;
}

#define PWRITE(name, offset_t)                                              \
  ssize_t name(int fd, const void *data, size_t length, offset_t at) {      \
    static auto real = REAL(name);                                          \
    if (!of(fd)) return real(fd, data, length, at);                         \
    STEP;                                                                   \
    ssize_t n = real(fd, data, length, at);                                 \
    if (n > 0) note(WRITE, *of(fd), at, data, n);                           \
    return n;                                                               \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PWRITEV(name, offset_t)                                             \
  ssize_t name(int fd, const struct iovec *parts, int count, offset_t at) { \
    static auto real = REAL(name);                                          \
    if (!of(fd)) return real(fd, parts, count, at);                         \
    STEP;                                                                   \
    ssize_t n = real(fd, parts, count, at);                                 \
    if (n > 0) written(fd, *of(fd), at, parts, count, n);                   \
    return n;                                                               \
  }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

#define FTRUNCATE(name, offset_t)                                           \
  int name(int fd, offset_t size) {                                         \
    static auto real = REAL(name);                                          \
    if (!of(fd)) return real(fd, size);                                     \
    STEP;                                                                   \
    int rc = real(fd, size);                                                \
    if (rc == 0) note(TRUNCATE, *of(fd), size, nullptr, 0);                 \
    return rc;                                                              \
  }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

#define FSYNC(name)                                                         \
  int name(int fd) {                                                        \
    static auto real = REAL(name);                                          \
    if (!of(fd)) return real(fd);                                           \
    STEP;                                                                   \
    /* What matters is that it was asked for: no disk is waited for here. */ \
    note(SYNC, *of(fd), 0, nullptr, 0);                                     \
    return 0;                                                               \
  }
FSYNC(fsync)
FSYNC(fdatasync)

// File to file in the kernel. Refused, so that whoever asks falls back to reading and writing.
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t length, unsigned flags) {
  static auto real = REAL(copy_file_range);
  if (!of(out)) return real(in, from, out, to, length, flags);
  errno = ENOSYS;
  return -1;
}

ssize_t sendfile64(int out, int in, off64_t *at, size_t length) {
  static auto real = REAL(sendfile64);
  if (!of(out)) return real(out, in, at, length);
  STEP;
  off_t to = position(out);
  off_t from = at ? *at : lseek(in, 0, SEEK_CUR);
  ssize_t n = real(out, in, at, length);
  if (n > 0) {
    std::string data(n, 0);
    if (pread(in, &data[0], n, from) == n) note(WRITE, *of(out), to, data.data(), n);
  }
  return n;
}
ssize_t sendfile(int out, int in, off_t *at, size_t length) { return sendfile64(out, in, at, length); }

int renameat(int fa, const char *a, int fb, const char *b) {
  static auto real = REAL(renameat);
  std::string from = whole(fa, a), to = whole(fb, b);
  if (!ours(from) && !ours(to)) return real(fa, a, fb, b);
  STEP;
  int rc = real(fa, a, fb, b);
  if (rc == 0) {
    note(RENAME, from, 0, to.data(), to.size());
    for (auto path : paths) {
      if (path && *path == from) *path = to;
      else if (path && path->compare(0, from.size() + 1, from + "/") == 0) *path = to + path->substr(from.size());
    }
  }
  return rc;
}
int rename(const char *a, const char *b) { return renameat(AT_FDCWD, a, AT_FDCWD, b); }

int unlinkat(int at, const char *path, int flags) {
  static auto real = REAL(unlinkat);
  std::string full = whole(at, path);
  if (!ours(full)) return real(at, path, flags);
  STEP;
  int rc = real(at, path, flags);
  if (rc == 0) {
    note(flags & AT_REMOVEDIR ? RMDIR : UNLINK, full, 0, nullptr, 0);
    for (int i = 0; i < MOST; i++) if (paths[i] && *paths[i] == full) set(i, nullptr);
  }
  return rc;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
  struct stat now;
  return lstat(path, &now) == 0 && S_ISDIR(now.st_mode) ? rmdir(path) : unlink(path);
}

int mkdirat(int at, const char *path, mode_t mode) {
  static auto real = REAL(mkdirat);
  std::string full = whole(at, path);
  if (!ours(full)) return real(at, path, mode);
  STEP;
  int rc = real(at, path, mode);
  if (rc == 0) note(MKDIR, full, 0, nullptr, 0);
  return rc;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
}
